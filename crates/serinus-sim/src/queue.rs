//! Waiting for a replica.

/// How much a version's replicas can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Capacity {
    /// Requests that one replica answers at the same time at full speed. Without a limit nobody waits.
    pub concurrent: Option<f64>,
    /// Requests that all replicas together answer at the same time, where they share something that limits them.
    pub in_all: Option<f64>,
}

impl Capacity {
    /// Requests that so many replicas answer at the same time.
    fn of(self, replicas: u32) -> f64 {
        let each = self.concurrent.map_or(f64::INFINITY, |each| each * f64::from(replicas.max(1)));
        each.min(self.in_all.unwrap_or(f64::INFINITY))
    }

    /// Nobody waits.
    pub const UNLIMITED: Self = Self { concurrent: None, in_all: None };

    /// The same, with a limit that all replicas share.
    #[must_use]
    pub const fn in_all(self, concurrent: f64) -> Self {
        Self { in_all: Some(concurrent), ..self }
    }

    /// So many requests at a time on each replica.
    pub const fn of_replica(concurrent: f64) -> Self {
        Self { concurrent: Some(concurrent), in_all: None }
    }
}

/// The queue before a version's replicas, taken as one fast server: the wait of the next request is the wait of the last one,
/// longer by its work and shorter by the time between them (D. V. Lindley, Proc. Cambridge Phil. Soc. 48, 1952).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Queue {
    /// When it will be empty, in seconds.
    busy_until: f64,
}

impl Queue {
    /// How long a request waits that arrives now and takes this long by itself.
    pub(crate) fn join(&mut self, now: f64, service: f64, replicas: u32, capacity: Capacity) -> f64 {
        let wait = (self.busy_until - now).max(0.0);
        self.busy_until = now + wait + service / capacity.of(replicas);
        wait
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    #[test]
    fn waits_are_those_of_the_textbook() {
        // M/M/1 at a load of 0.5: the mean wait is load/(1 − load) service times, that is, one.
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut exponential = || -(1.0 - rng.random::<f64>()).ln();
        let (mut queue, mut now, mut waited) = (Queue::default(), 0.0, 0.0);
        let n = 400_000;
        for _ in 0..n {
            now += 2.0 * exponential();
            waited += queue.join(now, exponential(), 1, Capacity::of_replica(1.0));
        }
        let mean = waited / f64::from(n);
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
    }

    #[test]
    fn more_replicas_wait_less_and_no_limit_never() {
        let mut few = Queue::default();
        let mut many = Queue::default();
        let capacity = Capacity::of_replica(2.0);
        let wait = |queue: &mut Queue, replicas, capacity| {
            (0..10).map(|_| queue.join(0.0, 1.0, replicas, capacity)).sum::<f64>()
        };
        assert!(wait(&mut few, 1, capacity) > 3.9 * wait(&mut many, 4, capacity));
        assert_eq!(wait(&mut Queue::default(), 1, Capacity::UNLIMITED), 0.0);
    }
}
