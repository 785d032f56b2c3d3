//! The stores: when each was heard, and what it holds.

use std::collections::BTreeMap;

use serde::Serialize;
use types::{
    id::{MAX_SAFE, StoreId},
    scheduler::{SchedulerOptions, StoreHealth, StoreHeartbeat, StoreState, StoreStatus},
    time::StoreTime,
};

/// A store as the scheduler knows it (TinyKV: `core.StoreInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreInfo {
    /// Which store.
    pub id: StoreId,
    /// Whether it is to hold replicas.
    pub state: StoreState,
    /// When it spoke last, or when the scheduler first heard of it or started.
    pub heard_at: StoreTime,
    /// What it holds, by what leaders report. Whoever changes the map of regions refreshes it.
    pub status: StoreStatus,
    /// What it says of itself.
    pub reported: Option<StoreHeartbeat>,
}

impl StoreInfo {
    /// A store that was heard of at `now`.
    #[must_use]
    pub fn new(id: StoreId, now: StoreTime) -> Self {
        Self {
            id,
            state: StoreState::Up,
            heard_at: now,
            status: StoreStatus::default(),
            reported: None,
        }
    }

    /// For how long it has been silent.
    #[must_use]
    pub fn health(&self, options: &SchedulerOptions, now: StoreTime) -> StoreHealth {
        let silent_us = now.since(self.heard_at);
        if silent_us >= options.store_down_us {
            StoreHealth::Down
        } else if silent_us >= options.disconnected_us {
            StoreHealth::Disconnected
        } else {
            StoreHealth::Connected
        }
    }

    /// Whether it is to hold replicas and not down, so that balancing looks at it (TinyKV 3C).
    #[must_use]
    pub fn takes_part(&self, options: &SchedulerOptions, now: StoreTime) -> bool {
        self.state == StoreState::Up && self.health(options, now) != StoreHealth::Down
    }

    /// Whether it is to hold replicas and within reach, so that it can be given something. TinyKV
    /// gives replicas to a store that is out of reach too, and waits for it in vain.
    #[must_use]
    pub fn can_receive(&self, options: &SchedulerOptions, now: StoreTime) -> bool {
        self.state == StoreState::Up && self.health(options, now) == StoreHealth::Connected
    }
}

/// All stores, by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Stores(BTreeMap<StoreId, StoreInfo>);

impl Stores {
    /// The store of an id.
    #[must_use]
    pub fn get(&self, id: StoreId) -> Option<&StoreInfo> {
        self.0.get(&id)
    }

    /// Every store.
    pub fn iter(&self) -> impl Iterator<Item = &StoreInfo> {
        self.0.values()
    }

    /// Puts a store in the place of the one of its id.
    pub fn put(&mut self, store: StoreInfo) {
        self.0.insert(store.id, store);
    }

    pub(crate) fn get_mut(&mut self, id: StoreId) -> Option<&mut StoreInfo> {
        self.0.get_mut(&id)
    }

    /// Takes so much off the time for which each store has been silent.
    pub(crate) fn excuse(&mut self, us: u64) {
        for store in self.0.values_mut() {
            let heard_at = store.heard_at.get().saturating_add(us).min(MAX_SAFE);
            store.heard_at = StoreTime::new(heard_at);
        }
    }

    /// The store of an id, which is known from now on; whether it was before.
    pub(crate) fn learn(&mut self, id: StoreId, now: StoreTime) -> (&mut StoreInfo, bool) {
        let is_known = self.0.contains_key(&id);
        let store = self.0.entry(id).or_insert_with(|| StoreInfo::new(id, now));
        (store, is_known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_store_is_disconnected_first_and_down_later() {
        let options = SchedulerOptions::default();
        let store = StoreInfo::new(StoreId::new(1), StoreTime::new(5));
        let health = |us: u64| store.health(&options, StoreTime::new(5 + us));
        assert_eq!(health(19_999_999), StoreHealth::Connected);
        assert_eq!(health(20_000_000), StoreHealth::Disconnected);
        assert_eq!(health(1_799_999_999), StoreHealth::Disconnected);
        assert_eq!(health(1_800_000_000), StoreHealth::Down);
    }

    #[test]
    fn a_store_that_is_being_emptied_receives_nothing() {
        let options = SchedulerOptions::default();
        let mut store = StoreInfo::new(StoreId::new(1), StoreTime::ZERO);
        assert!(store.can_receive(&options, StoreTime::ZERO));
        store.state = StoreState::Offline;
        assert!(!store.can_receive(&options, StoreTime::ZERO));
        assert!(!store.takes_part(&options, StoreTime::ZERO));
    }
}
