//! An evaluator's report: the verdict, its reasons, and the numbers on both versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::budget::Ledger;
use super::verdict::Verdict;
use crate::clock::Timestamp;
use crate::judge::{Calibration, CorrectedRate};
use crate::observe::{Count, Measures};

/// What an evaluator has to say at one time: the verdict, why, and the numbers of both versions.
///
/// The comparisons describe each version's latest requests; the verdict rests on the guardrails, which compare
/// concurrent requests over the whole rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What the evidence says.
    pub verdict: Verdict,
    /// Whether to roll back: exactly if the verdict is [`Degraded`](Verdict::Degraded).
    pub rollback: bool,
    /// Why, in sentences with their numbers, the deciding one first.
    pub reasons: Vec<String>,
    /// Latencies of the latest requests.
    pub latency: LatencyComparison,
    /// Errors among the latest requests.
    pub errors: ErrorComparison,
    /// Judgements and lengths of the latest answers.
    pub quality: QualityComparison,
    /// Each guardrail's evidence, by name. Empty where an evaluator has none.
    pub guardrails: BTreeMap<String, GuardrailReport>,
    /// Requests to the stable version that have been judged, over the whole rollout.
    pub stable_requests: u64,
    /// Requests to the canary that have been judged, over the whole rollout; stages count their own from it.
    pub canary_requests: u64,
    /// Prompts to which both versions' answers have been compared, over the whole rollout.
    #[serde(default)]
    pub pairs: u64,
    /// What a person should look at and that rolls nothing back, by what it is about: alert-only guardrails that have
    /// found the canary to be worse, and users who make up too much of the traffic.
    #[serde(default)]
    pub alerts: BTreeMap<String, String>,
    /// What must come before the canary may go on, whatever else is proven: judged answers, where there is a judge and none
    /// have come in this stage.
    #[serde(default)]
    pub awaits: Option<String>,
    /// How the budget of false rollbacks is spent. `None` where an evaluator has none to keep.
    pub ledger: Option<Ledger>,
    /// The time of the evaluation.
    pub at: Timestamp,
}

/// Latencies of both versions, in milliseconds; increases are relative to the stable version (0.2 is +20%).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyComparison {
    /// The stable version's median.
    pub stable_p50_ms: Option<f64>,
    /// The stable version's 99th percentile.
    pub stable_p99_ms: Option<f64>,
    /// The canary's median.
    pub canary_p50_ms: Option<f64>,
    /// The canary's 99th percentile.
    pub canary_p99_ms: Option<f64>,
    /// Relative increase of the median.
    pub p50_increase: Option<f64>,
    /// Relative increase of the 99th percentile.
    pub p99_increase: Option<f64>,
    /// The stable version's median time to the first token.
    pub stable_ttft_p50_ms: Option<f64>,
    /// The canary's median time to the first token.
    pub canary_ttft_p50_ms: Option<f64>,
}

impl LatencyComparison {
    /// Compares the latencies of two versions' requests.
    pub fn between(stable: &Measures, canary: &Measures) -> Self {
        let (stable_p50_ms, canary_p50_ms) = (stable.latency().quantile(0.5), canary.latency().quantile(0.5));
        let (stable_p99_ms, canary_p99_ms) = (stable.latency().quantile(0.99), canary.latency().quantile(0.99));
        Self {
            stable_p50_ms,
            stable_p99_ms,
            canary_p50_ms,
            canary_p99_ms,
            p50_increase: relative_increase(stable_p50_ms, canary_p50_ms),
            p99_increase: relative_increase(stable_p99_ms, canary_p99_ms),
            stable_ttft_p50_ms: stable.ttft().quantile(0.5),
            canary_ttft_p50_ms: canary.ttft().quantile(0.5),
        }
    }
}

/// Shares of failed requests, in [0, 1].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorComparison {
    /// The stable version's error rate.
    pub stable_rate: Option<f64>,
    /// The canary's error rate.
    pub canary_rate: Option<f64>,
    /// Relative increase (0.5 is +50%); `None` where the stable version had no error.
    pub increase: Option<f64>,
}

impl ErrorComparison {
    /// Compares errors among the requests of two versions.
    pub fn between(stable: Count, canary: Count) -> Self {
        let (stable_rate, canary_rate) = (stable.rate(), canary.rate());
        Self { stable_rate, canary_rate, increase: relative_increase(stable_rate, canary_rate) }
    }
}

/// Scores, judgements and lengths of both versions' answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QualityComparison {
    /// Mean score of the stable version's answers, in [0, 1].
    pub stable_mean: Option<f64>,
    /// Mean score of the canary's answers, in [0, 1].
    pub canary_mean: Option<f64>,
    /// By how much the canary's quality is lower, absolutely: of the mean scores, or, where there are none, of the share
    /// of judged answers that passed. Negative if it is better.
    pub decrease: Option<f64>,
    /// Share of the stable version's judged answers that failed.
    pub stable_failure_rate: Option<f64>,
    /// Share of the canary's judged answers that failed.
    pub canary_failure_rate: Option<f64>,
    /// The stable version's share corrected for the judge's own errors, with a 95% interval. `None` without a
    /// [calibration](super::SequentialBuilder::calibration), and where nothing is judged.
    #[serde(default)]
    pub stable_corrected: Option<CorrectedRate>,
    /// The canary's.
    #[serde(default)]
    pub canary_corrected: Option<CorrectedRate>,
    /// Mean length of the stable version's answers, in tokens.
    pub stable_tokens: Option<f64>,
    /// Mean length of the canary's answers, in tokens.
    pub canary_tokens: Option<f64>,
    /// Relative change of the mean length (−0.3: a third shorter).
    pub length_change: Option<f64>,
}

impl QualityComparison {
    /// Compares the answers of two versions; the counts are those of judged answers that failed.
    pub fn between(
        (stable, stable_failures): (&Measures, Count),
        (canary, canary_failures): (&Measures, Count),
    ) -> Self {
        let (stable_mean, canary_mean) = (stable.quality().mean(), canary.quality().mean());
        let (stable_failure_rate, canary_failure_rate) = (stable_failures.rate(), canary_failures.rate());
        let (stable_tokens, canary_tokens) = (stable.tokens().mean(), canary.tokens().mean());
        let by_score = difference(stable_mean, canary_mean);
        let by_failures = difference(canary_failure_rate, stable_failure_rate);
        Self {
            stable_mean,
            canary_mean,
            decrease: by_score.or(by_failures),
            stable_failure_rate,
            canary_failure_rate,
            stable_corrected: None,
            canary_corrected: None,
            stable_tokens,
            canary_tokens,
            length_change: relative_increase(stable_tokens, canary_tokens),
        }
    }
}

impl QualityComparison {
    pub(super) fn corrected(self, calibration: &Calibration, stable: Count, canary: Count) -> Self {
        // Where nothing is judged or labelled there is nothing to correct.
        let correct = |count: Count| calibration.correct(count, 0.95).ok().flatten();
        Self { stable_corrected: correct(stable), canary_corrected: correct(canary), ..self }
    }
}

/// What one guardrail's evidence says. Evidence is a bet against the hypothesis: an e-value of 400 means that the data
/// multiplied the stake by 400, which under a true hypothesis happens at most once in 400 rollouts, however often one
/// looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuardrailReport {
    /// What the guardrail's own evidence says.
    pub verdict: Verdict,
    /// Whether it only alerts: it has no share of the budget, and rolls nothing back.
    pub alerts_only: bool,
    /// Evidence that the canary is worse.
    pub e_value: f64,
    /// Its natural logarithm.
    pub log_e_value: f64,
    /// The evidence at which the guardrail rolls back.
    pub threshold: f64,
    /// Evidence that the canary is no worse than the margin: the most there has been. It is gathered until it suffices.
    pub safe_e_value: f64,
    /// The evidence at which it is healthy.
    pub safe_threshold: f64,
    /// The stable version's share, quantile or mean, over the whole rollout.
    pub stable: Measured,
    /// The canary's.
    pub canary: Measured,
    /// The quantile that these are, where they are times: the one that carries the most evidence.
    pub quantile: Option<f64>,
    /// The estimated relative increase over this stage (0.5 is +50%): of rates and means from comparisons within blocks, of
    /// times at the quantile. `None` while there is nothing to compare, or the stable version's value is 0.
    pub estimate: Option<f64>,
    /// Whether the estimates of this stage lie inside the margin. False while there are none.
    pub within_margin: bool,
    /// What the promoted version is held against, once it stands alone, in the unit of the values.
    pub limit: Option<f64>,
}

/// What is known of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Requests that say something of it.
    pub requests: u64,
    /// A share in [0, 1], a time in milliseconds, a score in [0, 1], or a length in tokens. `None` of no requests.
    pub value: Option<f64>,
}

fn difference(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some(a? - b?)
}

fn relative_increase(from: Option<f64>, to: Option<f64>) -> Option<f64> {
    let (from, to) = (from?, to?);
    (from > 0.0).then(|| to / from - 1.0)
}
