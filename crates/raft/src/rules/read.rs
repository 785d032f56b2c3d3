//! Reads that do not go through the log (thesis, section 6.4).

use types::raft::Term;

/// Whether a leader knows the commit index of its predecessors: once an entry of its own term is
/// committed (thesis, section 6.4, step 1).
#[must_use]
pub fn may_answer_reads(commit_term: Option<Term>, term: Term) -> bool {
    commit_term == Some(term)
}

/// The round of heartbeats that a read waits for, given the last one that left: the next, since
/// an answer to an earlier one says nothing about now (thesis, section 6.4, step 3).
#[must_use]
pub fn read_waits_for(round: u64) -> u64 {
    round + 1
}

/// What [`holds_lease`] sees; all by the own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseCheck {
    /// Now, in microseconds.
    pub now_us: u64,
    /// When the lease runs out, in microseconds; nothing before a quorum answered a round.
    pub until_us: Option<u64>,
    /// Whether the leader asked another to take over in this term: that one does not wait.
    pub is_given_up: bool,
}

/// Whether a leader may answer reads by itself (thesis, section 6.4.1).
#[must_use]
pub fn holds_lease(check: &LeaseCheck) -> bool {
    !check.is_given_up
        && check
            .until_us
            .is_some_and(|until_us| check.now_us < until_us)
}
