//! The steps that operators are made of.

use types::{
    id::{PeerId, StoreId},
    scheduler::{OperatorStep, SchedulerOptions},
    store::Peer,
    time::StoreTime,
};

use crate::{cluster::Cluster, region::RegionInfo};

/// What the makers of steps look at.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Regions and stores.
    pub cluster: &'a Cluster,
    /// How the scheduler behaves.
    pub options: &'a SchedulerOptions,
    /// The time.
    pub now: StoreTime,
}

impl Look<'_> {
    /// Whether a store can be given a replica or a leadership.
    #[must_use]
    pub fn can_receive(&self, store: StoreId) -> bool {
        let store = self.cluster.stores().get(store);
        store.is_some_and(|store| store.can_receive(self.options, self.now))
    }

    /// Whether a peer can take a region's lead: it votes, is up to date, and its store is within
    /// reach and stays.
    #[must_use]
    pub fn can_lead(&self, info: &RegionInfo, peer: Peer) -> bool {
        let votes = info.region.peer(peer.id) == Some(peer) && !info.is_learner(peer.id);
        votes && !info.is_pending(peer.id) && self.can_receive(peer.store)
    }
}

/// A new peer joins: with a vote at once, or by way of a learner.
#[must_use]
pub fn add_peer(options: &SchedulerOptions, peer: Peer) -> Vec<OperatorStep> {
    if options.via_learner {
        let (learner, promotion) = (
            OperatorStep::AddLearner { peer },
            OperatorStep::PromoteLearner { peer },
        );
        vec![learner, promotion]
    } else {
        vec![OperatorStep::AddPeer { peer }]
    }
}

/// The peer on `from` leaves; where it leads, a follower takes over first, else the peer `or`.
/// Nothing when there is no such peer, or nobody to take over.
#[must_use]
pub fn remove_peer(
    look: &Look<'_>,
    info: &RegionInfo,
    from: StoreId,
    or: Option<Peer>,
) -> Option<Vec<OperatorStep>> {
    let peer = info.region.peer_on(from)?;
    let mut steps = Vec::new();
    if info.leader_store() == Some(from) {
        let able = info.followers().find(|it| look.can_lead(info, *it));
        let to = able.or(or)?;
        steps.push(OperatorStep::TransferLeader { to });
    }
    steps.push(OperatorStep::RemovePeer { peer });
    Some(steps)
}

/// A replica moves from a store to another, where it gets the id `new` (TinyKV:
/// `CreateMovePeerOperator`): the new one first, so that there is never one too few. Nothing when
/// there is none to move, or one at the target already.
#[must_use]
pub fn move_peer(
    look: &Look<'_>,
    info: &RegionInfo,
    from: StoreId,
    to: StoreId,
    new: PeerId,
) -> Option<Vec<OperatorStep>> {
    if info.region.peer_on(to).is_some() {
        return None;
    }
    let peer = Peer { id: new, store: to };
    let mut steps = add_peer(look.options, peer);
    steps.extend(remove_peer(look, info, from, Some(peer))?);
    Some(steps)
}
