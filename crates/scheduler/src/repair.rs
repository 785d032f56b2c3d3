//! Replica repair (TinyKV: `ReplicaChecker`): every region has as many replicas as it shall have,
//! on stores that live and stay.

use types::{
    id::StoreId,
    scheduler::{OperatorReason, StoreHealth, StoreState},
    store::Peer,
};

use crate::{region::RegionInfo, steps::Look};

/// As many repairs may be under way (TinyKV: `ReplicaScheduleLimit`).
pub const LIMIT: usize = 64;
/// As many regions are looked at in one go (TinyKV: `patrolScanRegionLimit`).
pub const SCAN: usize = 128;
/// The reasons that count as repairs.
pub const REASONS: [OperatorReason; 5] = [
    OperatorReason::ReplaceDown,
    OperatorReason::ReplaceOffline,
    OperatorReason::AddMissing,
    OperatorReason::RemoveExtra,
    OperatorReason::PromoteLearner,
];

/// What a region needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A replica elsewhere instead of one that is lost or has to go.
    Replace {
        /// The one to go.
        from: StoreId,
        /// Where the new one comes.
        to: StoreId,
        /// Why.
        reason: OperatorReason,
    },
    /// One more replica.
    Add {
        /// Where.
        to: StoreId,
    },
    /// One replica less.
    Remove {
        /// Where.
        from: StoreId,
        /// Why.
        reason: OperatorReason,
    },
    /// A vote for a replica that has none.
    Promote {
        /// Which one.
        peer: Peer,
    },
}

impl Need {
    /// Why it is needed.
    #[must_use]
    pub const fn reason(&self) -> OperatorReason {
        match self {
            Self::Replace { reason, .. } | Self::Remove { reason, .. } => *reason,
            Self::Add { .. } => OperatorReason::AddMissing,
            Self::Promote { .. } => OperatorReason::PromoteLearner,
        }
    }
}

/// What a region needs most: that a replica on a store that is down, or being emptied, is replaced
/// (or goes, where there are too many); a vote for a learner that was left behind; a missing
/// replica; the removal of one too many.
#[must_use]
pub fn check(look: &Look<'_>, info: &RegionInfo) -> Option<Need> {
    fix(look, info, OperatorReason::ReplaceDown, is_down)
        .or_else(|| fix(look, info, OperatorReason::ReplaceOffline, is_offline))
        .or_else(|| promote(look, info))
        .or_else(|| add_missing(look, info))
        .or_else(|| remove_extra(look, info))
}

fn is_down(look: &Look<'_>, store: StoreId) -> bool {
    let store = look.cluster.stores().get(store);
    store.is_some_and(|it| it.health(look.options, look.now) == StoreHealth::Down)
}

fn is_offline(look: &Look<'_>, store: StoreId) -> bool {
    let store = look.cluster.stores().get(store);
    store.is_some_and(|it| it.state == StoreState::Offline)
}

fn fix(
    look: &Look<'_>,
    info: &RegionInfo,
    reason: OperatorReason,
    is_bad: fn(&Look<'_>, StoreId) -> bool,
) -> Option<Need> {
    let mut peers = info.region.peers.iter();
    let from = peers.find(|peer| is_bad(look, peer.store))?.store;
    if info.region.peers.len() as u64 > look.options.max_replicas {
        return Some(Need::Remove { from, reason });
    }
    let to = best_store(look, info)?;
    Some(Need::Replace { from, to, reason })
}

fn promote(look: &Look<'_>, info: &RegionInfo) -> Option<Need> {
    if info.voters().count() as u64 >= look.options.max_replicas {
        return None;
    }
    let mut peers = info.region.peers.iter();
    let peer = peers.find(|it| info.is_learner(it.id) && !info.is_pending(it.id))?;
    Some(Need::Promote { peer: *peer })
}

fn add_missing(look: &Look<'_>, info: &RegionInfo) -> Option<Need> {
    if info.region.peers.len() as u64 >= look.options.max_replicas {
        return None;
    }
    best_store(look, info).map(|to| Need::Add { to })
}

/// Only voters are too many: a learner may be on its way to replace one.
fn remove_extra(look: &Look<'_>, info: &RegionInfo) -> Option<Need> {
    if info.voters().count() as u64 <= look.options.max_replicas {
        return None;
    }
    let worst = info.voters().max_by_key(|peer| {
        let is_out_of_reach = !look.can_receive(peer.store);
        let is_follower = info.leader != Some(*peer);
        let size = look.cluster.map().status_of(peer.store).region_size;
        let is_pending = info.is_pending(peer.id);
        (is_out_of_reach, is_pending, size, is_follower, peer.store)
    })?;
    Some(Need::Remove {
        from: worst.store,
        reason: OperatorReason::RemoveExtra,
    })
}

/// The store within reach that holds least of those that hold nothing of the region.
fn best_store(look: &Look<'_>, info: &RegionInfo) -> Option<StoreId> {
    let stores = look.cluster.stores().iter();
    let free = stores
        .filter(|store| info.region.peer_on(store.id).is_none() && look.can_receive(store.id));
    let least = free.min_by_key(|store| (store.status.region_size, store.id))?;
    Some(least.id)
}
