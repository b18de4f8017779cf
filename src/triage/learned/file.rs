//! A model as a file: a mark, the model in postcard's compact form, and a BLAKE3 digest of both.
//! The same model gives the same bytes; the digest is its version.

use super::model::Model;

/// "Firstline model", and the version of the format.
const MARK: &[u8] = b"FLMODEL6";

/// The digits of the digest that name a model.
const VERSION_DIGITS: usize = 16;

/// Why a file is no model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// It is something else, or of another version.
    #[error("this is no model of this version of Firstline")]
    Unknown,
    /// It is cut short or changed.
    #[error("the model is damaged")]
    Damaged,
    /// A part of it is not what it should be.
    #[error("the model cannot be read")]
    Content(#[source] postcard::Error),
}

impl Model {
    /// The model as bytes.
    ///
    /// # Errors
    /// None that is known: the model is plain data.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let mut bytes = postcard::to_extend(self, MARK.to_vec()).map_err(ModelError::Content)?;
        let digest = blake3::hash(&bytes);
        bytes.extend(digest.as_bytes());
        Ok(bytes)
    }

    /// With its version, which names its bytes.
    pub(super) fn with_version(mut self) -> Result<Self, ModelError> {
        let bytes = self.to_bytes()?;
        let digest = bytes.last_chunk::<{ blake3::OUT_LEN }>();
        self.version = digest.map(|digest| version(digest)).unwrap_or_default();
        Ok(self)
    }

    /// The model that was written as these bytes.
    ///
    /// # Errors
    /// Bytes that are no model, or not whole.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let content = bytes.strip_prefix(MARK).ok_or(ModelError::Unknown)?;
        let n_content = content.len().checked_sub(blake3::OUT_LEN);
        let (content, digest) = n_content
            .and_then(|n| content.split_at_checked(n))
            .ok_or(ModelError::Damaged)?;
        let signed = bytes.get(..MARK.len() + content.len()).unwrap_or_default();
        if blake3::hash(signed).as_bytes().as_slice() != digest {
            return Err(ModelError::Damaged);
        }
        let mut model: Self = postcard::from_bytes(content).map_err(ModelError::Content)?;
        model.vocabulary = model.vocabulary.ready();
        for (name, field) in &mut model.fields {
            field.name_values(name);
        }
        model.version = version(digest);
        Ok(model)
    }
}

/// What a digest is called.
fn version(digest: &[u8]) -> String {
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.chars().take(VERSION_DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::{FieldValue, PastTicket, Rules, Training};

    fn model() -> Model {
        let past = |subject: &str, value: &str| PastTicket {
            ticket: crate::TicketText {
                subject: subject.to_owned(),
                ..crate::TicketText::default()
            },
            values: [("category".to_owned(), FieldValue::Name(value.to_owned()))].into(),
            ..PastTicket::default()
        };
        let tickets: Vec<PastTicket> = (0..10)
            .flat_map(|n| {
                [
                    past(&format!("vpn {n}"), "network"),
                    past("printer", "hardware"),
                ]
            })
            .collect();
        let training = Training {
            rules: &Rules::default(),
            fields: &["category"],
            precision: 0.9,
            seq: 0,
        };
        Model::train(&tickets, training).unwrap()
    }

    #[test]
    fn the_same_tickets_give_the_same_bytes_and_back() {
        let bytes = model().to_bytes().unwrap();
        assert_eq!(bytes, model().to_bytes().unwrap());
        let read = Model::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes().unwrap(), bytes);
        assert_eq!(read.version().len(), VERSION_DIGITS);
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let bytes = model().to_bytes().unwrap();
        for cut in [0, MARK.len(), MARK.len() + 10, bytes.len() - 1] {
            assert!(Model::from_bytes(&bytes[..cut]).is_err(), "{cut}");
        }
        for at in (0..bytes.len()).step_by(97) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(Model::from_bytes(&changed).is_err(), "{at}");
        }
    }
}
