use unleash_yggdrasil::EngineState;
use unleash_yggdrasil::state::EnrichedContext;

use super::{Made, SPLIT};

const GRADUAL: &str = "gradual";

/// Unleash's engine, with a toggle that is on for 5% and one with two variants.
#[derive(Default)]
pub struct Unleash(EngineState);

impl Unleash {
    /// # Errors
    ///
    /// If the engine does not take its configuration.
    pub fn new() -> Made<Self> {
        let engine = Self::default();
        let warnings = engine.0.apply_client_features(serde_json::from_str(include_str!("../../splits/unleash.json"))?);
        match warnings {
            Some(warnings) => Err(serde_json::to_string(&warnings)?.into()),
            None => Ok(engine),
        }
    }

    /// Whether the toggle is on.
    pub fn enabled(&self, user_id: &str) -> bool {
        self.0.check_enabled(&context(GRADUAL, user_id)) == Some(true)
    }

    /// Whether the user has the second variant.
    pub fn variant(&self, user_id: &str) -> bool {
        self.0.check_variant(&context(SPLIT, user_id)).is_some_and(|variant| variant.name == "v2")
    }

    /// As [`variant`](Self::variant), with the counts that its SDKs keep for the server.
    pub fn counted_variant(&self, user_id: &str) -> bool {
        let Some(variant) = self.0.check_variant(&context(SPLIT, user_id)) else { return false };
        self.0.count_toggle(SPLIT, variant.enabled);
        self.0.count_variant(SPLIT, &variant.name);
        variant.name == "v2"
    }
}

fn context<'a>(toggle_name: &'a str, user_id: &'a str) -> EnrichedContext<'a> {
    EnrichedContext {
        user_id: Some(user_id),
        session_id: None,
        environment: None,
        app_name: None,
        current_time: None,
        remote_address: None,
        properties: None,
        external_results: None,
        toggle_name,
        runtime_hostname: None,
    }
}
