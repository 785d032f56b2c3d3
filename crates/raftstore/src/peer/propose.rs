//! Commands on their way into the log.

use raft::{ProposeError, TransferError};
use types::{
    codec,
    id::PeerId,
    raft::{ConfChange, Role, SingleChange, Transition},
    scheduler::OperatorStep,
    store::{
        BusyReason, ChangeContext, Peer as PeerName, Proposal, ReadMode, RegionEpoch, ReplyError,
        Request, Split,
    },
    view::FactBody,
};

use super::{Peer, Turn};
use crate::apply;

impl Peer {
    /// Takes a request in, or says at once why not.
    ///
    /// # Errors
    ///
    /// The answer for the client. TinyKV's order of checks: leader, epoch, key, then our own.
    pub(crate) fn propose(
        &mut self,
        request: &Request,
        is_busy: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ReplyError> {
        if self.raft.role() != Role::Leader {
            return Err(self.not_leader(self.raft.leader()));
        }
        apply::check(&self.region, request)?;
        if is_busy {
            let reason = BusyReason::DirtyData;
            return Err(ReplyError::ServerIsBusy { reason });
        }
        if !request.command.is_write() && turn.options.read_mode != ReadMode::Log {
            return self.read(request);
        }
        let data = codec::encode(&Proposal::Request(request.clone())).into();
        let at = self
            .raft
            .propose(data)
            .map_err(|error| self.refusal(error))?;
        self.pending.insert(at, request.id);
        let request = request.id;
        turn.fact(self.region.id, FactBody::Proposed { request, at });
        Ok(())
    }

    /// What a client hears about a proposal that raft did not take. Without a leader's name it
    /// looks for one.
    fn refusal(&self, error: ProposeError) -> ReplyError {
        match error {
            ProposeError::NotLeader { leader } => self.not_leader(leader),
            ProposeError::Transferring { to } => self.not_leader(Some(to)),
            ProposeError::Removed => self.not_leader(None),
            ProposeError::TooMuchUncommitted { .. }
            | ProposeError::ChangePending { .. }
            | ProposeError::BadChange(_) => ReplyError::ServerIsBusy {
                reason: BusyReason::Uncommitted,
            },
        }
    }

    pub(super) fn not_leader(&self, leader: Option<PeerId>) -> ReplyError {
        ReplyError::NotLeader {
            region: self.region.id,
            leader: leader.and_then(|id| self.region.peer(id)),
        }
    }

    /// Takes a command of the store's own into the log. Whether raft takes it shows later.
    pub(super) fn propose_own(&mut self, proposal: &Proposal) -> bool {
        self.raft.propose(codec::encode(proposal).into()).is_ok()
    }

    /// Asks for a split, if the key lies inside of the region and there is an id for each peer.
    pub(crate) fn propose_split(&mut self, split: Split) -> bool {
        self.can_split(&split) && self.propose_own(&Proposal::Split(split))
    }

    /// Hands the leadership over.
    ///
    /// # Errors
    ///
    /// As raft's.
    pub(crate) fn transfer_leader(&mut self, to: PeerId) -> Result<(), TransferError> {
        self.raft.transfer_leader(to)
    }

    /// Carries out steps that change peers: one by itself, several through a joint phase. Returns
    /// whether a change is on its way.
    pub(crate) fn propose_change(&mut self, steps: &[OperatorStep], jointly: bool) -> bool {
        let Some(change) = self.change_of(steps, jointly) else {
            return false;
        };
        if let Some(other) = self.last_two(&change) {
            // The last word of a leader that leaves a region of two would tell the other of it; if
            // that word is lost the other needs two votes for ever. So the other removes it.
            let _ = self.raft.transfer_leader(other);
            return false;
        }
        self.raft.propose_conf_change(&change).is_ok()
    }

    /// The other one, if the region has two peers and `change` removes this one.
    fn last_two(&self, change: &ConfChange) -> Option<PeerId> {
        let me = self.name.id;
        let removes_me = change.changes.contains(&SingleChange::Remove(me));
        if !removes_me || self.region.peers.len() != 2 {
            return None;
        }
        let mut others = self.region.peers.iter().map(|peer| peer.id);
        others.find(|id| *id != me)
    }

    fn change_of(&self, steps: &[OperatorStep], jointly: bool) -> Option<ConfChange> {
        let mut change = ConfChange {
            transition: if jointly {
                Transition::JointImplicit
            } else {
                Transition::Auto
            },
            ..ConfChange::default()
        };
        let mut added = Vec::new();
        for step in steps {
            let single = match *step {
                OperatorStep::AddPeer { peer } => {
                    added.push(peer);
                    SingleChange::AddVoter(peer.id)
                }
                OperatorStep::AddLearner { peer } => {
                    added.push(peer);
                    SingleChange::AddLearner(peer.id)
                }
                OperatorStep::PromoteLearner { peer } => SingleChange::AddVoter(peer.id),
                OperatorStep::RemovePeer { peer } => SingleChange::Remove(peer.id),
                OperatorStep::TransferLeader { .. } | OperatorStep::Split { .. } => continue,
            };
            change.changes.push(single);
        }
        if change.changes.is_empty() || !added.iter().all(|peer| self.can_add(*peer)) {
            return None;
        }
        let epoch: RegionEpoch = self.region.epoch;
        change.context = codec::encode(&ChangeContext { epoch, added }).into();
        Some(change)
    }

    /// Whether the peer is there already, or its store holds no other one.
    pub(super) fn can_add(&self, peer: PeerName) -> bool {
        let there = self.region.peer_on(peer.store);
        let is_named = peer.id != PeerId::ZERO && peer.store != types::id::StoreId::SCHEDULER;
        let same = self.region.peer(peer.id);
        is_named && there.is_none_or(|there| there == peer) && same.is_none_or(|same| same == peer)
    }
}
