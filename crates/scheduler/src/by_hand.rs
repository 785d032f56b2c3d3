//! What a person asks for, as steps.

use types::{
    id::{PeerId, RegionId, StoreId},
    scheduler::{OperatorRequest, OperatorStep},
    store::Peer,
};

use crate::{
    region::RegionInfo,
    steps::{self, Look},
};

/// The region that a request is about; nothing for one about a store.
#[must_use]
pub const fn region_of(request: &OperatorRequest) -> Option<RegionId> {
    match request {
        OperatorRequest::AddPeer { region, .. }
        | OperatorRequest::RemovePeer { region, .. }
        | OperatorRequest::MovePeer { region, .. }
        | OperatorRequest::TransferLeader { region, .. }
        | OperatorRequest::Split { region, .. }
        | OperatorRequest::Cancel { region } => Some(*region),
        OperatorRequest::TakeOffline { .. } | OperatorRequest::BringOnline { .. } => None,
    }
}

/// The steps for a request about a region. `new` names a new peer, where an id can be had.
/// Nothing where it cannot be done.
#[must_use]
pub fn steps(
    look: &Look<'_>,
    info: &RegionInfo,
    request: &OperatorRequest,
    new: Option<PeerId>,
) -> Option<Vec<OperatorStep>> {
    info.leader?;
    let is_known = |store: StoreId| look.cluster.stores().get(store).is_some();
    match request {
        OperatorRequest::AddPeer { store, .. } => {
            let is_free = is_known(*store) && info.region.peer_on(*store).is_none();
            let peer = Peer {
                id: new.filter(|_| is_free)?,
                store: *store,
            };
            Some(steps::add_peer(look.options, peer))
        }
        OperatorRequest::RemovePeer { store, .. } => {
            // The last voter leads, and stays since nobody can take over.
            steps::remove_peer(look, info, *store, None)
        }
        OperatorRequest::MovePeer { from, to, .. } => {
            let new = new.filter(|_| is_known(*to))?;
            steps::move_peer(look, info, *from, *to, new)
        }
        OperatorRequest::TransferLeader { to, .. } => {
            let to = info.voters().find(|peer| peer.store == *to)?;
            let leads = info.leader == Some(to);
            (!leads).then(|| vec![OperatorStep::TransferLeader { to }])
        }
        OperatorRequest::Split { key, .. } => {
            let cuts = |key: &bytes::Bytes| info.region.contains(key) && *key != info.region.start;
            let key = key.clone();
            let is_sound = key.as_ref().is_none_or(cuts);
            is_sound.then(|| vec![OperatorStep::Split { key }])
        }
        OperatorRequest::Cancel { .. }
        | OperatorRequest::TakeOffline { .. }
        | OperatorRequest::BringOnline { .. } => None,
    }
}

/// Whether a request needs the id of a new peer.
#[must_use]
pub const fn needs_id(request: &OperatorRequest) -> bool {
    matches!(
        request,
        OperatorRequest::AddPeer { .. } | OperatorRequest::MovePeer { .. }
    )
}
