//! How much is asked, by whom, and what.

use std::f64::consts::TAU;

use crate::simulation::SimulationError;

/// Each has a name and a place of its own in memory.
const MOST_USERS: u32 = 1_000_000;

/// The traffic of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    pub(crate) per_hour: f64,
    swing: f64,
    pub(crate) users: Users,
    pub(crate) kinds: Vec<PromptKind>,
    pub(crate) labelled: bool,
    pub(crate) judge_error: f64,
    pub(crate) judged: f64,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Users {
    /// Each request comes from somebody new.
    Strangers,
    /// The same users come again and again; the activity of the one at rank r is in proportion to r to the power of −`exponent`.
    Regulars {
        /// How many.
        users: u32,
        /// Zipf's exponent.
        exponent: f64,
        /// How much their own failure rates differ: their standard deviation over their mean (gamma-distributed).
        variation: f64,
        /// The share of users who get nothing but failures, on any version.
        broken: f64,
    },
}

impl Users {
    /// Users whose activity follows Zipf's law, and who are alike otherwise.
    pub const fn zipf(users: u32, exponent: f64) -> Self {
        Self::Regulars { users, exponent, variation: 0.0, broken: 0.0 }
    }

    /// With failure rates that differ from user to user, by this standard deviation over their mean.
    #[must_use]
    pub const fn failing_differently(self, by: f64) -> Self {
        match self {
            Self::Strangers => self,
            Self::Regulars { users, exponent, broken, .. } => Self::Regulars { users, exponent, variation: by, broken },
        }
    }

    /// With this share of users who get nothing but failures, on any version.
    #[must_use]
    pub const fn with_broken(self, share: f64) -> Self {
        match self {
            Self::Strangers => self,
            Self::Regulars { users, exponent, variation, .. } => {
                Self::Regulars { users, exponent, variation, broken: share }
            }
        }
    }
}

/// One kind of prompts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PromptKind {
    /// Its share of all prompts at the stable version; shares are scaled to sum to 1.
    pub share: f64,
    /// Its share of the prompts at the canary, where that is another one.
    pub canary_share: f64,
    /// What its times are multiplied by.
    pub slower: f64,
    /// What its failures are multiplied by.
    pub fails_more: f64,
}

impl Traffic {
    /// So many requests an hour, evenly through the day, each from somebody new.
    pub const fn per_hour(per_hour: f64) -> Self {
        Self {
            per_hour,
            swing: 0.0,
            users: Users::Strangers,
            kinds: Vec::new(),
            labelled: false,
            judge_error: 0.0,
            judged: 1.0,
        }
    }

    /// With a day's shape: by this share of the mean more at the peak, six hours after the start, and less at the trough.
    #[must_use]
    pub fn daily_swing(self, swing: f64) -> Self {
        Self { swing, ..self }
    }

    /// From these users.
    #[must_use]
    pub fn users(self, users: Users) -> Self {
        Self { users, ..self }
    }

    /// Of these kinds, at most 16, which the host labels or not.
    #[must_use]
    pub fn kinds(self, kinds: impl Into<Vec<PromptKind>>, labelled: bool) -> Self {
        Self { kinds: kinds.into(), labelled, ..self }
    }

    /// With a judge who says the opposite of the truth with this probability.
    #[must_use]
    pub fn judge_error(self, judge_error: f64) -> Self {
        Self { judge_error, ..self }
    }

    /// With a judge who looks at this share of the answers only.
    #[must_use]
    pub fn judged(self, judged: f64) -> Self {
        Self { judged, ..self }
    }

    /// Requests a second at the peak.
    pub(crate) fn peak(&self) -> f64 {
        self.per_hour / 3_600.0 * (1.0 + self.swing)
    }

    /// The share of the peak at a time.
    pub(crate) fn share_of_peak(&self, seconds: f64) -> f64 {
        if self.swing == 0.0 {
            return 1.0;
        }
        (1.0 + self.swing * (TAU * seconds / 86_400.0).sin()) / (1.0 + self.swing)
    }

    /// Looks whether it makes sense. [`Simulation::run`](crate::Simulation::run) does so too.
    ///
    /// # Errors
    ///
    /// [`SimulationError`] with what does not.
    pub fn check(&self) -> Result<(), SimulationError> {
        if !(self.per_hour > 0.0 && self.per_hour <= 1e9) {
            return Err(SimulationError::new(
                "traffic",
                "requests an hour above 0 and at most a billion",
                self.per_hour,
            ));
        }
        let shares = [self.swing, self.judge_error, self.judged];
        if let Some(got) = shares.into_iter().find(|share| !(0.0..=1.0).contains(share)) {
            return Err(SimulationError::new("traffic", "shares in [0, 1]", got));
        }
        if let Users::Regulars { users, exponent, variation, broken } = self.users {
            if !(1..=MOST_USERS).contains(&users) {
                return Err(SimulationError::new("traffic", "between one and a million users", users));
            }
            if let Some(got) = [exponent, variation].into_iter().find(|value| !(0.0..=100.0).contains(value)) {
                return Err(SimulationError::new("traffic", "an exponent and a variation of users in [0, 100]", got));
            }
            if !(0.0..=1.0).contains(&broken) {
                return Err(SimulationError::new("traffic", "a share of broken users in [0, 1]", broken));
            }
        }
        let positive = |kind: &PromptKind| {
            let above = |value: f64| value >= 0.0 && value.is_finite();
            [kind.share, kind.canary_share, kind.slower, kind.fails_more].into_iter().all(above) && kind.slower > 0.0
        };
        let some = |share: fn(&PromptKind) -> f64| self.kinds.iter().map(share).sum::<f64>() > 0.0;
        let sums = self.kinds.is_empty() || (some(|kind| kind.share) && some(|kind| kind.canary_share));
        if self.kinds.len() > 16 || !self.kinds.iter().all(positive) || !sums {
            let got = self.kinds.len() as f64;
            return Err(SimulationError::new(
                "traffic",
                "at most 16 kinds of prompts with shares and factors above 0",
                got,
            ));
        }
        Ok(())
    }
}
