//! Where a rollout stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a rollout stands.
///
/// `Planned → (Loading → Warming → Verifying → (Shadow | Stage))* → Promoted → Baking → Retiring → Completed`; from any phase
/// up to `Baking` it can go to `RollingBack → RolledBack`, or to `Failed` if the way back did not succeed either. `Loading`,
/// `Warming` and `Verifying` come again before each stage that needs more replicas; traffic goes on meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing has happened yet.
    Planned,
    /// Replicas are being loaded, or taken from the stable set to make room.
    Loading,
    /// Replicas run their first tokens.
    Warming,
    /// What is loaded is compared with what was meant.
    Verifying,
    /// The canary answers prompts of the old version's users beside them, without any traffic, and is judged.
    Shadow,
    /// The canary serves a stage's share and is judged.
    Stage(usize),
    /// The new version has all the traffic.
    Promoted,
    /// The new version has all the traffic; the old one is kept warm as the way back.
    Baking,
    /// The old version drains and is unloaded.
    Retiring,
    /// The new version serves alone.
    Completed,
    /// The canary has no traffic; it drains and is unloaded.
    RollingBack,
    /// The old version serves alone.
    RolledBack,
    /// The canary has no traffic, but the old version could not be brought back to full strength. The outcome says what
    /// an operator must do.
    Failed,
}

impl Phase {
    /// Whether nothing more will happen.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::RolledBack | Self::Failed)
    }

    /// Whether the new version has all the traffic, now and in a process that begins anew.
    pub const fn is_promoted(self) -> bool {
        matches!(self, Self::Promoted | Self::Baking | Self::Retiring | Self::Completed)
    }

    /// Whether the old version is still there to go back to.
    pub const fn can_roll_back(self) -> bool {
        !self.is_final() && !matches!(self, Self::RollingBack | Self::Retiring)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Planned => "planned",
            Self::Loading => "loading",
            Self::Warming => "warming",
            Self::Verifying => "verifying",
            Self::Shadow => "shadow",
            Self::Stage(index) => return write!(f, "stage {index}"),
            Self::Promoted => "promoted",
            Self::Baking => "baking",
            Self::Retiring => "retiring",
            Self::Completed => "completed",
            Self::RollingBack => "rolling back",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
        };
        f.write_str(name)
    }
}
