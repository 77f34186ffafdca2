//! Processes that die at every write of their journal, and others that go on; in real processes, on a real file.
#![cfg(feature = "redb")]

#[cfg(unix)]
mod disk;
mod host;
mod kill;
mod service;

use std::path::Path;
use std::process::{Command, ExitStatus, Output};
use std::{env, thread};

use serinus::journal::{History, Journal, Record, RedbJournal};
use serinus::rollout::Status;
use tempfile::{TempDir, tempdir};

use self::host::Books;
use self::service::{Orders, journal_at, models};

/// Where a child finds its orders.
const ORDERS: &str = "SERINUS_CRASH_ORDERS";

/// Not a test of its own: what the children of the tests here do.
#[test]
fn child() {
    if let Ok(orders) = env::var(ORDERS) {
        service::serve(serde_json::from_str(&orders).unwrap());
    }
}

/// A process that does what `name`, a test without orders, does with them.
fn process(name: &str, orders: &Orders) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture"]).env(ORDERS, serde_json::to_string(orders).unwrap());
    command.env("RUST_BACKTRACE", "0");
    command
}

fn run(orders: &Orders) -> ExitStatus {
    let Output { status, stdout, stderr } = process("child", orders).output().unwrap();
    let died = status.code().is_none();
    let said = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(died || status.success(), "{orders:?}: {}\n{}", said.0, said.1);
    assert!(!died || orders.dies_at > 0, "{orders:?}: {}\n{}", said.0, said.1);
    status
}

fn orders(folder: &TempDir, bad: bool) -> Orders {
    Orders { folder: folder.path().to_owned(), bad, dies_at: 0, before: false }
}

/// What a rollout leaves when nobody dies.
struct Calm {
    writes: usize,
    books: Books,
}

fn calm(bad: bool) -> Calm {
    let folder = tempdir().unwrap();
    run(&orders(&folder, bad));
    check(folder.path(), bad, None);
    let journal = RedbJournal::reader(journal_at(folder.path())).unwrap();
    let entries = journal.entries("r").unwrap().len();
    // Snapshots are writes too; their number is at most one a minute.
    Calm { writes: entries + 40, books: Books::read(&folder.path().join("host")) }
}

/// The rollout has ended as it should have, once, and the server has what it should have.
fn check(folder: &Path, bad: bool, calm: Option<&Calm>) {
    let journal = RedbJournal::reader(journal_at(folder)).unwrap();
    let history = History::last(&journal).unwrap().unwrap();
    let (v1, v2) = models();
    let (status, stays) = if bad { (Status::RolledBack, v1) } else { (Status::Completed, v2) };
    assert_eq!(history.status, Some(status), "{history:?}");
    assert_eq!(history.serving, *stays.version());
    let entries = journal.entries(&history.rollout).unwrap();
    let count = |wanted: fn(&Record) -> bool| entries.iter().filter(|entry| wanted(&entry.what)).count();
    assert_eq!(count(|what| matches!(what, Record::Begun(_))), 1);
    assert_eq!(count(|what| matches!(what, Record::RolledBack(_))), usize::from(bad));
    assert_eq!(count(|what| matches!(what, Record::Finished(_))), 1);
    let books = Books::read(&folder.join("host"));
    let left: Vec<_> = books.replicas.iter().map(|(name, replicas)| (name.as_str(), *replicas)).collect();
    assert_eq!(left, [(stays.version().as_str(), 4)]);
    if let Some(calm) = calm {
        assert_eq!(books, calm.books, "a replica was loaded twice, or too few were");
    }
}

/// Dies at each write in turn, before it or after it, and is gone on with once; gives the number of writes.
fn every_crash(bad: bool, before: bool) -> usize {
    let calm = calm(bad);
    for dies_at in 1..=calm.writes {
        let folder = tempdir().unwrap();
        let dying = Orders { dies_at, before, ..orders(&folder, bad) };
        if run(&dying).success() {
            check(folder.path(), bad, Some(&calm));
            return dies_at - 1;
        }
        // Whoever looks at the journal of a process that died can read it, and changes nothing.
        if journal_at(folder.path()).exists() {
            let journal = RedbJournal::reader(journal_at(folder.path())).unwrap();
            let left = History::last(&journal).unwrap();
            assert!(left.is_none_or(|left| left.rollout == "r" && left.recoveries == 0));
        }
        run(&orders(&folder, bad));
        check(folder.path(), bad, Some(&calm));
    }
    panic!("it writes more than {} times", calm.writes);
}

#[test]
fn a_process_that_dies_at_any_write_is_gone_on_with_and_ends_as_it_would_have() {
    let cases = [(false, true), (false, false), (true, true), (true, false)];
    let all: Vec<_> = cases.into_iter().map(|(bad, before)| thread::spawn(move || every_crash(bad, before))).collect();
    let writes: Vec<_> = all.into_iter().map(|case| case.join().unwrap()).collect();
    assert!(writes[0] == writes[1] && writes[0] > 25, "a whole rollout: {writes:?}");
    assert!(writes[2] == writes[3] && writes[2] > 10, "a rollback: {writes:?}");
}

#[test]
fn a_process_that_dies_again_and_again_ends_all_the_same() {
    for (bad, before) in [(false, true), (true, false)] {
        let folder = tempdir().unwrap();
        let dying = Orders { dies_at: 8, before, ..orders(&folder, bad) };
        let deaths = (0..100).take_while(|_| !run(&dying).success()).count();
        assert!(deaths < 100 && deaths >= if bad { 1 } else { 4 }, "{deaths}");
        check(folder.path(), bad, None);
    }
}
