//! Disks that are full, and files that something has damaged.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;
use std::sync::Once;

use serinus::clock::Timestamp;
use serinus::journal::{Entry, History, Journal, JournalError, Record, RedbJournal, Snapshot};
use serinus::rollout::Status;
use tempfile::tempdir;

use crate::host::Books;
use crate::service::{journal_at, models, plan};
use crate::{ORDERS, Orders, check, orders, process, run};

/// Not a test of its own: a service on a disk that is soon full.
#[test]
fn child_on_a_small_disk() {
    if let Ok(orders) = std::env::var(ORDERS) {
        crate::service::serve(serde_json::from_str(&orders).unwrap());
    }
}

/// The process, with a limit on the size of its files: the system refuses what goes beyond it as on a full disk.
fn on_a_small_disk(orders: &Orders, kibibytes: u64) -> Command {
    let inner = process("disk::child_on_a_small_disk", orders);
    let mut command = Command::new("bash");
    command.args(["-c", r#"trap '' XFSZ; ulimit -f "$0"; exec "$@""#, &kibibytes.to_string()]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

#[test]
fn a_full_disk_ends_the_update_and_leaves_the_old_version_serving() {
    let (mut stopped, mut returned) = (0, 0);
    // From a disk on which nothing can be begun to one on which the rollout ends.
    for kibibytes in (72..4_000).step_by(12) {
        let folder = tempdir().unwrap();
        let ran = on_a_small_disk(&orders(&folder, false), kibibytes).output().unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        let books = Books::read(&folder.path().join("host"));
        if !ran.status.success() {
            // Nothing was begun: it says why.
            assert!(said.contains("Full {"), "{kibibytes}: {said}");
            assert_eq!(books.of(models().0.version()), 4, "{kibibytes}");
            continue;
        }
        let journal = RedbJournal::reader(journal_at(folder.path())).unwrap();
        let last = History::last(&journal).unwrap().unwrap();
        if last.status == Some(Status::Completed) {
            assert!(stopped > 5 && returned > 4, "{stopped} were stopped, {returned} of them before the promotion");
            return;
        }
        stopped += 1;
        // The end may be lost to the disk. Before the promotion the way back was taken all the same; after it the old version
        // went, as it was about to.
        let names: Vec<_> = books.replicas.iter().map(|(name, replicas)| (name.as_str(), *replicas)).collect();
        assert_eq!(names, [(last.serving.as_str(), 4)], "{kibibytes}: {last:?}");
        returned += u32::from(last.serving == *models().0.version());
        // With more room, another process takes up what the journal has and goes on.
        run(&orders(&folder, false));
        let last = History::last(&RedbJournal::reader(journal_at(folder.path())).unwrap()).unwrap().unwrap();
        assert!(last.ended_at.is_some(), "{last:?}");
    }
    panic!("the rollout never ended");
}

#[test]
fn a_journal_goes_on_once_there_is_room_again() {
    let folder = tempdir().unwrap();
    let orders = Orders { dies_at: 1, ..orders(&folder, false) };
    let ran = on_a_small_disk_that_grows(&orders).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Not a test of its own: appends until the disk is full, raises the limit, and appends again.
#[test]
fn child_on_a_disk_that_grows() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let orders: Orders = serde_json::from_str(&orders).unwrap();
    let path = journal_at(&orders.folder);
    let journal = RedbJournal::open(&path).unwrap();
    let mut kept = 0;
    let refused = loop {
        match journal.append(&begun("r", kept)) {
            Ok(()) => kept += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, JournalError::Full { .. }), "{refused:?}");
    assert!(refused.to_string().contains("free some space"), "{refused}");
    assert!(journal.append(&begun("r", kept)).is_err(), "it is still full");
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status();
    if !raised.is_ok_and(|raised| raised.success()) {
        return; // not a system on which that can be tried
    }
    for sequence in kept..kept + 50 {
        journal.append(&begun("r", sequence)).unwrap();
    }
    drop(journal);
    assert_eq!(RedbJournal::open(path).unwrap().entries("r").unwrap().len() as u64, kept + 50);
}

fn on_a_small_disk_that_grows(orders: &Orders) -> Command {
    let inner = process("disk::child_on_a_disk_that_grows", orders);
    let mut command = Command::new("bash");
    command.args(["-c", r#"trap '' XFSZ; ulimit -S -f 400; exec "$@""#, "bash"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

fn begun(rollout: &str, sequence: u64) -> Entry {
    let at = Timestamp::from_secs_f64(1e9 + sequence as f64);
    Entry { rollout: rollout.to_owned(), sequence, at, what: Record::Begun(Box::new(plan())) }
}

/// All that a journal says.
type Content = Vec<(String, Vec<Entry>, Option<Snapshot>)>;

fn content(journal: &dyn Journal) -> Result<Content, JournalError> {
    let read = |rollout: String| Ok((rollout.clone(), journal.entries(&rollout)?, journal.snapshot(&rollout)?));
    journal.rollouts()?.into_iter().map(read).collect()
}

/// A damaged file gives what was written, or says that it is damaged; never anything else, and no panic.
fn try_damaged(path: &Path, bytes: &[u8], written: &Content, what: &str) -> bool {
    fs::write(path, bytes).unwrap();
    let mut found = false;
    for write in [false, true] {
        let read =
            catch_unwind(
                || {
                    if write { content(&RedbJournal::open(path)?) } else { content(&RedbJournal::reader(path)?) }
                },
            );
        match read.unwrap_or_else(|_| panic!("{what}, write {write}: a panic")) {
            // An older commit is whole too: a torn write is a write that did not happen.
            Ok(content) => assert!(is_prefix(&content, written), "{what}, write {write}: another content"),
            Err(JournalError::Damaged { .. } | JournalError::Foreign { .. } | JournalError::InUse { .. }) => {
                found = true;
            }
            Err(other) => panic!("{what}, write {write}: {other:?}"),
        }
    }
    found
}

fn is_prefix(content: &Content, written: &Content) -> bool {
    content.len() <= written.len()
        && content.iter().zip(written).all(|(found, whole)| found.0 == whole.0 && whole.1.starts_with(&found.1))
}

/// What the database says while it gives up on a damaged file is expected here.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if panic.location().is_none_or(|place| !place.file().contains("redb-")) {
                before(panic);
            }
        }));
    });
}

#[test]
fn a_torn_or_damaged_file_is_found_out_and_never_believed() {
    hush();
    let folder = tempdir().unwrap();
    // Of a process that ended well, and of one that died.
    for dies_at in [0, 30] {
        let path = journal_at(folder.path());
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(folder.path().join("host"));
        run(&Orders { dies_at, ..orders(&folder, false) });
        let bytes = fs::read(&path).unwrap();
        let written = content(&RedbJournal::reader(&path).unwrap()).unwrap();
        assert_eq!(written.len(), 1);
        let mut noticed = 0;
        let mut tried = 0;
        for length in (1..320).step_by(7).chain((320..bytes.len()).step_by(bytes.len() / 40)) {
            try_damaged(&path, &bytes[..length], &written, &format!("cut at {length}"));
        }
        for place in (0..320).chain((320..bytes.len()).step_by(bytes.len() / 200)) {
            let mask = [0x01, 0x80, 0xff][place % 3];
            let mut changed = bytes.clone();
            changed[place] ^= mask;
            tried += 1;
            noticed += u32::from(try_damaged(&path, &changed, &written, &format!("byte {place} by {mask:#x}")));
        }
        for page in (0..bytes.len()).step_by(4_096) {
            let mut torn = bytes.clone();
            let end = (page + 4_096).min(torn.len());
            torn[page..end].fill(0);
            try_damaged(&path, &torn, &written, &format!("page at {page} never written"));
        }
        assert!(noticed > tried / 10, "{noticed} of {tried} changes were noticed");
    }
    // And nothing is wrong with the way it was tried.
    let sound = tempdir().unwrap();
    run(&orders(&sound, false));
    check(sound.path(), false, None);
}
