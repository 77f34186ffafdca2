//! A suite that checks a host against the contract of [`ModelHost`]. Run it in the host's own tests:
//!
//! ```
//! use serinus::host::{MemoryHost, conformance};
//! use serinus::model::ModelVersion;
//! use serinus::plan::Fleet;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let v1 = ModelVersion::builder("m", "v1").base_model("b").weight_hash("aa").gpu_memory_gb(10.0).build()?;
//! let v2 = v1.to_builder().version("v2").weight_hash("bb").build()?;
//! let host = MemoryHost::new(Fleet::new(2, 16.0)?);
//! conformance::check(&host, &v1, &v2)?;
//! # Ok(())
//! # }
//! ```

use thiserror::Error;

use super::{HostError, ModelHost};
use crate::model::{Fingerprint, ModelVersion, VersionId};

/// What a host does not do as the contract asks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{rule}: {what}")]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What the host did instead.
    pub what: String,
}

/// Checks a host that has nothing loaded and room for one replica of each of two versions. Leaves nothing loaded.
///
/// # Errors
///
/// The first [`Violation`].
pub fn check(host: &dyn ModelHost, first: &ModelVersion, second: &ModelVersion) -> Result<(), Violation> {
    loading_is_idempotent(host, first)?;
    versions_do_not_disturb_each_other(host, first, second)?;
    unloading_is_idempotent(host, first, second)?;
    what_is_not_there_is_said(host, first.version())
}

fn loading_is_idempotent(host: &dyn ModelHost, version: &ModelVersion) -> Result<(), Violation> {
    let rule = "a load that finds its wish fulfilled succeeds and changes nothing";
    for _ in 0..2 {
        ok(rule, host.load(version, 1))?;
        ok(rule, host.warm_up(version.version(), version.warmup_tokens()))?;
        verified(rule, host, version)?;
    }
    loaded(rule, host, version.version(), 1)
}

fn versions_do_not_disturb_each_other(
    host: &dyn ModelHost,
    first: &ModelVersion,
    second: &ModelVersion,
) -> Result<(), Violation> {
    let rule = "loading one version leaves the others as they were";
    ok(rule, host.load(second, 1))?;
    verified(rule, host, first)?;
    verified(rule, host, second)?;
    loaded(rule, host, first.version(), 1)?;
    loaded(rule, host, second.version(), 1)
}

fn unloading_is_idempotent(host: &dyn ModelHost, first: &ModelVersion, second: &ModelVersion) -> Result<(), Violation> {
    let rule = "unload shrinks to what is to be kept, and succeeds again when nothing is left to do";
    ok(rule, host.cancel_in_flight(second.version()).map(|_| ()))?;
    for _ in 0..2 {
        ok(rule, host.unload(second.version(), 0))?;
        loaded(rule, host, second.version(), 0)?;
        verified(rule, host, first)?;
    }
    ok(rule, host.unload(first.version(), 1))?;
    loaded(rule, host, first.version(), 1)?;
    ok(rule, host.unload(first.version(), 0))?;
    loaded(rule, host, first.version(), 0)
}

fn what_is_not_there_is_said(host: &dyn ModelHost, version: &VersionId) -> Result<(), Violation> {
    let rule = "warming up what is not loaded is an error";
    match host.warm_up(version, 1) {
        Err(_) => Ok(()),
        Ok(()) => Err(Violation { rule, what: format!("warming up {version}, which was unloaded, succeeded") }),
    }
}

fn ok(rule: &'static str, result: Result<(), HostError>) -> Result<(), Violation> {
    result.map_err(|error| Violation { rule, what: error.to_string() })
}

fn verified(rule: &'static str, host: &dyn ModelHost, version: &ModelVersion) -> Result<(), Violation> {
    let expected: &Fingerprint = version.expected_fingerprint();
    match host.verify(version.version()) {
        Ok(Some(found)) if found != *expected => {
            let what = format!("{} is verified as {found}, expected {expected}", version.version());
            Err(Violation { rule, what })
        }
        Ok(_) => Ok(()),
        Err(error) => Err(Violation { rule, what: error.to_string() }),
    }
}

fn loaded(rule: &'static str, host: &dyn ModelHost, version: &VersionId, replicas: u32) -> Result<(), Violation> {
    let fleet = host.fleet().map_err(|error| Violation { rule, what: error.to_string() })?;
    let found = fleet.loaded().get(version).copied().unwrap_or(0);
    if found == replicas {
        return Ok(());
    }
    Err(Violation { rule, what: format!("{version} has {found} replicas, expected {replicas}") })
}
