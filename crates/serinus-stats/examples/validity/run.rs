//! Runs of one test on made-up traffic.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serinus_stats::sequential::{Decision, EProcess};

/// Stable and canary observations in a block.
pub(crate) type Split = (usize, usize);

/// How many runs a row is made of, and which rows are asked for.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub runs: u64,
    pub only: &'a str,
}

impl Rows<'_> {
    /// The same rows from fewer runs.
    pub(crate) fn fewer(self, by: u64) -> Self {
        Self { runs: (self.runs / by).max(20), ..self }
    }

    /// The blocks at which each run rejected; `None` for a row that is not asked for.
    pub(crate) fn blocks(self, test: &str, run: &dyn Run) -> Option<Vec<Option<u64>>> {
        test.contains(self.only).then(|| all(self.runs, run))
    }
}

/// One run: whether and after how many blocks a test rejected.
pub(crate) trait Run: Sync {
    fn first_rejection(&self, rng: &mut ChaCha8Rng) -> Option<u64>;
}

/// A test, made anew for each run, and what it is fed block by block.
pub(crate) struct Looked<M> {
    pub alpha: f64,
    pub blocks: u64,
    pub make: M,
}

/// `make` gives a test and a function that feeds it one block.
impl<M, T, F> Run for Looked<M>
where
    M: Fn(&mut ChaCha8Rng) -> (T, F) + Sync,
    T: EProcess,
    F: FnMut(&mut T, &mut ChaCha8Rng),
{
    fn first_rejection(&self, rng: &mut ChaCha8Rng) -> Option<u64> {
        let (mut test, mut feed) = (self.make)(rng);
        (1..=self.blocks).find(|_| {
            feed(&mut test, rng);
            test.decision(self.alpha) == Ok(Decision::Reject)
        })
    }
}

/// The blocks at which each of `runs` runs rejected, on all cores.
fn all(runs: u64, run: &dyn Run) -> Vec<Option<u64>> {
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut found: Vec<(u64, Option<u64>)> = thread::scope(|scope| {
        let worker = || {
            let mut found = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= runs {
                    return found;
                }
                found.push((seed, run.first_rejection(&mut ChaCha8Rng::seed_from_u64(seed))));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a run does not panic")).collect()
    });
    found.sort_unstable();
    found.into_iter().map(|(_, blocks)| blocks).collect()
}
