//! Mailboxes in mbox form: messages after lines that begin with `From `, such lines inside a
//! message quoted by `>` (RFC 4155 and the "mboxrd" convention, which can be undone).

use std::io::{BufRead, Read};

use super::super::Refused;

/// The longest message that is read, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 32 * 1024 * 1024;

/// The messages of a mailbox.
pub(super) struct Mailbox<R> {
    reader: R,
    is_open: bool,
    is_done: bool,
}

impl<R: BufRead> Mailbox<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            is_open: false,
            is_done: false,
        }
    }

    /// Reads one line with its end; nothing at the end of the mailbox. The rest of an overlong line
    /// is the next one.
    fn line(&mut self, line: &mut Vec<u8>) -> Result<(), Refused> {
        line.clear();
        let mut limited = self.reader.by_ref().take(MAX_MESSAGE_BYTES as u64);
        limited
            .read_until(b'\n', line)
            .map_err(|error| Refused::fatal(format!("the mailbox ends here: {error}")))?;
        Ok(())
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, Refused> {
        let mut message = Vec::new();
        let mut n_bytes = 0;
        let mut line = Vec::new();
        let mut after_blank = true;
        loop {
            self.line(&mut line)?;
            if line.is_empty() {
                self.is_done = true;
                break;
            }
            if after_blank && line.starts_with(b"From ") {
                if std::mem::replace(&mut self.is_open, true) && n_bytes > 0 {
                    break;
                }
                continue;
            }
            after_blank = line.iter().all(u8::is_ascii_whitespace);
            let quoted = line.iter().take_while(|byte| **byte == b'>').count();
            let rest = line.get(quoted..).unwrap_or_default();
            let skip = usize::from(quoted > 0 && rest.starts_with(b"From "));
            n_bytes += line.len();
            if n_bytes <= MAX_MESSAGE_BYTES {
                message.extend_from_slice(line.get(skip..).unwrap_or_default());
            }
        }
        if n_bytes > MAX_MESSAGE_BYTES {
            let detail = format!("the message has {n_bytes} bytes, more than {MAX_MESSAGE_BYTES}");
            return Err(Refused::new(detail));
        }
        Ok((n_bytes > 0).then_some(message))
    }
}

impl<R: BufRead> Iterator for Mailbox<R> {
    type Item = Result<Vec<u8>, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let read = self.read();
        self.is_done |= read.as_ref().is_err_and(|refused| refused.is_fatal);
        read.transpose()
    }
}

/// Appends a message to a mailbox.
pub(super) fn append(mailbox: &mut Vec<u8>, message: &[u8]) {
    mailbox.extend_from_slice(b"From firstline\n");
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let quoted = line.iter().take_while(|byte| **byte == b'>').count();
        if line.get(quoted..).unwrap_or_default().starts_with(b"From ") {
            mailbox.push(b'>');
        }
        mailbox.extend_from_slice(line);
    }
    if !message.ends_with(b"\n") {
        mailbox.push(b'\n');
    }
    mailbox.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_went_in() {
        let messages: [&[u8]; 3] = [
            b"Subject: a\n\nFrom here on\n>From there\n>>x\n",
            b"Subject: b\r\n\r\n\r\nFrom \xff\r\n",
            b"Subject: c\n\nno end",
        ];
        let mut mailbox = Vec::new();
        for message in messages {
            append(&mut mailbox, message);
        }
        let read: Vec<Vec<u8>> = Mailbox::new(mailbox.as_slice())
            .map(Result::unwrap)
            .collect();
        for (message, read) in messages.iter().zip(&read) {
            assert_eq!(read.trim_ascii_end(), message.trim_ascii_end());
        }
        assert_eq!(read.len(), 3);
    }
}
