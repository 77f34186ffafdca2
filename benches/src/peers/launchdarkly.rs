use launchdarkly_server_sdk_evaluation::{Context, ContextBuilder, Flag, FlagValue, Segment, Store, evaluate};
use serde_json::Value;

use super::{Made, SPLIT};

/// `LaunchDarkly`'s evaluation of one flag, which is handed over rather than looked up.
pub struct LaunchDarkly(Flag);

/// The flag refers to no other flag and to no segment.
struct Nothing;

impl Store for Nothing {
    fn flag(&self, _: &str) -> Option<Flag> {
        None
    }

    fn segment(&self, _: &str) -> Option<Segment> {
        None
    }
}

impl LaunchDarkly {
    /// # Errors
    ///
    /// If the engine does not take its configuration.
    pub fn new() -> Made<Self> {
        let mut data: Value = serde_json::from_str(include_str!("../../splits/launchdarkly.json"))?;
        Ok(Self(serde_json::from_value(data["flags"][SPLIT].take())?))
    }

    /// A user's context.
    ///
    /// # Errors
    ///
    /// If the id is no key.
    pub fn user(id: &str) -> Result<Context, String> {
        ContextBuilder::new(id).build()
    }

    /// Whether the user has the second variation.
    pub fn variation(&self, user: &Context) -> bool {
        let detail = evaluate(&Nothing, &self.0, user, None);
        matches!(detail.value, Some(FlagValue::Str(value)) if value == "v2")
    }
}
