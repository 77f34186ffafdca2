//! Who holds which part of the fleet.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::EngineError;

/// The fleet's memory at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    /// Slots of the fleet.
    pub slots: u32,
    /// Memory of a slot, in gigabytes. A replica takes all of it.
    pub slot_gb: f64,
    /// Slots taken, by replicas that are loading or leaving as well.
    pub used: u32,
    /// Replicas that serve, by version.
    pub replicas: BTreeMap<String, u32>,
}

/// Hands out slots and takes them back.
#[derive(Debug)]
pub(super) struct Slots {
    total: u32,
    used: Arc<Mutex<u32>>,
}

/// One slot, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    used: Arc<Mutex<u32>>,
}

impl Slots {
    pub(super) fn new(total: u32) -> Self {
        Self { total, used: Arc::default() }
    }

    pub(super) fn used(&self) -> u32 {
        *self.used.lock()
    }

    /// All of `needed` slots, or none.
    pub(super) fn reserve(&self, needed: u32) -> Result<Vec<Slot>, EngineError> {
        let mut used = self.used.lock();
        let free = self.total - *used;
        if needed > free {
            return Err(EngineError::OutOfSlots { needed, free });
        }
        *used += needed;
        Ok((0..needed).map(|_| Slot { used: Arc::clone(&self.used) }).collect())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.used.lock() -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_taken_all_or_none_and_come_back() {
        let slots = Slots::new(3);
        let two = slots.reserve(2).unwrap();
        assert!(matches!(slots.reserve(2), Err(EngineError::OutOfSlots { needed: 2, free: 1 })));
        assert_eq!(slots.used(), 2);
        drop(two);
        assert_eq!(slots.reserve(3).unwrap().len(), 3);
        assert_eq!(slots.used(), 0);
    }
}
