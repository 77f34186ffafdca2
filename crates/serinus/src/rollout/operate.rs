//! A person's word.

use super::effect::{Effect, Progress};
use super::input::{Command, Input};
use super::machine::{Reaction, Rollout};
use super::{Phase, RolloutError};
use crate::clock::Timestamp;

impl Rollout {
    pub(super) fn operate(&mut self, command: Command, reaction: &mut Reaction) -> Result<(), RolloutError> {
        let phase = self.state.phase;
        let wrong = |command, possible| RolloutError::WrongPhase { command, phase, possible };
        match command {
            Command::Pause { .. } | Command::Resume | Command::Approve if phase.is_final() => {
                return Err(wrong("pause, resume or approve", "until it has ended"));
            }
            Command::Pause { reason } => {
                reaction.effects.push(Effect::Progress(Progress::Paused(reason.clone())));
                self.state.paused = Some(reason);
            }
            Command::Resume => self.resume(reaction),
            Command::Approve => {
                self.state.approved = true;
                self.resume(reaction);
            }
            Command::Abort { reason } => {
                if !phase.can_roll_back() {
                    return Err(wrong("abort", "while the old version is still there"));
                }
                self.roll_back(reason, true, reaction);
            }
            Command::Promote => self.promote(reaction)?,
            Command::EndBake => {
                if phase != Phase::Baking {
                    return Err(wrong("end the bake", "while the new version bakes"));
                }
                self.state.paused = None;
                self.retire(reaction);
            }
        }
        Ok(())
    }

    pub(super) fn resume(&mut self, reaction: &mut Reaction) {
        if self.state.paused.take().is_some() {
            self.state.stage.counted_from = self.state.stage.held;
            reaction.effects.push(Effect::Progress(Progress::Resumed));
            self.pursue_if_idle(reaction);
        }
    }

    pub(super) fn promote(&mut self, reaction: &mut Reaction) -> Result<(), RolloutError> {
        let phase = self.state.phase;
        if !phase.can_roll_back() || matches!(phase, Phase::Planned | Phase::Promoted | Phase::Baking) {
            let possible = "from the first load until it has all the traffic";
            return Err(RolloutError::WrongPhase { command: "promote", phase, possible });
        }
        if self.gate_is_shut() {
            let reasons = self.state.evaluation.as_ref().map_or_else(
                || "nothing has been judged yet".to_owned(),
                |seen| seen.awaits.iter().chain(&seen.reasons).cloned().collect::<Vec<_>>().join("; "),
            );
            return Err(RolloutError::NotHealthy { reasons });
        }
        self.state.approved = true;
        self.head_for_promotion(reaction);
        Ok(())
    }
}

/// What passes safety by on purpose; see [`Rollout::dangerous`].
#[derive(Debug)]
pub struct Dangerous<'a>(pub(super) &'a mut Rollout);

impl Dangerous<'_> {
    /// Goes to 100% although the canary has not been proven healthy. A canary that is proven *degraded* is still
    /// rolled back.
    ///
    /// # Errors
    ///
    /// [`RolloutError::WrongPhase`] before the first load and once it has all the traffic.
    pub fn promote_without_health_gate(self, now: Timestamp) -> Result<Vec<Effect>, RolloutError> {
        let skipped_before = std::mem::replace(&mut self.0.state.gate_skipped, true);
        let result = self.0.handle(now, Input::Operator(Command::Promote));
        if result.is_err() {
            self.0.state.gate_skipped = skipped_before;
        }
        result
    }
}
