use std::sync::Arc;

use eppo_core::configuration_store::ConfigurationStore;
use eppo_core::eval::{Evaluator, EvaluatorConfig};
use eppo_core::ufc::{AssignmentValue, UniversalFlagConfig, VariationType};
use eppo_core::{Attributes, Configuration, SdkMetadata, Str};

use super::{Made, SPLIT};

/// Eppo's evaluator, on a store whose configuration can be changed.
pub struct Eppo(Evaluator);

impl Eppo {
    /// # Errors
    ///
    /// If the engine does not take its configuration.
    pub fn new() -> Made<Self> {
        let sdk_metadata = SdkMetadata { name: "bench", version: "0" };
        let flags = UniversalFlagConfig::from_json(sdk_metadata, include_bytes!("../../splits/eppo.json").to_vec())?;
        let configuration_store = Arc::new(ConfigurationStore::new());
        configuration_store.set_configuration(Arc::new(Configuration::from_server_response(flags, None)));
        Ok(Self(Evaluator::new(EvaluatorConfig { configuration_store, sdk_metadata })))
    }

    /// A user without attributes.
    pub fn user(id: &str) -> (Str, Arc<Attributes>) {
        (Str::new(id), Arc::default())
    }

    /// Whether the user is assigned the second version.
    pub fn assignment(&self, (id, attributes): &(Str, Arc<Attributes>)) -> bool {
        let assigned = self.0.get_assignment(SPLIT, id, attributes, Some(VariationType::String));
        matches!(assigned, Ok(Some(assigned)) if matches!(&assigned.value, AssignmentValue::String(value) if value.as_str() == "v2"))
    }
}
