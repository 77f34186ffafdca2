//! A journal that cannot be written, or takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serinus::journal::{Entry, Journal, JournalError, MemoryJournal, Record};
use serinus::rollout::{Effect, Status};
use serinus::route::{HashSplitter, TrafficSplitter};

use crate::service::{Service, id, plan};

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
