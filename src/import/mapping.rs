//! The tables from the words of other systems to Firstline's: embedded defaults (`mapping.toml`,
//! commented), changed word by word by a file of the desk.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::System;
use super::dates::DateRules;

/// The defaults, commented: also the reference.
const DEFAULTS: &str = include_str!("mapping.toml");

/// The name of the desk's own tables in a data folder.
pub const MAPPING_FILE: &str = "mapping.toml";

/// The zone of dates that name none, unless the desk names it.
static UTC: TimeZone = TimeZone::UTC;

/// Why the desk's tables could not be read, with line and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidMapping(String);

/// The tables of all systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping(BTreeMap<System, SystemMapping>);

/// The tables of one system. Words are in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SystemMapping {
    status: BTreeMap<String, Status>,
    priority: BTreeMap<String, Scale<5>>,
    impact: BTreeMap<String, Scale<3>>,
    urgency: BTreeMap<String, Scale<3>>,
    not_solved: Option<Vec<String>>,
    fields: BTreeMap<String, String>,
    dates: Option<String>,
    zone: Option<Zone>,
}

/// A time zone by its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Zone(TimeZone);

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        TimeZone::get(&name)
            .map(Self)
            .map_err(|_| format!("{name:?} is no time zone such as Europe/Berlin"))
    }
}

/// Where a ticket stands, in the words that all systems share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    New,
    Open,
    Pending,
    OnHold,
    Resolved,
    Closed,
    Cancelled,
    Deleted,
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::OnHold => "on_hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
            Self::Deleted => "deleted",
        }
    }

    /// Whether the work on the ticket has ended with a result.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }
}

/// A number from 1 to `HIGHEST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u8")]
struct Scale<const HIGHEST: u8>(u8);

impl<const HIGHEST: u8> TryFrom<u8> for Scale<HIGHEST> {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if (1..=HIGHEST).contains(&number) {
            return Ok(Self(number));
        }
        Err(format!("a number from 1 to {HIGHEST}, not {number}"))
    }
}

impl Default for Mapping {
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "a test holds that the embedded defaults read"
        )]
        Self(read(DEFAULTS).expect("the embedded defaults are valid"))
    }
}

impl Mapping {
    /// The defaults, changed by a file of the desk.
    ///
    /// # Errors
    /// What is wrong in the file, with its line.
    pub fn with(file: &str) -> Result<Self, InvalidMapping> {
        let mut mapping = Self::default();
        for (system, changed) in read(file)? {
            mapping.0.entry(system).or_default().change(changed);
        }
        Ok(mapping)
    }

    pub(super) fn of(&self, system: System) -> SystemMapping {
        self.0.get(&system).cloned().unwrap_or_default()
    }
}

fn read(file: &str) -> Result<BTreeMap<System, SystemMapping>, InvalidMapping> {
    let tables: BTreeMap<System, SystemMapping> =
        toml::from_str(file).map_err(|error| InvalidMapping(error.to_string()))?;
    Ok(tables
        .into_iter()
        .map(|(system, tables)| (system, tables.in_lower_case()))
        .collect())
}

impl SystemMapping {
    fn in_lower_case(self) -> Self {
        let not_solved = self.not_solved;
        Self {
            status: lower(self.status),
            priority: lower(self.priority),
            impact: lower(self.impact),
            urgency: lower(self.urgency),
            not_solved: not_solved.map(|words| words.iter().map(|word| key(word)).collect()),
            fields: self.fields,
            dates: self.dates,
            zone: self.zone,
        }
    }

    fn change(&mut self, changed: Self) {
        self.status.extend(changed.status);
        self.priority.extend(changed.priority);
        self.impact.extend(changed.impact);
        self.urgency.extend(changed.urgency);
        self.fields.extend(changed.fields);
        self.not_solved = changed.not_solved.or(self.not_solved.take());
        self.dates = changed.dates.or(self.dates.take());
        self.zone = changed.zone.or(self.zone.take());
    }

    pub(super) fn status(&self, word: &str) -> Option<Status> {
        find(&self.status, word)
    }

    pub(super) fn priority(&self, word: &str) -> Option<u8> {
        find(&self.priority, word).map(|scale| scale.0)
    }

    pub(super) fn impact(&self, word: &str) -> Option<u8> {
        find(&self.impact, word).map(|scale| scale.0)
    }

    pub(super) fn urgency(&self, word: &str) -> Option<u8> {
        find(&self.urgency, word).map(|scale| scale.0)
    }

    /// Whether a resolution code says that nothing was solved.
    pub(super) fn is_not_solved(&self, code: &str) -> bool {
        let code = key(code);
        let words = self.not_solved.as_deref().unwrap_or_default();
        words.iter().any(|word| matches(word, &code))
    }

    /// The label or id of the field in which the desk keeps something.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// The labels and ids of all such fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.values().map(String::as_str)
    }

    /// How the desk writes dates that do not say it themselves.
    pub(super) fn dates(&self) -> DateRules<'_> {
        DateRules {
            form: self.dates.as_deref(),
            zone: self.zone.as_ref().map_or(&UTC, |zone| &zone.0),
        }
    }
}

fn key(word: &str) -> String {
    word.trim().to_lowercase()
}

fn lower<T>(table: BTreeMap<String, T>) -> BTreeMap<String, T> {
    let entries = table.into_iter();
    entries.map(|(word, value)| (key(&word), value)).collect()
}

/// The value of a word; a word of the table may end in `*`.
fn find<T: Copy>(table: &BTreeMap<String, T>, word: &str) -> Option<T> {
    let word = key(word);
    table.get(&word).copied().or_else(|| {
        let found = table.iter().rev().find(|(known, _)| matches(known, &word));
        found.map(|(_, value)| *value)
    })
}

fn matches(known: &str, word: &str) -> bool {
    match known.strip_suffix('*') {
        Some(start) => word.starts_with(start),
        None => known == word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_changes_single_words() {
        let file = "[jira]\nstatus = { \"Parked\" = \"on_hold\", open = \"new\" }\n\
                    not_solved = [\"Not our*\"]\n";
        let jira = Mapping::with(file).unwrap().of(System::Jira);
        assert_eq!(jira.status(" PARKED"), Some(Status::OnHold));
        assert_eq!(jira.status("Open"), Some(Status::New));
        assert_eq!(jira.status("Closed"), Some(Status::Closed));
        assert_eq!(jira.status("Somewhere"), None);
        assert!(jira.is_not_solved("Not our product") && !jira.is_not_solved("Duplicate"));
        let connectwise = Mapping::default().of(System::ConnectWise);
        assert_eq!(
            connectwise.status("Waiting Client Response"),
            Some(Status::Pending)
        );
    }

    #[test]
    fn a_wrong_table_is_refused_with_its_line() {
        for (file, says) in [
            ("[jira]\nstate = {}\n", "unknown field `state`"),
            ("[remedy]\n", "unknown variant `remedy`"),
            (
                "[jira]\npriority = { p1 = 9 }\n",
                "a number from 1 to 5, not 9",
            ),
            (
                "[jira]\nzone = \"Berlin\"\n",
                "no time zone such as Europe/Berlin",
            ),
            (
                "[jira]\nstatus = { x = \"done\" }\n",
                "unknown variant `done`",
            ),
        ] {
            let error = Mapping::with(file).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("line"), "{error}");
        }
    }
}
