//! Who may see what. Visibility belongs to a document, the audience to a request.
//!
//! Visibility fails closed: whatever is not understood is internal, and a ticket is never public.
//! The same decision is made in two places that must agree: [`Audience::may_see`] on a stored
//! document, and the audience terms that the index stores ([`Visibility::terms`]) and asks for
//! ([`Audience::terms`]).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Kind;

/// Who may see a document. In JSON: `"public"`, `"internal"` or `{"restricted": ["hr"]}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Visibility {
    /// Everyone who may search. Articles only.
    Public,
    /// Analysts and admins. The default, and the meaning of every value that is not understood.
    #[default]
    Internal,
    /// Analysts in at least one of these groups, and admins. No group means admins only.
    Restricted(BTreeSet<String>),
}

impl Visibility {
    /// Whether even an analyst without groups may see a document of this kind.
    #[must_use]
    pub fn is_for_every_analyst(&self, kind: Kind) -> bool {
        Audience::Analyst(BTreeSet::new()).may_see(kind, self)
    }

    /// The terms that the index stores for a document of this kind and visibility.
    #[must_use]
    pub fn terms(&self, kind: Kind) -> Vec<String> {
        match (self, kind) {
            (Self::Public, Kind::Article) => vec!["public".to_owned()],
            (Self::Public, Kind::Ticket) | (Self::Internal, _) => vec!["internal".to_owned()],
            (Self::Restricted(groups), _) => groups.iter().map(|g| format!("group:{g}")).collect(),
        }
    }

    /// Reads a JSON value; the flag says whether it was understood. What is not is internal.
    #[must_use]
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "what is not understood is internal, whatever it is"
    )]
    pub fn from_json(value: &Value) -> (Self, bool) {
        let groups = |list: &Value| {
            list.as_array()?
                .iter()
                .map(|group| group.as_str().map(str::to_owned))
                .collect::<Option<BTreeSet<_>>>()
        };
        match value {
            Value::String(name) if name == "public" => (Self::Public, true),
            Value::String(name) if name == "internal" => (Self::Internal, true),
            Value::Object(object) if object.len() == 1 => {
                match object.get("restricted").and_then(groups) {
                    Some(groups) => (Self::Restricted(groups), true),
                    None => (Self::Internal, false),
                }
            }
            _ => (Self::Internal, false),
        }
    }
}

impl Serialize for Visibility {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Public => serializer.serialize_str("public"),
            Self::Internal => serializer.serialize_str("internal"),
            Self::Restricted(groups) => {
                use serde::ser::SerializeMap;
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("restricted", groups)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Visibility {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self::from_json(&value).0)
    }
}

/// What the holder of an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Searches and reads public articles.
    Reader,
    /// Also sees internal articles and tickets.
    Analyst,
    /// Sees everything and writes.
    Admin,
}

impl Role {
    /// The role as it is written in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }

    /// Reads a role by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reader, Self::Analyst, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// For whom a request is answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Public articles only.
    Public,
    /// Public and internal documents, and those restricted to one of these groups.
    Analyst(BTreeSet<String>),
    /// Everything.
    Everything,
}

impl Audience {
    /// The audience of a key with this role and these groups.
    #[must_use]
    pub fn of(role: Role, groups: &BTreeSet<String>) -> Self {
        match role {
            Role::Reader => Self::Public,
            Role::Analyst => Self::Analyst(groups.clone()),
            Role::Admin => Self::Everything,
        }
    }

    /// Whether this audience may see a document of this kind and visibility.
    #[must_use]
    pub fn may_see(&self, kind: Kind, visibility: &Visibility) -> bool {
        match self.terms() {
            None => true,
            Some(allowed) => visibility
                .terms(kind)
                .iter()
                .any(|term| allowed.contains(term)),
        }
    }

    /// The audience terms of which a document must have one, or `None` when all may be seen.
    #[must_use]
    pub fn terms(&self) -> Option<BTreeSet<String>> {
        match self {
            Self::Everything => None,
            Self::Public => Some(BTreeSet::from(["public".to_owned()])),
            Self::Analyst(groups) => Some(
                ["public".to_owned(), "internal".to_owned()]
                    .into_iter()
                    .chain(groups.iter().map(|group| format!("group:{group}")))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_is_not_understood_is_internal() {
        for json in [
            r#""Public""#,
            r#""everyone""#,
            "null",
            "7",
            r#"{"restricted":"hr"}"#,
            "[]",
        ] {
            let visibility: Visibility = serde_json::from_str(json).unwrap();
            assert_eq!(visibility, Visibility::Internal, "{json}");
        }
    }

    #[test]
    fn a_ticket_is_never_public() {
        assert!(Audience::Public.may_see(Kind::Article, &Visibility::Public));
        assert!(!Audience::Public.may_see(Kind::Ticket, &Visibility::Public));
    }

    #[test]
    fn restricted_needs_a_common_group_or_an_admin() {
        let hr = Visibility::Restricted(groups(&["hr"]));
        let nobody = Visibility::Restricted(groups(&[]));
        let analyst = |names: &[&str]| Audience::Analyst(groups(names));
        assert!(!analyst(&[]).may_see(Kind::Article, &hr));
        assert!(!analyst(&["it"]).may_see(Kind::Article, &hr));
        assert!(analyst(&["it", "hr"]).may_see(Kind::Article, &hr));
        assert!(!analyst(&["hr"]).may_see(Kind::Article, &nobody));
        assert!(Audience::Everything.may_see(Kind::Article, &nobody));
    }

    #[test]
    fn visibility_survives_a_round_trip() {
        for visibility in [
            Visibility::Public,
            Visibility::Internal,
            Visibility::Restricted(groups(&["hr", "payroll"])),
        ] {
            let json = serde_json::to_string(&visibility).unwrap();
            assert_eq!(
                serde_json::from_str::<Visibility>(&json).unwrap(),
                visibility
            );
        }
    }
}
