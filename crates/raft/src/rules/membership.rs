//! Membership changes (paper, section 6; thesis, chapter 4).

use types::id::PeerId;
use types::raft::{ConfState, LogIndex};

/// How a peer belongs to one half of the membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// It votes.
    Voter,
    /// It is replicated to.
    Learner,
}

/// Whether a member counts for a quorum (thesis, section 4.2.1: a learner does not).
#[must_use]
pub fn is_counted(kind: MemberKind) -> bool {
    kind == MemberKind::Voter
}

/// What [`may_propose_change`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeCheck {
    /// The index of the last membership change that this leader may have in its log.
    pub pending: LogIndex,
    /// The applied index.
    pub applied: LogIndex,
}

/// Whether a membership change may be proposed: one at a time, the next once the last one is
/// applied (thesis, section 4.1; S3-9).
#[must_use]
pub fn may_propose_change(check: &ChangeCheck) -> bool {
    check.applied >= check.pending
}

/// Up to where a new leader's log may hold an unapplied change: its end, before the no-op.
#[must_use]
pub fn pending_at_election(last: LogIndex) -> LogIndex {
    last
}

/// The membership of a peer that starts, given the one on its disk and the voters that its host
/// names: the disk knows better (S2-5, S4-1).
#[must_use]
pub fn members_at_start(disk: Option<ConfState>, voters: Vec<PeerId>) -> ConfState {
    disk.unwrap_or_else(|| ConfState::of_voters(voters))
}

/// The membership once a snapshot is taken in: the snapshot's, since the changes that led there
/// are not in the log any more (S0-9).
#[must_use]
pub fn members_after_snapshot(_own: &ConfState, snapshot: &ConfState) -> ConfState {
    snapshot.clone()
}
