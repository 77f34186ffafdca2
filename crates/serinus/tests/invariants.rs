//! The promises of a rollout, whatever happens: random plans, answers, faults, clocks and operators, in virtual time,
//! around the real rollout and the real splitter. Each invariant is checked at every step.

mod world;

use std::time::Duration;

use proptest::prelude::*;
use serinus::plan::{Fleet, Risk, RiskPlanner, Shadow, Strategy as Way, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Command, Phase};
use world::{Answer, World, version};

/// Something that happens to a rollout.
#[derive(Clone, Debug)]
enum Happening {
    Tick { millis: u64, degraded: bool, healthy: bool, requests: u64 },
    ClockJump { seconds: i64 },
    Answer(Answer),
    Route(usize),
    FinishLeases(usize),
    Operator(Command),
    SkipHealthGate,
    JournalFails,
}

fn happening() -> impl Strategy<Value = Happening> {
    let command = prop_oneof![
        1 => Just(Command::Pause { reason: "lunch".into() }),
        4 => Just(Command::Resume),
        2 => Just(Command::Approve),
        1 => Just(Command::Abort { reason: "a feeling".into() }),
        2 => Just(Command::Promote),
        1 => Just(Command::EndBake),
    ];
    let answer = prop_oneof![
        20 => Just(Answer::Done),
        2 => Just(Answer::Transient),
        1 => Just(Answer::Permanent),
        1 => Just(Answer::WrongFingerprint),
        1 => Just(Answer::Never),
        2 => Just(Answer::Late),
    ];
    prop_oneof![
        30 => (1..60_000u64, prop::bool::weighted(0.02), any::<bool>(), 0..20_000u64)
            .prop_map(|(millis, degraded, healthy, requests)| Happening::Tick { millis, degraded, healthy, requests }),
        1 => (-100_000..100_000i64).prop_map(|seconds| Happening::ClockJump { seconds }),
        30 => answer.prop_map(Happening::Answer),
        8 => (1..20usize).prop_map(Happening::Route),
        8 => (1..20usize).prop_map(Happening::FinishLeases),
        3 => command.prop_map(Happening::Operator),
        1 => Just(Happening::SkipHealthGate),
        1 => Just(Happening::JournalFails),
    ]
}

/// Plans of all three strategies and all risks, on fleets of all kinds.
fn plan() -> impl Strategy<Value = UpdatePlan> {
    let changes = prop_oneof![Just("config"), Just("fine-tune"), Just("version"), Just("family")];
    let shadow = prop::option::of((0..7_200u64, 1..2_000u64));
    (changes, 1..12u32, 0..12u32, 0.2..1.0f64, any::<bool>(), any::<bool>(), any::<bool>(), shadow).prop_filter_map(
        "the fleet cannot carry it",
        |(change, replicas, spare, utilization, roomy, approval, blue_green, shadow)| {
            let current = version("a", "llama-8b", "aa");
            let target = match change {
                "config" => version("b", "llama-8b", "aa"),
                "fine-tune" => version("b", "llama-8b", "bb"),
                "version" => version("b", "llama-70b", "bb"),
                _ => version("b", "mistral-7b", "bb"),
            };
            let fleet = Fleet::new(replicas, if roomy { 40.0 } else { 24.0 }).ok()?.with_spare_replicas(spare);
            let planner = RiskPlanner::default();
            let shadow = shadow.map(|(seconds, pairs)| Shadow::new(Duration::from_secs(seconds), pairs));
            let planner = shadow.map_or(planner.clone(), |shadow| planner.with_shadow(shadow));
            let planner = if blue_green { planner.with_strategy(Risk::Medium, Way::BlueGreen) } else { planner };
            let plan = planner.plan(&current, &target, &fleet.with_peak_utilization(utilization).ok()?).ok()?;
            Some(plan.with_holds_scaled(1e-2).ok()?.with_approval(approval))
        },
    )
}

fn live_through(plan: UpdatePlan, happenings: Vec<Happening>) -> World {
    let mut world = World::new(plan);
    for happening in happenings {
        match happening {
            Happening::Tick { millis, degraded, healthy, requests } => world.tick(millis, degraded, healthy, requests),
            Happening::ClockJump { seconds } => world.jump(seconds),
            Happening::Answer(answer) => world.answer(answer),
            Happening::Route(count) => world.route(count),
            Happening::FinishLeases(count) => world.finish_leases(count),
            Happening::Operator(command) => world.operate(command),
            Happening::SkipHealthGate => world.skip_health_gate(),
            Happening::JournalFails => world.journal_fails(),
        }
        world.check();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Traffic only to a loaded and verified version; weights sum to 1 and never exceed what the replicas serve; no
    /// unload with leases out before they were cancelled; nothing reaches the canary after a rollback began; replicas
    /// that hold a version are never loaded again. (World::check and World::perform hold the assertions.)
    #[test]
    fn the_invariants_hold_whatever_happens(plan in plan(), happenings in prop::collection::vec(happening(), 1..160)) {
        live_through(plan, happenings);
    }

    /// Once faults stop, a person answers and requests end, every rollout ends.
    #[test]
    fn every_rollout_ends(plan in plan(), happenings in prop::collection::vec(happening(), 0..120)) {
        let mut world = live_through(plan, happenings);
        world.heal();
        for _ in 0..20_000 {
            if world.phase().is_final() {
                break;
            }
            world.answer_all();
            world.finish_leases(usize::MAX);
            world.operate(Command::Approve);
            world.tick(1_000, false, true, 1_000);
            world.check();
        }
        prop_assert!(world.phase().is_final(), "still {} after 20,000 ticks", world.phase());
        // Calls that hung come back after the end, too, and what they undo is done again.
        world.answer_all();
        let (stable, canary) = world.replicas();
        let all = world.plan().fleet().replicas();
        let clean = match world.phase() {
            Phase::Completed => (stable, canary) == (0, all),
            _ => (stable, canary) == (all, 0),
        };
        let outcome = world.outcome();
        let told = !outcome.warnings.is_empty() || world.left_behind();
        prop_assert!(clean || told, "{stable} and {canary} replicas are left, and nobody is told");
        let serving = if world.phase() == Phase::Completed { canary } else { stable };
        prop_assert!(serving > 0, "{} serves on nothing", outcome.serving);
    }

    /// A Degraded verdict takes the canary's traffic away in every phase in which the old version is still there.
    #[test]
    fn degraded_rolls_back_in_every_phase(plan in plan(), happenings in prop::collection::vec(happening(), 0..80)) {
        let mut world = live_through(plan, happenings);
        let phase = world.phase();
        world.tick(1, true, false, 100);
        world.check();
        if phase.can_roll_back() && phase != Phase::Planned {
            prop_assert!(matches!(world.phase(), Phase::RollingBack | Phase::RolledBack), "{}", world.phase());
            prop_assert_eq!(world.canary_share(), 0.0);
        }
    }
}
