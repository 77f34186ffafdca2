//! The host: the server whose GPUs hold the models. This is the one trait that every embedder implements.

mod call;
#[cfg(feature = "testing")]
pub mod conformance;
mod error;
mod generate;
mod memory;

pub use call::{HostCall, HostReply};
pub use error::{HostError, Retry};
pub use generate::{Answer, Expects, Generate, Prompt, Tool, ToolCall};
pub use memory::{Fault, MemoryHost, Operation};

use std::fmt;

use crate::model::{Fingerprint, ModelVersion, VersionId};
use crate::plan::Fleet;

/// The server whose GPUs hold the models.
///
/// # Contract
///
/// **Declarative and idempotent.** Each call says what is wanted, not what to change: "two replicas of v2", "nothing of
/// v2". A call that finds its wish fulfilled returns at once. After a crash, or when an answer was lost, the same call
/// is simply made again.
///
/// **The caller** makes one call at a time for one rollout, with one exception: when a call has passed its deadline it
/// gives up on it and may make the next one while the first still runs. It never unloads the last replica of a version
/// (`keep = 0`) that has leases out, unless the drain deadline has passed and they were cancelled.
///
/// **The implementer** may block for as long as the work takes; calls come on a thread of their own, never on the
/// request path. `unload` that overtakes a `load` of the same version wins: what the load brings up later is taken
/// down again. A failed call leaves the versions that were serving as they were.
///
/// **Errors** are [permanent or transient](HostError): a transient one is tried again with growing pauses until the
/// plan's deadline for the phase, a permanent one ends the update with a rollback.
///
/// The suite in [`conformance`](crate::host#conformance) (feature `testing`) checks a host against this contract.
///
/// ```
/// use serinus::host::{HostError, ModelHost};
/// use serinus::model::{Fingerprint, ModelVersion, VersionId};
/// use serinus::plan::Fleet;
///
/// #[derive(Debug)]
/// struct OneGpu;
///
/// impl ModelHost for OneGpu {
///     fn fleet(&self) -> Result<Fleet, HostError> {
///         Fleet::new(1, 80.0).map(|fleet| fleet.with_spare_replicas(1)).map_err(HostError::permanent)
///     }
///     fn load(&self, version: &ModelVersion, replicas: u32) -> Result<(), HostError> {
///         // read the weights …
///         # let _ = (version, replicas);
///         Ok(())
///     }
///     fn warm_up(&self, version: &VersionId, tokens: u32) -> Result<(), HostError> {
///         # let _ = (version, tokens);
///         Ok(())
///     }
///     fn verify(&self, version: &VersionId) -> Result<Option<Fingerprint>, HostError> {
///         # let _ = version;
///         Ok(None)
///     }
///     fn cancel_in_flight(&self, version: &VersionId) -> Result<u64, HostError> {
///         # let _ = version;
///         Ok(0)
///     }
///     fn unload(&self, version: &VersionId, keep: u32) -> Result<(), HostError> {
///         # let _ = (version, keep);
///         Ok(())
///     }
/// }
/// # OneGpu.fleet().unwrap();
/// ```
pub trait ModelHost: Send + Sync + fmt::Debug {
    /// Replicas and GPU memory: in all, and what each version uses.
    ///
    /// # Errors
    ///
    /// [`HostError`] if the fleet cannot be asked.
    fn fleet(&self) -> Result<Fleet, HostError>;

    /// Ensures that this many replicas of the version are loaded, not fewer; more are left alone.
    ///
    /// # Errors
    ///
    /// [`HostError`] if they are not.
    fn load(&self, version: &ModelVersion, replicas: u32) -> Result<(), HostError>;

    /// Runs about this many tokens through every loaded replica, so that kernels are compiled and caches allocated
    /// before a user waits for it.
    ///
    /// # Errors
    ///
    /// [`HostError`] if a replica does not answer.
    fn warm_up(&self, version: &VersionId, tokens: u32) -> Result<(), HostError>;

    /// What is really loaded, on all replicas; `None` if this server cannot know. It must equal the version's
    /// [expected fingerprint](ModelVersion::expected_fingerprint), or the update is rolled back.
    ///
    /// # Errors
    ///
    /// [`HostError`] if a replica does not answer, or if replicas disagree.
    fn verify(&self, version: &VersionId) -> Result<Option<Fingerprint>, HostError>;

    /// Stops all requests of the version that are running, and says how many. Their leases are cancelled too, so that
    /// the request handlers retry on a version that stays.
    ///
    /// # Errors
    ///
    /// [`HostError`] if they cannot be stopped.
    fn cancel_in_flight(&self, version: &VersionId) -> Result<u64, HostError>;

    /// Shrinks the version to this many replicas; 0 frees all its memory. A replica that goes while others stay first
    /// finishes the requests that it runs.
    ///
    /// # Errors
    ///
    /// [`HostError`] if replicas could not be freed.
    fn unload(&self, version: &VersionId, keep: u32) -> Result<(), HostError>;

    /// Requests that the server itself sees running, where it can tell. `None`: trust the leases.
    fn in_flight(&self, version: &VersionId) -> Option<u64> {
        let _ = version;
        None
    }
}
