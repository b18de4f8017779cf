//! The rule file with its text, which goes with every stored decision.

use std::path::Path;
use std::sync::Arc;

use super::desk_file::DeskFile;
use crate::config::Settings;
use crate::store::StoreReader;
use crate::triage::{Problems, Rules};

/// Rules and the text that they were read from. The default has none.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleFile {
    pub(super) rules: Arc<Rules>,
    pub(super) text: Arc<str>,
}

impl RuleFile {
    /// Reads a rule file; `name` stands in the messages.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        Ok(Self {
            rules: Arc::new(Rules::parse(name, text)?),
            text: text.into(),
        })
    }

    /// The rules of a data folder. A wrong file keeps nothing from starting: until it is mended the
    /// rules of the newest stored decision decide, or none where nothing was stored.
    pub(super) fn open(folder: &Path, settings: &Settings, store: &StoreReader) -> DeskFile<Self> {
        let path = folder.join(&settings.triage.rules);
        let parse = |name: &str, text: &str| {
            Self::parse(name, text).map_err(|problems| problems.to_string())
        };
        DeskFile::open_kept(path, parse, || Self::of_newest_decision(store))
    }

    fn of_newest_decision(store: &StoreReader) -> Self {
        let text = store.newest_rules_text().unwrap_or_else(|error| {
            tracing::warn!(error = super::chain(&error), "the last rules are not known");
            None
        });
        let parsed = text.and_then(|text| Self::parse("the last rules", &text).ok());
        parsed.unwrap_or_default()
    }
}
