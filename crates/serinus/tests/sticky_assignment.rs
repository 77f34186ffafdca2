//! Who is where: the promises of sticky assignment, over a million keys.

use std::collections::BTreeMap;
use std::process::Command;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serinus::model::VersionId;
use serinus::route::{HashSplitter, RoutingTable, TokenKey, TrafficSplitter, Weights, sticky_point};

const KEYS: u64 = 1_000_000;

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

fn names() -> Vec<VersionId> {
    ["v0", "v1", "v2", "v3", "v4"].map(id).to_vec()
}

/// A table with all versions loaded and all traffic on the first.
fn first_table(versions: &[VersionId]) -> RoutingTable {
    let table = RoutingTable::new("llama-70b-chat", &Weights::all(&versions[0]));
    versions[1..].iter().fold(table, |table, version| table.admitted(version))
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn fraction(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 2f64.powi(32)
    }

    /// Weights for 2 to 5 versions; about half of the canaries keep the weight that they have.
    fn weights(&mut self, versions: &[VersionId], before: &Weights) -> Weights {
        let count = 2 + (self.0.next_u32() as usize % 4);
        let mut canaries: BTreeMap<VersionId, f64> = versions[1..]
            .iter()
            .enumerate()
            .map(|(i, version)| {
                let stands = self.fraction() < 0.5;
                let weight = if i + 1 >= count { 0.0 } else { self.fraction() * 0.12 };
                (version.clone(), if stands { before.of(version) } else { weight })
            })
            .collect();
        let rest = 1.0 - canaries.values().sum::<f64>();
        canaries.insert(versions[0].clone(), rest);
        Weights::new(canaries).unwrap()
    }
}

#[test]
fn keys_move_only_between_the_stable_version_and_a_canary_that_changes() {
    let versions = names();
    let points: Vec<u32> = (0..KEYS).map(|key| sticky_point("llama-70b-chat", &format!("user-{key}"))).collect();
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(7));
    let mut table = first_table(&versions);
    let mut before: Vec<&VersionId> = points.iter().map(|_| &versions[0]).collect();
    for round in 0..12 {
        let weights = dice.weights(&versions, table.weights());
        let next = table.reweighed(&weights).unwrap();
        let owner = |point: u32| versions.iter().find(|version| *version == next.circle().owner(point)).unwrap();
        let now: Vec<&VersionId> = points.iter().map(|point| owner(*point)).collect();

        let mut moved = 0u64;
        for (was, is) in before.iter().zip(&now).filter(|(was, is)| was != is) {
            moved += 1;
            let canary = if **was == versions[0] { is } else { was };
            assert!(**was == versions[0] || **is == versions[0], "round {round}: {was} to {is}, two canaries");
            let change = weights.of(canary) - table.weights().of(canary);
            assert!(change != 0.0, "round {round}: the weight of {canary} stands, a key moved from {was} to {is}");
            assert_eq!(change > 0.0, is == canary, "round {round}: {was} to {is} against a change of {change}");
        }

        let changed: f64 = versions[1..].iter().map(|v| (weights.of(v) - table.weights().of(v)).abs()).sum();
        let bound = changed * KEYS as f64 + 4.0 * (changed * KEYS as f64).sqrt();
        assert!(moved as f64 <= bound, "round {round}: {moved} keys moved for a change of {changed:.4}");

        for version in &versions {
            let weight = weights.of(version);
            let share = now.iter().filter(|owner| **owner == version).count() as f64 / KEYS as f64;
            let error = (weight * (1.0 - weight) / KEYS as f64).sqrt();
            assert!((share - weight).abs() <= 4.0 * error, "round {round}: {version} has {share:.5} for {weight:.5}");
        }
        before = now;
        table = next;
    }
}

#[test]
fn a_canary_that_grows_from_5_to_10_percent_takes_5_percent_and_leaves_the_other_canary_alone() {
    let versions = names();
    let weights = |a: f64, b: f64| {
        let parts = [1.0 - a - b, a, b];
        Weights::new(versions.iter().cloned().zip(parts)).unwrap()
    };
    let before = first_table(&versions).reweighed(&weights(0.05, 0.05)).unwrap();
    let after = before.reweighed(&weights(0.05, 0.10)).unwrap();
    let moved = (0..KEYS).filter(|key| {
        let key = format!("user-{key}");
        before.version_of(&key) != after.version_of(&key)
    });
    let moved = moved.count() as f64 / KEYS as f64;
    assert!((moved - 0.05).abs() < 4.0 * (0.05f64 * 0.95 / KEYS as f64).sqrt(), "{moved} of the keys moved");
}

/// Set for the children of the test below: they print what they assign, and nothing else matters to them.
const CHILD: &str = "SERINUS_PRINT_ASSIGNMENT";

fn assignment() -> String {
    let versions = names();
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(11));
    let mut table = first_table(&versions);
    for _ in 0..6 {
        table = table.reweighed(&dice.weights(&versions, table.weights())).unwrap();
    }
    // A restart: the table goes through its published form.
    let published = serde_json::to_string(&table).unwrap();
    let splitter = HashSplitter::from_table(serde_json::from_str(&published).unwrap(), TokenKey::random());
    (0..5_000).map(|key| splitter.version_for(&format!("user-{key}")).to_string()).collect::<Vec<_>>().join(",")
}

#[test]
fn three_processes_and_a_restart_agree() {
    if std::env::var_os(CHILD).is_some() {
        println!("assignment:{}", assignment());
        return;
    }
    let here = assignment();
    for _ in 0..3 {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["three_processes_and_a_restart_agree", "--exact", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let text = String::from_utf8(child.stdout).unwrap();
        let there = text.lines().find_map(|line| line.split_once("assignment:")).map(|(_, rest)| rest.to_owned());
        assert_eq!(there.as_deref(), Some(here.as_str()), "{text}");
    }
}

#[test]
fn the_hash_is_frozen() {
    let vectors: Vec<(String, String, u32)> = serde_json::from_str(include_str!("vectors/sticky_hash.json")).unwrap();
    assert!(vectors.len() >= 12);
    for (salt, key, point) in vectors {
        assert_eq!(sticky_point(&salt, &key), point, "salt {salt:?}, key {key:?}");
    }
}

#[test]
fn the_splitter_and_its_table_agree() {
    let versions = names();
    let (v0, v1) = (&versions[0], &versions[1]);
    let splitter = HashSplitter::new("salt", &Weights::all(v0));
    splitter.admit(v1);
    splitter.set_weights(&Weights::split(v0, v1, 0.3).unwrap()).unwrap();
    let table = splitter.table();
    for key in 0..10_000 {
        let key = format!("user-{key}");
        assert_eq!(&splitter.version_for(&key), table.version_of(&key));
    }
}
