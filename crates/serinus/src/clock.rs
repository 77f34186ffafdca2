//! Time, as the control path sees it: the only place where the library asks what time it is.
//!
//! The rollout machine and the evaluators are given a [`Timestamp`]; they never read a clock. That makes hours of
//! rollout run in milliseconds in a test, and makes a clock that stands still or jumps an input like any other.

use std::fmt;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A point in time, in nanoseconds since the Unix epoch (up to the year 2554).
///
/// ```
/// use std::time::Duration;
/// use serinus::clock::Timestamp;
///
/// let start = Timestamp::from_secs_f64(1_000.0);
/// let later = start + Duration::from_secs(90);
/// assert_eq!(later.since(start), Duration::from_secs(90));
/// assert_eq!(start.since(later), Duration::ZERO, "time never runs backwards");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch; a fine start for virtual time.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// From seconds since the Unix epoch. Negative and not-a-number become the epoch, too large ones the last
    /// representable instant.
    pub fn from_secs_f64(seconds: f64) -> Self {
        Duration::try_from_secs_f64(seconds.max(0.0)).map_or(Self(u64::MAX), Self::from)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the Unix epoch.
    pub fn as_secs_f64(self) -> f64 {
        Duration::from_nanos(self.0).as_secs_f64()
    }

    /// The time from `earlier` to this point; zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Timestamp {
    fn from(since_epoch: Duration) -> Self {
        Self(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(Self::from(duration).0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_secs_f64())
    }
}

/// Where the control path gets the time from.
///
/// # Contract
///
/// `now` may be called from any thread, is cheap and does not block. It should not go back; the rollout machine
/// survives a clock that does, or that stands still (it counts only forward steps), but its timers then run late.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current time.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The system's clock: wall time at the start, carried on by the monotonic clock, so that an adjustment of the wall
/// clock while the program runs moves no timer.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    wall_at_start: Timestamp,
    start: Instant,
}

impl SystemClock {
    /// A clock that reads the wall time once, here.
    pub fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall_at_start: Timestamp::from(since_epoch), start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.wall_at_start + self.start.elapsed()
    }
}

/// A clock that moves only when told to, forwards or backwards.
///
/// ```
/// use std::time::Duration;
/// use serinus::clock::{Clock, ManualClock, Timestamp};
///
/// let clock = ManualClock::new(Timestamp::from_secs_f64(100.0));
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now(), Timestamp::from_secs_f64(105.0));
/// clock.set(Timestamp::from_secs_f64(50.0)); // as a wall clock that was put back
/// assert_eq!(clock.now(), Timestamp::from_secs_f64(50.0));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.0))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }

    /// Sets the clock to any time, earlier ones included.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_seconds_have_a_defined_outcome() {
        assert_eq!(Timestamp::from_secs_f64(-1.0), Timestamp::ZERO);
        assert_eq!(Timestamp::from_secs_f64(f64::NAN), Timestamp::ZERO);
        assert_eq!(Timestamp::from_secs_f64(f64::INFINITY), Timestamp(u64::MAX));
        assert_eq!(Timestamp(u64::MAX) + Duration::MAX, Timestamp(u64::MAX));
    }

    #[test]
    fn the_system_clock_shows_this_century_and_moves_on() {
        let clock = SystemClock::new();
        let first = clock.now();
        assert!(first > Timestamp::from_secs_f64(1.6e9));
        assert!(clock.now() >= first);
    }
}
