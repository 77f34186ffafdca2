//! Two controllers and four routers, each a process of its own, and one etcd: `cargo run -p fleet`.
//!
//! While users are served, a router is killed, another is frozen for a second, the leading controller is frozen and wakes up too
//! late, etcd is killed, and the leading controller is killed. A good version goes to all users through all of it, and a bad one is
//! rolled back. The exit code is 0 only if no request went to a version that was not loaded, and both rollouts ended as they had
//! to. Under a minute.

mod controller;
mod etcd;
mod host;
mod part;
mod plan;
mod router;
mod screen;
mod supervisor;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => supervisor::run(),
        ["router", name, endpoint, models] => router::run(name, endpoint, models.as_ref()),
        ["controller", name, endpoint, models] => controller::run(name, endpoint, models.as_ref()),
        _ => bail!("cargo run -p fleet, without arguments, starts all of it"),
    }
}
