//! Reads beside the log.

use raft::rules::{LeaseCheck, LoyaltyCheck};
use types::raft::Term;

/// A new leader answers reads from before its predecessors' last writes.
pub(super) fn reads_without_a_commit_of_its_own(_commit_term: Option<Term>, _term: Term) -> bool {
    true
}

/// A leader that was deposed meanwhile answers reads.
pub(super) fn read_trusts_an_old_round(round: u64) -> u64 {
    round
}

/// A leader that is cut off answers reads from its own past.
pub(super) fn reads_without_a_lease(_check: &LeaseCheck) -> bool {
    true
}

/// Another leader is elected while the old one still trusts its lease.
pub(super) fn voters_forget_the_lease(_check: &LoyaltyCheck) -> bool {
    false
}
