//! Settings: embedded commented defaults, then the file of the data folder, then the environment.
//! Flags beat all of them and are applied by `cli`.
//!
//! Settings are plain values handed to whoever needs them. All problems of a file are reported at
//! once.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::model::PriorityMatrix;

/// The defaults, commented: also the reference of all settings.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// The name of the settings file in a data folder.
pub const FILE_NAME: &str = "firstline.toml";

/// Why settings could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("{path} could not be read")]
    Io {
        /// The settings file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// What is wrong with the settings, one line a problem.
    #[error("{}", problems.join("\n"))]
    Invalid {
        /// At least one.
        problems: Vec<String>,
    },
}

/// All settings. See [`DEFAULTS`] for what they mean.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The HTTP server.
    pub server: Server,
    /// The indexes.
    pub index: Index,
    /// Article search.
    pub search: Search,
    /// Similar tickets.
    pub similar: Similar,
    /// Triage.
    pub triage: Triage,
    /// Import from other systems.
    pub import: Import,
}

/// Settings of the HTTP server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address and port.
    pub listen: std::net::SocketAddr,
    /// Connections at one time.
    pub max_connections: usize,
    /// The largest JSON request body, in bytes.
    pub max_body_bytes: usize,
    /// How long the head of a request may take, in milliseconds.
    pub head_timeout_ms: u64,
    /// How long a JSON body may take, and an import may stand still, in milliseconds.
    pub body_timeout_ms: u64,
    /// How long a request may wait for its answer, in milliseconds.
    pub answer_timeout_ms: u64,
    /// Light work that may wait for a thread.
    pub light_queue: usize,
    /// Heavy work that may wait for a thread.
    pub heavy_queue: usize,
}

/// Settings of the indexes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// How long a stored change may take to become searchable, in milliseconds.
    pub commit_interval_ms: u64,
}

/// Settings of article search.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The synonym file.
    pub synonyms: PathBuf,
    /// The file of pinned and buried articles.
    pub pins: PathBuf,
    /// What a match in the title counts beside 1 for the whole text.
    pub title_weight: f32,
    /// The share by which an article that was changed today is lifted over a very old one.
    pub freshness: f32,
    /// The share by which votes lift or lower an article, and being a draft lowers it.
    pub votes: f32,
    /// A query that had hits on so many days of the last 90 is suggested to others; 0 for none.
    pub frequent_days: u32,
    /// How many days feedback and counts of searches are kept.
    pub keep_days: u32,
}

/// Settings of similar tickets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Similar {
    /// What a match in the subject counts beside 1 for the whole text.
    pub title_weight: f32,
    /// What a word of the subject asked about counts beside 1 for the description.
    pub subject_weight: f32,
    /// The power of the inverse document frequency.
    pub idf_power: f32,
    /// Words that are asked for at most.
    pub max_terms: usize,
    /// How much a long ticket is lowered, 0 to 1.
    pub length: f32,
    /// The share by which the same category lifts, and the same queue.
    pub agreement: f32,
    /// The share by which a ticket of the same day is lifted over a very old one.
    pub recency: f32,
    /// After how many days half of that is left.
    pub recency_days: f32,
    /// Tickets below are not shown, 0 to 1.
    pub min_similarity: f32,
    /// From here on an open ticket is a duplicate, 0 to 1.
    pub duplicate_similarity: f32,
    /// How many days back duplicates are looked for.
    pub duplicate_days: u32,
    /// Occurrences of words that are added up for one question.
    pub budget: u64,
}

impl Similar {
    /// What is out of range.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let shares = [
            ("length", self.length),
            ("min_similarity", self.min_similarity),
            ("duplicate_similarity", self.duplicate_similarity),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                problems.push(format!("similar.{name} ({value}) must be 0 to 1"));
            }
        }
        let weights = [
            ("title_weight", self.title_weight),
            ("subject_weight", self.subject_weight),
            ("idf_power", self.idf_power),
            ("recency_days", self.recency_days),
        ];
        for (name, value) in weights {
            if !(value > 0.0 && value.is_finite()) {
                problems.push(format!("similar.{name} ({value}) must be above 0"));
            }
        }
        for (name, value) in [("agreement", self.agreement), ("recency", self.recency)] {
            if !(0.0..=10.0).contains(&value) {
                problems.push(format!("similar.{name} ({value}) must be 0 to 10"));
            }
        }
        if self.max_terms == 0 {
            problems.push("similar.max_terms must be above 0".to_owned());
        }
        problems
    }
}

/// Settings of imports and intakes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The desk's own tables of words.
    pub mapping: PathBuf,
    /// Whether personal and secret texts are masked.
    pub mask: bool,
}

/// Settings of triage.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Triage {
    /// The rule file.
    pub rules: PathBuf,
    /// The confidence from which on a value is set, 0 to 1.
    pub apply: f64,
    /// The confidence from which on a value is suggested, 0 to 1.
    pub suggest: f64,
    /// The priority matrix.
    pub matrix: PriorityMatrix,
    /// How often a value that is applied should be right, 0 to 1.
    pub precision: f64,
    /// Further fields to learn, beside category, queue, impact and urgency.
    pub learn: Vec<String>,
    /// Values of learned fields that mean none of the others.
    pub out_of_scope: Vec<String>,
    /// After how many changes a model is learned anew by itself; 0 for never.
    pub relearn_after: u32,
    /// How many days stored decisions are kept.
    pub keep_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        #[expect(
            clippy::expect_used,
            reason = "a test holds that the embedded defaults read"
        )]
        toml::from_str(DEFAULTS).expect("the embedded defaults are valid")
    }
}

impl Settings {
    /// Reads the settings for a data folder: defaults, its `firstline.toml` if there is one, and
    /// the variables of `environment`.
    ///
    /// # Errors
    /// [`Error::Invalid`] lists every unknown key and wrong value.
    pub fn load(
        data_folder: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let mut settings = parse("the defaults", DEFAULTS)?;
        let mut problems = Vec::new();
        let file = data_folder.join(FILE_NAME);
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                let name = file.display().to_string();
                overlay(&mut settings, parse(&name, &text)?, &name, &mut problems);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Io { path: file, source }),
        }
        for (variable, value) in environment {
            set_from_environment(&mut settings, &variable, &value);
        }
        let read = settings.try_into::<Self>();
        match read {
            Ok(settings) => {
                problems.extend(settings.out_of_range());
                if problems.is_empty() {
                    Ok(settings)
                } else {
                    Err(Error::Invalid { problems })
                }
            }
            Err(error) => {
                problems.push(error.message().to_owned());
                Err(Error::Invalid { problems })
            }
        }
    }

    /// What a type cannot say.
    fn out_of_range(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let Triage { apply, suggest, .. } = self.triage;
        if !(0.0 <= suggest && suggest <= apply && apply <= 1.0) {
            problems.push(format!(
                "triage: suggest ({suggest}) and apply ({apply}) must be 0 to 1, suggest not above \
                 apply"
            ));
        }
        problems.extend(self.similar.problems());
        for (name, value) in [
            ("max_connections", self.server.max_connections),
            ("light_queue", self.server.light_queue),
            ("heavy_queue", self.server.heavy_queue),
        ] {
            if value == 0 {
                problems.push(format!("server.{name} must be above 0"));
            }
        }
        problems
    }
}

/// Adds the settings of similar tickets that differ from the defaults to the file of a data folder,
/// and returns what was added. Nothing else in the file is touched.
///
/// # Errors
/// [`Error::Invalid`] when the file has such a section already, with the lines to put there.
pub fn add_similar(data_folder: &Path, similar: &Similar) -> Result<String, Error> {
    let section = similar_section(similar);
    let path = data_folder.join(FILE_NAME);
    let io = |source| Error::Io {
        path: path.clone(),
        source,
    };
    let mut text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(io(source)),
    };
    let name = path.display().to_string();
    if parse(&name, &text)?.contains_key("similar") {
        return Err(Error::Invalid {
            problems: vec![format!(
                "{name} has a section [similar] already; put there:\n{section}"
            )],
        });
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&section);
    // A crash leaves the old file or the new one, never half of it.
    let new = data_folder.join(format!("{FILE_NAME}.new"));
    std::fs::write(&new, &text).map_err(io)?;
    std::fs::rename(&new, &path).map_err(io)?;
    Ok(section)
}

/// The section of a settings file with what differs from the defaults.
#[must_use]
pub fn similar_section(similar: &Similar) -> String {
    let values = |similar: &Similar| Table::try_from(similar).unwrap_or_default();
    let (own, defaults) = (values(similar), values(&Settings::default().similar));
    let line = |(key, value): (String, Value)| {
        // An f32 is written with the digits that it has.
        let value = match value.as_float() {
            Some(value) => Value::Float(rounded(value)),
            None => value,
        };
        format!("{key} = {value}\n")
    };
    let changed = own
        .into_iter()
        .filter(|(key, value)| defaults.get(key) != Some(value));
    let lines: String = changed.map(line).collect();
    format!("[similar]\n{lines}")
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

fn parse(name: &str, text: &str) -> Result<Table, Error> {
    text.parse::<Table>().map_err(|error| {
        let line_number = error.span().map_or(1, |span| {
            text.get(..span.start)
                .unwrap_or_default()
                .matches('\n')
                .count()
                + 1
        });
        let problem = format!("{name}:{line_number}: {}", error.message());
        Error::Invalid {
            problems: vec![problem],
        }
    })
}

/// Puts the sections of a file over the defaults; what the defaults do not have is a problem.
fn overlay(settings: &mut Table, file: Table, name: &str, problems: &mut Vec<String>) {
    for (section, values) in file {
        let (Some(Value::Table(known)), Value::Table(values)) =
            (settings.get_mut(&section), values)
        else {
            problems.push(format!("{name}: there is no section [{section}]"));
            continue;
        };
        for (key, value) in values {
            match known.get_mut(&key) {
                Some(known) if known.same_type(&value) || is_number(known, &value) => {
                    *known = value;
                }
                Some(known) => problems.push(format!(
                    "{name}: {section}.{key} is a {}, not a {}",
                    known.type_str(),
                    value.type_str()
                )),
                None => problems.push(format!("{name}: there is no setting {section}.{key}")),
            }
        }
    }
}

/// Whether a whole number stands where a fraction could: `apply = 1`.
fn is_number(known: &Value, value: &Value) -> bool {
    known.is_float() && value.is_integer()
}

/// Takes `FIRSTLINE_SECTION_KEY`; other variables are not ours.
fn set_from_environment(settings: &mut Table, variable: &str, value: &str) {
    let Some(rest) = variable.strip_prefix("FIRSTLINE_") else {
        return;
    };
    let rest = rest.to_ascii_lowercase();
    let Some((section, key)) = rest.split_once('_') else {
        return;
    };
    if let Some(Value::Table(known)) = settings.get_mut(section)
        && let Some(known) = known.get_mut(key)
    {
        // Text as it is, everything else as it would stand in the file.
        *known = if known.is_str() {
            Value::String(value.to_owned())
        } else {
            format!("value = {value}")
                .parse::<Table>()
                .ok()
                .and_then(|mut table| table.remove("value"))
                .unwrap_or_else(|| Value::String(value.to_owned()))
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, Error> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE_NAME), file).unwrap();
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings::load(folder.path(), environment.iter().map(own))
    }

    #[test]
    fn the_defaults_read() {
        assert_eq!(Settings::default().server.listen.port(), 7878);
        assert_eq!(load("", &[]).unwrap(), Settings::default());
    }

    #[test]
    fn environment_beats_file_beats_defaults() {
        let file = "[server]\nmax_connections = 7\nlight_queue = 9\n[triage]\napply = 1\n";
        let settings = load(file, &[("FIRSTLINE_SERVER_MAX_CONNECTIONS", "8")]).unwrap();
        assert_eq!(
            (settings.server.max_connections, settings.server.light_queue),
            (8, 9)
        );
        assert!((settings.triage.apply - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let file = "[server]\nlistn = 1\nlight_queue = \"x\"\n[servr]\nx = 1\n";
        let message = load(file, &[]).unwrap_err().to_string();
        for part in [
            "no setting server.listn",
            "light_queue is a integer",
            "no section [servr]",
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }

    /// A desk's own settings file is not ours to change: a section is added, or refused.
    #[test]
    fn settings_of_similar_are_added_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        std::fs::write(&file, "# ours\n[server]\nlight_queue = 9").unwrap();
        let mut similar = Settings::default().similar;
        similar.recency = 0.35;
        assert_eq!(
            add_similar(folder.path(), &similar).unwrap(),
            "[similar]\nrecency = 0.35\n"
        );
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(
            text,
            "# ours\n[server]\nlight_queue = 9\n[similar]\nrecency = 0.35\n"
        );
        let loaded = Settings::load(folder.path(), std::iter::empty()).unwrap();
        assert_eq!((loaded.similar, loaded.server.light_queue), (similar, 9));
        let again = add_similar(folder.path(), &similar).unwrap_err();
        assert!(again.to_string().contains("recency = 0.35"), "{again}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }

    #[test]
    fn a_wrong_variable_is_refused() {
        assert!(load("", &[("FIRSTLINE_SIMILAR_LENGTH", "2.0")]).is_err());
        assert!(load("", &[("FIRSTLINE_SIMILAR_MAX_TERMS", "0")]).is_err());
        assert!(load("", &[("FIRSTLINE_SERVER_LISTEN", "nowhere")]).is_err());
        assert!(load("", &[("FIRSTLINE_SERVER_LIGHT_QUEUE", "0")]).is_err());
        assert!(load("", &[("FIRSTLINE_SEARCH_KEEP_DAYS", "-1")]).is_err());
    }
}
