use std::sync::Arc;

use statsig_rust::{
    ExperimentEvaluationOptions, FeatureGateEvaluationOptions, StatsigBootstrapSpecsAdapter, StatsigOptions,
    StatsigRuntime, StatsigUser,
};

use super::{Made, SPLIT};

const GATE: &str = "gate";

/// Statsig's client without a network, with a gate that 5% pass and an experiment of two groups.
pub struct Statsig(statsig_rust::Statsig);

impl Statsig {
    /// # Errors
    ///
    /// If the engine does not take its configuration.
    pub fn new() -> Made<Self> {
        let specs = include_str!("../../splits/statsig.json");
        let options = StatsigOptions {
            specs_adapter: Some(Arc::new(StatsigBootstrapSpecsAdapter::new(specs.to_owned()))),
            disable_network: Some(true),
            disable_all_logging: Some(true),
            disable_country_lookup: Some(true),
            ..StatsigOptions::new()
        };
        let statsig = statsig_rust::Statsig::new("secret-bench", Some(Arc::new(options)));
        let runtime = StatsigRuntime::get_runtime().get_handle().map_err(|error| error.to_string())?;
        runtime.block_on(statsig.initialize()).map_err(|error| error.to_string())?;
        Ok(Self(statsig))
    }

    /// A user.
    pub fn user(id: &str) -> StatsigUser {
        StatsigUser::with_user_id(id)
    }

    /// Whether the user passes the gate.
    pub fn gate(&self, user: &StatsigUser) -> bool {
        let options = FeatureGateEvaluationOptions { disable_exposure_logging: true };
        self.0.check_gate_with_options(user, GATE, options)
    }

    /// Whether the user is in the second group.
    pub fn experiment(&self, user: &StatsigUser) -> bool {
        let options = ExperimentEvaluationOptions { disable_exposure_logging: true, ..Default::default() };
        let experiment = self.0.get_experiment_with_options(user, SPLIT, options);
        experiment.value.get("version").is_some_and(|version| version == "v2")
    }
}
