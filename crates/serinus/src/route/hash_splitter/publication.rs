//! How a table comes into force: changed here, or followed as somebody else has published it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::HashSplitter;
use crate::model::VersionId;
use crate::observe::{Signals, UserShares};
use crate::route::registry::Registry;
use crate::route::routes::{OpenBlock, Routes};
use crate::route::version::Version;
use crate::route::{RoutingError, RoutingTable, TokenKey};

impl HashSplitter {
    /// Sends all requests of a category to one version.
    ///
    /// # Errors
    ///
    /// [`RoutingError::NotServing`] if the version has not been admitted.
    pub fn set_category_override(&self, category: impl Into<String>, version: &VersionId) -> Result<(), RoutingError> {
        self.publish(|table| table.with_override(category, version))
    }

    /// Routes a category by the weights again.
    pub fn clear_category_override(&self, category: &str) {
        self.publish_change(|table| table.without_override(category));
    }

    /// Moves the pin epoch on: session tokens handed out so far no longer pin.
    pub fn clear_sticky_sessions(&self) {
        self.publish_change(RoutingTable::with_pins_cleared);
    }

    /// Puts every user at another place of the circle.
    ///
    /// # Errors
    ///
    /// [`RoutingError::SaltInUse`] unless one version has all the traffic.
    pub fn set_salt(&self, salt: impl Into<String>) -> Result<(), RoutingError> {
        self.publish(|table| table.resalted(salt))
    }

    /// Takes over a table that another router has published, unless it is older than the one in force. Says whether it
    /// was taken.
    pub fn adopt(&self, table: RoutingTable) -> bool {
        let mut adopted = false;
        self.publish_change(|current| {
            adopted = table.revision() > current.revision();
            if adopted { table } else { current.clone() }
        });
        adopted
    }

    /// Takes over what somebody else has published for all routers, whatever was in force: the table, and the block of
    /// evidence that requests belong to from here on (its number, the signals, the users' shares), in one publication.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use serinus::model::VersionId;
    /// use serinus::observe::{Signals, UserCap, UserShares};
    /// use serinus::route::{HashSplitter, Request, RoutingTable, TrafficSplitter, Weights};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (v1, v2) = (VersionId::new("v1")?, VersionId::new("v2")?);
    /// let splitter = HashSplitter::new("chat", &Weights::all(&v1));
    /// let table = RoutingTable::new("chat", &Weights::all(&v2));
    /// let (signals, shares) = (Signals::from_iter([]), Arc::new(UserShares::new(UserCap::None)));
    /// splitter.follow(table, Some((7, &signals, &shares)));
    /// drop(splitter.route(&Request::new()));
    /// assert_eq!(splitter.turnout(7)[&v2].arrivals, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn follow(&self, table: RoutingTable, block: Option<(u64, &Signals, &Arc<UserShares>)>) {
        let block = block.map(|(number, signals, shares)| {
            self.blocks.fetch_max(number.saturating_add(1), Ordering::Relaxed);
            OpenBlock { number, signals: signals.clone(), shares: Arc::clone(shares) }
        });
        self.replace(&mut self.routes.write(), Arc::new(table), block);
    }

    pub(super) fn publish_change(&self, change: impl FnOnce(&RoutingTable) -> RoutingTable) {
        let done: Result<(), RoutingError> = self.publish(|table| Ok(change(table)));
        debug_assert!(done.is_ok(), "a change without an error cannot be refused");
    }

    pub(super) fn publish(
        &self,
        change: impl FnOnce(&RoutingTable) -> Result<RoutingTable, RoutingError>,
    ) -> Result<(), RoutingError> {
        let mut routes = self.routes.write();
        let table = Arc::new(change(&routes.table)?);
        let block = routes.block.clone();
        self.replace(&mut routes, table, block);
        Ok(())
    }

    pub(super) fn record_into(&self, block: Option<OpenBlock>) {
        let mut routes = self.routes.write();
        let table = Arc::clone(&routes.table);
        self.replace(&mut routes, table, block);
    }

    /// Puts a table in force. The epoch moves while the lock is held, so that whoever sees it finds the new routes.
    fn replace(&self, routes: &mut Arc<Routes>, table: Arc<RoutingTable>, block: Option<OpenBlock>) {
        let epoch = routes.epoch + 1;
        *routes = Arc::new(resolve(epoch, table, block, &mut self.registry.lock(), self.token_key));
        self.epoch.advance_to(epoch);
    }
}

/// Makes a table ready for the request path, with the counted version of each name that it serves.
pub(super) fn resolve(
    epoch: u64,
    table: Arc<RoutingTable>,
    block: Option<OpenBlock>,
    registry: &mut Registry,
    token_key: TokenKey,
) -> Routes {
    registry.keep_serving(|version| table.serves(version));
    let versions = table.serving().map(|id| registry.serve(id, || Version::new(id.clone(), token_key))).collect();
    Routes::new(epoch, table, block, versions)
}
