//! Confluence's space export, `entities.xml`: read twice as a stream. The first reading keeps what
//! is small (`confluence_index`), the second meets the bodies and joins them, one at a time.
//!
//! Format: ours by reading exports of 3.4 to 8.5; Atlassian documents none.

use std::sync::Arc;

use super::super::Refused;
use super::super::assemble::{Raw, RawContent, Raws};
use super::super::inputs::Input;
use super::confluence_index::Index;
use super::hibernate::Objects;

/// The pages of an export.
pub(in crate::import) fn pages<'a>(input: &'a Input, on_read: &'a dyn Fn(usize)) -> Raws<'a> {
    Box::new(Pages {
        file: Arc::clone(&input.name),
        index: Index::read(input),
        objects: Objects::open(input, on_read, &["BodyContent"]),
        n_records: 0,
        is_done: false,
        without_body: None,
    })
}

/// The second reading.
struct Pages<'a> {
    file: Arc<str>,
    objects: Objects<'a>,
    index: Index,
    n_records: u64,
    is_done: bool,
    /// The pages that were left without a body, the last one first.
    without_body: Option<Vec<u64>>,
}

impl Pages<'_> {
    fn raw(&mut self, content: Result<RawContent, Refused>) -> Raw {
        self.n_records += 1;
        Raw {
            file: Arc::clone(&self.file),
            position: self.n_records,
            content,
        }
    }

    /// A page without body, or one that is not kept.
    fn rest(&mut self) -> Option<RawContent> {
        if let Some(skipped) = self.index.next_skipped() {
            return Some(RawContent::Skipped(skipped));
        }
        let index = &self.index;
        let ids = self
            .without_body
            .get_or_insert_with(|| index.without_body());
        let id = ids.pop()?;
        self.index.take(id, "", false)
    }
}

impl Iterator for Pages<'_> {
    type Item = Raw;

    fn next(&mut self) -> Option<Raw> {
        while !self.is_done {
            let Some(object) = self.objects.next() else {
                self.is_done = true;
                break;
            };
            let mut object = match object {
                Ok(object) => object,
                Err(refused) => {
                    self.is_done = refused.is_fatal;
                    return Some(self.raw(Err(refused)));
                }
            };
            let is_wiki = object.text("bodyType") == "0";
            // Inside CDATA an end of CDATA is written with a space.
            let body = object.take("body").replace("]] >", "]]>");
            let content = object.reference("content");
            if let Some(content) = content.and_then(|id| self.index.take(id, &body, is_wiki)) {
                return Some(self.raw(Ok(content)));
            }
        }
        let content = self.rest()?;
        Some(self.raw(Ok(content)))
    }
}
