//! What rollouts are driven with.

use std::sync::Arc;

use super::error::DeployError;
use super::events::{Broadcast, Events};
use crate::clock::Clock;
use crate::journal::Journal;
use crate::judge::Reviewer;
use crate::plan::UpdatePlan;
use crate::route::TrafficSplitter;

/// What rollouts are driven with, the same for all of a deployment.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub(crate) splitter: Arc<dyn TrafficSplitter>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) events: Arc<Broadcast>,
    pub(crate) reviewer: Option<Arc<Reviewer>>,
}

impl Surroundings {
    /// Traffic is split by `splitter`, time is read off `clock`, and decisions are written to `journal` before they are
    /// carried out.
    pub fn new(splitter: Arc<dyn TrafficSplitter>, clock: Arc<dyn Clock>, journal: Arc<dyn Journal>) -> Self {
        Self { splitter, clock, journal, events: Arc::new(Broadcast::default()), reviewer: None }
    }

    /// With a reviewer, which has a sample of the answers judged.
    #[must_use]
    pub fn with_reviewer(self, reviewer: Arc<Reviewer>) -> Self {
        Self { reviewer: Some(reviewer), ..self }
    }

    /// Lets the reviewer know, if there is one.
    pub(super) fn review(&self, tell: impl FnOnce(&Reviewer)) {
        if let Some(reviewer) = &self.reviewer {
            tell(reviewer);
        }
    }

    /// A plan with a shadow needs somebody to try prompts on the canary.
    pub(super) fn check_shadow(&self, plan: &UpdatePlan) -> Result<(), DeployError> {
        let can_shadow = self.reviewer.as_ref().is_some_and(|reviewer| reviewer.can_shadow());
        if plan.shadow().is_some() && !can_shadow { Err(DeployError::NoShadow) } else { Ok(()) }
    }

    /// Requests leave no evidence from here on.
    pub(super) fn stop_recording(&self) {
        self.splitter.stop_recording();
        self.review(Reviewer::end);
    }

    /// What happens from here on.
    pub fn events(&self) -> Events {
        self.events.subscribe()
    }
}
