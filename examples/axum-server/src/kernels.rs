//! How candle's kernels use the machine.

use std::io;

/// Has candle's kernels run on the thread that calls them, by starting the program anew with `RAYON_NUM_THREADS=1` in its
/// environment; a value that is there already stays. Call it first in `main`, before there is any other thread.
///
/// candle asks for the number of threads at every matrix product, and without this variable answers by reading
/// `/proc/cpuinfo`. For a model this small that takes ten times as long as the products themselves.
///
/// # Errors
/// What the system reports if the program cannot be started anew. Where programs cannot be replaced (outside Unix),
/// nothing is done.
pub fn keep_on_one_thread() -> io::Result<()> {
    const THREADS: &str = "RAYON_NUM_THREADS";
    #[cfg(unix)]
    if std::env::var_os(THREADS).is_none() {
        use std::os::unix::process::CommandExt;
        let mut anew = std::process::Command::new(std::env::current_exe()?);
        // `exec` returns only if it fails.
        return Err(anew.args(std::env::args_os().skip(1)).env(THREADS, "1").exec());
    }
    Ok(())
}
