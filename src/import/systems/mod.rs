//! The mapping of each system: from a record with all that belongs to it to a document. Pure: what
//! a mapping needs stands in the record, so an original can be converted again at any time.
//!
//! A document is named `system:key` by the key that people use, so an issue that is moved to
//! another project is a new one. Public are only Help Center articles that name no segment,
//! published knowledge whose record says that no criteria and roles are set, articles of folders
//! for everybody, pages of spaces that anonymous users may view, and files whose front matter says
//! so.

mod alertmanager;
mod confluence;
pub(super) mod confluence_html;
mod confluence_index;
pub(super) mod confluence_xml;
mod connectwise;
mod docx;
pub(super) mod files;
mod freshservice;
mod hibernate;
mod jira;
mod jira_csv;
mod mail;
mod mail_charset;
mod mail_text;
pub(super) mod mail_threads;
mod mailbox;
mod servicenow;
mod sharepoint;
mod zendesk;

use serde_json::{Map, Value};

use super::draft::Draft;
use super::mapping::SystemMapping;
use super::{Mapping, Original, Refused, System, Taken};

pub use alertmanager::alerts;
pub use mail_threads::{Incoming, incoming};
pub use mailbox::MAX_MESSAGE_BYTES;

type Object = Map<String, Value>;

/// What a record is to its export.
pub(super) enum Role {
    /// A document.
    Document,
    /// A row of a table of names.
    Row(&'static str),
    /// A part of a document: the set it belongs to, and the field with the document's id.
    Part(&'static str, &'static str),
    /// Nothing that is imported, with the reason.
    Skip(&'static str),
}

/// What of an export belongs together.
pub(super) struct Joins {
    /// Lists that hold documents and nothing else.
    pub(super) documents: &'static [&'static str],
    /// A field with an id, and the table where it leads.
    pub(super) rows: &'static [(&'static str, &'static str)],
    /// A set of parts, and the field with the document's id.
    pub(super) parts: &'static [(&'static str, &'static str)],
    /// The field of a part with the id of whoever wrote it, and the table where it leads.
    pub(super) author: Option<(&'static str, &'static str)>,
    /// Whether pages name the desk's own fields.
    names_fields: bool,
}

impl Joins {
    const NONE: Self = Self {
        documents: &[],
        rows: &[],
        parts: &[],
        author: None,
        names_fields: false,
    };

    /// Whether every record is whole as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.parts.is_empty() && !self.names_fields
    }
}

pub(super) fn joins(system: System) -> Joins {
    match system {
        System::Zendesk => zendesk::JOINS,
        System::Jira => jira::JOINS,
        System::ServiceNow => servicenow::JOINS,
        System::Freshservice => freshservice::JOINS,
        System::ConnectWise => connectwise::JOINS,
        System::Confluence => confluence::JOINS,
        System::SharePoint
        | System::Eml
        | System::Alertmanager
        | System::Markdown
        | System::Csv
        | System::Ndjson => Joins::NONE,
    }
}

pub(super) fn role(system: System, list: Option<&str>, record: &Object) -> Role {
    match system {
        System::Zendesk => zendesk::role(list, record),
        System::Jira => jira::role(list, record),
        System::ServiceNow => servicenow::role(record),
        System::Freshservice => freshservice::role(list, record),
        System::ConnectWise => connectwise::role(record),
        System::Confluence => confluence::role(record),
        System::SharePoint
        | System::Eml
        | System::Alertmanager
        | System::Markdown
        | System::Csv
        | System::Ndjson => Role::Document,
    }
}

/// Converts a record in JSON.
pub(super) fn convert_json(
    system: System,
    record: &Object,
    mapping: &SystemMapping,
) -> Result<Taken, Refused> {
    let draft = Draft::new(system, mapping);
    match system {
        System::Zendesk => zendesk::convert(draft, record),
        System::Jira => jira::convert(draft, record),
        System::ServiceNow => servicenow::convert(draft, record),
        System::Freshservice => freshservice::convert(draft, record),
        System::ConnectWise => connectwise::convert(draft, record),
        System::Confluence => confluence::convert(draft, record),
        System::SharePoint => sharepoint::convert(draft, record),
        System::Alertmanager => alertmanager::convert(draft, record),
        System::Markdown => files::convert(draft, record),
        System::Eml | System::Csv | System::Ndjson => {
            Err(Refused::new(format!("{system} has no records in JSON")))
        }
    }
}

/// Converts the messages of a thread.
pub(super) fn convert_message(mbox: &[u8], mapping: &SystemMapping) -> Result<Taken, Refused> {
    mail::convert(Draft::new(System::Eml, mapping), mbox)
}

/// Converts an alert of a webhook.
///
/// # Errors
/// Why it gives no document.
pub fn convert_alert(alert: &Object, mapping: &Mapping) -> Result<Taken, Refused> {
    let original = Original {
        system: System::Alertmanager,
        content: serde_json::to_vec(alert).unwrap_or_default(),
    };
    convert(&original, mapping)
}

/// Converts an original again, by the rules and tables of today.
///
/// # Errors
/// Why it gives no document.
pub fn convert(original: &Original, mapping: &Mapping) -> Result<Taken, Refused> {
    let mapping = mapping.of(original.system);
    let taken = if original.system == System::Eml {
        convert_message(&original.content, &mapping)?
    } else {
        let record = serde_json::from_slice::<Object>(&original.content)
            .map_err(|error| Refused::new(format!("the original is no JSON: {error}")))?;
        convert_json(original.system, &record, &mapping)?
    };
    Ok(match taken {
        Taken::Document(mut mapped) => {
            mapped.is_versioned = true;
            mapped.original = Some(original.clone());
            Taken::Document(mapped)
        }
        skipped @ Taken::Skipped(_) => skipped,
    })
}
