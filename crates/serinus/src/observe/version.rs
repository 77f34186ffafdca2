/// Stands in for the model's identity.
pub type VersionId = String;
