//! What a client believes of where keys are and who leads there.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use bytes::Bytes;
use serde::Serialize;
use types::{
    id::{RegionId, StoreId},
    store::{Region, RegionEpoch},
};

/// Regions by their first keys. They never overlap; between them may be keys of which nothing is
/// known.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Routes {
    by_start: BTreeMap<Bytes, Known>,
}

/// A region as a client knows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Known {
    pub(crate) region: Region,
    /// Whom it asks first, where it has a reason.
    pub(crate) leader: Option<StoreId>,
    /// Whom it asks otherwise.
    next_store: StoreId,
}

impl Known {
    fn new(region: Region) -> Self {
        let first = region.peers.iter().map(|peer| peer.store).min();
        Self {
            region,
            leader: None,
            next_store: first.unwrap_or(StoreId::new(1)),
        }
    }

    /// The store to ask.
    pub(crate) fn store(&self) -> StoreId {
        self.leader.unwrap_or(self.next_store)
    }
}

/// Whether an epoch is behind another in either part.
const fn is_behind(epoch: RegionEpoch, other: RegionEpoch) -> bool {
    epoch.version < other.version || epoch.conf_ver < other.conf_ver
}

impl Routes {
    /// A client that knows one region.
    pub(crate) fn of(region: Region) -> Self {
        let mut routes = Self::default();
        routes.learn(region);
        routes
    }

    /// The region that holds `key`.
    pub(crate) fn find(&self, key: &Bytes) -> Option<&Known> {
        let up_to = (Bound::Unbounded, Bound::Included(key));
        let (_, known) = self.by_start.range::<Bytes, _>(up_to).next_back()?;
        known.region.contains(key).then_some(known)
    }

    /// Takes in a region that a store or the scheduler told of. It takes the place of every one
    /// that it overlaps, unless one of those is newer. Who was known to lead a region of this id
    /// still is, as long as he belongs to it.
    pub(crate) fn learn(&mut self, region: Region) {
        let overlaps = |known: &&Known| overlap(&known.region, &region);
        let old: Vec<Bytes> = self
            .by_start
            .values()
            .filter(overlaps)
            .map(|known| known.region.start.clone())
            .collect();
        let is_newer = |start: &Bytes| is_behind(region.epoch, self.by_start[start].region.epoch);
        if old.iter().any(is_newer) {
            return;
        }
        let mut known = Known::new(region);
        for start in old {
            let before = self.by_start.remove(&start);
            let leader = before
                .filter(|before| before.region.id == known.region.id)
                .and_then(|before| before.leader);
            let stays = leader.filter(|store| known.region.peer_on(*store).is_some());
            known.leader = known.leader.or(stays);
        }
        self.by_start.insert(known.region.start.clone(), known);
    }

    /// Whom to ask first in a region.
    pub(crate) fn leads(&mut self, region: RegionId, leader: StoreId) {
        if let Some(known) = self.get_mut(region) {
            known.leader = Some(leader);
        }
    }

    /// Whom to ask first in a region of which nobody is known to lead.
    pub(crate) fn leads_unless_known(&mut self, region: RegionId, leader: StoreId) {
        if let Some(known) = self.get_mut(region) {
            known.leader = known.leader.or(Some(leader));
        }
    }

    /// Asks the store after `store` next, unless another leader is known.
    pub(crate) fn look_beyond(&mut self, region: RegionId, store: StoreId) {
        let Some(known) = self.get_mut(region) else {
            return;
        };
        if known.leader.is_none_or(|leader| leader == store) {
            known.leader = None;
            let stores: BTreeSet<StoreId> =
                known.region.peers.iter().map(|peer| peer.store).collect();
            let later = stores.iter().copied().find(|other| *other > store);
            known.next_store = later.or(stores.first().copied()).unwrap_or(store);
        }
    }

    /// Who is known to lead a region.
    pub(crate) fn leader(&self, region: RegionId) -> Option<StoreId> {
        let mut all = self.by_start.values();
        all.find(|known| known.region.id == region)?.leader
    }

    fn get_mut(&mut self, region: RegionId) -> Option<&mut Known> {
        let mut all = self.by_start.values_mut();
        all.find(|known| known.region.id == region)
    }
}

fn overlap(one: &Region, other: &Region) -> bool {
    let ends_after = |region: &Region, key: &Bytes| region.end.is_empty() || region.end > *key;
    ends_after(one, &other.start) && ends_after(other, &one.start)
}

#[cfg(test)]
mod tests {
    use types::{id::PeerId, store::Peer};

    use super::*;

    fn region(id: u64, start: &'static str, end: &'static str, version: u64) -> Region {
        let peer = |n| Peer {
            id: PeerId::new(10 * id + n),
            store: StoreId::new(n),
        };
        Region {
            id: RegionId::new(id),
            start: Bytes::from_static(start.as_bytes()),
            end: Bytes::from_static(end.as_bytes()),
            epoch: RegionEpoch {
                conf_ver: 1,
                version,
            },
            peers: (1..=3).map(peer).collect(),
        }
    }

    fn found(routes: &Routes, key: &'static str) -> Option<u64> {
        let known = routes.find(&Bytes::from_static(key.as_bytes()))?;
        Some(known.region.id.get())
    }

    #[test]
    fn both_parts_of_a_split_take_the_place_of_the_whole() {
        let mut routes = Routes::of(region(1, "", "", 1));
        routes.leads(RegionId::new(1), StoreId::new(2));
        routes.learn(region(1, "", "m", 2));
        assert_eq!((found(&routes, "a"), found(&routes, "x")), (Some(1), None));
        routes.learn(region(2, "m", "", 2));
        assert_eq!(found(&routes, "x"), Some(2));
        assert_eq!(routes.leader(RegionId::new(1)), Some(StoreId::new(2)));
        // Who tells of the whole again is behind.
        routes.learn(region(1, "", "", 1));
        assert_eq!(found(&routes, "x"), Some(2));
    }

    #[test]
    fn a_client_looks_around_in_the_peers_of_a_region() {
        let mut routes = Routes::of(region(1, "", "", 1));
        let id = RegionId::new(1);
        let key = Bytes::from_static(b"k");
        let store = |routes: &Routes| routes.find(&key).map(|known| known.store().get());
        for expected in [1, 2, 3, 1] {
            assert_eq!(store(&routes), Some(expected));
            routes.look_beyond(id, StoreId::new(expected));
        }
        routes.leads(id, StoreId::new(3));
        routes.look_beyond(id, StoreId::new(1));
        assert_eq!(store(&routes), Some(3));
    }
}
