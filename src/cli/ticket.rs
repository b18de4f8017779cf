//! Reads the words of a ticket from the command line or standard input.

use std::io::Read;

use anyhow::{Context, bail};

use super::args::TicketArgs;
use crate::TicketText;

/// More of standard input is not taken for one ticket.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

pub(super) fn read(args: &TicketArgs) -> anyhow::Result<TicketText> {
    let ticket = match args.text.as_slice() {
        [dash] if dash == "-" => from_stdin()?,
        words => TicketText {
            subject: words.join(" "),
            description: args.description.clone().unwrap_or_default(),
            ..TicketText::default()
        },
    };
    if ticket.is_blank() {
        bail!("give the words of the ticket, or - and write them to standard input");
    }
    Ok(ticket)
}

fn from_stdin() -> anyhow::Result<TicketText> {
    let mut text = String::new();
    let n_bytes = std::io::stdin()
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .context("standard input could not be read")?;
    if n_bytes as u64 > MAX_BYTES {
        bail!("a ticket has at most {MAX_BYTES} bytes");
    }
    let (subject, description) = text.split_once('\n').unwrap_or((&text, ""));
    Ok(TicketText {
        subject: subject.trim().to_owned(),
        description: description.to_owned(),
        ..TicketText::default()
    })
}
