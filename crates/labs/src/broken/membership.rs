//! Who belongs to the group.

use raft::rules::{ChangeCheck, MemberKind};
use types::id::PeerId;
use types::raft::{ConfState, LogIndex};

/// Entries are committed on learners, which elect nobody.
pub(super) fn learners_count(_kind: MemberKind) -> bool {
    true
}

/// A second membership change starts before the first is applied, and two quorums do not meet.
pub(super) fn changes_overtake_each_other(_check: &ChangeCheck) -> bool {
    true
}

/// A new leader starts a change while one of its predecessor's is not applied.
pub(super) fn inherited_change_forgotten(_last: LogIndex) -> LogIndex {
    LogIndex::ZERO
}

/// A restarted peer goes by the group of its first day.
pub(super) fn disk_membership_ignored(_disk: Option<ConfState>, voters: Vec<PeerId>) -> ConfState {
    ConfState::of_voters(voters)
}

/// A peer that was restored from a snapshot does not know its group.
pub(super) fn snapshot_membership_ignored(own: &ConfState, _snapshot: &ConfState) -> ConfState {
    own.clone()
}
