//! The systems that desks export from, by the names that `--from` takes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A system, or a plain format, that an import reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// Zendesk Support and Help Center.
    Zendesk,
    /// Jira and Jira Service Management.
    Jira,
    /// ServiceNow incidents and knowledge.
    ServiceNow,
    /// Freshservice.
    Freshservice,
    /// ConnectWise PSA (Manage).
    ConnectWise,
    /// Confluence pages.
    Confluence,
    /// SharePoint site pages and Word documents.
    SharePoint,
    /// E-mail: single messages and mbox files.
    Eml,
    /// Webhooks of Prometheus Alertmanager.
    Alertmanager,
    /// Markdown and HTML files.
    Markdown,
    /// Comma-separated values with Firstline's field names, or a column map.
    Csv,
    /// Firstline's own JSON lines.
    Ndjson,
}

impl System {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 12] = [
        Self::Zendesk,
        Self::Jira,
        Self::ServiceNow,
        Self::Freshservice,
        Self::ConnectWise,
        Self::Confluence,
        Self::SharePoint,
        Self::Eml,
        Self::Alertmanager,
        Self::Markdown,
        Self::Csv,
        Self::Ndjson,
    ];

    /// The name on the command line, in JSON, and in front of the ids of its documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zendesk => "zendesk",
            Self::Jira => "jira",
            Self::ServiceNow => "servicenow",
            Self::Freshservice => "freshservice",
            Self::ConnectWise => "connectwise",
            Self::Confluence => "confluence",
            Self::SharePoint => "sharepoint",
            Self::Eml => "eml",
            Self::Alertmanager => "alertmanager",
            Self::Markdown => "markdown",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// Reads a system by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.as_str() == name)
    }

    /// Whether it is one of Firstline's own formats, which `fields` reads.
    #[must_use]
    pub fn is_own(self) -> bool {
        matches!(self, Self::Csv | Self::Ndjson)
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
