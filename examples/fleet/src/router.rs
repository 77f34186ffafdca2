//! A server: routes its users' requests, and answers them.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serinus::observe::Outcome;
use serinus::route::{Request, TrafficSplitter, Weights};
use serinus_etcd::Router;

use crate::host::Directory;
use crate::part::{Line, RouterLine, tell};
use crate::plan;

pub(crate) fn run(name: &str, endpoint: &str, models: &Path) -> Result<()> {
    let host = Directory::new(models)?;
    let plans = plan::plans()?;
    let first = plans.first().context("no plan")?.current().version();
    let etcd = plan::etcd(endpoint).connect("chat")?;
    let router = Router::builder(&etcd, name).publish_every(Duration::from_millis(250)).start(&Weights::all(first))?;
    let (mut served, mut lost, mut told_at) = (0u64, 0, Instant::now());
    loop {
        for _ in 0..10 {
            let key = format!("{name}-{served}");
            let lease = router.splitter().route(&Request::new().sticky_key(key.as_str()));
            served += 1;
            lost += u64::from(!host.is_loaded(lease.version()));
            let fails = lease.version().as_str() == plan::BAD && served.is_multiple_of(3);
            lease.finish(if fails { Outcome::error() } else { Outcome::ok().latency_ms(10.0) });
        }
        if told_at.elapsed() >= Duration::from_millis(250) {
            told_at = Instant::now();
            tell(&Line::Router(line(&router, served, lost)))?;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn line(router: &Router, served: u64, lost: u64) -> RouterLine {
    let (stats, table, status) = (router.splitter().stats(), router.splitter().table(), router.status());
    RouterLine {
        served,
        lost,
        by_version: stats.versions.iter().map(|(version, stats)| (version.to_string(), stats.count)).collect(),
        weights: table.weights().iter().map(|(version, weight)| (version.to_string(), weight)).collect(),
        staleness_ms: status.staleness.as_millis(),
        controller: status.controller,
    }
}
