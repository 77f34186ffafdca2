//! What is kept of rollouts that have ended.

use std::time::Duration;

use ::redb::WriteTransaction;

use super::problem::Problem;
use super::rows::{self, ROLLOUTS};
use crate::journal::{Entry, Record};

/// How many finished rollouts are kept, and for how long. What is beyond either is removed when another one ends. A rollout
/// that has not ended is always kept, and so is the latest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// At most this many finished rollouts; 500 unless set. Each takes some hundred kilobytes.
    pub rollouts: usize,
    /// For at most this long after their end; two years unless set.
    pub time: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { rollouts: 500, time: Duration::from_secs(2 * 365 * 86_400) }
    }
}

impl Retention {
    /// Removes what is no longer kept, in the transaction of the entry that ends a rollout.
    pub(super) fn apply(&self, transaction: &WriteTransaction, entry: &Entry) -> Result<(), Problem> {
        if !matches!(entry.what, Record::Finished(_)) {
            return Ok(());
        }
        let rows = rows::rows(&transaction.open_table(ROLLOUTS)?)?;
        let finished: Vec<_> = rows.iter().filter_map(|row| Some((row.number, row.finished_at?))).collect();
        let beyond = finished.len().saturating_sub(self.rollouts);
        for (place, (number, finished_at)) in finished.iter().enumerate() {
            let is_latest = Some(*number) == rows.last().map(|row| row.number);
            if !is_latest && (place < beyond || entry.at.since(*finished_at) > self.time) {
                rows::remove(transaction, *number)?;
            }
        }
        Ok(())
    }
}
