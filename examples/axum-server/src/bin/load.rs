//! The load generator as a program: `cargo run --release -p axum-server --bin load`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum_server::load::{Load, LoadOptions, LoadReport};
use axum_server::task::Task;
use clap::Parser;

/// Asks a running server questions and checks its answers.
#[derive(Debug, Parser)]
struct Options {
    /// The server.
    #[arg(long, default_value = "127.0.0.1:8000")]
    address: SocketAddr,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// Users who take turns.
    #[arg(long, default_value_t = 2_000)]
    users: u32,
    /// Requests a second; as many as possible if not given.
    #[arg(long)]
    rate: Option<f64>,
    /// How long to ask, in seconds.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Ask for whole answers instead of streams.
    #[arg(long)]
    whole: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let Options { address, connections, users, rate, seconds, whole } = Options::parse();
    let options = LoadOptions { address, connections, users, rate, stream: !whole, seed: 0 };
    let load = Load::start(options, &Arc::new(Task::capitals()));
    tokio::time::sleep(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)).await;
    print(&load.stop().await);
}

#[allow(clippy::print_stdout)] // A program for the terminal.
fn print(report: &LoadReport) {
    println!(
        "{} requests, {:.0} a second; {} wrong, {} failed, {} restarted",
        report.requests(),
        report.rate(),
        report.wrong(),
        report.failed,
        report.restarted
    );
    for (name, version) in &report.versions {
        let share = version.wrong as f64 / version.answered as f64;
        println!("{name}: {} answers, {:.2}% wrong", version.answered, 100.0 * share);
    }
    for q in [0.5, 0.99] {
        println!(
            "p{:.0}: first token {:?}, whole answer {:?}",
            100.0 * q,
            report.ttft(q).unwrap_or_default(),
            report.latency(q).unwrap_or_default()
        );
    }
    if let Some(failure) = &report.failure {
        println!("one failure: {failure}");
    }
}
