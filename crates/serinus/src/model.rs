//! What is served: versions of a model, and how they are told apart.

mod adapter;
mod error;
mod fingerprint;
mod version;
mod version_id;

pub use adapter::Adapter;
pub use error::ModelError;
pub use fingerprint::Fingerprint;
pub use version::{ModelVersion, ModelVersionBuilder};
pub use version_id::VersionId;
