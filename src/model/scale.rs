//! Impact, urgency and priority: the scales of the ITIL practice.
//!
//! Impact and urgency are judged, 1 (high) to 3 (low). Priority is never judged: it is read from
//! the impact x urgency matrix, 1 (highest) to 5. The default matrix is the one that the ITIL
//! incident practice and the common service desks use.

use serde::{Deserialize, Serialize};

/// A number outside its scale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{scale} is a whole number from 1 to {highest}, not {value}")]
pub struct InvalidScale {
    /// Which scale.
    pub scale: &'static str,
    /// The highest number of the scale.
    pub highest: u8,
    /// What was given.
    pub value: u8,
}

fn check(scale: &'static str, value: u8, highest: u8) -> Result<u8, InvalidScale> {
    if (1..=highest).contains(&value) {
        Ok(value)
    } else {
        Err(InvalidScale {
            scale,
            highest,
            value,
        })
    }
}

/// The extent of the damage: 1 a site or the company, 2 a team, 3 one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Impact(u8);

/// How soon it hurts: 1 cannot work, 2 hindered, 3 can wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Urgency(u8);

/// The order of work: 1 first, 5 last. Derived, see [`PriorityMatrix`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Priority(u8);

impl TryFrom<u8> for Impact {
    type Error = InvalidScale;

    fn try_from(value: u8) -> Result<Self, InvalidScale> {
        check("impact", value, 3).map(Self)
    }
}

impl TryFrom<u8> for Urgency {
    type Error = InvalidScale;

    fn try_from(value: u8) -> Result<Self, InvalidScale> {
        check("urgency", value, 3).map(Self)
    }
}

impl TryFrom<u8> for Priority {
    type Error = InvalidScale;

    fn try_from(value: u8) -> Result<Self, InvalidScale> {
        check("priority", value, 5).map(Self)
    }
}

impl From<Impact> for u8 {
    fn from(impact: Impact) -> Self {
        impact.0
    }
}

impl From<Urgency> for u8 {
    fn from(urgency: Urgency) -> Self {
        urgency.0
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

/// The table that gives the priority: rows are impact 1 to 3, columns urgency 1 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriorityMatrix([[Priority; 3]; 3]);

impl Default for PriorityMatrix {
    fn default() -> Self {
        let p = Priority;
        Self([[p(1), p(2), p(3)], [p(2), p(3), p(4)], [p(3), p(4), p(5)]])
    }
}

impl PriorityMatrix {
    /// The priority of this impact and urgency.
    #[must_use]
    pub fn priority(&self, impact: Impact, urgency: Urgency) -> Priority {
        let [high, medium, low] = &self.0;
        let row = match impact.0 {
            1 => high,
            2 => medium,
            _ => low,
        };
        match urgency.0 {
            1 => row[0],
            2 => row[1],
            _ => row[2],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_matrix_is_the_itil_table() {
        let matrix = PriorityMatrix::default();
        let table: Vec<u8> = (1..=3)
            .flat_map(|i| (1..=3).map(move |u| (i, u)))
            .map(|(i, u)| matrix.priority(Impact(i), Urgency(u)).into())
            .collect();
        assert_eq!(table, [1, 2, 3, 2, 3, 4, 3, 4, 5]);
    }

    #[test]
    fn numbers_outside_the_scale_are_refused() {
        for value in [0_u8, 4, 255] {
            assert!(Impact::try_from(value).is_err());
            assert!(Urgency::try_from(value).is_err());
        }
        assert!(Priority::try_from(6).is_err());
        let error = serde_json::from_str::<Impact>("4").unwrap_err().to_string();
        assert!(
            error.contains("impact is a whole number from 1 to 3, not 4"),
            "{error}"
        );
    }
}
