//! Replication, the leader's side, and the handing over of leadership (paper, section 5.3; thesis,
//! section 3.10).

use types::id::PeerId;
use types::raft::{LogIndex, Term};

/// What [`next_after_refusal`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The follower's match index.
    pub matched: LogIndex,
    /// The `prev` that was refused.
    pub refused: LogIndex,
    /// The leader's last entry at or before the follower's hint and before `refused`, with a term
    /// not above the hint's.
    pub agreeable: LogIndex,
}

/// The next index to send after a refusal: behind the last entry on which the logs can still
/// agree, which skips whole terms on both sides (paper, end of section 5.3), never at or below
/// what is known to match, and never forward.
#[must_use]
pub fn next_after_refusal(refusal: &Refusal) -> LogIndex {
    let floor = refusal.matched.next();
    let ceiling = refusal.refused.max(floor);
    refusal.agreeable.next().clamp(floor, ceiling)
}

/// Up to where the leader itself counts for the quorum: what its own disk holds, not what its log
/// holds (paper, section 3: "persistent state, updated on stable storage before responding").
#[must_use]
pub fn own_match(durable: LogIndex, _last: LogIndex) -> LogIndex {
    durable
}

/// What [`leader_commit`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitCheck {
    /// The highest index that a majority holds.
    pub reached: LogIndex,
    /// The term of the entry there; `None` outside of the log.
    pub reached_term: Option<Term>,
    /// The leader's term.
    pub term: Term,
    /// The commit index so far.
    pub commit: LogIndex,
}

/// What [`leader_commit`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitVerdict {
    /// It moves.
    Advance {
        /// The new commit index.
        to: LogIndex,
    },
    /// The majority has nothing new.
    Unchanged,
    /// The entry that the majority holds is of an earlier term, and a later leader could still
    /// overwrite it (paper, figure 8).
    OldTerm {
        /// Its term.
        term: Term,
    },
}

/// Whether a leader's commit index moves: only to an entry of its own term by counting; earlier
/// ones commit with it (paper, section 5.4.2; X1).
#[must_use]
pub fn leader_commit(check: &CommitCheck) -> CommitVerdict {
    match check.reached_term {
        Some(_) if check.reached <= check.commit => CommitVerdict::Unchanged,
        Some(term) if term == check.term => CommitVerdict::Advance { to: check.reached },
        Some(term) => CommitVerdict::OldTerm { term },
        None => CommitVerdict::Unchanged,
    }
}

/// The commit index that a heartbeat tells: never beyond what its receiver acknowledged, since a
/// heartbeat does not compare logs (TinyKV: zero tells a store that the peer may be new to it).
#[must_use]
pub fn heartbeat_commit(matched: LogIndex, commit: LogIndex) -> LogIndex {
    matched.min(commit)
}

/// What [`needs_repair`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepairCheck {
    /// The follower's match index.
    pub matched: LogIndex,
    /// The leader's last index.
    pub last: LogIndex,
    /// The follower's commit index, by its heartbeat response.
    pub follower_commit: LogIndex,
    /// The leader's commit index.
    pub commit: LogIndex,
}

/// Whether a heartbeat response is followed by an append: when entries, their acknowledgement or
/// the news of a commit may have been lost (X25).
#[must_use]
pub fn needs_repair(check: &RepairCheck) -> bool {
    check.matched < check.last || check.follower_commit < check.commit
}

/// Whether a leader takes proposals: not while it hands its leadership over, or the transferee
/// could never catch up (thesis, section 3.10).
#[must_use]
pub fn may_propose(transferee: Option<PeerId>) -> bool {
    transferee.is_none()
}

/// Whether the transferee holds the whole log, so that it may campaign at once (thesis, section
/// 3.10, step 3).
#[must_use]
pub fn may_hand_over(matched: LogIndex, last: LogIndex) -> bool {
    matched == last
}

/// Whether a transfer is called off, given whether an election timeout passed since it began
/// (thesis, section 3.10; X13: else nothing is ever written again).
#[must_use]
pub fn ends_transfer(timeout_passed: bool) -> bool {
    timeout_passed
}
