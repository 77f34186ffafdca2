//! The tables, and what is asked of them.

use ::redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use super::record::{seal, unseal};
use crate::clock::Timestamp;
use crate::journal::{Entry, Record, Snapshot};

/// Rollouts by their number, in the order in which they began.
pub(super) const ROLLOUTS: TableDefinition<u64, &[u8]> = TableDefinition::new("rollouts");
/// Entries by the number of their rollout and their own.
pub(super) const ENTRIES: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("entries");
/// The latest snapshot of each rollout.
pub(super) const SNAPSHOTS: TableDefinition<u64, &[u8]> = TableDefinition::new("snapshots");

/// A rollout, as far as the journal has to find it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    /// Again, so that a row under another's number is noticed.
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) entries: u64,
    pub(super) finished_at: Option<Timestamp>,
}

pub(super) fn create(transaction: &WriteTransaction) -> Result<(), Problem> {
    transaction.open_table(ROLLOUTS)?;
    transaction.open_table(ENTRIES)?;
    transaction.open_table(SNAPSHOTS)?;
    Ok(())
}

fn row(number: u64, bytes: &[u8]) -> Result<Row, Problem> {
    let row: Row = unseal(bytes, &format!("rollout number {number}"))?;
    if row.number == number {
        return Ok(row);
    }
    Err(Problem::Damaged(format!("rollout number {number} is filed as number {}", row.number)))
}

/// All rollouts, in order.
pub(super) fn rows(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<Row>, Problem> {
    let all = table.iter()?.map(|found| {
        let (number, bytes) = found?;
        row(number.value(), bytes.value())
    });
    all.collect()
}

/// The latest rollout of this name: it is nearly always the last.
fn find(table: &impl ReadableTable<u64, &'static [u8]>, name: &str) -> Result<Option<Row>, Problem> {
    for found in table.iter()?.rev() {
        let (number, bytes) = found?;
        let row = row(number.value(), bytes.value())?;
        if row.name == name {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Adds an entry. `in_doubt`: whether the one before may have been kept although an error was given, and is to be replaced.
pub(super) fn append(transaction: &WriteTransaction, entry: &Entry, in_doubt: bool) -> Result<(), Problem> {
    let mut rollouts = transaction.open_table(ROLLOUTS)?;
    let mut row = match find(&rollouts, &entry.rollout)? {
        Some(row) => row,
        None => Row {
            number: rollouts.last()?.map_or(0, |(number, _)| number.value().saturating_add(1)),
            name: entry.rollout.clone(),
            entries: 0,
            finished_at: None,
        },
    };
    let replaces = in_doubt && entry.sequence.saturating_add(1) == row.entries;
    if entry.sequence != row.entries && !replaces {
        let (rollout, expected) = (entry.rollout.clone(), row.entries);
        return Err(Problem::OutOfOrder { rollout, expected, got: entry.sequence });
    }
    row.entries = entry.sequence.saturating_add(1);
    row.finished_at = matches!(entry.what, Record::Finished(_)).then_some(entry.at);
    rollouts.insert(row.number, seal(&row, "the rollout")?.as_slice())?;
    let sealed = seal(entry, "the entry")?;
    transaction.open_table(ENTRIES)?.insert((row.number, entry.sequence), sealed.as_slice())?;
    Ok(())
}

pub(super) fn rollouts(transaction: &ReadTransaction) -> Result<Vec<String>, Problem> {
    Ok(rows(&transaction.open_table(ROLLOUTS)?)?.into_iter().map(|row| row.name).collect())
}

pub(super) fn entries(transaction: &ReadTransaction, name: &str) -> Result<Vec<Entry>, Problem> {
    let Some(row) = find(&transaction.open_table(ROLLOUTS)?, name)? else { return Ok(Vec::new()) };
    let table = transaction.open_table(ENTRIES)?;
    let mut entries = Vec::new();
    for found in table.range((row.number, 0)..=(row.number, u64::MAX))? {
        let (key, bytes) = found?;
        let (_, sequence) = key.value();
        let entry: Entry = unseal(bytes.value(), &format!("entry {sequence} of rollout {name:?}"))?;
        if (entry.sequence, entry.sequence, entry.rollout.as_str()) != (sequence, entries.len() as u64, name) {
            let problem = format!("entry {} of rollout {name:?} is not in its place", entries.len());
            return Err(Problem::Damaged(problem));
        }
        entries.push(entry);
    }
    if entries.len() as u64 != row.entries {
        let problem = format!("rollout {name:?} has {} entries, and {} were written", entries.len(), row.entries);
        return Err(Problem::Damaged(problem));
    }
    Ok(entries)
}

pub(super) fn keep(transaction: &WriteTransaction, snapshot: &Snapshot) -> Result<(), Problem> {
    let Some(row) = find(&transaction.open_table(ROLLOUTS)?, &snapshot.rollout)? else {
        return Err(Problem::UnknownRollout { rollout: snapshot.rollout.clone() });
    };
    let sealed = seal(snapshot, "the snapshot")?;
    transaction.open_table(SNAPSHOTS)?.insert(row.number, sealed.as_slice())?;
    Ok(())
}

pub(super) fn snapshot(transaction: &ReadTransaction, name: &str) -> Result<Option<Snapshot>, Problem> {
    let Some(row) = find(&transaction.open_table(ROLLOUTS)?, name)? else { return Ok(None) };
    let Some(bytes) = transaction.open_table(SNAPSHOTS)?.get(row.number)? else { return Ok(None) };
    let snapshot: Snapshot = unseal(bytes.value(), &format!("the snapshot of rollout {name:?}"))?;
    if snapshot.rollout == name {
        return Ok(Some(snapshot));
    }
    Err(Problem::Damaged(format!("the snapshot of rollout {name:?} is of {:?}", snapshot.rollout)))
}

/// Removes a rollout and all that is kept of it.
pub(super) fn remove(transaction: &WriteTransaction, number: u64) -> Result<(), Problem> {
    transaction.open_table(ROLLOUTS)?.remove(number)?;
    transaction.open_table(SNAPSHOTS)?.remove(number)?;
    transaction.open_table(ENTRIES)?.retain_in((number, 0)..=(number, u64::MAX), |_, _| false)?;
    Ok(())
}
