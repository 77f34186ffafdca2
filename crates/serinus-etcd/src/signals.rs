//! Signals cross between processes by name.

use std::sync::Arc;

use serinus::observe::{Check, Errors, Failures, Outcome, Signal, Signals, Unhappy};

/// The signals that a router can count.
#[derive(Clone, Debug)]
pub(crate) struct KnownSignals(Vec<Arc<dyn Signal>>);

impl KnownSignals {
    /// The library's own.
    pub(crate) fn standard() -> Self {
        let mut known: Vec<Arc<dyn Signal>> = vec![Arc::new(Errors), Arc::new(Failures), Arc::new(Unhappy)];
        known.extend(Check::ALL.map(|check| Arc::new(check) as Arc<dyn Signal>));
        Self(known)
    }

    /// One more, in the place of another of the same name.
    pub(crate) fn add(&mut self, signal: Arc<dyn Signal>) {
        self.0.retain(|known| known.name() != signal.name());
        self.0.push(signal);
    }

    /// These, in this order, and the names that are not known: in their place nothing is counted.
    pub(crate) fn named(&self, names: &[String]) -> (Signals, Vec<String>) {
        let mut unknown = Vec::new();
        let mut named = |name: &String| {
            let known = self.0.iter().find(|known| known.name() == name).cloned();
            known.unwrap_or_else(|| {
                unknown.push(name.clone());
                Arc::new(Unknown(name.clone()))
            })
        };
        let signals = names.iter().map(&mut named).collect();
        (signals, unknown)
    }
}

/// Keeps a place among the signals, and says nothing.
#[derive(Debug)]
struct Unknown(String);

impl Signal for Unknown {
    fn name(&self) -> &str {
        &self.0
    }

    fn failed(&self, _: &Outcome) -> Option<bool> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_places_and_strangers_are_named() {
        let names = ["odd_rate", "error_rate", "refusal_rate"].map(str::to_owned);
        let (signals, unknown) = KnownSignals::standard().named(&names);
        assert_eq!(signals.iter().map(|signal| signal.name()).collect::<Vec<_>>(), names);
        assert_eq!(unknown, ["odd_rate"]);
        let failed = signals.iter().map(|signal| signal.failed(&Outcome::error())).collect::<Vec<_>>();
        assert_eq!(failed, [None, Some(true), None]);
    }
}
