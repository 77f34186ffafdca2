//! By which rule an evaluator judges, and how it is made of what Python says.

use std::time::Duration;

use pyo3::prelude::*;
use serinus::clock::Timestamp;
use serinus::evaluate::{CanaryEvaluator, SequentialBuilder, SequentialEvaluator, ThresholdEvaluator, Thresholds};
use serinus::judge::Calibration;
use serinus::model::VersionId;
use serinus::observe::{self, UserCap};
use serinus::plan::Margins;
use serinus_stats::StatisticsError;

use super::guardrails::Guardrails;
use super::maker::refused;
use super::report::Report;
use crate::errors;

/// By which rule an evaluator judges.
pub(super) enum Rule {
    Sequential(Box<SequentialEvaluator>),
    Threshold(Box<ThresholdEvaluator>),
}

impl Rule {
    /// The sequential one where there are settings for it, else that of thresholds.
    pub(super) fn new(
        py: Python<'_>,
        (stable, canary): (&VersionId, &VersionId),
        (margins, min_requests): (&Bound<'_, PyAny>, i64),
        guardrails: &Guardrails,
        settings: Option<Settings>,
    ) -> PyResult<Self> {
        let (margins, min_requests) = (self::margins(margins)?, count(py, "min_requests", min_requests)?);
        let Some(settings) = settings else {
            return threshold(py, (stable, canary), margins, min_requests).map(Box::new).map(Self::Threshold);
        };
        let builder = SequentialEvaluator::builder(stable.clone(), canary.clone()).margins(margins);
        let builder = settings.apply(py, builder.min_requests(min_requests))?;
        let evaluator = guardrails.add_to(builder).build().map_err(|error| refused(py, &error))?;
        Ok(Self::Sequential(Box::new(evaluator)))
    }

    pub(super) fn evaluator(&mut self) -> &mut dyn CanaryEvaluator {
        match self {
            Self::Sequential(evaluator) => &mut **evaluator,
            Self::Threshold(evaluator) => &mut **evaluator,
        }
    }

    /// Each observation says itself when it arrived.
    pub(super) fn observe_together(&mut self, report: impl FnOnce(&mut dyn FnMut(&observe::Observation))) {
        match self {
            Self::Sequential(evaluator) => evaluator.observe_together(Timestamp::ZERO, report),
            Self::Threshold(evaluator) => evaluator.observe_together(Timestamp::ZERO, report),
        }
    }

    pub(super) fn report(&self, now: Timestamp, confidence: f64) -> Result<Report, StatisticsError> {
        match self {
            Self::Sequential(evaluator) => {
                let evaluation = evaluator.evaluate(now);
                let mut intervals = Vec::with_capacity(evaluation.guardrails.len());
                for name in evaluation.guardrails.keys() {
                    intervals.extend(evaluator.interval(name, confidence)?.map(|interval| (name.clone(), interval)));
                }
                Ok(Report::new(evaluation, intervals))
            }
            Self::Threshold(evaluator) => Ok(Report::new(evaluator.evaluate(now), [])),
        }
    }
}

/// What a sequential evaluator is told beside versions, margins and guardrails.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct Settings {
    false_rollback_budget: f64,
    false_promotion_budget: f64,
    default_guardrails: bool,
    text_checks: bool,
    /// Requests of a user that count each hour; 0 for the first one of each user alone.
    user_cap: Option<u8>,
    cold_start_requests: i64,
    cold_start_seconds: f64,
    calibration: Option<String>,
}

impl Settings {
    fn apply(&self, py: Python<'_>, builder: SequentialBuilder) -> PyResult<SequentialBuilder> {
        let user_cap = match self.user_cap {
            Some(requests) => UserCap::per_hour(requests).unwrap_or(UserCap::Once),
            None => UserCap::None,
        };
        let cold = Duration::try_from_secs_f64(self.cold_start_seconds).map_err(|_| {
            let (what, got) = ("cold_start_seconds must be finite and at least 0", self.cold_start_seconds.to_string());
            errors::raise(py, "StatisticsError", what, Some("finite and at least 0"), Some(&got))
        })?;
        let mut builder = builder
            .false_rollback_budget(self.false_rollback_budget)
            .false_promotion_budget(self.false_promotion_budget)
            .user_cap(user_cap)
            .cold_start(count(py, "cold_start_requests", self.cold_start_requests)?, cold);
        if self.text_checks {
            builder = builder.text_checks();
        }
        if let Some(json) = &self.calibration {
            let calibration: Calibration = serde_json::from_str(json)
                .map_err(|error| errors::raise(py, "StatisticsError", &error.to_string(), None, None))?;
            builder = builder.calibration(calibration);
        }
        Ok(if self.default_guardrails { builder } else { builder.no_default_guardrails() })
    }
}

fn count(py: Python<'_>, argument: &str, number: i64) -> PyResult<u64> {
    u64::try_from(number).map_err(|_| {
        let what = format!("{argument} must be at least 0, got {number}");
        errors::raise(py, "StatisticsError", &what, Some("at least 0"), Some(&number.to_string()))
    })
}

/// The margins as fixed thresholds.
pub(crate) fn thresholds(margins: Margins, min_requests: u64) -> Thresholds {
    Thresholds {
        p99_increase: margins.p99_latency_increase,
        error_increase: margins.error_rate_increase,
        quality_decrease: margins.quality_decrease,
        min_requests,
    }
}

fn threshold(
    py: Python<'_>,
    versions: (&VersionId, &VersionId),
    margins: Margins,
    min_requests: u64,
) -> PyResult<ThresholdEvaluator> {
    let (stable, canary) = versions;
    if stable == canary {
        let what = format!("expected two versions to compare, got {stable} as both");
        return Err(errors::raise(py, "StatisticsError", &what, None, None));
    }
    ThresholdEvaluator::new(stable.clone(), canary.clone(), thresholds(margins, min_requests))
        .map_err(|error| errors::raise(py, "StatisticsError", &error.to_string(), None, Some(&error.got.to_string())))
}

fn margins(object: &Bound<'_, PyAny>) -> PyResult<Margins> {
    Ok(Margins {
        p99_latency_increase: object.getattr("p99_latency_increase")?.extract()?,
        error_rate_increase: object.getattr("error_rate_increase")?.extract()?,
        failure_rate_increase: object.getattr("failure_rate_increase")?.extract()?,
        quality_decrease: object.getattr("quality_decrease")?.extract()?,
    })
}
