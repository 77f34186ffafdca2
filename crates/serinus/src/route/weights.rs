//! How traffic is shared out: a weight for each version, checked when it is made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RoutingError;
use crate::model::VersionId;

/// How far from 1 the sum of weights may be.
const SUM_TOLERANCE: f64 = 1e-3;

/// The share of traffic that each version gets: fractions in [0, 1] that sum to 1 (within 0.001).
///
/// ```
/// use serinus::model::VersionId;
/// use serinus::route::Weights;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (v1, v2) = (VersionId::new("v1")?, VersionId::new("v2")?);
/// let weights = Weights::new([(v1.clone(), 0.95), (v2.clone(), 0.05)])?;
/// assert_eq!(weights.of(&v2), 0.05);
/// assert_eq!(weights, Weights::split(&v1, &v2, 0.05)?);
/// assert!(Weights::new([(v1, f64::NAN)]).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<VersionId, f64>", into = "BTreeMap<VersionId, f64>")]
pub struct Weights(BTreeMap<VersionId, f64>);

impl Weights {
    /// Weights by version.
    ///
    /// # Errors
    ///
    /// [`RoutingError::NoWeights`], [`RoutingError::BadWeight`] for one that is negative or not finite,
    /// [`RoutingError::BadSum`] if they do not sum to 1 within 0.001.
    pub fn new(weights: impl IntoIterator<Item = (VersionId, f64)>) -> Result<Self, RoutingError> {
        let weights: BTreeMap<_, _> = weights.into_iter().collect();
        if weights.is_empty() {
            return Err(RoutingError::NoWeights);
        }
        if let Some((version, &weight)) = weights.iter().find(|(_, w)| !w.is_finite() || **w < 0.0) {
            return Err(RoutingError::BadWeight { version: version.clone(), weight });
        }
        let sum: f64 = weights.values().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(RoutingError::BadSum { sum });
        }
        Ok(Self(weights))
    }

    /// Weights in proportion to any parts: 10 to 90 is the same as 100 to 900.
    ///
    /// # Errors
    ///
    /// As [`Weights::new`]; the sum may be any positive number.
    pub fn proportional(parts: impl IntoIterator<Item = (VersionId, f64)>) -> Result<Self, RoutingError> {
        let parts: BTreeMap<_, _> = parts.into_iter().collect();
        let sum: f64 = parts.values().sum();
        if sum <= 0.0 {
            return Err(RoutingError::BadSum { sum });
        }
        Self::new(parts.into_iter().map(|(version, part)| (version, part / sum)))
    }

    /// All traffic to one version.
    pub fn all(version: &VersionId) -> Self {
        Self(BTreeMap::from([(version.clone(), 1.0)]))
    }

    /// `canary_weight` to the canary and the rest to the stable version; a version with nothing is left out.
    ///
    /// # Errors
    ///
    /// [`RoutingError::BadWeight`] if `canary_weight` is not in [0, 1].
    pub fn split(stable: &VersionId, canary: &VersionId, canary_weight: f64) -> Result<Self, RoutingError> {
        let pairs = [(canary, canary_weight), (stable, 1.0 - canary_weight)];
        Self::new(pairs.into_iter().filter(|(_, w)| *w != 0.0).map(|(v, w)| (v.clone(), w)))
    }

    /// The share of `version`; 0 if it is not named.
    pub fn of(&self, version: &VersionId) -> f64 {
        self.0.get(version).copied().unwrap_or(0.0)
    }

    /// Versions and their shares, by version.
    pub fn iter(&self) -> impl Iterator<Item = (&VersionId, f64)> {
        self.0.iter().map(|(version, weight)| (version, *weight))
    }

    /// The version with the largest share; of equal ones the first by name.
    #[expect(clippy::missing_panics_doc, reason = "weights are never empty")]
    pub fn heaviest(&self) -> &VersionId {
        let mut pairs = self.0.iter();
        let first = pairs.next().expect("weights are never empty: the constructors refuse it");
        pairs.fold(first, |best, pair| if pair.1 > best.1 { pair } else { best }).0
    }
}

impl TryFrom<BTreeMap<VersionId, f64>> for Weights {
    type Error = RoutingError;

    fn try_from(weights: BTreeMap<VersionId, f64>) -> Result<Self, Self::Error> {
        Self::new(weights)
    }
}

impl From<Weights> for BTreeMap<VersionId, f64> {
    fn from(weights: Weights) -> Self {
        weights.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> VersionId {
        VersionId::new(name).unwrap()
    }

    #[test]
    fn what_is_not_a_share_is_refused() {
        for bad in [-0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let refused = Weights::new([(id("a"), bad), (id("b"), 1.0)]).unwrap_err();
            assert!(matches!(refused, RoutingError::BadWeight { .. }), "{bad}: {refused}");
        }
        assert_eq!(Weights::new([]).unwrap_err(), RoutingError::NoWeights);
        assert!(matches!(Weights::new([(id("a"), 0.9)]).unwrap_err(), RoutingError::BadSum { .. }));
        assert!(Weights::new([(id("a"), 0.9995)]).is_ok());
        assert!(matches!(Weights::proportional([(id("a"), 0.0)]).unwrap_err(), RoutingError::BadSum { .. }));
        assert!(Weights::proportional([(id("a"), f64::NAN)]).is_err());
    }

    #[test]
    fn rescaling_changes_nothing() {
        let small = Weights::proportional([(id("a"), 10.0), (id("b"), 90.0)]).unwrap();
        let large = Weights::proportional([(id("a"), 100.0), (id("b"), 900.0)]).unwrap();
        assert_eq!(small, large);
    }

    #[test]
    fn serde_checks_what_it_reads() {
        let text = r#"{"a":0.25,"b":0.75}"#;
        let weights: Weights = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&weights).unwrap(), text);
        assert!(serde_json::from_str::<Weights>(r#"{"a":0.25}"#).is_err());
        assert_eq!(weights.heaviest(), &id("b"));
    }
}
