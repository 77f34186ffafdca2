//! The name of a version.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::ModelError;

/// The longest name, in bytes.
const LONGEST: usize = 128;

/// The name of a version: 1 to 128 bytes without white space or control characters. Cheap to clone.
///
/// A name stands for one set of weights for ever: engines cache what they computed under a name, so other weights get
/// another name (`adapter@3`).
///
/// ```
/// use serinus::model::VersionId;
///
/// let v2 = VersionId::new("v2")?;
/// assert_eq!(v2.as_str(), "v2");
/// assert!(VersionId::new("").is_err());
/// assert!(VersionId::new("v 2").is_err());
/// # Ok::<(), serinus::model::ModelError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionId(SmolStr);

impl VersionId {
    /// A name, checked.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than 128 bytes, or has white space or control characters.
    pub fn new(name: impl AsRef<str>) -> Result<Self, ModelError> {
        let name = name.as_ref();
        let fits = (1..=LONGEST).contains(&name.len());
        if !fits || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let expected = "1 to 128 bytes without white space or control characters";
            return Err(ModelError::new("version", expected, name));
        }
        Ok(Self(SmolStr::new(name)))
    }

    /// The name.
    #[inline]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same name, of which no other thread counts the copies.
    pub(crate) fn unshared(&self) -> Self {
        Self(SmolStr::new(self.as_str()))
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl FromStr for VersionId {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl TryFrom<String> for VersionId {
    type Error = ModelError;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}

impl From<VersionId> for String {
    fn from(version: VersionId) -> Self {
        version.as_str().to_owned()
    }
}

impl AsRef<str> for VersionId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for VersionId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_wherever_they_come_from() {
        for bad in ["", " ", "a b", "a\n", "a\u{7f}", &"x".repeat(129)] {
            assert!(VersionId::new(bad).is_err(), "{bad:?}");
            assert!(serde_json::from_value::<VersionId>(bad.into()).is_err(), "{bad:?}");
        }
        let name = VersionId::new("llama@3.1-größer").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), r#""llama@3.1-größer""#);
    }
}
