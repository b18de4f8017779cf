//! Every text of a document, to be changed in place.

use serde_json::Value;

use crate::model::Document;

/// Calls `change` with every text of a document but its id.
pub(super) fn for_each_text(document: &mut Document, change: &mut dyn FnMut(&mut String)) {
    let mut texts: Vec<&mut String> = Vec::new();
    let extra = match document {
        Document::Article(article) => {
            texts.extend([&mut article.title, &mut article.body]);
            texts.extend(&mut article.summary);
            texts.extend(&mut article.category);
            texts.extend(&mut article.product);
            texts.extend(&mut article.tags);
            texts.extend(&mut article.url);
            &mut article.extra
        }
        Document::Ticket(ticket) => {
            texts.extend([&mut ticket.subject, &mut ticket.description]);
            texts.extend(&mut ticket.resolution);
            texts.extend(&mut ticket.category);
            texts.extend(&mut ticket.product);
            texts.extend(&mut ticket.queue);
            texts.extend(&mut ticket.requester);
            texts.extend(&mut ticket.tags);
            for comment in &mut ticket.comments {
                texts.push(&mut comment.body);
                texts.extend(&mut comment.author);
            }
            &mut ticket.extra
        }
    };
    for text in texts {
        change(text);
    }
    for value in extra.values_mut() {
        for_each_in_value(value, change);
    }
}

/// Depth is bounded by that of the parser: 128.
fn for_each_in_value(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| for_each_in_value(item, change)),
        Value::Object(fields) => {
            fields
                .values_mut()
                .for_each(|field| for_each_in_value(field, change));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
