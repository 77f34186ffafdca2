//! A journal in a file: what comes back, what is refused, and what is kept.
#![cfg(feature = "redb")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::{Database, TableDefinition};
use serinus::clock::Timestamp;
use serinus::deploy::Deployment;
use serinus::host::{Fault, HostError, MemoryHost, Operation};
use serinus::journal::{
    Entry, History, Journal, JournalError, MemoryJournal, Record, RedbJournal, Retention, Snapshot,
};
use serinus::model::ModelVersion;
use serinus::plan::{Fleet, RiskPlanner, UpdatePlan, UpdatePlanner};
use serinus::rollout::{Phase, Rollout, Status};
use serinus::route::{HashSplitter, Weights};
use tempfile::tempdir;

fn setting() -> (UpdatePlan, Arc<MemoryHost>, Arc<HashSplitter>) {
    let v1 = ModelVersion::builder("chat", "v1").base_model("llama-8b").weight_hash("aa").gpu_memory_gb(16.0);
    let v1 = v1.build().unwrap();
    let v2 = v1.to_builder().version("v2").config_hash("c2").build().unwrap();
    let fleet = Fleet::new(5, 24.0).unwrap();
    let plan = RiskPlanner::default().plan(&v1, &v2, &fleet).unwrap();
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(v1.version())));
    (plan, Arc::new(MemoryHost::serving(fleet, &v1)), splitter)
}

fn begun(rollout: &str, second: u32) -> Entry {
    let at = Timestamp::from_secs_f64(f64::from(second));
    Entry { rollout: rollout.into(), sequence: 0, at, what: Record::Begun(Box::new(setting().0)) }
}

/// A rollout by the driver, rolled back if its first load fails.
fn roll_out(journal: Arc<dyn Journal>, fails: bool) -> serinus::rollout::Outcome {
    let (plan, host, splitter) = setting();
    if fails {
        host.inject(Operation::Load, Fault::Error(HostError::permanent("the disk is gone")));
    }
    let builder = Deployment::builder(plan, host, splitter).journal(journal).tick(Duration::from_millis(2));
    builder.build().unwrap().run().unwrap()
}

/// Keeps everything twice.
#[derive(Debug)]
struct Both(RedbJournal, MemoryJournal);

impl Journal for Both {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        self.0.append(entry)?;
        self.1.append(entry)
    }
    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.0.rollouts()
    }
    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.0.entries(rollout)
    }
}

#[test]
fn what_was_written_comes_back_to_the_last_bit_after_a_restart() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("journal");
    let both = Arc::new(Both(RedbJournal::open(&path).unwrap(), MemoryJournal::default()));
    for fails in [false, true] {
        roll_out(Arc::clone(&both) as _, fails);
    }
    // The last alerts may still be on their way, on threads that know the deployment.
    while Arc::strong_count(&both) > 1 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let both = Arc::into_inner(both).unwrap();
    drop(both.0);
    let journal = RedbJournal::open(&path).unwrap();
    let rollouts = journal.rollouts().unwrap();
    assert_eq!((rollouts.len(), &rollouts), (2, &both.1.rollouts().unwrap()));
    for rollout in &rollouts {
        assert_eq!(journal.entries(rollout).unwrap(), both.1.entries(rollout).unwrap());
    }
    assert_eq!(journal.entries("another").unwrap(), []);
    assert_eq!(journal.snapshot("another").unwrap(), None);
}

#[test]
fn history_says_what_became_of_each_rollout() {
    let folder = tempdir().unwrap();
    let journal = Arc::new(RedbJournal::open(folder.path().join("journal")).unwrap());
    let outcomes = [false, true].map(|fails| roll_out(Arc::clone(&journal) as _, fails));
    journal.append(&begun("third", 2_000_000_000)).unwrap();
    let all = History::all(&*journal).unwrap();
    assert_eq!(all.len(), 3);
    for (history, outcome) in all.iter().zip(&outcomes) {
        assert_eq!((history.current.as_str(), history.target.as_str()), ("v1", "v2"));
        assert_eq!(history.status, Some(outcome.status));
        assert_eq!(history.reason.as_deref(), Some(outcome.reason.as_str()));
        assert_eq!((&history.serving, history.stages_passed), (&outcome.serving, outcome.stages_passed));
        assert_eq!(history.rollback, outcome.rollback.as_ref().map(|record| record.timing));
        assert!(history.began_at <= history.ended_at.unwrap() && !history.is_unfinished());
    }
    assert_eq!(all.iter().filter_map(|one| one.status).collect::<Vec<_>>(), [Status::Completed, Status::RolledBack]);
    let last = History::last(&*journal).unwrap().unwrap();
    assert_eq!((&last, last.phase, last.is_unfinished()), (&all[2], Phase::Planned, true));
    let json = serde_json::to_string(&all).unwrap();
    assert_eq!(serde_json::from_str::<Vec<History>>(&json).unwrap(), all);
    assert_eq!(History::of(&*journal, "another").unwrap(), None);
}

#[test]
fn finished_rollouts_beyond_the_retention_go_and_unfinished_ones_stay() {
    let folder = tempdir().unwrap();
    let finished = |journal: &RedbJournal, name: &str, second: u32| {
        let entry = begun(name, second);
        journal.append(&entry).unwrap();
        let (plan, ..) = setting();
        let outcome = serinus::rollout::Outcome {
            status: Status::Completed,
            reason: String::new(),
            serving: plan.target().version().clone(),
            stages_passed: 0,
            rollback: None,
            warnings: Vec::new(),
            started_at: entry.at,
            finished_at: entry.at,
        };
        journal.append(&Entry { sequence: 1, what: Record::Finished(Box::new(outcome)), ..entry }).unwrap();
    };
    let keep = Retention { rollouts: 3, time: Duration::from_secs(100) };
    let journal = RedbJournal::open_with(folder.path().join("journal"), keep).unwrap();
    journal.append(&begun("left", 0)).unwrap();
    for (number, second) in [(1, 10), (2, 20), (3, 30), (4, 40)] {
        finished(&journal, &format!("r{number}"), second);
    }
    assert_eq!(journal.rollouts().unwrap(), ["left", "r2", "r3", "r4"], "at most three");
    assert_eq!(journal.entries("r1").unwrap(), []);
    finished(&journal, "r5", 135);
    assert_eq!(journal.rollouts().unwrap(), ["left", "r4", "r5"], "for at most 100 seconds");
    drop(journal);
    let keep = Retention { rollouts: 0, ..keep };
    let journal = RedbJournal::open_with(folder.path().join("journal"), keep).unwrap();
    finished(&journal, "r6", 136);
    assert_eq!(journal.rollouts().unwrap(), ["left", "r6"], "the latest stays");
    finished(&journal, "r7", 137);
    assert_eq!(journal.entries("r7").unwrap().len(), 2);
}

#[test]
fn an_entry_out_of_its_order_is_refused() {
    let folder = tempdir().unwrap();
    let journal = RedbJournal::open(folder.path().join("journal")).unwrap();
    journal.append(&begun("r", 1)).unwrap();
    for sequence in [0, 2] {
        let refused = journal.append(&Entry { sequence, ..begun("r", 2) }).unwrap_err();
        let expected = JournalError::OutOfOrder { rollout: "r".into(), expected: 1, got: sequence };
        assert_eq!(refused, expected);
    }
    journal.append(&Entry { sequence: 1, ..begun("r", 2) }).unwrap();
    assert_eq!(journal.entries("r").unwrap().len(), 2);
}

#[test]
fn the_latest_snapshot_is_kept_and_one_of_no_rollout_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = RedbJournal::open(&path).unwrap();
    let rollout = Rollout::new("r", Arc::new(setting().0));
    let snapshot = |second| Snapshot {
        rollout: "r".into(),
        entries: 1,
        at: Timestamp::from_secs_f64(second),
        state: Box::new(rollout.state().clone()),
        evidence: Some(serde_json::json!({ "requests": second })),
    };
    assert_eq!(journal.keep(&snapshot(1.0)), Err(JournalError::UnknownRollout { rollout: "r".into() }));
    journal.append(&begun("r", 0)).unwrap();
    assert_eq!(journal.snapshot("r").unwrap(), None);
    for second in [1.0, 61.0] {
        journal.keep(&snapshot(second)).unwrap();
    }
    let reader = RedbJournal::reader(&path).unwrap();
    assert_eq!(reader.snapshot("r").unwrap(), Some(snapshot(61.0)));
    assert_eq!(reader.keep(&snapshot(121.0)), Err(JournalError::ReadOnly { path: path.clone() }));
    drop(journal);
    assert_eq!(RedbJournal::open(&path).unwrap().snapshot("r").unwrap(), Some(snapshot(61.0)));
}

/// Both ways of opening a file refuse it for the same reason and leave it as it is.
fn refused(path: &Path) -> JournalError {
    let before = fs::read(path).unwrap();
    let refused = RedbJournal::open(path).unwrap_err();
    let kind = |error: &JournalError| std::mem::discriminant(error);
    assert_eq!(kind(&RedbJournal::reader(path).unwrap_err()), kind(&refused));
    assert_eq!(fs::read(path).unwrap(), before, "the file was changed");
    refused
}

#[test]
fn another_file_is_refused_and_left_as_it_is() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    fs::write(&path, "These are notes, and quite a few of them.").unwrap();
    let text = refused(&path);
    assert!(matches!(&text, JournalError::Foreign { .. }), "{text:?}");
    assert!(text.to_string().contains("name another file"), "{text}");

    let path = folder.path().join("other.redb");
    let other = Database::create(&path).unwrap();
    let transaction = other.begin_write().unwrap();
    transaction.open_table(TableDefinition::<u64, u64>::new("accounts")).unwrap();
    transaction.commit().unwrap();
    drop(other);
    let other = refused(&path);
    assert!(matches!(&other, JournalError::Foreign { found, .. } if found.contains("accounts")), "{other:?}");
}

#[test]
fn a_journal_of_a_later_release_is_refused_with_what_to_do() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("journal");
    RedbJournal::open(&path).unwrap().append(&begun("r", 1)).unwrap();
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<&str, u64>::new("serinus_journal")).unwrap().insert("format", 9).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let newer = refused(&path);
    assert_eq!(newer, JournalError::Newer { path, found: 9, known: 1 });
    assert!(newer.to_string().contains("use the release that wrote it or a later one"), "{newer}");
}

#[test]
fn places_where_no_journal_can_be_are_named() {
    let folder = tempdir().unwrap();
    let nowhere = folder.path().join("no").join("journal");
    for error in [RedbJournal::open(&nowhere).unwrap_err(), RedbJournal::reader(&nowhere).unwrap_err()] {
        assert!(matches!(&error, JournalError::Io { path, .. } if *path == nowhere), "{error:?}");
    }
    assert!(matches!(RedbJournal::open(folder.path()).unwrap_err(), JournalError::Io { .. }));
    assert!(!folder.path().join("missing").exists());
    assert!(RedbJournal::reader(folder.path().join("missing")).is_err(), "a reader creates nothing");
    assert!(!folder.path().join("missing").exists());
    // An empty file, as `mktemp` makes it, becomes a journal.
    let empty = folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    RedbJournal::open(&empty).unwrap().append(&begun("r", 1)).unwrap();
    assert_eq!(RedbJournal::reader(&empty).unwrap().rollouts().unwrap(), ["r"]);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["empty"], "nothing else is left behind");
}

#[test]
fn a_reader_follows_what_is_written_and_writes_nothing() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = RedbJournal::open(&path).unwrap();
    let reader = RedbJournal::reader(&path).unwrap();
    for number in 0..20 {
        let name = format!("r{number}");
        journal.append(&begun(&name, number)).unwrap();
        assert_eq!(reader.rollouts().unwrap().len(), number as usize + 1);
        assert_eq!(reader.entries(&name).unwrap(), journal.entries(&name).unwrap());
    }
    assert_eq!(reader.append(&begun("mine", 1)), Err(JournalError::ReadOnly { path: path.clone() }));
    drop(journal);
    assert_eq!(reader.rollouts().unwrap().len(), 20, "nobody has it open");
    RedbJournal::open(&path).unwrap();
}
