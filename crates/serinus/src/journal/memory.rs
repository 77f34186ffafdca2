//! A journal that lasts as long as the process.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::{Entry, Journal, JournalError, Snapshot};

/// A journal in memory: history and tests, no protection against a crash.
///
/// ```
/// use serinus::journal::{Journal, MemoryJournal};
///
/// let journal = MemoryJournal::default();
/// assert!(journal.rollouts()?.is_empty());
/// # Ok::<(), serinus::journal::JournalError>(())
/// ```
#[derive(Debug, Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: Vec<Entry>,
    snapshots: BTreeMap<String, Snapshot>,
    broken: Option<JournalError>,
}

impl MemoryJournal {
    /// From here on every `append` and every `keep` fails with this error, as on a full disk; `None` mends it.
    pub fn break_with(&self, error: Option<JournalError>) {
        self.state.lock().broken = error;
    }
}

impl Journal for MemoryJournal {
    fn append(&self, entry: &Entry) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        state.entries.push(entry.clone());
        Ok(())
    }

    fn rollouts(&self) -> Result<Vec<String>, JournalError> {
        let state = self.state.lock();
        let begun = state.entries.iter().filter(|entry| entry.sequence == 0);
        Ok(begun.map(|entry| entry.rollout.clone()).collect())
    }

    fn entries(&self, rollout: &str) -> Result<Vec<Entry>, JournalError> {
        let state = self.state.lock();
        Ok(state.entries.iter().filter(|entry| entry.rollout == rollout).cloned().collect())
    }

    fn keep(&self, snapshot: &Snapshot) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        if let Some(error) = &state.broken {
            return Err(error.clone());
        }
        state.snapshots.insert(snapshot.rollout.clone(), snapshot.clone());
        Ok(())
    }

    fn snapshot(&self, rollout: &str) -> Result<Option<Snapshot>, JournalError> {
        Ok(self.state.lock().snapshots.get(rollout).cloned())
    }
}
