//! A journal that cannot be written, or takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serinus::deploy::DeployError;
use serinus::journal::{Entry, Journal, JournalError, MemoryJournal, Record};
use serinus::rollout::{Effect, Status};
use serinus::route::{HashSplitter, TrafficSplitter};

use crate::service::{Service, id, plan, wait_until};

#[test]
fn a_full_disk_stops_an_update_and_never_a_rollback() {
    let service = Service::start("");
    let deployment = service.deployment(plan()).build().unwrap();
    service.journal.break_with(Some(JournalError::other("no space left on device")));
    let outcome = deployment.run().unwrap();
    assert_eq!(outcome.status, Status::RolledBack);
    assert!(outcome.reason.contains("no space left"), "{}", outcome.reason);
    service.assert_old_version_serves();
    assert!(service.deployment(plan()).build().is_err(), "nothing begins that cannot be written down");
}

/// A disk that takes its time with every write, and looks at the traffic before it begins with a rollback's.
#[derive(Debug)]
struct SlowJournal {
    journal: MemoryJournal,
    splitter: Arc<HashSplitter>,
    traffic_went_first: AtomicBool,
}

impl SlowJournal {
    fn new(service: &Service) -> Arc<Self> {
        let (journal, splitter) = (MemoryJournal::default(), Arc::clone(&service.splitter));
        Arc::new(Self { journal, splitter, traffic_went_first: AtomicBool::new(false) })
    }
}

impl Journal for SlowJournal {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        if let Record::Decided { effects, .. } = &entry.what
            && effects.iter().any(|effect| matches!(effect, Effect::RollBackTraffic { .. }))
        {
            self.traffic_went_first.store(!self.splitter.table().serves(&id("v2")), Ordering::Relaxed);
        }
        thread::sleep(Duration::from_millis(150));
        self.journal.append(entry)
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.journal.rollouts()
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.journal.entries(rollout)
    }
}

#[test]
fn a_slow_disk_delays_an_update_and_no_way_back() {
    let service = Service::start("");
    let good = service.deployment(plan()).journal(SlowJournal::new(&service)).build().unwrap();
    assert_eq!(good.run().unwrap().status, Status::Completed);

    let service = Service::start("v2");
    let journal = SlowJournal::new(&service);
    let bad = service.deployment(plan()).journal(journal.clone()).build().unwrap();
    assert_eq!(bad.run().unwrap().status, Status::RolledBack);
    assert!(journal.traffic_went_first.load(Ordering::Relaxed), "traffic waited for the disk");
    service.assert_old_version_serves();
}

/// A disk, or a store behind a network, that does not answer while it is told to hang.
#[derive(Debug, Default)]
struct HangingJournal {
    journal: MemoryJournal,
    hangs: AtomicBool,
    waiting: AtomicBool,
}

impl Journal for HangingJournal {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        while self.hangs.load(Ordering::SeqCst) {
            self.waiting.store(true, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
        }
        self.journal.append(entry)
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        self.journal.rollouts()
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        self.journal.entries(rollout)
    }
}

#[test]
fn whoever_stops_a_driver_waits_for_no_journal_and_the_step_that_it_is_in_is_the_last() {
    let service = Service::start("");
    let journal = Arc::new(HangingJournal::default());
    let deployment = service.deployment(plan()).journal(journal.clone()).build().unwrap();
    let controls = deployment.controls();
    journal.hangs.store(true, Ordering::SeqCst);
    let running = thread::spawn(move || deployment.run());
    wait_until("write a decision", || journal.waiting.load(Ordering::SeqCst));
    let stopping = {
        let controls = controls.clone();
        thread::spawn(move || controls.stop())
    };
    wait_until("let itself be stopped", || stopping.is_finished());
    assert!(!running.is_finished());
    journal.hangs.store(false, Ordering::SeqCst);
    assert!(matches!(running.join().unwrap(), Err(DeployError::Stopped)));
    let entries = journal.entries(&controls.rollout()).unwrap();
    assert_eq!(entries.len(), 2, "the plan, and the decision that was under way");
}
