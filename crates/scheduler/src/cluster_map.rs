//! Every region by its id, by its range, and by the stores that hold it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use serde::Serialize;
use types::{
    id::{RegionId, StoreId},
    scheduler::StoreStatus,
    store::Region,
};

use crate::region::RegionInfo;

/// The regions of one store, by the part that its peer has in them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StoreRegions {
    leaders: BTreeSet<RegionId>,
    followers: BTreeSet<RegionId>,
    learners: BTreeSet<RegionId>,
    pending: BTreeSet<RegionId>,
    region_size: u64,
    leader_size: u64,
}

impl StoreRegions {
    /// Those that it leads.
    pub fn leaders(&self) -> impl Iterator<Item = RegionId> {
        self.leaders.iter().copied()
    }

    /// Those in which it has a vote and does not lead.
    pub fn followers(&self) -> impl Iterator<Item = RegionId> {
        self.followers.iter().copied()
    }

    /// Those in which it has no vote.
    pub fn learners(&self) -> impl Iterator<Item = RegionId> {
        self.learners.iter().copied()
    }

    /// Those in which its peer is pending; each is one of the others too.
    pub fn pending(&self) -> impl Iterator<Item = RegionId> {
        self.pending.iter().copied()
    }

    /// How many there are, and how large they are together.
    #[must_use]
    pub fn status(&self) -> StoreStatus {
        let count = |set: &BTreeSet<RegionId>| set.len() as u64;
        StoreStatus {
            regions: count(&self.leaders) + count(&self.followers) + count(&self.learners),
            leaders: count(&self.leaders),
            pending: count(&self.pending),
            region_size: self.region_size,
            leader_size: self.leader_size,
        }
    }

    fn is_empty(&self) -> bool {
        self.leaders.is_empty() && self.followers.is_empty() && self.learners.is_empty()
    }
}

/// What a region displaced when it was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Displaced {
    /// The region of the same id as it was before.
    pub before: Option<RegionInfo>,
    /// Other regions whose ranges it overlaps; they are gone.
    pub evicted: Vec<RegionInfo>,
}

/// The map of regions (TinyKV: `core.RegionsInfo`). No two regions in it overlap. A part of the
/// keys that no region has reported is a hole: nothing is found there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ClusterMap {
    regions: BTreeMap<RegionId, RegionInfo>,
    by_start: BTreeMap<Bytes, RegionId>,
    by_store: BTreeMap<StoreId, StoreRegions>,
}

impl ClusterMap {
    /// How many regions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.regions.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// The region of an id.
    #[must_use]
    pub fn get(&self, id: RegionId) -> Option<&RegionInfo> {
        self.regions.get(&id)
    }

    /// The region that holds a key; nothing in a hole.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<&RegionInfo> {
        let below = (Bound::Unbounded, Bound::Included(key));
        let (_, id) = self.by_start.range::<[u8], _>(below).next_back()?;
        let info = self.regions.get(id)?;
        info.region.contains(key).then_some(info)
    }

    /// Every region, by its id.
    pub fn iter(&self) -> impl Iterator<Item = &RegionInfo> {
        self.regions.values()
    }

    /// Every region, in the order of their keys.
    pub fn in_key_order(&self) -> impl Iterator<Item = &RegionInfo> {
        let ids = self.by_start.values();
        ids.filter_map(|id| self.regions.get(id))
    }

    /// Regions with an id above `after`, by their ids.
    pub fn after(&self, after: RegionId) -> impl Iterator<Item = &RegionInfo> {
        let above = (Bound::Excluded(after), Bound::Unbounded);
        self.regions.range(above).map(|(_, info)| info)
    }

    /// The regions of a store; nothing for one that has none.
    #[must_use]
    pub fn on(&self, store: StoreId) -> Option<&StoreRegions> {
        self.by_store.get(&store)
    }

    /// How many regions a store holds, and how large they are together.
    #[must_use]
    pub fn status_of(&self, store: StoreId) -> StoreStatus {
        self.on(store).map(StoreRegions::status).unwrap_or_default()
    }

    /// All regions whose ranges overlap that of `region`, whatever their ids.
    pub fn overlapping(&self, region: &Region) -> impl Iterator<Item = &RegionInfo> {
        let start = region.start.clone();
        let below = (Bound::Unbounded, Bound::Excluded(start.clone()));
        let before = self.by_start.range(below).next_back();
        let before = before.filter(|(_, id)| {
            let end = self.regions.get(id).map(|info| &info.region.end);
            end.is_some_and(|end| end.is_empty() || *end > start)
        });
        let end = region.end.clone();
        let within = self
            .by_start
            .range(start..)
            .take_while(move |(start, _)| end.is_empty() || **start < end);
        let ids = before.into_iter().chain(within);
        ids.filter_map(|(_, id)| self.regions.get(id))
    }

    /// Takes a region in. What it overlaps is evicted: the range belongs to who reported last.
    pub fn put(&mut self, info: RegionInfo) -> Displaced {
        let before = self.remove(info.id());
        let overlapped: Vec<RegionId> =
            self.overlapping(&info.region).map(RegionInfo::id).collect();
        let evicted = overlapped.iter().filter_map(|id| self.remove(*id));
        let evicted = evicted.collect();
        self.index(&info);
        self.by_start.insert(info.region.start.clone(), info.id());
        self.regions.insert(info.id(), info);
        Displaced { before, evicted }
    }

    /// Forgets a region.
    pub fn remove(&mut self, id: RegionId) -> Option<RegionInfo> {
        let info = self.regions.remove(&id)?;
        self.by_start.remove(&info.region.start);
        for peer in &info.region.peers {
            let Some(of_store) = self.by_store.get_mut(&peer.store) else {
                continue;
            };
            of_store.pending.remove(&id);
            of_store.learners.remove(&id);
            of_store.followers.remove(&id);
            of_store.region_size = of_store.region_size.saturating_sub(info.weight());
            if of_store.leaders.remove(&id) {
                of_store.leader_size = of_store.leader_size.saturating_sub(info.weight());
            }
            if of_store.is_empty() {
                self.by_store.remove(&peer.store);
            }
        }
        Some(info)
    }

    fn index(&mut self, info: &RegionInfo) {
        let id = info.id();
        for peer in &info.region.peers {
            let of_store = self.by_store.entry(peer.store).or_default();
            of_store.region_size = of_store.region_size.saturating_add(info.weight());
            if info.leader.map(|leader| leader.id) == Some(peer.id) {
                of_store.leaders.insert(id);
                of_store.leader_size = of_store.leader_size.saturating_add(info.weight());
            } else if info.is_learner(peer.id) {
                of_store.learners.insert(id);
            } else {
                of_store.followers.insert(id);
            }
            if info.is_pending(peer.id) {
                of_store.pending.insert(id);
            }
        }
    }
}
