//! The desk that events lie on until they are taken to Python.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::subscriber::Told;
use crate::process::forks;

/// Events that may lie on the desk; more are lost, and counted.
const MOST: usize = 10_000;
/// How long a level is believed that was asked for.
const BELIEVED: Duration = Duration::from_secs(1);
/// How long the thread waits for more events before it goes.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
    /// The desk of a child process.
    next: OnceLock<Box<Desk>>,
}

struct State {
    told: VecDeque<Told>,
    lost: u64,
    /// From which level on Python takes events, by their target, and when it said so.
    levels: Vec<(&'static str, u8, Instant)>,
    has_thread: bool,
    is_delivering: bool,
    is_closed: bool,
}

static FIRST: Desk = Desk::new();

/// This process's desk: that of the parent has lost its thread, and somebody may have been at it when the process forked.
pub(super) fn desk() -> &'static Desk {
    (0..forks()).fold(&FIRST, |desk, _| desk.next.get_or_init(|| Box::new(Desk::new())))
}

impl Desk {
    const fn new() -> Self {
        let state = State {
            told: VecDeque::new(),
            lost: 0,
            levels: Vec::new(),
            has_thread: false,
            is_delivering: false,
            is_closed: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), next: OnceLock::new() }
    }

    /// Never held while anything of Python, or of the library, is done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an event has to be taken to Python, as far as is known.
    pub(super) fn wants(&self, target: &str, level: u8) -> bool {
        let state = self.state();
        let known = state.levels.iter().find(|(known, _, asked)| *known == target && asked.elapsed() < BELIEVED);
        !state.is_closed && known.is_none_or(|(_, least, _)| level >= *least)
    }

    pub(super) fn leave(&'static self, told: Told) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        if state.told.len() >= MOST {
            state.lost += 1;
            return;
        }
        state.told.push_back(told);
        if !state.has_thread {
            let spawned = thread::Builder::new().name("serinus-logs".into()).spawn(|| self.deliver());
            state.has_thread = spawned.is_ok();
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Takes what lies there to Python, until nothing more comes or the interpreter is gone.
    fn deliver(&self) {
        loop {
            let state = self.state();
            let nothing = |state: &mut State| state.told.is_empty() && !state.is_closed;
            let waited = self.changed.wait_timeout_while(state, PATIENCE, nothing);
            let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.is_closed || state.told.is_empty() {
                state.has_thread = false;
                return;
            }
            let (all, lost) = (std::mem::take(&mut state.told), std::mem::take(&mut state.lost));
            state.is_delivering = true;
            drop(state);
            let attached = Python::try_attach(|py| self.take_to(py, all, lost));
            let mut state = self.state();
            state.is_delivering = false;
            state.is_closed |= attached.is_none();
            drop(state);
            self.changed.notify_all();
        }
    }

    fn take_to(&self, py: Python<'_>, all: VecDeque<Told>, lost: u64) {
        for told in all {
            if self.state().is_closed {
                return;
            }
            let target = told.target;
            match told.deliver(py) {
                Ok(least) => self.believe(target, least),
                Err(error) => error.write_unraisable(py, None),
            }
        }
        if lost > 0 {
            let told = py.import("serinus._logging").and_then(|module| module.call_method1("lost", (lost,)));
            if let Err(error) = told {
                error.write_unraisable(py, None);
            }
        }
    }

    fn believe(&self, target: &'static str, least: u8) {
        let mut state = self.state();
        state.levels.retain(|(known, _, _)| *known != target);
        state.levels.push((target, least, Instant::now()));
    }

    /// Asks anew from which level on Python takes events.
    pub(super) fn forget_levels(&self) {
        self.state().levels.clear();
    }

    /// Waits until nothing lies there and nobody is on the way; says whether that is so.
    pub(super) fn flush(&self, longest: Duration) -> bool {
        let busy = |state: &mut State| state.is_delivering || !state.told.is_empty();
        let waited = self.changed.wait_timeout_while(self.state(), longest, busy);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !busy(&mut state)
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.told.clear();
        drop(state);
        self.changed.notify_all();
    }
}
