//! Who belongs to a group, and how that changes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::PeerId;

/// The membership of a group as it stands on disks and in snapshots (etcd: `ConfState`). Every
/// list is sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConfState {
    /// Who votes and counts.
    pub voters: Vec<PeerId>,
    /// Who is replicated to without a vote.
    pub learners: Vec<PeerId>,
    /// The voters of the membership that is being left; empty unless joint.
    pub outgoing: Vec<PeerId>,
    /// Voters of `outgoing` that become learners once the joint phase ends.
    pub learners_next: Vec<PeerId>,
    /// Whether the leader ends the joint phase by itself.
    pub auto_leave: bool,
}

impl ConfState {
    /// A membership of voters alone.
    #[must_use]
    pub fn of_voters(mut voters: Vec<PeerId>) -> Self {
        voters.sort_unstable();
        Self {
            voters,
            ..Self::default()
        }
    }

    /// Whether two memberships decide together (paper, section 6).
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Whether `peer` votes, in either half.
    #[must_use]
    pub fn is_voter(&self, peer: PeerId) -> bool {
        self.voters.contains(&peer) || self.outgoing.contains(&peer)
    }

    /// Whether `peer` belongs to the group at all.
    #[must_use]
    pub fn contains(&self, peer: PeerId) -> bool {
        self.is_voter(peer) || self.learners.contains(&peer) || self.learners_next.contains(&peer)
    }
}

/// One step of a membership change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SingleChange {
    /// The peer becomes a voter; a learner is promoted.
    AddVoter(PeerId),
    /// The peer becomes a learner; a voter is demoted.
    AddLearner(PeerId),
    /// The peer leaves.
    Remove(PeerId),
}

impl SingleChange {
    /// Whom it is about.
    #[must_use]
    pub const fn peer(self) -> PeerId {
        match self {
            Self::AddVoter(peer) | Self::AddLearner(peer) | Self::Remove(peer) => peer,
        }
    }
}

/// How a change goes from one membership to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Transition {
    /// In one step where a single change allows it, else through a joint phase that the leader
    /// ends by itself.
    #[default]
    Auto,
    /// Through a joint phase that the leader ends by itself.
    JointImplicit,
    /// Through a joint phase that lasts until [`ConfChange::leave_joint`] is proposed.
    JointExplicit,
}

/// A membership change, as an entry of kind [`super::EntryKind::ConfChange`] carries it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConfChange {
    /// How to get there.
    pub transition: Transition,
    /// The steps, carried out in order. None at all ends a joint phase.
    pub changes: Vec<SingleChange>,
    /// The host's own bytes; raft does not read them.
    pub context: Bytes,
}

impl ConfChange {
    /// A change of a single step.
    #[must_use]
    pub fn single(change: SingleChange) -> Self {
        Self {
            changes: vec![change],
            ..Self::default()
        }
    }

    /// The change that ends a joint phase.
    #[must_use]
    pub fn leave_joint() -> Self {
        Self::default()
    }

    /// Whether it ends a joint phase.
    #[must_use]
    pub fn is_leave_joint(&self) -> bool {
        self.changes.is_empty() && self.transition == Transition::Auto
    }

    /// Whether it goes through a joint phase.
    #[must_use]
    pub fn enters_joint(&self) -> bool {
        self.transition != Transition::Auto || self.changes.len() > 1
    }
}
