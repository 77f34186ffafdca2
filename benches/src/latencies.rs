//! Latencies of very many requests, to the nanosecond, and what of them a thread spent waiting for a core.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Below this many nanoseconds latencies are counted; from here on each is kept, with the time on a core.
const SLOW: usize = 1 << 14;

/// The latencies of one thread's requests, timed back to back: each from the end of the one before to its own end, so that
/// whatever delays the thread is in one of them.
#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Vec<u64>,
    /// Of each slow request: nanoseconds by the wall's clock, and of these on a core.
    slow: Vec<(u64, u64)>,
    last: Instant,
    /// When the thread's own clock was last read: the wall's time and its own.
    read: (Instant, Duration),
}

/// What latencies look like, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: u64,
    /// Below this 99 in 100.
    pub p99: u64,
    /// Below this 999 in 1,000.
    pub p99_9: u64,
    /// Below this 9,999 in 10,000.
    pub p99_99: u64,
    /// The greatest.
    pub max: u64,
}

impl Latencies {
    /// Nothing yet; the first request begins now.
    pub fn begin() -> Self {
        let read = (Instant::now(), on_core());
        Self { counts: vec![0; SLOW], slow: Vec::with_capacity(1 << 16), last: Instant::now(), read }
    }

    /// A request has ended; says when.
    #[inline]
    pub fn ended(&mut self) -> Instant {
        let now = Instant::now();
        let nanos = nanos(now - self.last);
        match self.counts.get_mut(place(nanos)) {
            Some(count) => {
                *count += 1;
                self.last = now;
            }
            None => self.slow_one(now, nanos),
        }
        now
    }

    /// What a thread was kept from its core since its clock was last read, a slow request was kept: those between were
    /// fast. The reading itself is in no latency.
    #[cold]
    fn slow_one(&mut self, now: Instant, wall: u64) {
        let own = on_core();
        let off = (now - self.read.0).saturating_sub(own.saturating_sub(self.read.1));
        self.slow.push((wall, wall.saturating_sub(nanos(off))));
        self.read = (Instant::now(), on_core());
        self.last = Instant::now();
    }

    /// Adds another thread's.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.slow.extend(&other.slow);
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.slow.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// By the wall's clock, with all that kept a thread from its core.
    pub fn wall(&self) -> Quantiles {
        self.quantiles(|(wall, _)| wall)
    }

    /// The time on a core alone.
    pub fn on_core(&self) -> Quantiles {
        self.quantiles(|(_, own)| own)
    }

    fn quantiles(&self, of: impl Fn((u64, u64)) -> u64) -> Quantiles {
        let mut counts = self.counts.clone();
        let mut slow = Vec::new();
        for nanos in self.slow.iter().copied().map(of) {
            match counts.get_mut(place(nanos)) {
                Some(count) => *count += 1,
                None => slow.push(nanos),
            }
        }
        slow.sort_unstable();
        let counted: u64 = counts.iter().sum();
        let all = counted + slow.len() as u64;
        let at = |per_10_000: u64| {
            let rank = (all * per_10_000).div_ceil(10_000).max(1);
            if rank > counted {
                return slow.get(place(rank - counted - 1)).copied().unwrap_or_default();
            }
            let mut below = 0;
            let place = counts.iter().position(|count| {
                below += count;
                below >= rank
            });
            place.unwrap_or_default() as u64
        };
        Quantiles { p50: at(5_000), p99: at(9_900), p99_9: at(9_990), p99_99: at(9_999), max: at(10_000) }
    }
}

fn place(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The time that this thread spends on a core with a work, in nanoseconds.
pub fn time_on_core(work: impl FnOnce()) -> f64 {
    let before = on_core();
    work();
    on_core().saturating_sub(before).as_secs_f64() * 1e9
}

/// The time that this thread has spent on a core.
fn on_core() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fast: &[(usize, u64)], slow: &[(u64, u64)]) -> Latencies {
        let mut latencies = Latencies::begin();
        for &(nanos, count) in fast {
            latencies.counts[nanos] = count;
        }
        latencies.slow = slow.to_vec();
        latencies
    }

    #[test]
    fn the_quantiles_are_those_of_the_sorted_values() {
        let latencies = of(&[(30, 9_000), (40, 989), (50, 9)], &[(2_000_000, 60), (90_000, 20_000)]);
        assert_eq!(latencies.len(), 10_000);
        let wall = Quantiles { p50: 30, p99: 40, p99_9: 50, p99_99: 90_000, max: 2_000_000 };
        assert_eq!(latencies.wall(), wall);
        assert_eq!(latencies.on_core(), Quantiles { p99_9: 50, p99_99: 60, max: 20_000, ..wall });
    }

    #[test]
    fn two_threads_latencies_are_added() {
        let mut both = of(&[(30, 5)], &[(20_000, 1)]);
        both.merge(&of(&[(30, 2), (31, 1)], &[(30_000, 2)]));
        assert_eq!(both, of(&[(30, 7), (31, 1)], &[(20_000, 1), (30_000, 2)]));
    }

    impl PartialEq for Latencies {
        fn eq(&self, other: &Self) -> bool {
            (&self.counts, &self.slow) == (&other.counts, &other.slow)
        }
    }
}
