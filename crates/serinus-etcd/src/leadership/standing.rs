//! Whether a controller still leads, and who is to know when it does not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serinus::deploy::Controls;
use tracing::warn;

use super::Fence;
use crate::connection::Link;
use crate::error::FleetError;
use crate::follow::{Change, follow};

pub(super) struct Standing {
    name: String,
    fence: Fence,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// By this controller's own clock, counted from before the lease was renewed.
    valid_until: Instant,
    lost: Option<FleetError>,
    /// Deployments that stop with it.
    stops: Vec<Controls>,
    closed: bool,
}

impl Standing {
    pub(super) fn new(name: String, fence: Fence, valid_until: Instant) -> Self {
        let state = State { valid_until, lost: None, stops: Vec::new(), closed: false };
        Self { name, fence, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn check(&self) -> Result<(), FleetError> {
        let state = self.state.lock();
        match &state.lost {
            Some(lost) => Err(lost.clone()),
            // The keeper may not have had its turn yet: the process was frozen.
            None if Instant::now() >= state.valid_until => Err(FleetError::Expired { epoch: self.fence.epoch }),
            None => Ok(()),
        }
    }

    pub(super) fn wait_lost(&self, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        if state.lost.is_none() {
            self.changed.wait_for(&mut state, timeout);
        }
        state.lost.is_none()
    }

    pub(super) fn stops(&self, controls: &Controls) {
        let mut state = self.state.lock();
        if state.lost.is_some() {
            controls.stop();
        } else {
            state.stops.push(controls.clone());
        }
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
    }

    pub(super) fn lose(&self, why: FleetError) {
        let mut state = self.state.lock();
        let known = matches!(
            (&state.lost, &why),
            (Some(FleetError::Deposed { .. }), _) | (Some(_), FleetError::Expired { .. })
        );
        if known {
            return;
        }
        if !state.closed {
            warn!(target: "serinus::fleet", controller = self.name, epoch = self.fence.epoch, %why, "no longer leads");
        }
        state.lost = Some(why);
        for controls in state.stops.drain(..) {
            controls.stop();
        }
        self.changed.notify_all();
    }

    fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.closed || state.lost.is_some()
    }

    /// Renews the lease for as long as it can be renewed.
    pub(super) async fn keep(self: Arc<Self>, link: Link, lease: i64) {
        let ttl = link.options.ttl;
        while !self.is_over() {
            tokio::time::sleep(ttl / 4).await;
            let asked_at = Instant::now();
            let left = self.state.lock().valid_until.saturating_duration_since(asked_at);
            match tokio::time::timeout(left, link.renew(lease)).await {
                Ok(Ok(true)) => self.state.lock().valid_until = asked_at + ttl,
                Ok(Ok(false)) | Err(_) => self.lose(FleetError::Expired { epoch: self.fence.epoch }),
                Ok(Err(_)) => {}
            }
        }
    }

    /// Looks out for a successor.
    pub(super) async fn watch(self: Arc<Self>, link: Link) {
        let key = link.keys.epoch();
        let fence = self.fence;
        let tell = move |change: Change<'_>| {
            let broken = match change {
                Change::All(all, _) => all.iter().any(|epoch| fence.is_broken_by(epoch)),
                Change::Put(epoch) => fence.is_broken_by(epoch),
                Change::Gone(_) => true,
            };
            if broken {
                self.lose(FleetError::Deposed { epoch: fence.epoch });
            }
            !self.is_over()
        };
        follow(link, key, tell).await;
    }
}
