//! Many users at once, over real connections, who check what they are told.
//!
//! Each connection asks one question after another and keeps its own tally, so that the load takes little of the
//! machine that it shares with the server.

mod client;
mod report;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use client::Client;
pub use report::{LoadReport, VersionReport};

use crate::task::Task;

/// How much is asked, and by whom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadOptions {
    /// The server.
    pub address: SocketAddr,
    /// Connections that ask at the same time.
    pub connections: u32,
    /// Users who take turns on the connections; each sends its own name as `user`.
    pub users: u32,
    /// Requests a second over all connections; `None` asks as fast as answers come.
    pub rate: Option<f64>,
    /// Whether answers are streamed.
    pub stream: bool,
    /// Decides who asks what.
    pub seed: u64,
}

/// A load that runs until it is stopped.
#[derive(Debug)]
pub struct Load {
    started: Instant,
    stop: Arc<AtomicBool>,
    tallies: Vec<Arc<Mutex<LoadReport>>>,
    askers: JoinSet<()>,
}

impl Load {
    /// Starts to ask, on the runtime of the caller.
    pub fn start(options: LoadOptions, task: &Arc<Task>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut askers = JoinSet::new();
        let tallies = (0..options.connections)
            .map(|connection| {
                let tally = Arc::new(Mutex::new(LoadReport::default()));
                let asker = Asker {
                    connection,
                    options,
                    task: Arc::clone(task),
                    tally: Arc::clone(&tally),
                    stop: Arc::clone(&stop),
                    rng: ChaCha8Rng::seed_from_u64(options.seed.wrapping_add(connection.into())),
                };
                askers.spawn(asker.ask());
                tally
            })
            .collect();
        Self { started: Instant::now(), stop, tallies, askers }
    }

    /// What has been answered so far.
    pub fn report(&self) -> LoadReport {
        let mut total = LoadReport { elapsed: self.started.elapsed(), ..LoadReport::default() };
        for tally in &self.tallies {
            total.merge(&tally.lock());
        }
        total
    }

    /// Lets every question that was asked be answered, asks no more, and reports.
    pub async fn stop(mut self) -> LoadReport {
        self.stop.store(true, Ordering::Relaxed);
        while self.askers.join_next().await.is_some() {}
        self.report()
    }
}

struct Asker {
    connection: u32,
    options: LoadOptions,
    task: Arc<Task>,
    tally: Arc<Mutex<LoadReport>>,
    stop: Arc<AtomicBool>,
    rng: ChaCha8Rng,
}

impl Asker {
    async fn ask(mut self) {
        let mut pace = self.pace();
        let mut client = Client::new(self.options.address);
        while !self.stop.load(Ordering::Relaxed) {
            if let Some(pace) = &mut pace {
                pace.tick().await;
            }
            let user = self.rng.random_range(0..self.options.users.max(1));
            let question = &self.task.questions()[self.rng.random_range(0..self.task.questions().len())];
            let asked = Instant::now();
            let reply = client.ask(&question.prompt, user, self.options.stream).await;
            let mut tally = self.tally.lock();
            match reply {
                Ok(reply) => {
                    let is_right = self.task.check(&question.prompt, &reply.answer) == Some(true);
                    tally.record(&reply, user, asked, is_right);
                }
                Err(error) => tally.record_failure(format!("{error:#}")),
            }
        }
    }

    /// Connections take turns, so that requests come evenly and not all at one tick.
    fn pace(&self) -> Option<Interval> {
        let between_requests = Duration::try_from_secs_f64(1.0 / self.options.rate?).ok()?;
        let first = Instant::now() + between_requests * self.connection;
        let mut pace =
            interval_at(first.into(), (between_requests * self.options.connections).max(Duration::from_nanos(1)));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(pace)
    }
}
