use ::redb::ReadableDatabase;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::journal::redb::file::builder;

/// The fabricated format 0 kept names of rollouts, and nothing else.
const NAMES_0: TableDefinition<u64, &str> = TableDefinition::new("names");

fn old(folder: &TempDir) -> Database {
    let database = builder().create(folder.path().join("it")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(ABOUT).unwrap().insert(VERSION, 0).unwrap();
    transaction.open_table(NAMES_0).unwrap().insert(7, "seven").unwrap();
    transaction.commit().unwrap();
    database
}

fn from_0(transaction: &WriteTransaction) -> Result<(), Problem> {
    super::super::rows::create(transaction)?;
    let names: Vec<_> = {
        let table = transaction.open_table(NAMES_0)?;
        table.iter()?.map(|row| row.map(|(number, name)| (number.value(), name.value().to_owned()))).collect()
    };
    for name in names {
        let (number, name) = name?;
        let row = super::super::rows::Row { number, name, entries: 0, finished_at: None };
        let sealed = super::super::record::seal(&row, "the rollout")?;
        transaction.open_table(super::super::rows::ROLLOUTS)?.insert(number, sealed.as_slice())?;
    }
    transaction.delete_table(NAMES_0)?;
    Ok(())
}

fn format_of(database: &Database) -> u64 {
    let table = database.begin_read().unwrap().open_table(ABOUT).unwrap();
    table.get(VERSION).unwrap().unwrap().value()
}

#[test]
fn an_older_file_is_migrated_once_and_keeps_what_it_has() {
    let folder = tempdir().unwrap();
    let database = old(&folder);
    for _ in 0..2 {
        migrate(&database, &[from_0]).unwrap();
        assert_eq!(format_of(&database), FORMAT);
        let names = super::super::rows::rollouts(&database.begin_read().unwrap()).unwrap();
        assert_eq!(names, ["seven"]);
    }
}

#[test]
fn a_migration_that_fails_leaves_the_older_file() {
    let folder = tempdir().unwrap();
    let database = old(&folder);
    let fails: Step = |transaction| {
        from_0(transaction)?;
        Err(Problem::Damaged("half way".into()))
    };
    assert!(matches!(migrate(&database, &[fails]), Err(Problem::Damaged(_))));
    assert_eq!(format_of(&database), 0);
    migrate(&database, &[from_0]).unwrap();
    assert_eq!(super::super::rows::rollouts(&database.begin_read().unwrap()).unwrap(), ["seven"]);
}

#[test]
fn a_file_that_is_too_old_or_too_new_is_refused_with_the_formats() {
    let folder = tempdir().unwrap();
    let database = old(&folder);
    assert!(matches!(migrate(&database, &[]), Err(Problem::Older { found: 0, oldest: FORMAT })));
    let transaction = database.begin_write().unwrap();
    transaction.open_table(ABOUT).unwrap().insert(VERSION, FORMAT + 1).unwrap();
    transaction.commit().unwrap();
    let expected = FORMAT + 1;
    for steps in [&[] as &[Step], &[from_0]] {
        let refused = migrate(&database, steps);
        assert!(matches!(refused, Err(Problem::Newer { found, known: FORMAT }) if found == expected), "{refused:?}");
    }
    let checked = check(&database.begin_read().unwrap());
    assert!(matches!(checked, Err(Problem::Newer { .. })), "{checked:?}");
}
