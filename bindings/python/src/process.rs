//! What a fork of the process and the end of the interpreter mean for what lives here.

use std::mem;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict};

use crate::routing;

/// How many forks lie between the process that loaded the module and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

pub(crate) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Whether threads of the library may still enter the interpreter.
static IS_OPEN: RwLock<bool> = RwLock::new(true);

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let os = py.import("os")?;
    // Windows has no fork.
    if os.hasattr("register_at_fork")? {
        let hooks = PyDict::new(py);
        hooks.set_item("before", PyCFunction::new_closure(py, None, None, |_, _| routing::before_fork())?)?;
        hooks.set_item("after_in_child", PyCFunction::new_closure(py, None, None, |_, _| after_fork())?)?;
        os.call_method("register_at_fork", (), Some(&hooks))?;
    }
    let close = PyCFunction::new_closure(py, None, None, |arguments, _| close(arguments.py()))?;
    py.import("atexit")?.call_method1("register", (close,))?;
    Ok(())
}

fn after_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    routing::after_fork();
}

/// Waits until no thread of the library is in the interpreter, and lets none in any more. A thread that is met there by the
/// interpreter's end would be torn out of it, which aborts the process.
fn close(py: Python<'_>) {
    py.detach(|| {
        if let Some(mut is_open) = IS_OPEN.try_write_for(Duration::from_millis(200)) {
            *is_open = false;
        }
    });
}

/// Enters the interpreter from a thread of the library, for some microseconds; `None` once it is ending.
pub(crate) fn enter<T>(visit: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    let is_open = IS_OPEN.read();
    if *is_open { Python::try_attach(visit) } else { None }
}

/// The process that something was made in.
#[derive(Clone, Copy)]
pub(crate) struct Home(u32);

impl Home {
    #[inline]
    pub(crate) fn here() -> Self {
        Self(forks())
    }

    #[inline]
    pub(crate) fn is_here(self) -> bool {
        self.0 == forks()
    }
}

/// What belongs to the process that made it. In a fork of that process it is neither used nor dropped: its threads are not
/// there, and whatever they had locked stays locked.
pub(crate) struct Own<T> {
    home: Home,
    value: Option<T>,
}

impl<T> Own<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { home: Home::here(), value: Some(value) }
    }

    /// The value; `None` in another process.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.home.is_here())
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        if !self.home.is_here() {
            mem::forget(self.value.take());
        }
    }
}
