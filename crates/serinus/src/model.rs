//! temporary
use serde::{Deserialize, Serialize};
use std::sync::Arc;
/// t
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VersionId(Arc<str>);
impl VersionId {
    /// t
    pub fn new(s: &str) -> Result<Self, std::fmt::Error> {
        Ok(Self(s.into()))
    }
    /// t
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl std::fmt::Display for VersionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
