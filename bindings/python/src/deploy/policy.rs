//! Rollout policies written in Python.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde::Serialize;
use serinus::evaluate::Evaluation;
use serinus::plan::{Shadow, Stage, UpdatePlan};
use serinus::rollout::{Decision, RolloutPolicy, ShadowView, StageView, StagedPolicy};

use crate::calls::{Argument, Calls};

/// An object with `decide(view)`, and perhaps `decide_shadow(view)`.
#[derive(Debug)]
pub(super) struct Policy {
    object: Py<PyAny>,
    calls: Arc<Calls>,
    decides_shadow: bool,
}

/// A view as it crosses.
#[derive(Serialize)]
struct View<'a> {
    plan: &'a UpdatePlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'a Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<&'a Shadow>,
    is_last: bool,
    held_seconds: f64,
    requests: u64,
    default: Said,
}

/// A decision as it crosses.
#[derive(Serialize)]
struct Said {
    action: &'static str,
    reason: String,
}

impl From<Decision> for Said {
    fn from(decision: Decision) -> Self {
        let (action, reason) = match decision {
            Decision::Hold { missing } => ("hold", missing),
            Decision::Advance => ("advance", String::new()),
            Decision::Pause { reason } => ("pause", reason),
            Decision::RollBack { reason } => ("roll_back", reason),
        };
        Self { action, reason }
    }
}

fn decision(said: &Bound<'_, PyAny>) -> PyResult<Decision> {
    let reason = said.getattr("reason")?.extract::<String>()?;
    let action = said.getattr("action")?.extract::<String>()?;
    Ok(match action.as_str() {
        "advance" => Decision::Advance,
        "pause" => Decision::Pause { reason },
        "roll_back" => Decision::RollBack { reason },
        "hold" => Decision::Hold { missing: reason },
        other => return Err(PyValueError::new_err(format!("there is no action {other:?}"))),
    })
}

impl Policy {
    pub(super) fn new(object: Bound<'_, PyAny>, calls: Arc<Calls>) -> PyResult<Self> {
        let decides_shadow = object.hasattr("decide_shadow")?;
        Ok(Self { object: object.unbind(), calls, decides_shadow })
    }

    /// What it says; a person must look at a policy that fails.
    fn ask(&self, method: &str, view: &View<'_>, evaluation: &Evaluation) -> Decision {
        let view = Argument::Judged("view", serde_json::to_string(view).unwrap_or_default(), evaluation);
        let said = self.calls.call(&self.object, method, &[view], decision);
        said.unwrap_or_else(|failure| Decision::Pause { reason: format!("the policy failed: {failure}") })
    }
}

impl RolloutPolicy for Policy {
    fn decide(&self, view: &StageView<'_>) -> Decision {
        let StageView { plan, stage, is_last, held, requests, evaluation } = *view;
        let default = StagedPolicy.decide(view).into();
        let held_seconds = held.as_secs_f64();
        let stage = Some(stage);
        self.ask("decide", &View { plan, stage, shadow: None, is_last, held_seconds, requests, default }, evaluation)
    }

    fn decide_shadow(&self, view: &ShadowView<'_>) -> Decision {
        let default = StagedPolicy.decide_shadow(view);
        if !self.decides_shadow {
            return default;
        }
        let ShadowView { plan, shadow, held, evaluation } = *view;
        let (held_seconds, requests, shadow) = (held.as_secs_f64(), evaluation.pairs, Some(shadow));
        let default = default.into();
        let view = View { plan, stage: None, shadow, is_last: false, held_seconds, requests, default };
        self.ask("decide_shadow", &view, evaluation)
    }
}
