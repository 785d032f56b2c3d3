//! What a region's heartbeat must be before anything in it is believed.

use std::collections::BTreeSet;

use types::{
    id::{MAX_SAFE, PeerId, StoreId},
    scheduler::RegionHeartbeat,
    store::Region,
};

use crate::refused::Refused;

/// As many peers may a region have.
pub const PEERS_MAX: usize = 64;

/// Whether `heartbeat`, which came from the store `from`, can be what a leader says, given the
/// largest id that can be.
///
/// # Errors
///
/// What is wrong with it, the first of all.
pub fn check(heartbeat: &RegionHeartbeat, from: StoreId, id_max: u64) -> Result<(), Refused> {
    let RegionHeartbeat {
        region,
        leader,
        pending,
        learners,
        ..
    } = heartbeat;
    check_shape(region, id_max)?;
    if leader.store != from || region.peer(leader.id) != Some(*leader) {
        return Err(Refused::BadLeader);
    }
    if learners.contains(&leader.id) {
        return Err(Refused::BadLeader);
    }
    let is_stranger = |id: &PeerId| region.peer(*id).is_none();
    if pending.iter().any(is_stranger) || learners.iter().any(is_stranger) {
        return Err(Refused::UnknownMember);
    }
    Ok(())
}

/// Whether `region` can be one, given the largest id that can be.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn check_shape(region: &Region, id_max: u64) -> Result<(), Refused> {
    if region.peers.is_empty() {
        return Err(Refused::NoPeers);
    }
    if region.peers.len() > PEERS_MAX {
        return Err(Refused::TooManyPeers);
    }
    if !region.end.is_empty() && region.start >= region.end {
        return Err(Refused::EmptyRange);
    }
    let is_id = |id: u64| (1..=id_max).contains(&id);
    let ids = region.peers.iter().map(|peer| (peer.id.get(), peer.store));
    let mut ids = ids.map(|(peer, store)| is_id(peer) && is_id(store.get()));
    let epoch = region.epoch;
    if !is_id(region.id.get()) || !ids.all(|good| good) {
        return Err(Refused::OutOfRange);
    }
    if epoch.conf_ver > MAX_SAFE || epoch.version > MAX_SAFE {
        return Err(Refused::OutOfRange);
    }
    let peers: BTreeSet<_> = region.peers.iter().map(|peer| peer.id).collect();
    let stores: BTreeSet<_> = region.peers.iter().map(|peer| peer.store).collect();
    if peers.len() < region.peers.len() || stores.len() < region.peers.len() {
        return Err(Refused::DoublePeer);
    }
    Ok(())
}
