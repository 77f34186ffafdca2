//! A test as it is stored.

use serde::{Deserialize, Serialize};

use super::ab_test::{AbTest, Arm, MOST_KEPT, Stream, check_scores};
use super::builder::Setup;
use super::{Design, ExperimentError};

/// A test as it is stored, not yet checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename = "AbTest")]
pub(super) struct State {
    setup: Setup,
    arms: Vec<Arm>,
    evidence: Stream,
}

impl From<AbTest> for State {
    fn from(AbTest { setup, arms, evidence }: AbTest) -> Self {
        Self { setup, arms, evidence }
    }
}

impl TryFrom<State> for AbTest {
    type Error = ExperimentError;

    fn try_from(State { setup, arms, evidence }: State) -> Result<Self, Self::Error> {
        setup.check()?;
        let error = |setting, expected, got: usize| Err(ExperimentError::setting(setting, expected, got.to_string()));
        if arms.len() != setup.versions.len() {
            return error("stored arms", "one for each version", arms.len());
        }
        let evidence_fits = match &evidence {
            Stream::Pairs(_) => setup.design == Design::Paired,
            Stream::Contrasts(contrasts) => setup.design != Design::Paired && contrasts.len() + 1 == arms.len(),
        };
        if !evidence_fits {
            return error("stored evidence", "of the test's design and arms", arms.len());
        }
        for (place, arm) in arms.iter().enumerate() {
            let (kept, covariates) = (arm.samples.kept(), arm.samples.covariates());
            check_scores(kept)?;
            let (recorded, target) = (arm.samples.count(), setup.target(place));
            if !(recorded.min(target as u64)..=recorded.min((MOST_KEPT * target) as u64)).contains(&(kept.len() as u64))
            {
                return error("stored scores", "as many as were recorded, up to the planned sample", kept.len());
            }
            if covariates.len() != if setup.design == Design::Cuped { kept.len() } else { 0 } {
                return error("stored covariates", "one for each score of a test that has them", covariates.len());
            }
            if setup.design == Design::Paired && kept.len() != arms[0].samples.kept().len() {
                return error("stored pairs", "as many scores of both versions", kept.len());
            }
        }
        Ok(Self { setup, arms, evidence })
    }
}
