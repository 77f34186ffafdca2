//! What the users saw.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::client::Reply;

/// What the users of one load saw.
#[derive(Debug, Clone, Default)]
pub struct LoadReport {
    /// How long the load has run.
    pub elapsed: Duration,
    /// Requests that got an answer, by the version that gave it.
    pub versions: BTreeMap<String, VersionReport>,
    /// Users who got a wrong answer, by the version that gave it.
    pub misled: BTreeMap<String, BTreeSet<u32>>,
    /// Requests that got no complete answer.
    pub failed: u64,
    /// What went wrong with one of those.
    pub failure: Option<String>,
    /// Answers that started over on another version.
    pub restarted: u64,
    pub(super) latencies_us: Vec<u32>,
    pub(super) ttfts_us: Vec<u32>,
}

/// What the users saw of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VersionReport {
    /// Answers.
    pub answered: u64,
    /// Those that were wrong.
    pub wrong: u64,
    /// When the first answer was complete.
    pub first: Option<Instant>,
    /// When the first wrong answer was complete.
    pub first_wrong: Option<Instant>,
    /// When the last answer was complete.
    pub last: Option<Instant>,
}

impl LoadReport {
    /// Requests, answered or not.
    pub fn requests(&self) -> u64 {
        self.failed + self.versions.values().map(|version| version.answered).sum::<u64>()
    }

    /// Wrong answers.
    pub fn wrong(&self) -> u64 {
        self.versions.values().map(|version| version.wrong).sum()
    }

    /// Requests a second.
    pub fn rate(&self) -> f64 {
        self.requests() as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Time to the whole answer at quantile `q` in [0, 1]; `None` without answers or for another `q`.
    pub fn latency(&self, q: f64) -> Option<Duration> {
        quantile(&self.latencies_us, q)
    }

    /// Time to the first token at quantile `q` in [0, 1]; `None` without answers or for another `q`.
    pub fn ttft(&self, q: f64) -> Option<Duration> {
        quantile(&self.ttfts_us, q)
    }

    pub(super) fn record(&mut self, reply: &Reply, user: u32, asked: Instant, is_right: bool) {
        let now = Instant::now();
        self.latencies_us.push(micros(now - asked));
        self.ttfts_us.push(micros(reply.first_text - asked));
        self.restarted += u64::from(reply.restarted);
        if !self.versions.contains_key(&reply.version) {
            self.versions.insert(reply.version.clone(), VersionReport::default());
        }
        let Some(version) = self.versions.get_mut(&reply.version) else { return };
        version.answered += 1;
        version.first.get_or_insert(now);
        version.last = Some(now);
        if !is_right {
            version.wrong += 1;
            version.first_wrong.get_or_insert(now);
            self.misled.entry(reply.version.clone()).or_default().insert(user);
        }
    }

    pub(super) fn record_failure(&mut self, failure: String) {
        self.failed += 1;
        self.failure.get_or_insert(failure);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.failed += other.failed;
        self.restarted += other.restarted;
        self.failure = self.failure.take().or_else(|| other.failure.clone());
        self.latencies_us.extend(&other.latencies_us);
        self.ttfts_us.extend(&other.ttfts_us);
        for (name, users) in &other.misled {
            self.misled.entry(name.clone()).or_default().extend(users);
        }
        for (name, theirs) in &other.versions {
            let ours = self.versions.entry(name.clone()).or_default();
            ours.answered += theirs.answered;
            ours.wrong += theirs.wrong;
            ours.first = earliest(ours.first, theirs.first);
            ours.first_wrong = earliest(ours.first_wrong, theirs.first_wrong);
            ours.last = ours.last.max(theirs.last);
        }
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

fn quantile(samples: &[u32], q: f64) -> Option<Duration> {
    if samples.is_empty() || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let mut samples = samples.to_vec();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // In [0, len - 1].
    let rank = (q * (samples.len() - 1) as f64).round() as usize;
    let (_, sample, _) = samples.select_nth_unstable(rank);
    Some(Duration::from_micros(u64::from(*sample)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(version: &str, is_right: bool) -> LoadReport {
        let now = Instant::now();
        let reply = Reply { version: version.to_owned(), answer: String::new(), first_text: now, restarted: false };
        let mut report = LoadReport::default();
        report.record(&reply, 7, now, is_right);
        report
    }

    #[test]
    fn merged_tallies_add_up_by_version() {
        let mut total = LoadReport::default();
        for (version, is_right) in [("a", true), ("b", false), ("b", true), ("b", false)] {
            total.merge(&report(version, is_right));
        }
        total.record_failure("gone".to_owned());
        assert_eq!((total.requests(), total.wrong(), total.failed), (5, 2, 1));
        assert_eq!((total.versions["b"].answered, total.versions["b"].wrong), (3, 2));
        assert_eq!(total.misled["b"].len(), 1, "the same user twice");
        assert!(total.versions["b"].first_wrong.is_some() && total.versions["a"].first_wrong.is_none());
    }

    #[test]
    fn quantiles_are_taken_from_the_samples() {
        let samples = [30, 10, 20];
        assert_eq!(quantile(&samples, 0.0), Some(Duration::from_micros(10)));
        assert_eq!(quantile(&samples, 0.5), Some(Duration::from_micros(20)));
        assert_eq!(quantile(&samples, 1.0), Some(Duration::from_micros(30)));
        for q in [-0.1, 1.1, f64::NAN] {
            assert_eq!(quantile(&samples, q), None);
        }
        assert_eq!(quantile(&[], 0.5), None);
    }
}
