//! The demo as a program: `cargo run --release -p axum-server --bin demo`.

use anyhow::Result;
use axum_server::demo::{Options, run};
use clap::Parser;

fn main() -> Result<()> {
    axum_server::kernels::keep_on_one_thread()?;
    let options = Options::parse();
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(options))
}
