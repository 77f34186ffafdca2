//! What came of it.

use std::fmt;

use serinus_stats::Interval;
use serinus_stats::proportions::clopper_pearson_interval;
use serinus_stats::sequential::Count;

/// How a simulated rollout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The canary serves alone.
    Promoted,
    /// It was rolled back.
    RolledBack,
    /// The rollout waits for a person.
    Waiting,
    /// The rollout failed: the old version could not be brought back to full strength.
    Failed,
    /// The time was up.
    Unfinished,
}

/// One simulated rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How it ended.
    pub ending: Ending,
    /// Why, in the library's words.
    pub reason: String,
    /// The guardrail that rolled it back, if one did.
    pub guardrail: Option<String>,
    /// Canary requests that had been judged when it was rolled back or promoted.
    pub canary_requests: u64,
    /// Of these, those whose answers had been judged.
    pub judged: u64,
    /// Prompts to which both versions' answers had been compared.
    pub pairs: u64,
    /// Seconds from the canary's first traffic until it was rolled back or had all the traffic.
    pub seconds: f64,
    /// The canary's share of the traffic when it was rolled back.
    pub share: f64,
    /// Requests that the canary served until then, and those of them that were errors or failures.
    pub exposed: u64,
    /// Of those exposed, errors and failures.
    pub bad: u64,
    /// All requests of the run.
    pub requests: u64,
    /// Requests that were sent to a version without a replica. 0, unless routers lag: one that has not heard of the last table
    /// goes on sending requests to a version that has left.
    pub misrouted: u64,
    /// Requests that were cancelled and answered elsewhere.
    pub retried: u64,
    /// Requests that died with the controller's process.
    pub died_in_crashes: u64,
}

/// Many simulated rollouts.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    runs: Vec<Run>,
}

impl Report {
    pub(crate) const fn new(runs: Vec<Run>) -> Self {
        Self { runs }
    }

    /// All runs, by seed.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How many ended so.
    pub fn count(&self, ending: Ending) -> usize {
        self.runs.iter().filter(|run| run.ending == ending).count()
    }

    /// How many were rolled back.
    pub fn rolled_back(&self) -> usize {
        self.count(Ending::RolledBack)
    }

    /// The share that ended so, with an interval at this confidence in (0, 1) (Clopper and Pearson's, which is exact).
    pub fn share(&self, ending: Ending, confidence: f64) -> (f64, Interval) {
        let (hits, all) = (self.count(ending) as u64, self.runs.len() as u64);
        let count = Count::new(hits, all).unwrap_or_default();
        let interval = clopper_pearson_interval(count, confidence).unwrap_or(Interval { low: 0.0, high: 1.0 });
        (count.rate().unwrap_or(0.0), interval)
    }

    /// A number of each run that ended so, in rising order.
    pub fn sorted(&self, ending: Ending, of: impl Fn(&Run) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.runs.iter().filter(|run| run.ending == ending).map(of).collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    /// The value that a share `q` of them does not exceed; not a number if none ended so.
    pub fn quantile(&self, ending: Ending, q: f64, of: impl Fn(&Run) -> f64) -> f64 {
        let values = self.sorted(ending, of);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
        let place = (q.clamp(0.0, 1.0) * values.len().saturating_sub(1) as f64).round() as usize;
        values.get(place).copied().unwrap_or(f64::NAN)
    }

    /// Their mean; not a number if none ended so.
    pub fn mean(&self, ending: Ending, of: impl Fn(&Run) -> f64) -> f64 {
        let values = self.sorted(ending, of);
        values.iter().sum::<f64>() / values.len() as f64
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (share, interval) = self.share(Ending::RolledBack, 0.99);
        write!(
            f,
            "{} of {} rolled back ({:.2}%, at 99% from {:.2}% to {:.2}%), {} promoted, {} waiting",
            self.rolled_back(),
            self.runs.len(),
            100.0 * share,
            100.0 * interval.low,
            100.0 * interval.high,
            self.count(Ending::Promoted),
            self.count(Ending::Waiting),
        )
    }
}
