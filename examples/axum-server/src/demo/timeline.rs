//! When things happened, and where traffic really went meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serinus::deploy::What;
use serinus::model::VersionId;
use serinus::plan::Stage;
use serinus::rollout::{Phase, Progress};
use serinus::route::{HashSplitter, TrafficSplitter};

/// When things happened in one update.
pub(super) struct Timeline {
    canary: VersionId,
    stages: Vec<Stage>,
    splitter: Arc<HashSplitter>,
    pub(super) weight: f64,
    pub(super) phase: Option<Phase>,
    /// Requests to the canary and to all when the weight was last changed.
    counted: (u64, u64),
    /// Shares that stages got, by the configured one.
    pub(super) shares: Vec<(f64, f64)>,
    last_stage_left: Option<Instant>,
    pub(super) promoted_in: Option<Duration>,
    pub(super) first_wrong: Option<Instant>,
    pub(super) rolled_back_at: Option<Instant>,
}

impl Timeline {
    pub(super) fn new(canary: VersionId, stages: Vec<Stage>, splitter: Arc<HashSplitter>) -> Self {
        Self {
            canary,
            stages,
            splitter,
            weight: 0.0,
            phase: None,
            counted: (0, 0),
            shares: Vec::new(),
            last_stage_left: None,
            promoted_in: None,
            first_wrong: None,
            rolled_back_at: None,
        }
    }

    pub(super) fn note(&mut self, what: &What, now: Instant) {
        let What::Progress(progress) = what else { return };
        match progress {
            Progress::Weight(weight) => {
                self.close_share();
                self.weight = *weight;
                if *weight == 1.0 {
                    self.promoted_in = self.last_stage_left.map(|left| now - left);
                }
            }
            Progress::Phase(phase) => {
                if self.phase == Some(Phase::Stage(self.stages.len().saturating_sub(1))) {
                    self.last_stage_left = Some(now);
                }
                if *phase == Phase::RollingBack {
                    self.rolled_back_at = Some(now);
                }
                self.phase = Some(*phase);
            }
            _ => {}
        }
    }

    fn close_share(&mut self) {
        let stats = self.splitter.stats();
        let all = stats.versions.values().map(|version| version.count).sum();
        let canary = stats.versions.get(&self.canary).map_or(0, |version| version.count);
        let (canary_before, all_before) = std::mem::replace(&mut self.counted, (canary, all));
        let routed = all - all_before;
        if self.stages.iter().any(|stage| stage.weight() == self.weight) && routed > 0 {
            self.shares.push((self.weight, (canary - canary_before) as f64 / routed as f64));
        }
    }
}
