//! Who owns which part of the circle: the layout that moves as few users as possible.
//!
//! Every point of the circle of 2³² belongs to one version. One version is *stable*; the others, the canaries, own
//! intervals. A canary that grows takes from the stable version only, one that shrinks gives back to it only: nobody
//! leaves a growing canary, nobody moves between two canaries, and a canary whose weight stands keeps its users. The
//! layout depends on its history, so it is part of the published table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{RoutingError, Weights, sticky_point};
use crate::model::VersionId;

const POINTS: u64 = 1 << 32;

/// One stretch of the circle: from `start` up to the next arc's start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Arc {
    start: u32,
    owner: VersionId,
}

/// The circle, as arcs in rising order; the first starts at 0, neighbours differ in owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Arc>", into = "Vec<Arc>")]
pub struct Circle(Vec<Arc>);

impl Circle {
    /// A circle that belongs to one version.
    pub fn all(owner: &VersionId) -> Self {
        Self(vec![Arc { start: 0, owner: owner.clone() }])
    }

    /// The owner of a point.
    pub fn owner(&self, point: u32) -> &VersionId {
        let next = self.0.partition_point(|arc| arc.start <= point);
        &self.0[next - 1].owner
    }

    /// The arcs as (first point, last point, owner), in rising order.
    pub fn arcs(&self) -> impl Iterator<Item = (u32, u32, &VersionId)> {
        let ends = self.0.iter().skip(1).map(|arc| arc.start - 1).chain([u32::MAX]);
        self.0.iter().zip(ends).map(|(arc, end)| (arc.start, end, &arc.owner))
    }

    /// How many of the 2³² points belong to `version`.
    pub fn points(&self, version: &VersionId) -> u64 {
        self.arcs().filter(|(_, _, owner)| *owner == version).map(|(a, b, _)| u64::from(b - a) + 1).sum()
    }

    /// The circle under other weights, `stable` being the version that gives and takes.
    ///
    /// Shares come out exact to 2⁻³². Rounding, and what the weights lack to 1, falls to the stable version, or to the
    /// heaviest one if the stable version has no weight.
    #[must_use]
    pub fn reweighed(&self, stable: &VersionId, weights: &Weights) -> Self {
        let goals = goals(stable, weights);
        let mut layout = Layout::from(self);
        // Growing first takes what the stable version had before anyone gave back: a user who leaves one canary goes to
        // another in the same change only if the stable version has nobody else left to give.
        layout.grow(stable, &goals);
        layout.shrink(stable, &goals);
        layout.grow(stable, &goals);
        layout.into_circle()
    }

    /// The circle after `from` has left it: everything it owned belongs to `heir`.
    #[must_use]
    pub fn handed_over(&self, from: &VersionId, heir: &VersionId) -> Self {
        let mut layout = Layout::from(self);
        layout.give_back(from, heir, POINTS);
        layout.into_circle()
    }
}

/// Points by version; canaries rounded from their own weight alone, so that a standing weight is a standing goal.
fn goals(stable: &VersionId, weights: &Weights) -> BTreeMap<VersionId, u64> {
    let heir = if weights.of(stable) > 0.0 { stable } else { weights.heaviest() };
    let mut left = POINTS;
    let mut goals = BTreeMap::new();
    for (version, weight) in weights.iter().filter(|(version, _)| *version != heir) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a weight is in [0, 1.001]")]
        let points = ((weight * POINTS as f64).round() as u64).min(left);
        left -= points;
        goals.insert(version.clone(), points);
    }
    goals.insert(heir.clone(), left);
    goals
}

/// Arcs as half-open ranges with room for the end of the circle, while they are being moved about.
struct Layout(Vec<(u64, u64, VersionId)>);

impl From<&Circle> for Layout {
    fn from(circle: &Circle) -> Self {
        Self(circle.arcs().map(|(a, b, owner)| (u64::from(a), u64::from(b) + 1, owner.clone())).collect())
    }
}

impl Layout {
    fn owners(&self) -> Vec<VersionId> {
        let mut owners: Vec<_> = self.0.iter().map(|(_, _, owner)| owner.clone()).collect();
        owners.sort();
        owners.dedup();
        owners
    }

    fn points(&self, version: &VersionId) -> u64 {
        self.0.iter().filter(|(_, _, owner)| owner == version).map(|(a, b, _)| b - a).sum()
    }

    fn grow(&mut self, stable: &VersionId, goals: &BTreeMap<VersionId, u64>) {
        for (canary, goal) in goals.iter().filter(|(version, _)| *version != stable) {
            let missing = goal.saturating_sub(self.points(canary));
            self.take(canary, stable, missing);
        }
    }

    fn shrink(&mut self, stable: &VersionId, goals: &BTreeMap<VersionId, u64>) {
        for canary in self.owners().iter().filter(|owner| *owner != stable) {
            let surplus = self.points(canary).saturating_sub(goals.get(canary).copied().unwrap_or(0));
            self.give_back(canary, stable, surplus);
        }
    }

    /// Hands up to `amount` points of `from` to `heir`, from the end of its last arc backwards.
    fn give_back(&mut self, from: &VersionId, heir: &VersionId, mut amount: u64) {
        for i in (0..self.0.len()).rev() {
            let (start, end, ref owner) = self.0[i];
            if owner != from || amount == 0 {
                continue;
            }
            let given = amount.min(end - start);
            amount -= given;
            self.0[i].1 = end - given;
            self.0.insert(i + 1, (end - given, end, heir.clone()));
        }
        self.tidy();
    }

    /// Takes up to `amount` points from `giver`: first next to what the taker owns, then from its home onwards.
    fn take(&mut self, taker: &VersionId, giver: &VersionId, mut amount: u64) {
        if amount == 0 {
            return;
        }
        for i in 0..self.0.len().saturating_sub(1) {
            if self.0[i].2 == *taker && self.0[i + 1].2 == *giver {
                let taken = amount.min(self.0[i + 1].1 - self.0[i + 1].0);
                amount -= taken;
                self.0[i].1 += taken;
                self.0[i + 1].0 += taken;
            }
        }
        self.tidy();
        if amount > 0 {
            // Every version starts at a place of its own, so that it is not always the same users who try new versions.
            let home = u64::from(sticky_point("home", taker.as_str()));
            amount = self.take_within(taker, giver, amount, home, POINTS);
            self.take_within(taker, giver, amount, 0, POINTS);
            self.tidy();
        }
    }

    /// Takes from the giver's arcs inside [from, to), in rising order; returns what is still missing.
    fn take_within(&mut self, taker: &VersionId, giver: &VersionId, mut amount: u64, from: u64, to: u64) -> u64 {
        let mut arcs = Vec::with_capacity(self.0.len() + 2);
        for (start, end, owner) in self.0.drain(..) {
            let (low, high) = (start.max(from), end.min(to));
            if owner != *giver || low >= high || amount == 0 {
                arcs.push((start, end, owner));
                continue;
            }
            let taken = amount.min(high - low);
            amount -= taken;
            arcs.push((start, low, owner.clone()));
            arcs.push((low, low + taken, taker.clone()));
            arcs.push((low + taken, end, owner));
        }
        self.0 = arcs;
        amount
    }

    /// Drops empty arcs and joins neighbours of one owner.
    fn tidy(&mut self) {
        self.0.retain(|(start, end, _)| start < end);
        self.0.dedup_by(|next, kept| {
            let same = next.2 == kept.2;
            if same {
                kept.1 = next.1;
            }
            same
        });
    }

    fn into_circle(self) -> Circle {
        let start = |start: u64| u32::try_from(start).expect("an arc that is not empty starts below 2^32");
        Circle(self.0.into_iter().map(|(a, _, owner)| Arc { start: start(a), owner }).collect())
    }
}

impl TryFrom<Vec<Arc>> for Circle {
    type Error = RoutingError;

    fn try_from(arcs: Vec<Arc>) -> Result<Self, Self::Error> {
        let bad = |reason: &str| RoutingError::BadTable { reason: reason.into() };
        match arcs.first() {
            None => return Err(bad("the circle has no arcs")),
            Some(first) if first.start != 0 => return Err(bad("the first arc must start at 0")),
            Some(_) => {}
        }
        if arcs.windows(2).any(|pair| pair[0].start >= pair[1].start) {
            return Err(bad("arcs must start in rising order"));
        }
        Ok(Self(arcs))
    }
}

impl From<Circle> for Vec<Arc> {
    fn from(circle: Circle) -> Self {
        circle.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(name: &str) -> VersionId {
        VersionId::new(name).unwrap()
    }

    fn weights(parts: &[f64]) -> Weights {
        Weights::proportional(parts.iter().enumerate().map(|(i, part)| (id(&format!("v{i}")), *part))).unwrap()
    }

    fn points_of(weights: &Weights, version: &VersionId) -> f64 {
        weights.of(version) * POINTS as f64
    }

    #[test]
    fn a_circle_from_elsewhere_is_checked() {
        for bad in ["[]", r#"[{"start":1,"owner":"a"}]"#, r#"[{"start":0,"owner":"a"},{"start":0,"owner":"b"}]"#] {
            assert!(serde_json::from_str::<Circle>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_whole_circle_can_change_hands() {
        let (a, b) = (id("a"), id("b"));
        let circle = Circle::all(&a).reweighed(&a, &Weights::all(&b));
        assert_eq!(circle, Circle::all(&b));
        assert_eq!(circle.handed_over(&b, &a), Circle::all(&a));
    }

    proptest! {
        /// Growing takes from stable only, shrinking gives to stable only, and shares are exact.
        #[test]
        fn only_the_stable_version_gives_and_takes(
            steps in prop::collection::vec(prop::collection::vec(0.0..1.0f64, 2..=5), 1..12),
        ) {
            let stable = id("v0");
            let mut circle = Circle::all(&stable);
            for parts in steps {
                let parts: Vec<f64> = parts.iter().enumerate().map(|(i, p)| if i == 0 { p + 0.01 } else { *p }).collect();
                let weights = weights(&parts);
                let next = circle.reweighed(&stable, &weights);
                let grown = |version: &VersionId| next.points(version).saturating_sub(circle.points(version));
                let demand: u64 = weights.iter().map(|(v, _)| if *v == stable { 0 } else { grown(v) }).sum();
                let mut cuts: Vec<u32> = circle.arcs().chain(next.arcs()).map(|(start, _, _)| start).collect();
                cuts.sort_unstable();
                for &point in &cuts {
                    let (was, is) = (circle.owner(point), next.owner(point));
                    if was != is && demand <= circle.points(&stable) {
                        prop_assert!(was == &stable || is == &stable, "{} moved from {} to {}", point, was, is);
                        let canary = if was == &stable { is } else { was };
                        let grew = next.points(canary) > circle.points(canary);
                        prop_assert_eq!(grew, is == canary, "{} moved against the change of {}", point, canary);
                    }
                }
                for (version, _) in weights.iter() {
                    let off = (next.points(version) as f64 - points_of(&weights, version)).abs();
                    prop_assert!(off <= 4.0, "{} is off by {} points", version, off);
                }
                prop_assert!(next.arcs().count() <= 64, "{} arcs", next.arcs().count());
                circle = next;
            }
        }
    }
}
