//! The rule file with its text, which goes with every stored decision.

use std::path::Path;
use std::sync::Arc;

use super::Error;
use super::desk_file::{DeskFile, Refused};
use crate::config::Settings;
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

    /// The rules of a data folder, which must be right when the engine starts: it would decide on
    /// nothing.
    pub(super) fn open(
        folder: &Path,
        settings: &Settings,
    ) -> Result<DeskFile<Self, Problems>, Error> {
        let path = folder.join(&settings.triage.rules);
        DeskFile::open_right(path.clone(), Self::parse).map_err(|refused| match refused {
            Refused::Io(source) => Error::Folder { path, source },
            Refused::Wrong(problems) => Error::Rules(problems),
        })
    }
}
