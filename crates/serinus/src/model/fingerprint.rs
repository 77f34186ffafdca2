//! What is really loaded.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// A hash of weights, as the host that loaded them reports it. Two are equal if their texts are, upper and lower case
/// apart. Serinus compares fingerprints and does not care how they are made.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(Arc<str>);

impl Fingerprint {
    /// A fingerprint.
    ///
    /// # Errors
    ///
    /// If it is empty.
    pub fn new(text: impl AsRef<str>) -> Result<Self, ModelError> {
        let text = text.as_ref().trim();
        if text.is_empty() {
            return Err(ModelError::new("weight_hash", "not empty", text));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Fingerprint {}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.as_str().to_owned()
    }
}
