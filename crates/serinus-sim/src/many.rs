//! Many rollouts, on all cores.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing::subscriber::{NoSubscriber, with_default};

use crate::report::{Report, Run};
use crate::simulation::{Simulation, SimulationError};
use crate::trace::Trace;
use crate::world::World;

/// How often whoever waits is asked whether to go on.
const ASKED: Duration = Duration::from_millis(100);

type Done<T> = (usize, Result<T, SimulationError>);

/// One of many rollouts: nobody wants all of them in a log.
fn quietly(world: World<'_>) -> Result<Run, SimulationError> {
    with_default(NoSubscriber::default(), || world.run())
}

impl Simulation {
    /// Many rollouts, on all cores, in the order of their seeds. They leave nothing in the log; [`run`](Self::run) does.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_many(&self, seeds: impl IntoIterator<Item = u64>) -> Result<Report, SimulationError> {
        Ok(self.run_many_while(seeds, |_| true)?.unwrap_or_else(|| Report::new(Vec::new())))
    }

    /// As [`run_many`](Self::run_many), for as long as `go_on` wants it: some ten times a second it is told on this thread how
    /// many rollouts have ended. If it says no, those under way are broken off, and there is no report.
    ///
    /// ```
    /// # use serinus_sim::{Behaviour, Simulation, Traffic, plans};
    /// let simulation = Simulation::new(plans::five_hours(), Traffic::per_hour(1e6), Behaviour::new(), Behaviour::new());
    /// assert_eq!(simulation.run_many_while(1..=1_000, |_| false)?, None);
    /// # Ok::<(), serinus_sim::SimulationError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_many_while(
        &self,
        seeds: impl IntoIterator<Item = u64>,
        go_on: impl FnMut(usize) -> bool,
    ) -> Result<Option<Report>, SimulationError> {
        self.all(seeds, go_on, quietly).map(|runs| runs.map(Report::new))
    }

    /// As [`trace`](Self::trace), for as long as `go_on` wants it: it is asked some ten times a second on this thread.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn trace_while(&self, seed: u64, mut go_on: impl FnMut() -> bool) -> Result<Option<Trace>, SimulationError> {
        let traces = self.all([seed], |_| go_on(), World::trace)?;
        Ok(traces.and_then(|mut traces| traces.pop()))
    }

    /// What `one` makes of the worlds of these seeds, in their order.
    fn all<'a, T: Send>(
        &'a self,
        seeds: impl IntoIterator<Item = u64>,
        mut go_on: impl FnMut(usize) -> bool,
        one: fn(World<'a>) -> Result<T, SimulationError>,
    ) -> Result<Option<Vec<T>>, SimulationError> {
        self.check()?;
        let seeds: Vec<u64> = seeds.into_iter().collect();
        let (next, stop) = (AtomicUsize::new(0), Arc::new(AtomicBool::new(false)));
        let work = |tell: Sender<Done<T>>| {
            while !stop.load(Ordering::Relaxed) {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(&seed) = seeds.get(place) else { return };
                let done = World::new(self, seed, Arc::clone(&stop)).and_then(one);
                if tell.send((place, done)).is_err() {
                    return;
                }
            }
        };
        let threads = thread::available_parallelism().map_or(1, usize::from).min(seeds.len().max(1));
        let mut all: Vec<Done<T>> = Vec::new();
        let mut goes_on = true;
        thread::scope(|scope| {
            let (tell, hear) = channel();
            let threads: Vec<_> = (0..threads)
                .map(|_| {
                    let (tell, work) = (tell.clone(), &work);
                    scope.spawn(move || work(tell))
                })
                .collect();
            drop(tell);
            let mut asked = Instant::now();
            loop {
                match hear.recv_timeout(ASKED) {
                    Ok(done) => {
                        if done.1.is_err() {
                            stop.store(true, Ordering::Relaxed);
                        }
                        all.push(done);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if goes_on && asked.elapsed() >= ASKED {
                    asked = Instant::now();
                    goes_on = go_on(all.len());
                    if !goes_on {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
            for thread in threads {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            }
        });
        if !goes_on {
            return Ok(None);
        }
        all.sort_unstable_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, done)| done).collect::<Result<_, _>>().map(Some)
    }
}
