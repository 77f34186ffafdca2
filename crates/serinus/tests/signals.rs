//! Signals of the host's own, on the request path.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serinus::model::VersionId;
use serinus::observe::{Errors, Outcome, Signal, Signals, UserCap, UserShares};
use serinus::route::{HashSplitter, Request, TrafficSplitter, Weights};

/// Waits, while it is asked, for a thread that reads the evidence: as one written in Python waits for the interpreter.
#[derive(Debug, Default)]
struct Slow(OnceLock<(Arc<HashSplitter>, u64)>);

impl Signal for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn failed(&self, _: &Outcome) -> Option<bool> {
        let (splitter, block) = self.0.get().unwrap().clone();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(splitter.tally(block).len()));
        told.recv_timeout(Duration::from_secs(10)).ok().map(|versions| versions == 1)
    }
}

#[test]
fn no_lock_is_held_while_a_signal_is_asked() {
    let version = VersionId::new("v1").unwrap();
    let splitter = Arc::new(HashSplitter::new("chat", &Weights::all(&version)));
    let slow = Arc::new(Slow::default());
    let signals: Signals = [Arc::clone(&slow) as Arc<dyn Signal>].into_iter().collect();
    let block = splitter.open_block(&signals, &Arc::new(UserShares::new(UserCap::None)));
    slow.0.set((Arc::clone(&splitter), block)).unwrap();
    splitter.route(&Request::new().sticky_key("u1")).finish(Outcome::ok());
    let rate = splitter.tally(block)[&version].evidence.total().rates()[0];
    assert_eq!((rate.failures(), rate.trials()), (1, 1));
}

#[test]
fn of_very_many_signals_each_has_its_answer() {
    #[derive(Debug)]
    struct Numbered(usize, String);
    impl Signal for Numbered {
        fn name(&self) -> &str {
            &self.1
        }
        fn failed(&self, _: &Outcome) -> Option<bool> {
            (!self.0.is_multiple_of(3)).then_some(self.0.is_multiple_of(2))
        }
    }
    let numbered = |n: usize| Arc::new(Numbered(n, format!("signal-{n}"))) as Arc<dyn Signal>;
    let signals: Signals = (0..150).map(numbered).chain([Arc::new(Errors) as Arc<dyn Signal>]).collect();
    let mut evidence = serinus::observe::ArmEvidence::default();
    evidence.record(&serinus::observe::End::Finished(Outcome::ok()), &signals);
    let total = evidence.total();
    for (n, rate) in total.rates()[..150].iter().enumerate() {
        let expected = (u64::from(n % 3 > 0 && n % 2 == 0), u64::from(n % 3 > 0));
        assert_eq!((rate.failures(), rate.trials()), expected, "signal {n}");
    }
}
