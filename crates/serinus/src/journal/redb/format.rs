//! Which format a file has, and how an older one becomes this release's.

use ::redb::{Database, ReadTransaction, ReadableTable, TableDefinition, TableError, TableHandle, WriteTransaction};

use super::problem::Problem;

/// The format of this release. A change of the tables or of what is in them is a new format and a [`Step`].
const FORMAT: u64 = 1;
/// From the format before to the next one, the latest last. A step may read and write all tables.
pub(super) const STEPS: &[Step] = &[];

/// Changes the tables of one format into those of the next.
pub(super) type Step = fn(&WriteTransaction) -> Result<(), Problem>;

/// What tells a journal from any other redb database.
const ABOUT: TableDefinition<&str, u64> = TableDefinition::new("serinus_journal");
const VERSION: &str = "format";

/// The format that a file has, if it is a journal that this release can take up.
pub(super) fn check(transaction: &ReadTransaction) -> Result<(), Problem> {
    let found = match transaction.open_table(ABOUT) {
        Ok(table) => table.get(VERSION)?.map(|found| found.value()),
        Err(TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let Some(found) = found else {
        let tables: Vec<_> = transaction.list_tables()?.map(|table| table.name().to_owned()).collect();
        let tables = if tables.is_empty() { "no table".to_owned() } else { format!("table {}", tables.join(", ")) };
        return Err(Problem::Foreign(format!("a redb database with {tables}, not a journal's")));
    };
    supported(found, STEPS).map(|_| ())
}

fn supported(found: u64, steps: &[Step]) -> Result<&[Step], Problem> {
    if found > FORMAT {
        return Err(Problem::Newer { found, known: FORMAT });
    }
    let oldest = FORMAT.saturating_sub(steps.len() as u64);
    let done = found.checked_sub(oldest).and_then(|done| usize::try_from(done).ok());
    done.and_then(|done| steps.get(done..)).ok_or(Problem::Older { found, oldest })
}

/// Makes an empty database a journal.
pub(super) fn begin(database: &Database) -> Result<(), Problem> {
    let transaction = database.begin_write()?;
    transaction.open_table(ABOUT)?.insert(VERSION, FORMAT)?;
    super::rows::create(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// Takes all steps that are left, in one transaction: a crash leaves the old format or the new one.
pub(super) fn migrate(database: &Database, steps: &[Step]) -> Result<(), Problem> {
    let transaction = database.begin_write()?;
    let found = transaction.open_table(ABOUT)?.get(VERSION)?.map(|found| found.value());
    let found = found.ok_or_else(|| Problem::Foreign("a redb database without a journal's format".into()))?;
    let left = supported(found, steps)?;
    if left.is_empty() {
        return Ok(transaction.abort()?);
    }
    for step in left {
        step(&transaction)?;
    }
    transaction.open_table(ABOUT)?.insert(VERSION, FORMAT)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests;
