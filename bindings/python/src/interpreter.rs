//! The library's own threads and the interpreter, which can go before they do.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Whether the interpreter is about to go: nobody attaches any more.
static CLOSING: AtomicBool = AtomicBool::new(false);
/// Threads of the library that are attached, or about to look whether they may.
static ATTACHED: AtomicUsize = AtomicUsize::new(0);

/// How long an interpreter that wants to go waits for threads that are attached.
const PATIENCE: Duration = Duration::from_secs(10);

/// Does something with the interpreter from a thread of the library; `None` if it is going or gone. A thread that attaches while
/// the interpreter ends would take the process down, so whatever may take long is handed to a thread of Python's
/// ([`Calls`](crate::calls::Calls)) and not done in here.
pub(crate) fn attach<T>(what: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    ATTACHED.fetch_add(1, Ordering::SeqCst);
    let done = if CLOSING.load(Ordering::SeqCst) { None } else { Python::try_attach(what) };
    ATTACHED.fetch_sub(1, Ordering::SeqCst);
    done
}

/// From here on no thread of the library attaches; those that are attached are waited for.
#[pyfunction]
pub(crate) fn close(py: Python<'_>) {
    CLOSING.store(true, Ordering::SeqCst);
    py.detach(|| {
        let deadline = Instant::now() + PATIENCE;
        while ATTACHED.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    });
}
