//! Concurrent tests in layers, and the lengths of tests that the documentation states.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serinus::experiment::{
    AbAnalysis, AbOptions, AbTest, Alternative, ComparedBy, Design, ExperimentError, Experiments, TestPlan,
};
use serinus::model::VersionId;
use serinus::route::sticky_point;

fn id(name: &str) -> VersionId {
    VersionId::new(name).unwrap()
}

fn test(name: &str) -> AbTest {
    AbTest::new(name, &id("a"), &id("b"), 1_000).unwrap()
}

fn users(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|user| format!("user-{user}"))
}

/// The layers, tests and versions of a user.
fn assigned(experiments: &Experiments, user: &str) -> Vec<(String, String, VersionId)> {
    let of = experiments.assign(user).into_iter();
    of.map(|one| (one.layer.to_owned(), one.test.to_owned(), one.version.clone())).collect()
}

/// χ² of independence of a table of counts.
fn chi_square(table: &BTreeMap<(String, String), f64>) -> (f64, f64) {
    let (mut rows, mut columns, mut all) = (BTreeMap::new(), BTreeMap::new(), 0.0);
    for ((row, column), count) in table {
        *rows.entry(row).or_insert(0.0) += count;
        *columns.entry(column).or_insert(0.0) += count;
        all += count;
    }
    let mut statistic = 0.0;
    for (row, in_row) in &rows {
        for (column, in_column) in &columns {
            let expected = in_row * in_column / all;
            let count = table.get(&((*row).clone(), (*column).clone())).copied().unwrap_or(0.0);
            statistic += (count - expected) * (count - expected) / expected;
        }
    }
    (statistic, (rows.len() as f64 - 1.0) * (columns.len() as f64 - 1.0))
}

#[test]
fn tests_of_one_layer_share_no_user_and_get_their_shares() {
    let mut experiments = Experiments::with_layers(["model"]);
    for (name, share) in [("first", 0.5), ("second", 0.2), ("third", 0.2)] {
        experiments.add("model", share, test(name)).unwrap();
    }
    assert!((experiments.room("model").unwrap() - 0.1).abs() < 1e-9);
    let mut counts: BTreeMap<String, f64> = BTreeMap::new();
    for user in users(40_000) {
        let tests = assigned(&experiments, &user);
        assert!(tests.len() <= 1, "{user} is in {tests:?}");
        let name = tests.first().map_or_else(|| "none".to_owned(), |one| format!("{} {}", one.1, one.2));
        *counts.entry(name).or_default() += 1.0;
    }
    for (name, share) in [("first a", 0.25), ("first b", 0.25), ("second a", 0.1), ("third b", 0.1), ("none", 0.1)] {
        let error = f64::sqrt(40_000.0 * share * (1.0 - share));
        assert!((counts[name] - 40_000.0 * share).abs() < 4.5 * error, "{name}: {counts:?}");
    }
}

#[test]
fn layers_are_independent_of_each_other() {
    let mut experiments = Experiments::with_layers(["model", "prompt", "sampler"]);
    experiments.add("model", 0.5, test("m1")).unwrap();
    experiments.add("model", 0.5, test("m2")).unwrap();
    experiments.add("prompt", 0.7, test("p1")).unwrap();
    experiments.add("sampler", 1.0, test("s1")).unwrap();
    let mut tables: BTreeMap<(usize, usize), BTreeMap<(String, String), f64>> = BTreeMap::new();
    for user in users(60_000) {
        let tests = assigned(&experiments, &user);
        let place = |layer: &str| {
            let found = tests.iter().find(|one| one.0 == layer);
            found.map_or_else(|| "none".to_owned(), |one| format!("{} {}", one.1, one.2))
        };
        let places = ["model", "prompt", "sampler"].map(place);
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let table = tables.entry((one, other)).or_default();
            *table.entry((places[one].clone(), places[other].clone())).or_default() += 1.0;
        }
    }
    for (layers, table) in &tables {
        let (statistic, freedom) = chi_square(table);
        // The mean of χ² is its degrees of freedom, its variance twice that.
        assert!(statistic < freedom + 5.0 * (2.0 * freedom).sqrt(), "{layers:?}: {statistic} of {freedom}");
        assert!(table.len() >= 6, "{table:?}");
    }
}

#[test]
fn one_salt_for_two_layers_would_be_noticed() {
    // The same check, given what it is there to find: arms drawn by the point that the layer was drawn by.
    let mut table = BTreeMap::new();
    for user in users(2_000) {
        let arm = test("same").assign(&user).to_string();
        *table.entry((arm.clone(), arm)).or_default() += 1.0;
    }
    let (statistic, freedom) = chi_square(&table);
    assert!(statistic > freedom + 5.0 * (2.0 * freedom).sqrt());
}

#[test]
fn ending_a_test_moves_no_user_of_another_and_frees_its_share() {
    let mut experiments = Experiments::with_layers(["model"]);
    for (name, share) in [("first", 0.3), ("second", 0.3), ("third", 0.3)] {
        experiments.add("model", share, test(name)).unwrap();
    }
    let before: Vec<_> = users(5_000).map(|user| assigned(&experiments, &user)).collect();
    assert_eq!(experiments.end("second").unwrap().name(), "second");
    // 0.4 are left in two pieces, and one test may have both.
    experiments.add("model", 0.4, test("fourth")).unwrap();
    for (user, before) in users(5_000).zip(&before) {
        let after = assigned(&experiments, &user);
        match before.first().map(|one| one.1.as_str()) {
            Some("first" | "third") => assert_eq!(&after, before),
            _ => assert!(after.is_empty() || after[0].1 == "fourth"),
        }
    }
    let in_fourth =
        users(5_000).filter(|user| assigned(&experiments, user).iter().any(|one| one.1 == "fourth")).count();
    assert!((in_fourth as f64 - 2_000.0).abs() < 4.5 * (5_000.0_f64 * 0.4 * 0.6).sqrt(), "{in_fourth}");
}

#[test]
fn what_does_not_fit_is_refused_with_numbers() {
    let mut experiments = Experiments::with_layers(["model", "prompt"]);
    experiments.add("model", 0.75, test("first")).unwrap();
    let before = experiments.clone();
    let error = experiments.add("model", 0.5, test("second")).unwrap_err();
    assert!(matches!(&error, ExperimentError::NoRoom { left, asked, .. } if *left == 0.25 && *asked == 0.5), "{error}");
    assert!(matches!(experiments.add("prompt", 0.1, test("first")), Err(ExperimentError::SameName { .. })));
    assert!(matches!(experiments.add("promt", 0.1, test("x")), Err(ExperimentError::UnknownLayer { .. })));
    for share in [0.0, -0.1, 1.1, 1e-12, f64::NAN] {
        assert!(experiments.add("prompt", share, test("x")).is_err(), "{share}");
    }
    assert!(matches!(experiments.end("x"), Err(ExperimentError::UnknownTest { .. })));
    assert!(experiments.test_mut("x").is_err());
    assert_eq!(experiments, before);
    experiments.add("model", 0.25, test("second")).unwrap();
    assert_eq!(experiments.room("model"), Some(0.0));
}

#[test]
fn assignment_is_the_same_after_a_restart_and_frozen() {
    let mut experiments = Experiments::with_layers(["model", "prompt"]);
    experiments.add("model", 0.6, test("first")).unwrap();
    experiments.add("model", 0.4, test("second")).unwrap();
    experiments.add("prompt", 0.5, test("third")).unwrap();
    experiments.test_mut("first").unwrap().record(&id("a"), 0.5).unwrap();
    let stored = serde_json::to_string(&experiments).unwrap();
    let restarted: Experiments = serde_json::from_str(&stored).unwrap();
    assert_eq!(restarted, experiments);
    let words: Vec<String> = users(12)
        .map(|user| {
            assigned(&restarted, &user).iter().map(|one| format!("{}:{}", one.1, one.2)).collect::<Vec<_>>().join(" ")
        })
        .collect();
    // What any process of any release gives: a change here moves users of running tests.
    assert_eq!(words, FROZEN, "{words:#?}");
    for (user, words) in users(12).zip(words) {
        let below = |salt: &str, share: f64| f64::from(sticky_point(salt, &user)) < share * 2_f64.powi(32);
        let arm = |test: &str| format!("{test}:{}", if below(&format!("test:{test}"), 0.5) { "a" } else { "b" });
        let model = arm(if below("layer:model", 0.6) { "first" } else { "second" });
        let by_hand = if below("layer:prompt", 0.5) { format!("{model} {}", arm("third")) } else { model };
        assert_eq!(by_hand, words);
    }
    let mut overlapping: serde_json::Value = serde_json::from_str(&stored).unwrap();
    overlapping["model"]["running"][1]["slices"][0]["start"] = 5.into();
    assert!(serde_json::from_value::<Experiments>(overlapping).is_err());
    let twice = stored.replace("\"third\"", "\"first\"");
    assert!(serde_json::from_str::<Experiments>(&twice).is_err());
}

const FROZEN: [&str; 12] = [
    "first:a third:b",
    "first:a",
    "second:b third:b",
    "second:a third:a",
    "first:b",
    "first:a third:a",
    "first:b third:a",
    "second:b third:b",
    "first:b",
    "second:a third:b",
    "first:b third:a",
    "second:b",
];

/// "At 1,000 requests an hour and 50/50: 12.6 h for two independent groups at a 5% effect, 6.3 h paired."
#[test]
fn lengths_are_those_of_the_documentation() {
    let hours = |by| TestPlan::new(0.05, 1_000.0).compared_by(by).length().unwrap().hours();
    assert_eq!(format!("{:.1} {:.1}", hours(ComparedBy::Means), hours(ComparedBy::Pairs)), "12.6 6.3");

    let page = include_str!("../../../docs/experiments.md");
    for (name, by) in [
        ("two independent groups, means", ComparedBy::Means),
        ("two independent groups, Mann-Whitney", ComparedBy::Ranks),
        ("paired, prompts answered by both", ComparedBy::Pairs),
    ] {
        let cell = |effect: f64| {
            let length = TestPlan::new(effect, 1_000.0).compared_by(by).length().unwrap();
            format!("{} ({:.1} h)", grouped(length.samples_per_arm), length.hours())
        };
        let cells: Vec<String> = [0.01, 0.02, 0.05, 0.10, 0.15, 0.20].map(cell).into();
        let row = format!("| {name} | {} |", cells.join(" | "));
        assert!(page.contains(&row), "docs/experiments.md lacks\n{row}");
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

fn scores() -> impl Strategy<Value = Vec<f64>> {
    let score = prop_oneof![0.0..=1.0, Just(0.0), Just(1.0), Just(0.5)];
    prop::collection::vec(score, 30..120)
}

fn finite(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Array(all) => all.iter().all(finite),
        serde_json::Value::Object(all) => all.iter().all(|(key, value)| finite(value) || key == "indifference"),
        serde_json::Value::Null => false,
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn any_scores_give_an_analysis_with_finite_numbers(a in scores(), b in scores(), by in 0..3usize, target in 30..100u64) {
        let design = [Design::Unpaired, Design::Cuped, Design::Paired][by];
        let mut test = AbTest::builder("any", &id("a"), &id("b")).design(design).target_samples(target).build().unwrap();
        for (a, b) in a.iter().zip(&b) {
            match design {
                Design::Unpaired => test.record(&id("a"), *a).and(test.record(&id("b"), *b)).unwrap(),
                Design::Cuped => test.record_with(&id("a"), *a, b.round()).and(test.record_with(&id("b"), *b, 7.0)).unwrap(),
                Design::Paired => test.record_pair(*a, *b).unwrap(),
            }
        }
        for alternative in [Alternative::TwoSided, Alternative::Less, Alternative::Greater] {
            let analysis = test.analyze(AbOptions { alternative, ..AbOptions::default() }).unwrap();
            let stored = serde_json::to_value(&analysis).unwrap();
            let effects = ["cohens_d", "hedges_g", "mean_difference", "win_rate", "sample_ratio"];
            for comparison in stored["comparisons"].as_array().unwrap() {
                for part in ["fixed", "anytime"] {
                    let numbers = comparison[part].as_object().unwrap().iter();
                    for (name, value) in numbers {
                        prop_assert!(finite(value) || effects.contains(&name.as_str()) && value.is_null(), "{name}: {value}");
                    }
                }
            }
            prop_assert_eq!(serde_json::from_value::<AbAnalysis>(stored).unwrap(), analysis);
        }
    }

    #[test]
    fn the_fixed_analysis_depends_on_no_order(a in scores(), b in scores()) {
        let analysis = |a: &[f64], b: &[f64]| {
            let mut test = AbTest::new("any", &id("a"), &id("b"), 120).unwrap();
            test.record_many(&id("a"), a).unwrap();
            test.record_many(&id("b"), b).unwrap();
            test.analyze(AbOptions::default()).unwrap().comparisons[0].fixed.clone()
        };
        let backwards = |scores: &[f64]| scores.iter().rev().copied().collect::<Vec<_>>();
        let (one, other) = (analysis(&a, &b), analysis(&backwards(&a), &backwards(&b)));
        prop_assert_eq!((one.p_value, one.win_rate), (other.p_value, other.win_rate));
        prop_assert!((one.mean_difference.estimate - other.mean_difference.estimate).abs() < 1e-12);
    }
}
