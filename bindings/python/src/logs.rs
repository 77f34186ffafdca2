//! Events of the library, for Python's `logging`.
//!
//! Events come from threads that hold locks of the library, while the interpreter belongs to anybody. So whoever has an event
//! leaves it on a desk and goes on; a thread that holds nothing takes it to Python. It is there only while there are
//! events.

mod desk;
mod subscriber;

use std::time::Duration;

use pyo3::prelude::*;

use self::desk::desk;
use self::subscriber::Logs;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(flush_logs, module)?)?;
    module.add_function(wrap_pyfunction!(close_logs, module)?)?;
    module.add_function(wrap_pyfunction!(forget_log_levels, module)?)?;
    // It is there already where the module is initialised again.
    let _ = tracing::subscriber::set_global_default(Logs);
    Ok(())
}

/// Waits until all events so far have been delivered, but no longer than so many seconds.
#[pyfunction]
fn flush_logs(py: Python<'_>, seconds: f64) -> bool {
    let longest = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    py.detach(|| desk().flush(longest))
}

/// Delivers nothing more: the interpreter is about to end.
#[pyfunction]
fn close_logs() {
    desk().close();
}

/// Believes no level any longer that was asked for before.
#[pyfunction]
fn forget_log_levels() {
    desk().forget_levels();
}
