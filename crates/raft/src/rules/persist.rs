//! Durability (paper, figure 2: "updated on stable storage before responding to RPCs").

use types::raft::{HardState, LogIndex, MessageKind};

/// What [`release`] sees: a message that is about to be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// What it is.
    pub kind: MessageKind,
    /// Whether it gives something: a vote, or the acceptance of entries.
    pub accepts: bool,
    /// The hard state that it speaks for.
    pub current: HardState,
    /// What the disk holds of that.
    pub durable: HardState,
}

/// When a message may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// With the Ready that carries it.
    AtOnce,
    /// Once that Ready and all before it are durable.
    AfterPersist,
}

/// What waits for the disk: vote requests (their sender's term, vote and log), votes given, entries
/// accepted, and refusals whose term or vote is not durable yet. A leader's appends and heartbeats
/// and the answers to heartbeats promise nothing.
#[must_use]
pub fn release(promise: &Promise) -> Release {
    let state_is_durable = promise.durable.term == promise.current.term
        && promise.durable.vote == promise.current.vote;
    match promise.kind {
        MessageKind::Append
        | MessageKind::Heartbeat
        | MessageKind::HeartbeatResponse
        | MessageKind::PreVote
        | MessageKind::PreVoteResponse
        | MessageKind::Snapshot
        | MessageKind::TimeoutNow
        | MessageKind::TransferLeader
        | MessageKind::ReadIndex
        | MessageKind::ReadIndexResponse
        | MessageKind::Tombstone => Release::AtOnce,
        MessageKind::RequestVote => Release::AfterPersist,
        MessageKind::RequestVoteResponse | MessageKind::AppendResponse => {
            if promise.accepts || !state_is_durable {
                Release::AfterPersist
            } else {
                Release::AtOnce
            }
        }
    }
}

/// Up to where a finished write makes the log durable: `written` is the last index that it wrote,
/// `intact` the last of these that was not overwritten in memory since. A write that finishes late
/// says nothing about the entries that took the place of its own.
#[must_use]
pub fn durable(written: LogIndex, intact: LogIndex) -> LogIndex {
    written.min(intact)
}

/// Up to where entries may be applied: committed, and durable here (applied <= durable, R10).
#[must_use]
pub fn may_apply(commit: LogIndex, durable: LogIndex) -> LogIndex {
    commit.min(durable)
}

/// Up to where entries count as given out, after those up to `given` were: not up to the `commit`
/// of the moment, which may have moved since they were chosen (X9).
#[must_use]
pub fn handed_over(given: LogIndex, _commit: LogIndex) -> LogIndex {
    given
}
