//! A thousand routers that publish every five seconds: what it costs etcd and the controller.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serinus::observe::{Errors, Outcome, Signal, Signals, UserCap, UserShares};
use serinus::route::{Request, TrafficSplitter, Weights};
use serinus_etcd::{Etcd, FleetSplitter, Leadership, Router};

use crate::etcd::Server;
use crate::{first, versions};

const ROUTERS: usize = 1_000;
/// Requests of each router in each period.
const REQUESTS: u32 = 100;
const PERIOD: Duration = Duration::from_secs(5);
const PERIODS: u32 = 12;
/// Connections that the routers share: one process stands for all of them.
const CONNECTIONS: usize = 20;

pub(crate) fn run(server: &Server) -> Result<()> {
    let connect = || Etcd::builder([&server.endpoint]).ttl(Duration::from_secs(10)).connect("chat");
    let connections = (0..CONNECTIONS).map(|_| connect()).collect::<Result<Vec<_>, _>>()?;
    let start = |n: usize| -> Result<Router> {
        let router = Router::builder(&connections[n % CONNECTIONS], format!("router-{n}"));
        Ok(router.publish_every(PERIOD).start(&first()?)?)
    };
    let routers = (0..ROUTERS).map(start).collect::<Result<Vec<_>>>()?;
    let etcd = connect()?;
    let leadership = Leadership::campaign(&etcd, "controller")?;
    let splitter = FleetSplitter::new(&leadership, &Router::builder(&etcd, "controller").start(&first()?)?)?;
    let (v1, v2) = versions()?;
    splitter.admit(&v2);
    let begun = Instant::now();
    splitter.set_weights(&Weights::split(&v1, &v2, 0.1)?)?;
    ensure!(splitter.wait_current(Duration::from_secs(30)), "a router does not confirm");
    println!(
        "a change of weights was confirmed by {ROUTERS} routers after {:.0} ms",
        begun.elapsed().as_secs_f64() * 1e3
    );
    let signals: Signals = [Arc::new(Errors) as Arc<dyn Signal>].into_iter().collect();
    let block = splitter.open_block(&signals, &Arc::new(UserShares::new(UserCap::None)));
    thread::sleep(PERIOD);

    let (process, before) = (server.process_id().context("it runs")?, Instant::now());
    let (cpu, bytes) = (cpu_seconds(process)?, received(&server.endpoint)?);
    for period in 0..PERIODS {
        for router in &routers {
            for n in 0..REQUESTS {
                let lease = router.splitter().route(&Request::new());
                let latency_ms = 300.0 + f64::from((n * 7_919 + period) % 900);
                lease.finish(Outcome::ok().latency_ms(latency_ms).ttft_ms(latency_ms / 9.0).tokens(n + 40));
            }
        }
        thread::sleep((PERIOD * (period + 1)).saturating_sub(before.elapsed()));
    }
    let seconds = before.elapsed().as_secs_f64();
    let (cpu, bytes) = (cpu_seconds(process)? - cpu, received(&server.endpoint)? - bytes);
    thread::sleep(PERIOD); // the last evidence arrives
    let arrivals: u64 = splitter.tally(block).values().map(|tally| tally.arrivals).sum();
    let wanted = u64::from(PERIODS * REQUESTS) * ROUTERS as u64;
    println!(
        "{} routers over {seconds:.0} s, {REQUESTS} requests each in {} s; {arrivals} of {wanted} requests counted",
        splitter.routers().len() - 1,
        PERIOD.as_secs()
    );
    println!("  etcd received {:.0} kB/s and took {:.1}% of a core", bytes / seconds / 1e3, 100.0 * cpu / seconds);
    for (what, merge) in [
        ("tally", &(|| drop(splitter.tally(block))) as &dyn Fn()),
        ("turnout", &|| drop(splitter.turnout(block))),
        ("in_flight", &|| {
            std::hint::black_box(splitter.in_flight(&v2));
        }),
    ] {
        let mut times: Vec<_> = (0..20)
            .map(|_| {
                let begun = Instant::now();
                merge();
                begun.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("  {what} of all routers: median {:.2} ms, greatest {:.2} ms", times[10], times[19]);
    }
    ensure!(arrivals == wanted, "evidence is missing");
    Ok(())
}

/// Seconds of CPU that a process has used, from Linux's /proc.
fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, after) = stat.rsplit_once(')').context("a name in brackets")?;
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// Bytes that etcd has received from its clients, by its own metrics.
fn received(endpoint: &str) -> Result<f64> {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://"))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let line = text.lines().find(|line| line.starts_with("etcd_network_client_grpc_received_bytes_total"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).context("no such metric")
}
