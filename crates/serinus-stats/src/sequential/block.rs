//! What two versions did over the same minutes.

use serde::{Deserialize, Serialize};

use super::Count;

/// What two versions did over the same minutes, with requests assigned to them by chance.
///
/// A block closes by time and arrival counts only, never by outcomes, and is tested once all its requests have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateBlock {
    /// The version in service.
    pub stable: Count,
    /// The version on trial.
    pub canary: Count,
}
