//! From inputs to records: which files belong together, and through what they go. Files of one
//! system are read as one export, so that a ticket finds its comments in another file.

use std::sync::Arc;

use super::csv::csv;
use super::detect::{Detected, Recognised, Shape, detect};
use super::inputs::{Input, Inputs};
use super::joined::Joined;
use super::mapping::SystemMapping;
use super::pieces::unreadable;
use super::systems::{confluence_xml, convert_json, convert_message, files, mail_threads};
use super::texts::for_each_text;
use super::{
    ColumnMap, MAX_FIELD_BYTES, Mapping, Options, Original, Record, Records, Refused, Skipped,
    System, Taken, mask_document, ndjson, workbook,
};

/// How an import is to be read.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The system, where the content is not to tell.
    pub from: Option<System>,
    /// What is taken for granted in Firstline's own formats.
    pub options: Options,
    /// For generic CSV: which column fills which field.
    pub columns: ColumnMap,
    /// The tables of words.
    pub mapping: Mapping,
    /// Whether personal and secret texts are masked. The originals are not kept then.
    pub mask: bool,
}

/// The files of an import, recognised.
#[derive(Debug, Default)]
pub struct Sources {
    /// The files, in the order of their names, with what they are.
    pub files: Vec<(Input, Recognised)>,
    /// What is not read, with the reason.
    pub left_out: Vec<(String, String)>,
    /// Files that cannot be read at all, and why.
    damaged: Vec<(Arc<str>, Refused)>,
}

impl Sources {
    /// Whether there is nothing to import, and nothing wrong either.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.damaged.is_empty()
    }
}

/// A record as it was cut from its file.
pub(super) struct Raw {
    pub(super) file: Arc<str>,
    pub(super) position: u64,
    pub(super) content: Result<RawContent, Refused>,
}

pub(super) enum RawContent {
    /// A record in JSON: as it was read, and to the letter.
    Json(serde_json::Map<String, serde_json::Value>, Vec<u8>),
    /// Messages of one thread, as an mbox.
    Messages(Vec<u8>),
    /// Nothing to convert.
    Skipped(Skipped),
}

pub(super) type Raws<'a> = Box<dyn Iterator<Item = Raw> + 'a>;

impl Plan {
    /// Tells what each file is.
    #[must_use]
    pub fn recognise(&self, inputs: Inputs) -> Sources {
        let mut sources = Sources {
            left_out: inputs.left_out,
            ..Sources::default()
        };
        let forced = self
            .from
            .or_else(|| (!self.columns.is_empty()).then_some(System::Csv));
        let mut open = Vec::new();
        for input in inputs.files {
            match detect(&input, forced) {
                Ok(Detected::As(recognised)) => sources.files.push((input, recognised)),
                Ok(Detected::SomeJson) => open.push(input),
                Ok(Detected::Nothing(reason)) => {
                    let name = input.name.to_string();
                    sources.left_out.push((name, reason.to_owned()));
                }
                // Told among the records, so that an import with a damaged file is not in order.
                Err(error) => sources.damaged.push((input.name, unreadable(&error))),
            }
        }
        sources.adopt(open);
        if self.from.is_none() {
            sources.leave_readmes();
        }
        sources
    }
}

impl Plan {
    /// Checks the texts of a record, and masks what is to be masked.
    #[must_use]
    pub fn finish(&self, record: Record) -> Record {
        finish(record, self.mask)
    }
}

impl Sources {
    /// Gives JSON that could be anybody's to the one system that is here, if it is one.
    fn adopt(&mut self, open: Vec<Input>) {
        let mut systems: Vec<System> = self
            .files
            .iter()
            .filter(|(_, recognised)| {
                recognised.shape == Shape::Json && !recognised.system.is_own()
            })
            .map(|(_, recognised)| recognised.system)
            .collect();
        systems.sort();
        systems.dedup();
        for input in open {
            if let [system] = systems.as_slice() {
                let recognised = Recognised {
                    system: *system,
                    shape: Shape::Json,
                };
                self.files.push((input, recognised));
            } else {
                let reason = "JSON of no known system; name one with --from".to_owned();
                self.left_out.push((input.name.to_string(), reason));
            }
        }
    }

    /// Leaves out texts that stand beside an export: they tell about it, most likely.
    fn leave_readmes(&mut self) {
        let is_text = |shape| matches!(shape, Shape::Markdown | Shape::Html);
        let is_export = |shape: Shape| {
            shape.is_of_records()
                || matches!(
                    shape,
                    Shape::ConfluenceXml | Shape::ConfluenceHtml | Shape::Message | Shape::Mbox
                )
        };
        if !self.files.iter().any(|(_, file)| is_export(file.shape)) {
            return;
        }
        let files = std::mem::take(&mut self.files);
        for (input, file) in files {
            if is_text(file.shape) {
                let reason = "a text beside an export; --from markdown takes texts";
                self.left_out
                    .push((input.name.to_string(), reason.to_owned()));
            } else {
                self.files.push((input, file));
            }
        }
    }

    /// The size of all files before they are unpacked, in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|(input, _)| input.size_bytes).sum()
    }

    /// The records of all files. `on_read` gets the number of bytes that were read on the way.
    #[must_use]
    pub fn records<'a>(&'a self, plan: &'a Plan, on_read: &'a dyn Fn(usize)) -> Records<'a> {
        let own = self.files.iter().filter(|(_, file)| file.system.is_own());
        let own = own.flat_map(move |(input, file)| own_records(input, *file, plan, on_read));
        let others = System::ALL.into_iter().filter(|system| !system.is_own());
        let others = others.flat_map(move |system| {
            let files = self
                .files
                .iter()
                .filter(move |(_, file)| file.system == system);
            let files: Vec<&(Input, Recognised)> = files.collect();
            system_records(system, files, plan, on_read)
        });
        let damaged = self.damaged.iter().map(|(file, refused)| Record {
            file: Some(Arc::clone(file)),
            line_number: 1,
            content: Err(refused.clone()),
        });
        let records = damaged.chain(own).chain(others);
        Box::new(records.map(move |record| finish(record, plan.mask)))
    }
}

/// The records of a file in one of Firstline's own formats.
fn own_records<'a>(
    input: &'a Input,
    file: Recognised,
    plan: &'a Plan,
    on_read: &'a dyn Fn(usize),
) -> Records<'a> {
    let records = match (file.shape, input.open(on_read)) {
        (_, Err(error)) => Box::new(std::iter::once(Record::of_line(1, Err(unreadable(&error))))),
        (Shape::Workbook, Ok(_)) => workbook::documents(input, &plan.columns, plan.options),
        (_, Ok(reader)) if file.system == System::Csv => csv(reader, &plan.columns, plan.options),
        (_, Ok(reader)) => ndjson(reader, plan.options),
    };
    let file = Arc::clone(&input.name);
    Box::new(records.map(move |record| Record {
        file: Some(Arc::clone(&file)),
        ..record
    }))
}

/// The records of all files of a system.
fn system_records<'a>(
    system: System,
    sources: Vec<&'a (Input, Recognised)>,
    plan: &'a Plan,
    on_read: &'a dyn Fn(usize),
) -> Records<'a> {
    if sources.is_empty() {
        return Box::new(std::iter::empty());
    }
    let mapping = plan.mapping.of(system);
    let of = |shapes: &[Shape]| -> Vec<&'a Input> {
        let files = sources
            .iter()
            .filter(|(_, file)| shapes.contains(&file.shape));
        files.map(|(input, _)| input).collect()
    };
    let of_records = sources
        .iter()
        .filter(|(_, file)| file.shape.is_of_records());
    let of_records: Vec<(&'a Input, Shape)> = of_records
        .map(|(input, file)| (input, file.shape))
        .collect();
    let mut raws: Vec<Raws<'a>> = Vec::new();
    if !of_records.is_empty() {
        raws.push(Box::new(Joined::new(system, of_records, &mapping, on_read)));
    }
    for input in of(&[Shape::ConfluenceXml]) {
        raws.push(confluence_xml::pages(input, on_read));
    }
    let messages = of(&[Shape::Message, Shape::Mbox]);
    if !messages.is_empty() {
        raws.push(mail_threads::threads(messages, on_read));
    }
    for (input, file) in sources {
        if file.shape.is_a_document() {
            raws.push(Box::new(std::iter::once(files::file(
                input, file.shape, on_read,
            ))));
        }
    }
    let raws = raws.into_iter().flatten();
    Box::new(raws.map(move |raw| convert_raw(system, raw, &mapping)))
}

fn convert_raw(system: System, raw: Raw, mapping: &SystemMapping) -> Record {
    let content = raw.content.and_then(|content| {
        let (taken, content) = match content {
            RawContent::Json(object, json) => (convert_json(system, &object, mapping)?, json),
            RawContent::Messages(mbox) => (convert_message(&mbox, mapping)?, mbox),
            RawContent::Skipped(skipped) => return Ok(Taken::Skipped(skipped)),
        };
        Ok(match taken {
            Taken::Document(mut mapped) => {
                mapped.is_versioned = true;
                mapped.original = Some(Original { system, content });
                Taken::Document(mapped)
            }
            skipped @ Taken::Skipped(_) => skipped,
        })
    });
    Record {
        file: Some(raw.file),
        line_number: raw.position,
        content,
    }
}

/// Checks the texts of another system's document, and masks what is to be masked.
fn finish(mut record: Record, mask: bool) -> Record {
    if let Ok(Taken::Document(mapped)) = &mut record.content {
        let mut longest = 0;
        for_each_text(&mut mapped.document, &mut |text| {
            longest = longest.max(text.len());
            if text.contains('\0') {
                *text = text.replace('\0', " ");
            }
        });
        if mask {
            mask_document(&mut mapped.document, &mut mapped.masked);
            mapped.original = None;
        }
        if longest > MAX_FIELD_BYTES {
            let detail = format!("a text has {longest} bytes, more than {MAX_FIELD_BYTES}");
            record.content = Err(Refused::new(detail));
        }
    }
    record
}
