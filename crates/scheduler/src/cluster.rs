//! The cluster as it was reported: its regions and its stores, and what a heartbeat changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use types::{
    id::{RegionId, StoreId},
    store::RegionEpoch,
    time::StoreTime,
};

use crate::{
    cluster_map::{ClusterMap, Displaced},
    region::RegionInfo,
    rules::{HeartbeatCheck, HeartbeatVerdict, Rules},
    stores::Stores,
};

/// A region's heartbeat tells of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{region} reports epoch {found}; {newer} is known")]
pub struct Stale {
    /// The region that reported.
    pub region: RegionId,
    /// The epoch that it reported.
    pub found: RegionEpoch,
    /// A later one that is known.
    pub newer: RegionEpoch,
}

/// Regions and stores (TinyKV: `RaftCluster`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Cluster {
    map: ClusterMap,
    stores: Stores,
    /// The regions that have reported since the start.
    heard: BTreeSet<RegionId>,
}

impl Cluster {
    /// The regions.
    #[must_use]
    pub const fn map(&self) -> &ClusterMap {
        &self.map
    }

    /// The stores.
    #[must_use]
    pub const fn stores(&self) -> &Stores {
        &self.stores
    }

    /// The stores, to be changed.
    pub const fn stores_mut(&mut self) -> &mut Stores {
        &mut self.stores
    }

    /// Whether a region has reported since the start.
    #[must_use]
    pub fn is_heard(&self, region: RegionId) -> bool {
        self.heard.contains(&region)
    }

    /// Takes a region's heartbeat in, unless it is stale, and counts its stores anew and those of
    /// what it displaced (TinyKV 3C: `processRegionHeartbeat`).
    ///
    /// # Errors
    ///
    /// [`Stale`]; nothing has changed then.
    pub fn process_region_heartbeat(
        &mut self,
        rules: &Rules,
        info: RegionInfo,
        now: StoreTime,
    ) -> Result<Displaced, Stale> {
        let others = self.map.overlapping(&info.region);
        let others = others.filter(|other| other.id() != info.id());
        let overlapped: Vec<RegionEpoch> = others.map(RegionInfo::epoch).collect();
        let check = HeartbeatCheck {
            epoch: info.epoch(),
            known: self.map.get(info.id()).map(RegionInfo::epoch),
            overlapped: &overlapped,
        };
        if let HeartbeatVerdict::Stale { newer } = (rules.check_heartbeat)(&check) {
            return Err(Stale {
                region: info.id(),
                found: info.epoch(),
                newer,
            });
        }
        self.heard.insert(info.id());
        Ok(self.put(info, now))
    }

    /// Takes a region in that has not reported: one that a disk remembers.
    pub(crate) fn put(&mut self, info: RegionInfo, now: StoreTime) -> Displaced {
        let stores_of = |info: &RegionInfo| -> Vec<StoreId> {
            info.region.peers.iter().map(|peer| peer.store).collect()
        };
        let mut touched: BTreeSet<StoreId> = stores_of(&info).into_iter().collect();
        let displaced = self.map.put(info);
        for gone in &displaced.evicted {
            self.heard.remove(&gone.id());
            touched.extend(stores_of(gone));
        }
        touched.extend(displaced.before.iter().flat_map(stores_of));
        for store in touched {
            self.stores.learn(store, now).0.status = self.map.status_of(store);
        }
        displaced
    }

    /// Whether so much has reported that balancing rests on more than rumours (TinyKV:
    /// `prepareChecker`): four fifths of all regions, and of those of each store.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        let is_enough = |heard: u64, all: u64| heard * 5 >= all * 4;
        let mut of_store: BTreeMap<StoreId, (u64, u64)> = BTreeMap::new();
        for info in self.map.iter() {
            let is_heard = u64::from(self.is_heard(info.id()));
            for peer in &info.region.peers {
                let counts = of_store.entry(peer.store).or_default();
                counts.0 += is_heard;
                counts.1 += 1;
            }
        }
        is_enough(self.heard.len() as u64, self.map.len() as u64)
            && of_store
                .values()
                .all(|(heard, all)| is_enough(*heard, *all))
    }
}
