//! What must be on the disk first.

use raft::rules::{Promise, Release, release};
use types::raft::{LogIndex, MessageKind};

/// Messages of `kind` wait for nothing, the others as they should.
fn at_once(promise: &Promise, kind: MessageKind) -> Release {
    if promise.kind == kind {
        Release::AtOnce
    } else {
        release(promise)
    }
}

/// A voter forgets its vote in a crash and gives it again.
pub(super) fn vote_given_before_it_is_durable(promise: &Promise) -> Release {
    at_once(promise, MessageKind::RequestVoteResponse)
}

/// A candidate forgets in a crash what it claimed to hold.
pub(super) fn vote_asked_before_it_is_durable(promise: &Promise) -> Release {
    at_once(promise, MessageKind::RequestVote)
}

/// Entries that a quorum acknowledged are lost in a crash.
pub(super) fn entries_accepted_before_they_are_durable(promise: &Promise) -> Release {
    at_once(promise, MessageKind::AppendResponse)
}

/// A leader commits with entries that its own disk does not hold.
pub(super) fn own_entries_count_before_they_are_durable(
    _durable: LogIndex,
    last: LogIndex,
) -> LogIndex {
    last
}

/// A write that finishes late makes entries count that took the place of its own.
pub(super) fn late_write_marks_newer_entries(written: LogIndex, _intact: LogIndex) -> LogIndex {
    written
}

/// A state machine gets ahead of its own log.
pub(super) fn applied_before_it_is_durable(commit: LogIndex, _durable: LogIndex) -> LogIndex {
    commit
}

/// Entries that were committed while others were taken are never applied.
pub(super) fn entries_skipped_when_handed_over(given: LogIndex, commit: LogIndex) -> LogIndex {
    given.max(commit)
}
