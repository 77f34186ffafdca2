//! The driver on threads, killed by the system at any instant, and looked at by another process meanwhile.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serinus::deploy::{DeployError, Deployment};
use serinus::host::ModelHost;
use serinus::journal::{History, Journal, JournalError, RedbJournal};
use serinus::observe::Outcome as Ended;
use serinus::plan::Stage;
use serinus::rollout::Status;
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};
use tempfile::tempdir;

use crate::host::FileHost;
use crate::service::{Orders, host_at, journal_at, models, plan};
use crate::{ORDERS, check, orders, process};

/// Not a test of its own: a server on threads and in real time, which begins its rollout or goes on with it.
#[test]
fn child_on_threads() {
    let Ok(orders) = std::env::var(ORDERS) else { return };
    let orders: Orders = serde_json::from_str(&orders).unwrap();
    let journal = Arc::new(RedbJournal::open(journal_at(&orders.folder)).unwrap());
    let last = History::last(&*journal).unwrap();
    let serving = last.as_ref().map_or_else(|| models().0.version().clone(), |last| last.serving.clone());
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(&serving)));
    let host = Arc::new(host_at(&orders.folder));
    let stop = Arc::new(AtomicBool::new(false));
    let users = {
        let (host, splitter, stop) = (Arc::clone(&host), Arc::clone(&splitter), Arc::clone(&stop));
        thread::spawn(move || requests(&host, &splitter, &stop, orders.bad))
    };
    let (tick, journal) = (Duration::from_millis(5), journal as Arc<dyn Journal>);
    let recovery = Deployment::recovery(Arc::clone(&host) as _, Arc::clone(&splitter) as _);
    let deployment = match recovery.journal(Arc::clone(&journal)).tick(tick).build().unwrap() {
        None if last.is_none() => {
            let short = |stage: &Stage| Stage::new(stage.weight(), Duration::from_millis(60), 150, stage.allocation());
            let stages = plan().stages().iter().map(short).collect();
            let plan = plan().with_stages(stages).unwrap().with_bake(Duration::from_millis(100)).unwrap();
            Some(Deployment::builder(plan, host, splitter).journal(journal).tick(tick).build().unwrap())
        }
        left => left,
    };
    if let Some(deployment) = deployment {
        deployment.run().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    users.join().unwrap();
}

fn requests(host: &FileHost, splitter: &HashSplitter, stop: &AtomicBool, bad: bool) {
    let (_, v2) = models();
    let mut users = u64::from(std::process::id()) << 32;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..20 {
            users += 1;
            let key = format!("user-{users}");
            let lease = splitter.route(&Request::new().sticky_key(key.as_str()));
            assert!(host.books().of(lease.version()) > 0, "{} is routed to, not loaded", lease.version());
            let fails = bad && lease.version() == v2.version() && users.is_multiple_of(3);
            lease.finish(if fails { Ended::error() } else { Ended::ok().latency_ms(10.0) });
        }
        thread::sleep(Duration::from_micros(500));
    }
}

#[test]
fn a_server_that_is_killed_at_any_instant_ends_its_rollout_and_can_be_looked_at_all_the_time() {
    for bad in [false, true] {
        let folder = tempdir().unwrap();
        let path = journal_at(folder.path());
        let (mut kills, mut looks, mut seen) = (0, 0u32, 0);
        // Each process comes a little further than the one before, and dies somewhere after an entry.
        for round in 1..100u32 {
            let mut child = process("kill::child_on_threads", &orders(&folder, bad))
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let (enough, patience) = (seen + 3 * round as usize, Instant::now() + Duration::from_secs(60));
            while seen < enough && child.try_wait().unwrap().is_none() {
                assert!(Instant::now() < patience, "it hangs at {seen} entries");
                if path.exists() {
                    let reader = RedbJournal::reader(&path).unwrap();
                    let entries = reader.rollouts().unwrap().first().map_or(0, |id| reader.entries(id).unwrap().len());
                    assert!(entries >= seen, "{entries} entries after {seen}");
                    (seen, looks) = (entries, looks + 1);
                }
                thread::sleep(Duration::from_millis(1));
            }
            thread::sleep(Duration::from_micros(700) * round);
            child.kill().unwrap();
            let died = child.wait_with_output().unwrap();
            if died.status.success() {
                break;
            }
            assert!(died.status.code().is_none(), "{}", String::from_utf8_lossy(&died.stderr));
            kills += 1;
        }
        check(folder.path(), bad, None);
        assert!(kills > 0 && looks > kills && seen > 8, "{kills} kills, {looks} looks, {seen} entries");
    }
}

#[test]
fn a_journal_is_written_by_one_process_and_read_by_others() {
    let folder = tempdir().unwrap();
    let path = journal_at(folder.path());
    let journal = RedbJournal::open(&path).unwrap();
    // Another process, and this one again.
    let refused = process("child", &orders(&folder, false)).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("InUse"), "{said}");
    let refused = RedbJournal::open(&path).unwrap_err();
    assert!(matches!(&refused, JournalError::InUse { path: used } if *used == path), "{refused:?}");
    assert!(refused.to_string().contains("RedbJournal::reader"), "{refused}");
    drop(journal);
    assert!(crate::run(&orders(&folder, false)).success());
    check(folder.path(), false, None);
}

#[test]
fn nothing_unfinished_is_none_and_a_rollout_that_is_named_must_be_there() {
    let folder = tempdir().unwrap();
    let recovery = |journal: &Arc<RedbJournal>| {
        let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(models().1.version())));
        Deployment::recovery(Arc::new(host_at(folder.path())) as Arc<dyn ModelHost>, splitter)
            .journal(Arc::clone(journal) as _)
    };
    let journal = Arc::new(RedbJournal::open(journal_at(folder.path())).unwrap());
    assert!(recovery(&journal).build().unwrap().is_none(), "an empty journal");
    let unknown = recovery(&journal).rollout("another").build().unwrap_err();
    let expected = JournalError::UnknownRollout { rollout: "another".into() };
    assert!(matches!(&unknown, DeployError::Journal(error) if *error == expected), "{unknown}");
    drop(journal);
    crate::run(&orders(&folder, false));
    let journal = Arc::new(RedbJournal::open(journal_at(folder.path())).unwrap());
    assert_eq!(History::last(&*journal).unwrap().unwrap().status, Some(Status::Completed));
    assert!(recovery(&journal).build().unwrap().is_none(), "it has ended");
    assert!(recovery(&journal).rollout("r").build().unwrap().is_none());
}
