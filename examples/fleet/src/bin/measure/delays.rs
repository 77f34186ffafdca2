//! How long it takes until all routers follow: four routers, each on a connection of its own, and load on each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use etcd_client::{Client, WatchOptions};
use serinus::route::{Request, TrafficSplitter, Weights};
use serinus_etcd::{Etcd, FleetSplitter, Leadership, Router};

use crate::{first, versions};

const ROUNDS: usize = 500;

struct Fleet {
    routers: Vec<Router>,
    splitter: FleetSplitter,
}

fn fleet(endpoint: &str) -> Result<Fleet> {
    let router = |name: &str| -> Result<Router> {
        let etcd = Etcd::builder([endpoint]).connect("chat")?;
        Ok(Router::builder(&etcd, name).start(&first()?)?)
    };
    let routers = ["a", "b", "c", "d"].into_iter().map(router).collect::<Result<Vec<_>>>()?;
    let etcd = Etcd::builder([endpoint]).connect("chat")?;
    let leadership = Leadership::campaign(&etcd, "controller")?;
    let splitter = FleetSplitter::new(&leadership, &Router::builder(&etcd, "controller").start(&first()?)?)?;
    Ok(Fleet { routers, splitter })
}

pub(crate) fn weights(endpoint: &str) -> Result<()> {
    let Fleet { routers, splitter } = fleet(endpoint)?;
    let (v1, v2) = versions()?;
    splitter.admit(&v2);
    let mut bare = Bare::open(endpoint)?;
    let (mut applied, mut confirmed, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        plain.push(bare.round_trip()?);
        let weight = if round % 2 == 0 { 0.1 } else { 0.2 };
        let begun = Instant::now();
        splitter.set_weights(&Weights::split(&v1, &v2, weight)?)?;
        let wanted = splitter.table().revision();
        while routers.iter().any(|router| router.splitter().table().revision() != wanted) {
            ensure!(begun.elapsed() < Duration::from_secs(10), "a router does not follow");
            thread::sleep(Duration::from_micros(20));
        }
        applied.push(begun.elapsed());
        ensure!(splitter.wait_current(Duration::from_secs(10)), "a router does not confirm");
        confirmed.push(begun.elapsed());
        thread::sleep(Duration::from_millis(10));
    }
    println!("{ROUNDS} changes of weights, four routers, one etcd");
    show("a bare put until another client's watch has it", plain);
    show("set_weights called until all four route by it", applied);
    show("set_weights called until all have confirmed it", confirmed);
    Ok(())
}

pub(crate) fn rollback(endpoint: &str) -> Result<()> {
    let Fleet { routers, splitter } = fleet(endpoint)?;
    let (v1, v2) = versions()?;
    let begun = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let last: Vec<_> = routers.iter().map(|_| Arc::new(AtomicU64::new(0))).collect();
    let served = Arc::new(AtomicU64::new(0));
    let users: Vec<_> = routers
        .iter()
        .zip(&last)
        .map(|(router, last)| {
            let (router, last, stop, v2) = (router.clone(), Arc::clone(last), Arc::clone(&stop), v2.clone());
            let served = Arc::clone(&served);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let lease = router.splitter().route(&Request::new());
                    if *lease.version() == v2 {
                        last.store(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
                    }
                    drop(lease);
                    served.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_micros(200));
                }
            })
        })
        .collect();
    let (mut lasts, mut returned) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        splitter.admit(&v2);
        splitter.set_weights(&Weights::split(&v1, &v2, 0.5)?)?;
        ensure!(splitter.wait_current(Duration::from_secs(10)), "a router does not confirm");
        thread::sleep(Duration::from_millis(10));
        let decided = begun.elapsed();
        splitter.roll_back(&v2)?;
        let back = begun.elapsed();
        returned.push(back.saturating_sub(decided));
        thread::sleep(Duration::from_millis(10));
        let latest = last.iter().map(|last| Duration::from_nanos(last.load(Ordering::Relaxed))).max();
        let latest = latest.context("four routers")?;
        ensure!(latest <= back, "a request reached the canary after all routers had confirmed");
        lasts.push(latest.saturating_sub(decided));
    }
    stop.store(true, Ordering::Relaxed);
    for user in users {
        ensure!(user.join().is_ok(), "a request failed");
    }
    println!("{ROUNDS} rollbacks from 50%, four routers, one etcd, {} requests", served.load(Ordering::Relaxed));
    show("decided until the last request to the canary, on any router", lasts);
    show("decided until all have confirmed", returned);
    Ok(())
}

/// A put and a watch of the plain client, on two connections.
struct Bare {
    runtime: tokio::runtime::Runtime,
    putting: Client,
    watching: etcd_client::WatchStream,
}

impl Bare {
    fn open(endpoint: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (putting, watching) = runtime.block_on(async {
            let putting = Client::connect([endpoint], None).await?;
            let mut other = Client::connect([endpoint], None).await?;
            let mut watching = other.watch("/bare/", Some(WatchOptions::new().with_prefix())).await?;
            watching.message().await?; // it says that it has begun
            Ok::<_, etcd_client::Error>((putting, watching))
        })?;
        Ok(Self { runtime, putting, watching })
    }

    fn round_trip(&mut self) -> Result<Duration> {
        let begun = Instant::now();
        self.runtime.block_on(async {
            self.putting.put("/bare/key", vec![b'x'; 700], None).await?;
            self.watching.message().await
        })?;
        Ok(begun.elapsed())
    }
}

fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |hundredths: usize| times[(times.len() * hundredths / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("  {what:62} median {:6.2} ms  p99 {:6.2} ms  greatest {:6.2} ms", at(50), at(99), at(100));
}
