//! What a simulated rollout costs. Run with `cargo bench -p serinus-benches --bench simulation`.
#![allow(missing_docs)] // criterion's macros make undocumented items.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use serinus_sim::{Behaviour, Ending, LogNormal, Simulation, Traffic, plans};

/// Five hours of stages, at 10,000 requests an hour.
fn simulation(fail_rate: f64) -> Simulation {
    let stable = Behaviour::new().error_rate(0.01).fail_rate(0.03).latency(LogNormal::new(1_100.0, 0.5));
    let canary = stable.clone().fail_rate(fail_rate);
    Simulation::new(plans::five_hours(), Traffic::per_hour(10_000.0), stable, canary)
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulation");
    let rows = [
        ("a good version, to the end", 0.03, Ending::Promoted),
        ("a bad version, rolled back", 0.14, Ending::RolledBack),
    ];
    for (name, fail_rate, ending) in rows {
        let simulation = simulation(fail_rate);
        let run = simulation.run(1).expect("it makes sense");
        assert_eq!(run.ending, ending, "{}", run.reason);
        group.bench_function(name, |bencher| bencher.iter(|| simulation.run(1)));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).nresamples(20_000).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = bench
}
criterion_main!(benches);
