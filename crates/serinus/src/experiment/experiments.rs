//! Several tests on the same users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::layer::{Layer, Running};
use super::split::{POINTS, points};
use super::{AbTest, ExperimentError};
use crate::model::VersionId;
use crate::route::sticky_point;

/// Several tests on the same users, in layers.
///
/// Tests of one layer share no user: each owns a share of the layer's users. Layers are drawn independently of each other, so a
/// user may be in one test of each, and a test's arms have the same mix of the other layers' arms. Put what cannot be combined, or
/// would sway each other's scores, into one layer.
///
/// A user's tests and arms are hashes ([`sticky_point`]) of the layer's name, the test's name and the key: nothing is kept per user,
/// and every process that has the same tests gives the same answer. To end a test moves no user of another; a later test may
/// get its users, with arms drawn anew by its own name. The way of adding and ending is part of the state: store it, do not replay
/// it in another order.
///
/// ```
/// use serinus::experiment::{AbTest, Experiments};
/// use serinus::model::VersionId;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let version = VersionId::new;
/// let mut experiments = Experiments::with_layers(["model", "prompt"]);
/// experiments.add("model", 0.5, AbTest::new("v2", &version("v1")?, &version("v2")?, 2_000)?)?;
/// experiments.add("model", 0.3, AbTest::new("v3", &version("v1")?, &version("v3")?, 2_000)?)?;
/// experiments.add("prompt", 1.0, AbTest::new("terse", &version("long")?, &version("short")?, 2_000)?)?;
///
/// for assignment in experiments.assign("user-42") {
///     println!("{}: {} gets {}", assignment.layer, assignment.test, assignment.version);
/// }
/// let refused = experiments.add("model", 0.3, AbTest::new("v4", &version("v1")?, &version("v4")?, 2_000)?);
/// assert!(refused.unwrap_err().to_string().contains("0.2000 of its users left"));
/// let ended = experiments.end("v2")?;
/// assert_eq!(ended.name(), "v2");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Layer>", into = "BTreeMap<String, Layer>")]
pub struct Experiments {
    layers: BTreeMap<String, Layer>,
}

/// One test that a user is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// The test's layer.
    pub layer: &'a str,
    /// The test.
    pub test: &'a str,
    /// The version that the user gets.
    pub version: &'a VersionId,
}

impl Experiments {
    /// No tests yet, in these layers. A layer's name draws its users, so it stays the same.
    pub fn with_layers(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { layers: names.into_iter().map(|name| (name.into(), Layer::default())).collect() }
    }

    /// Begins a test on this share of a layer's users, in (0, 1].
    ///
    /// # Errors
    ///
    /// If there is no such layer, a test of the same name is running, the share is not in (0, 1], or the layer has less left;
    /// then nothing changes.
    pub fn add(&mut self, layer: &str, share: f64, test: AbTest) -> Result<(), ExperimentError> {
        if self.test(test.name()).is_some() {
            return Err(ExperimentError::SameName { test: test.name().to_owned() });
        }
        let wanted = points(share);
        if !(share > 0.0 && share <= 1.0 && wanted > 0) {
            return Err(ExperimentError::setting("a share of users", "above 0 and at most 1", share.to_string()));
        }
        let known = list(self.layers.keys().map(String::as_str));
        let Some(found) = self.layers.get_mut(layer) else {
            return Err(ExperimentError::UnknownLayer { layer: layer.to_owned(), known });
        };
        let Some(slices) = found.room(wanted) else {
            return Err(ExperimentError::NoRoom {
                layer: layer.to_owned(),
                test: test.name().to_owned(),
                asked: share,
                left: found.left() as f64 / POINTS as f64,
            });
        };
        found.running.push(Running { slices, test });
        Ok(())
    }

    /// Ends a test and gives it back. Its share of the layer is free again; no other test's users move.
    ///
    /// # Errors
    ///
    /// If no such test is running.
    pub fn end(&mut self, test: &str) -> Result<AbTest, ExperimentError> {
        for layer in self.layers.values_mut() {
            if let Some(place) = layer.running.iter().position(|running| running.test.name() == test) {
                return Ok(layer.running.remove(place).test);
            }
        }
        let known = list(self.tests().map(AbTest::name));
        Err(ExperimentError::UnknownTest { test: test.to_owned(), known })
    }

    /// The tests that a user is in, at most one of each layer, and his version in each. Counts nothing: see
    /// [`AbTest::count_assignment`].
    pub fn assign<'a>(&'a self, user_key: &str) -> Vec<Assignment<'a>> {
        let in_layer = |(layer, tests): (&'a String, &'a Layer)| {
            let test = &tests.at(sticky_point(&salt(layer), user_key))?.test;
            Some(Assignment { layer, test: test.name(), version: test.assign(user_key) })
        };
        self.layers.iter().filter_map(in_layer).collect()
    }

    /// A running test.
    pub fn test(&self, name: &str) -> Option<&AbTest> {
        self.tests().find(|test| test.name() == name)
    }

    /// A running test, to record in.
    ///
    /// # Errors
    ///
    /// If no such test is running.
    pub fn test_mut(&mut self, name: &str) -> Result<&mut AbTest, ExperimentError> {
        let known = list(self.tests().map(AbTest::name));
        let mut running = self.layers.values_mut().flat_map(|layer| &mut layer.running);
        let found = running.find(|running| running.test.name() == name).map(|running| &mut running.test);
        found.ok_or_else(|| ExperimentError::UnknownTest { test: name.to_owned(), known })
    }

    /// All running tests, layer by layer.
    pub fn tests(&self) -> impl Iterator<Item = &AbTest> {
        self.layers.values().flat_map(|layer| &layer.running).map(|running| &running.test)
    }

    /// The share of a layer's users that is in no test, in [0, 1]; `None` without such a layer.
    pub fn room(&self, layer: &str) -> Option<f64> {
        self.layers.get(layer).map(|layer| layer.left() as f64 / POINTS as f64)
    }
}

/// What draws a layer's users: its name.
fn salt(layer: &str) -> String {
    format!("layer:{layer}")
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl From<Experiments> for BTreeMap<String, Layer> {
    fn from(experiments: Experiments) -> Self {
        experiments.layers
    }
}

impl TryFrom<BTreeMap<String, Layer>> for Experiments {
    type Error = ExperimentError;

    fn try_from(layers: BTreeMap<String, Layer>) -> Result<Self, Self::Error> {
        let experiments = Self { layers };
        if let Some((layer, _)) = experiments.layers.iter().find(|(_, layer)| !layer.is_sound()) {
            return Err(ExperimentError::setting(
                "stored slices",
                "within the layer and owned by one test",
                layer.clone(),
            ));
        }
        let mut names: Vec<&str> = experiments.tests().map(AbTest::name).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(ExperimentError::SameName { test: pair[0].to_owned() }),
            None => Ok(experiments),
        }
    }
}
