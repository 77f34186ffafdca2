//! The server as a program: `cargo run --release -p axum-server --bin axum-server`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use axum_server::engine::{Engine, EngineOptions};
use axum_server::server::{MODEL, Server};
use axum_server::task::Task;
use clap::Parser;
use serinus::model::VersionId;
use serinus::route::{HashSplitter, Weights};
use tokio::net::TcpListener;

/// Serves a small language model over an OpenAI-style endpoint.
#[derive(Debug, Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// The checkpoint to serve.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/checkpoints/v1.safetensors"))]
    checkpoint: PathBuf,
    /// Replicas to load.
    #[arg(long, default_value_t = 2)]
    replicas: u32,
    /// Let clients choose their version with the header `x-force-version`. For debugging only.
    #[arg(long)]
    allow_force_version: bool,
}

fn main() -> Result<()> {
    axum_server::kernels::keep_on_one_thread()?;
    serve(&Options::parse())
}

#[tokio::main]
async fn serve(options: &Options) -> Result<()> {
    let engine = Engine::new(EngineOptions { slots: options.replicas, ..EngineOptions::default() });
    let version = options.checkpoint.file_stem().map_or_else(|| "model".into(), |stem| stem.to_string_lossy());
    engine.load(&version, &options.checkpoint, options.replicas)?;
    engine.warm_up(&version, 64)?;
    let listener = TcpListener::bind(options.listen).await?;
    print_address(listener.local_addr()?, &version);
    let splitter = Arc::new(HashSplitter::new(MODEL, &Weights::all(&VersionId::new(&version)?)));
    let task = Arc::new(Task::capitals());
    let server = Server { engine, splitter, reviewer: None, task, allow_force_version: options.allow_force_version };
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    Ok(server.serve(listener, interrupted).await?)
}

#[allow(clippy::print_stdout)] // A program for the terminal.
fn print_address(address: SocketAddr, version: &str) {
    println!("{version} answers at http://{address}/v1/chat/completions");
}
