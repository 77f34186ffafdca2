//! What is really loaded.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ModelError;

/// A hash of weights, as the host that loaded them reports it. Two are equal if their texts are; where both are
/// hexadecimal, upper and lower case are the same. Serinus compares fingerprints and does not care how they are made.
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

    fn is_hexadecimal(&self) -> bool {
        self.0.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.is_hexadecimal() && self.0.eq_ignore_ascii_case(&other.0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_in_hexadecimal_alone() {
        let fingerprint = |text: &str| Fingerprint::new(text).unwrap();
        assert_eq!(fingerprint("AD3f"), fingerprint("ad3F"));
        assert_ne!(fingerprint("sha256-Zm9v"), fingerprint("sha256-zM9V"), "base64 tells them apart");
        assert!(Fingerprint::new(" ").is_err());
    }
}
