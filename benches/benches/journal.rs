//! What a decision pays for surviving a crash: an append to a journal in a file, and what else is done with the file. Run with
//! `cargo bench -p serinus-benches --bench journal`; `TMPDIR` chooses the disk.
#![allow(missing_docs)] // criterion's macros make undocumented items.
#![allow(clippy::print_stdout)] // quantiles and sizes are printed beside the medians

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serinus::clock::{ManualClock, Timestamp};
use serinus::journal::{Entry, History, Journal, MemoryJournal, Record, RedbJournal, Snapshot};
use serinus::observe::Outcome;
use serinus::route::{Request, TrafficSplitter};
use serinus_benches::Scene;
use tempfile::{TempDir, tempdir};

/// All that a rollout writes, from the plan to the end: errors, failures and times fed.
fn rollout() -> (Vec<Entry>, Snapshot) {
    let mut scene = Scene::first_stage(Arc::new(ManualClock::new(Timestamp::ZERO)), None, |builder| builder);
    let mut requests = 0u32;
    while scene.engine.outcome().is_none() {
        for _ in 0..300 {
            requests += 1;
            let key = format!("user-{requests}");
            let lease = scene.splitter.route(&Request::new().sticky_key(key.as_str()));
            let latency = 600.0 + f64::from(requests % 97) * 5.0;
            lease.finish(Outcome::ok().latency_ms(latency).ttft_ms(latency / 8.0).passed(!requests.is_multiple_of(50)));
        }
        scene.clock.advance(Duration::from_secs(20));
        scene.tick();
    }
    let journal = scene.journal;
    let snapshot = journal.snapshot("bench").expect("it is in memory").expect("an hour has snapshots");
    (journal.entries("bench").expect("it is in memory"), snapshot)
}

/// Appends the entries of the largest kind, each rollout under its own name.
struct Writer {
    journal: RedbJournal,
    entry: Entry,
    _folder: TempDir,
}

impl Writer {
    fn new(entry: &Entry) -> Self {
        let folder = tempdir().expect("a folder");
        let journal = RedbJournal::open(folder.path().join("journal")).expect("a new file");
        Self { journal, entry: Entry { sequence: 0, ..entry.clone() }, _folder: folder }
    }

    fn append(&mut self) {
        self.journal.append(&self.entry).expect("there is room");
        self.entry.sequence += 1;
    }
}

/// A file that is written to and synced, as the least that any journal pays on this disk.
fn plain(folder: &Path, bytes: usize) -> impl FnMut() {
    let mut file = fs::File::create(folder.join("plain")).expect("a new file");
    let bytes = vec![7; bytes];
    move || {
        file.write_all(&bytes).expect("there is room");
        file.sync_data().expect("a disk");
    }
}

fn quantiles(what: &str, mut step: impl FnMut()) {
    let mut times: Vec<_> = (0..2_000)
        .map(|_| {
            let begun = Instant::now();
            step();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |quantile: usize| times[times.len() * quantile / 1_000];
    println!("{what}, 2,000 times: median {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999));
}

/// A journal with this many finished rollouts.
fn filled(entries: &[Entry], rollouts: usize) -> TempDir {
    let folder = tempdir().expect("a folder");
    let journal = RedbJournal::open(folder.path().join("journal")).expect("a new file");
    for number in 0..rollouts {
        for entry in entries {
            let entry = Entry { rollout: format!("bench {number}"), ..entry.clone() };
            journal.append(&entry).expect("there is room");
        }
    }
    folder
}

fn bench(criterion: &mut Criterion) {
    let (entries, snapshot) = rollout();
    let length = |entry: &Entry| serde_json::to_vec(entry).map_or(0, |json| json.len());
    let decided = |entry: &&Entry| matches!(entry.what, Record::Decided { .. });
    let largest = entries.iter().filter(decided).max_by_key(|entry| length(entry)).expect("decisions");
    let bytes: usize = entries.iter().map(length).sum();
    let of_snapshot = serde_json::to_vec(&snapshot).map_or(0, |json| json.len());
    println!(
        "a rollout: {} entries, {bytes} bytes; the largest {}, a snapshot {of_snapshot}",
        entries.len(),
        length(largest)
    );

    let folder = tempdir().expect("a folder");
    quantiles("a write and an fsync of as many bytes", plain(folder.path(), length(largest)));
    let mut writer = Writer::new(largest);
    quantiles("append of the largest entry", || writer.append());
    let file = filled(&entries, 1);
    let journal = RedbJournal::open(file.path().join("journal")).expect("it was just written");
    let kept = Snapshot { rollout: "bench 0".into(), ..snapshot.clone() };
    quantiles("keeping a snapshot", || journal.keep(&kept).expect("there is room"));

    let mut group = criterion.benchmark_group("journal");
    let mut sync = plain(folder.path(), length(largest));
    group.bench_function("write+fsync", |bencher| bencher.iter(&mut sync));
    let mut writer = Writer::new(largest);
    group.bench_function("append, in memory", |bencher| {
        bencher.iter_batched_ref(MemoryJournal::default, |memory| memory.append(largest), BatchSize::PerIteration);
    });
    group.bench_function("append", |bencher| bencher.iter(|| writer.append()));
    group.bench_function("keep", |bencher| bencher.iter(|| journal.keep(&kept)));

    let folder = filled(&entries, 100);
    let path = folder.path().join("journal");
    println!("100 rollouts: {} bytes", fs::metadata(&path).map_or(0, |about| about.len()));
    group.sample_size(10);
    group.bench_function("open, 100 rollouts", |bencher| {
        bencher.iter_batched(|| (), |()| RedbJournal::open(&path), BatchSize::PerIteration);
    });
    let reader = RedbJournal::reader(&path).expect("it was just written");
    group.bench_function("the last of 100 rollouts, from another process", |bencher| {
        bencher.iter(|| History::last(&reader));
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).nresamples(20_000).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    targets = bench
}
criterion_main!(benches);
