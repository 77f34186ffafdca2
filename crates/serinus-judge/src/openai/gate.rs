//! How many calls at a time, and how often.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Lets so many calls through at a time, and so many a second.
#[derive(Debug)]
pub(super) struct Gate {
    most: usize,
    spacing: Duration,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    inside: usize,
    /// No call begins before.
    next: Instant,
}

/// A place among the calls of the moment; dropped, it is free again.
#[derive(Debug)]
#[must_use]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
}

/// There was no place in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLate;

impl Gate {
    /// `per_second` must be above 0.
    pub(super) fn new(most: usize, per_second: Option<f64>) -> Self {
        let spacing = per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64((1.0 / rate).min(86_400.0)));
        let state = Mutex::new(State { inside: 0, next: Instant::now() });
        Self { most, spacing, state, freed: Condvar::new() }
    }

    /// Waits for a place, until the deadline.
    pub(super) fn enter(&self, deadline: Instant) -> Result<Pass<'_>, TooLate> {
        let mut state = self.state.lock();
        loop {
            let now = Instant::now();
            if now >= deadline || state.next > deadline {
                return Err(TooLate);
            }
            if state.inside >= self.most {
                self.freed.wait_until(&mut state, deadline);
            } else if state.next > now {
                let next = state.next;
                self.freed.wait_until(&mut state, next);
            } else {
                state.inside += 1;
                state.next = now + self.spacing;
                return Ok(Pass { gate: self });
            }
        }
    }

    /// Lets nobody through for this long: the server has asked for it.
    pub(super) fn hold_off(&self, wait: Duration) {
        let mut state = self.state.lock();
        state.next = state.next.max(Instant::now() + wait);
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.state.lock().inside -= 1;
        self.gate.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn no_more_than_so_many_are_inside() {
        let gate = Gate::new(3, None);
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| {
                    let pass = gate.enter(soon()).unwrap();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(3));
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(pass);
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
    }

    #[test]
    fn who_cannot_come_in_by_the_deadline_is_told_so() {
        let gate = Gate::new(1, None);
        let pass = gate.enter(soon()).unwrap();
        assert_eq!(gate.enter(Instant::now() + Duration::from_millis(5)).unwrap_err(), TooLate);
        drop(pass);
        gate.hold_off(Duration::from_secs(3_600));
        assert_eq!(gate.enter(soon()).unwrap_err(), TooLate, "at once: nobody waits in vain");
    }

    #[test]
    fn calls_keep_their_distance() {
        let gate = Gate::new(9, Some(100.0));
        let begun = Instant::now();
        for _ in 0..4 {
            drop(gate.enter(soon()).unwrap());
        }
        assert!(begun.elapsed() >= Duration::from_millis(30));
    }
}
