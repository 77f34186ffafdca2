use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use growthbook_rust::client::{GrowthBookClient, GrowthBookClientBuilder, GrowthBookClientTrait};
use growthbook_rust::model_public::GrowthBookAttribute;
use serde_json::json;

use super::{Made, SPLIT};

/// `GrowthBook`'s client, given its features.
pub struct GrowthBook(GrowthBookClient);

impl GrowthBook {
    /// # Errors
    ///
    /// If the engine does not take its configuration.
    pub fn new() -> Made<Self> {
        let features = serde_json::from_str(include_str!("../../splits/growthbook.json"))?;
        let builder = GrowthBookClientBuilder::new().features_json(features)?;
        // With its features given, the client waits for nothing.
        match pin!(builder.build()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(client) => Ok(Self(client?)),
            Poll::Pending => Err("the client waits for a network".into()),
        }
    }

    /// A user's attributes.
    ///
    /// # Errors
    ///
    /// If they are none.
    pub fn user(id: &str) -> Made<Vec<GrowthBookAttribute>> {
        Ok(GrowthBookAttribute::from(json!({"id": id}))?)
    }

    /// Whether the user has the second variation.
    pub fn feature(&self, user: &[GrowthBookAttribute]) -> bool {
        self.0.feature_result(SPLIT, Some(user.to_vec())).value == "v2"
    }
}
