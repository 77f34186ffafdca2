//! The figures of `docs/reliability.md`: `cargo run --release -p fleet --bin measure -- weights`, `rollback`,
//! `thousand` or `journal`.
#![allow(clippy::print_stdout)] // A program for the terminal.

mod delays;
#[path = "../../etcd.rs"]
mod etcd;
mod journal;
mod thousand;

use anyhow::{Result, bail};
use serinus::model::VersionId;
use serinus::route::Weights;

fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    if std::env::args().nth(1).as_deref() == Some("journal") {
        return journal::run(directory.path());
    }
    let server = etcd::Server::start(directory.path())?;
    match std::env::args().nth(1).as_deref() {
        Some("weights") => delays::weights(&server.endpoint),
        Some("rollback") => delays::rollback(&server.endpoint),
        Some("thousand") => thousand::run(&server),
        _ => bail!("say what to measure: weights, rollback, thousand or journal"),
    }
}

fn versions() -> Result<(VersionId, VersionId)> {
    Ok((VersionId::new("v1")?, VersionId::new("v2")?))
}

fn first() -> Result<Weights> {
    Ok(Weights::all(&versions()?.0))
}
