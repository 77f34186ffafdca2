//! A splitter across forks: each process goes on with one of its own.

use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;
use serinus::route::{HashSplitter, RoutingTable, TokenKey, TrafficSplitter, Weights};

/// All splitters there are. Locked only with the interpreter attached and for less than it takes to lose it.
static LINEAGES: Mutex<Vec<Weak<Lineage>>> = Mutex::new(Vec::new());

/// A splitter, and those that took its place in forks of the process. The parent's cannot be used in a child: another thread
/// may have held one of its locks.
pub(super) struct Lineage {
    token_key: TokenKey,
    splitter: Arc<HashSplitter>,
    /// The table in force, while the process is being forked.
    table: Mutex<Option<Arc<RoutingTable>>>,
    child: OnceLock<Arc<Lineage>>,
}

impl Lineage {
    pub(super) fn found(salt: String, weights: &Weights) -> Arc<Self> {
        let lineage = Arc::new(Self::with(RoutingTable::new(salt, weights), TokenKey::random()));
        let mut lineages = LINEAGES.lock();
        lineages.retain(|lineage| lineage.strong_count() > 0);
        lineages.push(Arc::downgrade(&lineage));
        lineage
    }

    fn with(table: RoutingTable, token_key: TokenKey) -> Self {
        let splitter = Arc::new(HashSplitter::from_table(table, token_key));
        Self { token_key, splitter, table: Mutex::new(None), child: OnceLock::new() }
    }

    /// This process's splitter.
    #[inline]
    pub(super) fn splitter(&self) -> &Arc<HashSplitter> {
        &self.youngest().splitter
    }

    #[inline]
    fn youngest(&self) -> &Self {
        let mut youngest = self;
        while let Some(child) = youngest.child.get() {
            youngest = child;
        }
        youngest
    }
}

/// Notes the tables in force, as long as all threads are there that may be changing them.
pub(crate) fn before_fork() {
    for lineage in alive() {
        let youngest = lineage.youngest();
        *youngest.table.lock() = Some(youngest.splitter.table());
    }
}

/// Gives every splitter its successor, with the same table and no counts.
pub(crate) fn after_fork() {
    for lineage in alive() {
        let parent = lineage.youngest();
        if let Some(table) = parent.table.lock().take() {
            let _ = parent.child.set(Arc::new(Lineage::with(RoutingTable::clone(&table), parent.token_key)));
        }
    }
}

fn alive() -> Vec<Arc<Lineage>> {
    LINEAGES.lock().iter().filter_map(Weak::upgrade).collect()
}
