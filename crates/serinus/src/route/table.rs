//! The routing table: everything that routers must agree on, as one value.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Circle, RoutingError, Weights};
use crate::model::VersionId;

/// The routing table: which versions are served and who goes where.
///
/// A value without a clock, a lock or a thread: each change gives the next table, with the next
/// [`revision`](Self::revision), or an error and no change. Routers that hold the same table send the same user to the
/// same version; the layout of the circle depends on the table's history, so a router that joins takes the table from
/// the others and does not make its own.
///
/// ```
/// use serinus::model::VersionId;
/// use serinus::route::{RoutingTable, Weights};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (v1, v2) = (VersionId::new("v1")?, VersionId::new("v2")?);
/// let table = RoutingTable::new("llama-70b-chat", &Weights::all(&v1));
/// assert!(table.reweighed(&Weights::split(&v1, &v2, 0.05)?).is_err(), "v2 is not loaded yet");
///
/// let table = table.admitted(&v2).reweighed(&Weights::split(&v1, &v2, 0.05)?)?;
/// assert_eq!(table.revision(), 2);
/// assert_eq!(table.version_of("u42"), &v1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct RoutingTable(Raw);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Raw {
    revision: u64,
    pin_epoch: u64,
    salt: String,
    stable: VersionId,
    serving: BTreeSet<VersionId>,
    weights: Weights,
    circle: Circle,
    overrides: BTreeMap<String, VersionId>,
}

impl RoutingTable {
    /// The first table, revision 0. The versions named by the weights are taken to be loaded; the heaviest one is
    /// stable.
    pub fn new(salt: impl Into<String>, weights: &Weights) -> Self {
        let stable = weights.heaviest().clone();
        Self(Raw {
            revision: 0,
            pin_epoch: 0,
            salt: salt.into(),
            serving: weights.iter().map(|(version, _)| version.clone()).collect(),
            circle: Circle::all(&stable).reweighed(&stable, weights),
            weights: weights.clone(),
            stable,
            overrides: BTreeMap::new(),
        })
    }

    /// How many times the table has changed.
    pub fn revision(&self) -> u64 {
        self.0.revision
    }

    /// Moves with a rollback and when pins are cleared; session tokens of earlier epochs no longer count.
    pub fn pin_epoch(&self) -> u64 {
        self.0.pin_epoch
    }

    /// What sticky keys are hashed with.
    pub fn salt(&self) -> &str {
        &self.0.salt
    }

    /// The version that gives users to growing canaries and takes them back from shrinking ones: the last one that had
    /// all the traffic.
    pub fn stable(&self) -> &VersionId {
        &self.0.stable
    }

    /// The versions that requests may be routed to.
    pub fn serving(&self) -> impl Iterator<Item = &VersionId> {
        self.0.serving.iter()
    }

    /// Whether requests may be routed to `version`.
    pub fn serves(&self, version: &VersionId) -> bool {
        self.0.serving.contains(version)
    }

    /// The configured shares.
    pub fn weights(&self) -> &Weights {
        &self.0.weights
    }

    /// Who owns which part of the circle.
    pub fn circle(&self) -> &Circle {
        &self.0.circle
    }

    /// Categories that always go to one version.
    pub fn overrides(&self) -> impl Iterator<Item = (&str, &VersionId)> {
        self.0.overrides.iter().map(|(category, version)| (category.as_str(), version))
    }

    /// The version that a sticky key belongs to.
    pub fn version_of(&self, sticky_key: &str) -> &VersionId {
        self.0.circle.owner(super::sticky_point(&self.0.salt, sticky_key))
    }

    /// With a version that may be routed to from here on; its weight is 0 at first.
    #[must_use]
    pub fn admitted(&self, version: &VersionId) -> Self {
        self.changed(|next| {
            next.serving.insert(version.clone());
        })
    }

    /// With other shares. A version that holds all of the traffic becomes the stable one.
    ///
    /// # Errors
    ///
    /// [`RoutingError::NotServing`] if a version that is to get traffic has not been admitted.
    pub fn reweighed(&self, weights: &Weights) -> Result<Self, RoutingError> {
        for (version, _) in weights.iter() {
            self.check_serving(version)?;
        }
        Ok(self.changed(|next| {
            next.circle = next.circle.reweighed(&next.stable, weights);
            next.weights = weights.clone();
            next.settle_stable();
        }))
    }

    /// Without a version: its share goes to the stable one (to the heaviest other one if it is the stable one itself),
    /// its overrides are gone, and requests pinned to it are routed anew.
    ///
    /// # Errors
    ///
    /// [`RoutingError::NotServing`], or [`RoutingError::LastVersion`] if nothing else has been admitted.
    pub fn withdrawn(&self, version: &VersionId) -> Result<Self, RoutingError> {
        self.check_serving(version)?;
        let heir = self.heir_of(version)?;
        Ok(self.changed(|next| {
            next.serving.remove(version);
            next.overrides.retain(|_, to| to != version);
            next.circle = next.circle.handed_over(version, &heir);
            let inherited = next.weights.of(version);
            let mut weights: BTreeMap<_, _> = next.weights.clone().into();
            weights.remove(version);
            *weights.entry(heir.clone()).or_insert(0.0) += inherited;
            // The same shares under another name: the sum is what it was.
            next.weights = Weights::new(weights).unwrap_or_else(|_| Weights::all(&heir));
            if next.stable == *version {
                next.stable = heir;
            }
            next.settle_stable();
        }))
    }

    /// As [`withdrawn`](Self::withdrawn), and no conversation stays pinned: what a rollback publishes.
    ///
    /// # Errors
    ///
    /// As [`withdrawn`](Self::withdrawn).
    pub fn rolled_back(&self, version: &VersionId) -> Result<Self, RoutingError> {
        let mut next = self.withdrawn(version)?;
        next.0.pin_epoch += 1;
        Ok(next)
    }

    /// With no conversation pinned: session tokens handed out so far no longer count.
    #[must_use]
    pub fn with_pins_cleared(&self) -> Self {
        self.changed(|next| next.pin_epoch += 1)
    }

    /// With all requests of a category on one version.
    ///
    /// # Errors
    ///
    /// [`RoutingError::NotServing`].
    pub fn with_override(&self, category: impl Into<String>, version: &VersionId) -> Result<Self, RoutingError> {
        self.check_serving(version)?;
        Ok(self.changed(|next| {
            next.overrides.insert(category.into(), version.clone());
        }))
    }

    /// Without the override of a category.
    #[must_use]
    pub fn without_override(&self, category: &str) -> Self {
        self.changed(|next| {
            next.overrides.remove(category);
        })
    }

    /// With another salt: every user stands at another place from here on.
    ///
    /// # Errors
    ///
    /// [`RoutingError::SaltInUse`] unless one version has all the traffic, for users would change versions.
    pub fn resalted(&self, salt: impl Into<String>) -> Result<Self, RoutingError> {
        let mut owners: Vec<_> = self.0.circle.arcs().map(|(_, _, owner)| owner).collect();
        owners.sort();
        owners.dedup();
        match owners.len() {
            1 => Ok(self.changed(|next| next.salt = salt.into())),
            versions => Err(RoutingError::SaltInUse { versions }),
        }
    }

    pub(crate) fn check_serving(&self, version: &VersionId) -> Result<(), RoutingError> {
        if self.serves(version) {
            return Ok(());
        }
        Err(RoutingError::NotServing { version: version.clone(), serving: self.serving().cloned().collect() })
    }

    fn heir_of(&self, version: &VersionId) -> Result<VersionId, RoutingError> {
        let others = || self.serving().filter(|other| *other != version);
        let heir = if self.stable() == version {
            others().max_by(|a, b| self.0.weights.of(a).total_cmp(&self.0.weights.of(b)))
        } else {
            others().find(|other| *other == self.stable())
        };
        heir.cloned().ok_or_else(|| RoutingError::LastVersion { version: version.clone() })
    }

    fn changed(&self, change: impl FnOnce(&mut Raw)) -> Self {
        let mut next = self.0.clone();
        next.revision += 1;
        change(&mut next);
        Self(next)
    }
}

impl Raw {
    fn settle_stable(&mut self) {
        let mut arcs = self.circle.arcs();
        if let (Some((_, _, owner)), None) = (arcs.next(), arcs.next()) {
            self.stable = owner.clone();
        }
    }
}

impl TryFrom<Raw> for RoutingTable {
    type Error = RoutingError;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        let table = Self(raw);
        let named = table.0.circle.arcs().map(|(_, _, owner)| owner);
        for version in named.chain(table.0.overrides.values()).chain([&table.0.stable]) {
            table.check_serving(version)?;
        }
        for (version, weight) in table.0.weights.iter() {
            let share = table.0.circle.points(version) as f64 / 2f64.powi(32);
            if (share - weight).abs() > 2e-3 {
                let reason = format!("the circle gives {version} {share:.4} of the traffic, its weight is {weight:.4}");
                return Err(RoutingError::BadTable { reason });
            }
        }
        Ok(table)
    }
}

impl From<RoutingTable> for Raw {
    fn from(table: RoutingTable) -> Self {
        table.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> VersionId {
        VersionId::new(name).unwrap()
    }

    fn at(weight: f64) -> RoutingTable {
        let (a, b) = (id("a"), id("b"));
        RoutingTable::new("salt", &Weights::all(&a))
            .admitted(&b)
            .reweighed(&Weights::split(&a, &b, weight).unwrap())
            .unwrap()
    }

    #[test]
    fn a_rollback_gives_everything_back_in_one_change() {
        let table = at(0.25).with_override("coding", &id("b")).unwrap();
        let back = table.rolled_back(&id("b")).unwrap();
        assert_eq!(back.revision(), table.revision() + 1);
        assert_eq!(back.pin_epoch(), table.pin_epoch() + 1);
        assert_eq!(back.weights(), &Weights::all(&id("a")));
        assert_eq!(back.circle(), &Circle::all(&id("a")));
        assert_eq!(back.overrides().count(), 0);
        assert!(!back.serves(&id("b")));
    }

    #[test]
    fn the_version_with_all_traffic_is_stable() {
        let table = at(0.5);
        assert_eq!(table.stable(), &id("a"));
        let promoted = table.reweighed(&Weights::all(&id("b"))).unwrap();
        assert_eq!(promoted.stable(), &id("b"));
        let retired = promoted.withdrawn(&id("a")).unwrap();
        assert_eq!(retired.pin_epoch(), promoted.pin_epoch(), "pins to the new version stay");
        assert_eq!(retired.withdrawn(&id("b")).unwrap_err(), RoutingError::LastVersion { version: id("b") });
    }

    #[test]
    fn a_promoted_version_can_still_be_rolled_back() {
        let promoted = at(0.5).reweighed(&Weights::all(&id("b"))).unwrap();
        let back = promoted.rolled_back(&id("b")).unwrap();
        assert_eq!(back.circle(), &Circle::all(&id("a")));
        assert_eq!(back.stable(), &id("a"));
    }

    #[test]
    fn unknown_versions_are_refused_where_they_are_named() {
        let table = at(0.1);
        let refused = table.reweighed(&Weights::all(&id("c"))).unwrap_err();
        assert_eq!(refused, RoutingError::NotServing { version: id("c"), serving: vec![id("a"), id("b")] });
        assert!(table.with_override("coding", &id("c")).is_err());
        assert!(table.withdrawn(&id("c")).is_err());
    }

    #[test]
    fn the_salt_stays_while_versions_share_the_traffic() {
        assert_eq!(at(0.1).resalted("other").unwrap_err(), RoutingError::SaltInUse { versions: 2 });
        assert_eq!(RoutingTable::new("s", &Weights::all(&id("a"))).resalted("t").unwrap().salt(), "t");
    }

    #[test]
    fn a_table_from_elsewhere_is_checked() {
        let text = serde_json::to_string(&at(0.25)).unwrap();
        assert_eq!(serde_json::from_str::<RoutingTable>(&text).unwrap(), at(0.25));
        for (what, with) in [
            (r#""serving":["a","b"]"#, r#""serving":["a"]"#),
            (r#"{"a":0.75,"b":0.25}"#, r#"{"a":0.7,"b":0.3}"#),
            (r#""stable":"a""#, r#""stable":"c""#),
        ] {
            let broken = text.replace(what, with);
            assert_ne!(broken, text, "{what}");
            assert!(serde_json::from_str::<RoutingTable>(&broken).is_err(), "{with}");
        }
    }
}
