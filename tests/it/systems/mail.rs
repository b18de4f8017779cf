//! E-mail as it really comes: without dates, without charsets, in several parts, with what was quoted.

use firstline::{Document, Ticket};

use super::read;

fn thread(messages: &[&str]) -> Ticket {
    let mailbox: String = messages
        .iter()
        .map(|message| format!("From x@x.example Mon Mar  2 08:00:00 2026\n{message}\n\n"))
        .collect();
    let mut read = read(&[("inbox.mbox", mailbox)]);
    assert_eq!(read.documents.len(), 1, "{:?}", read.report);
    match read.documents.remove(0) {
        Document::Ticket(ticket) => ticket,
        Document::Article(article) => panic!("{article:?}"),
    }
}

fn message(id: &str, header: &str, text: &str) -> String {
    format!("From: {id}@x.example\nSubject: VPN\nMessage-ID: <{id}@x>\n{header}\n{text}")
}

/// Neither a reply without a date nor one from a clock that goes wrong is what began a thread.
#[test]
fn the_first_message_is_the_one_that_others_answer() {
    let first = message("1", "Date: Mon, 2 Mar 2026 08:00:00 +0100\n", "It drops.");
    let undated = message("2", "References: <1@x>\n", "No date.");
    let early = message(
        "3",
        "References: <1@x>\nDate: Thu, 1 Jan 1970 00:00:00 GMT\n",
        "Wrong clock.",
    );
    let ticket = thread(&[&early, &first, &undated]);
    assert_eq!(ticket.description, "It drops.");
    assert_eq!(
        ticket.created_at.unwrap().to_string(),
        "2026-03-02T07:00:00Z"
    );
    let said: Vec<&str> = ticket
        .comments
        .iter()
        .map(|comment| comment.body.as_str())
        .collect();
    assert_eq!(said, ["Wrong clock.", "No date."]);
}

/// A picture between two paragraphs makes two texts of them, and both are the message.
#[test]
fn all_texts_of_a_message_are_read_and_no_blank_names() {
    let header = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n";
    let body = "--b\nContent-Type: text/plain\n\nBefore.\n--b\n\
                Content-Type: image/png; name=\"a.png\"\nContent-Transfer-Encoding: base64\n\nAAAA\n\
                --b\nContent-Type: text/plain\n\nBehind.\n--b\n\
                Content-Type: image/png; name=\" \"\n\nAAAA\n--b--";
    let ticket = thread(&[&message("1", header, body)]);
    assert_eq!(ticket.description, "Before.\n\nBehind.");
    assert_eq!(ticket.extra["attachments"], serde_json::json!(["a.png"]));
}

#[test]
fn what_outlook_quotes_stands_apart() {
    let text = "Still drops.\n\nFrom: Desk <d@x.example>\nSent: Monday, 2 March 2026 08:00\n\
                To: Ann\nSubject: VPN\n\nRestart it.";
    let ticket = thread(&[&message("1", "", text)]);
    assert_eq!(ticket.description, "Still drops.");
    assert!(
        ticket.extra["quoted"]
            .as_str()
            .unwrap()
            .ends_with("Restart it.")
    );
}
