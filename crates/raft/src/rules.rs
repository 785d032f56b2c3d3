//! The decisions of raft, each a small pure function beside the section that asks for it.
//!
//! A peer whose [`crate::Oversight`] says so calls them through a [`Rules`] table, so that a bug
//! lab can run it with a broken one. A rule sees small values and returns a verdict; it changes
//! nothing and keeps nothing.
//! "Paper" is the extended version of "In Search of an Understandable Consensus Algorithm",
//! "thesis" is "Consensus: Bridging Theory and Practice"; names such as "X2" are the pitfalls that
//! a rule guards against.

use types::id::PeerId;
use types::raft::{ConfState, HardState, LogIndex, MessageKind, Term, VoteVerdict};

use crate::quorum::{self, Tally};

mod election;
mod follow;
mod lead;
mod membership;
mod persist;
mod read;

pub use election::*;
pub use follow::*;
pub use lead::*;
pub use membership::*;
pub use persist::*;
pub use read::*;

pub(crate) use crate::quorum::{jointly_reached, jointly_tallied, reached, tally};

/// Asks a rule: the correct one, or the one that the peer's [`crate::Oversight`] has in its place.
macro_rules! rule {
    ($oversight:expr, $name:ident($($argument:expr),* $(,)?)) => {
        match $crate::Oversight::replaced($oversight) {
            None => $crate::rules::$name($($argument),*),
            Some(rules) => {
                std::hint::cold_path();
                (rules.$name)($($argument),*)
            }
        }
    };
}

/// The table of rules that a peer decides by. [`CORRECT`] is the one to use.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// See [`answers_stale`].
    pub answers_stale: fn(MessageKind) -> bool,
    /// See [`vote_in_term`].
    pub vote_in_term: fn(HardState, Term) -> Option<PeerId>,
    /// See [`may_campaign`].
    pub may_campaign: fn(&CampaignCheck) -> bool,
    /// See [`is_loyal`].
    pub is_loyal: fn(&LoyaltyCheck) -> bool,
    /// See [`decide_pre_vote`].
    pub decide_pre_vote: fn(&PreVoteRequest) -> VoteVerdict,
    /// See [`decide_vote`].
    pub decide_vote: fn(&VoteRequest) -> VoteVerdict,
    /// See [`vote_resets_timer`].
    pub vote_resets_timer: fn(VoteVerdict) -> bool,
    /// See [`quorum::tally`].
    pub tally: fn(usize, usize, usize) -> Tally,
    /// See [`quorum::jointly_tallied`].
    pub jointly_tallied: fn(Tally, Tally) -> Tally,
    /// See [`own_vote_counts`].
    pub own_vote_counts: fn(HardState, HardState) -> bool,
    /// See [`keeps_leading`].
    pub keeps_leading: fn(Tally) -> bool,
    /// See [`next_at_election`].
    pub next_at_election: fn(LogIndex) -> LogIndex,
    /// See [`check_prev`].
    pub check_prev: fn(&PrevCheck) -> PrevVerdict,
    /// See [`splice`].
    pub splice: fn(&SpliceCheck) -> Splice,
    /// See [`acknowledged`].
    pub acknowledged: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`follower_commit`].
    pub follower_commit: fn(LogIndex, LogIndex, LogIndex) -> LogIndex,
    /// See [`decide_snapshot`].
    pub decide_snapshot: fn(&SnapshotCheck) -> SnapshotVerdict,
    /// See [`next_after_refusal`].
    pub next_after_refusal: fn(&Refusal) -> LogIndex,
    /// See [`own_match`].
    pub own_match: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`quorum::reached`].
    pub reached: fn(&mut [LogIndex]) -> LogIndex,
    /// See [`quorum::jointly_reached`].
    pub jointly_reached: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`leader_commit`].
    pub leader_commit: fn(&CommitCheck) -> CommitVerdict,
    /// See [`heartbeat_commit`].
    pub heartbeat_commit: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`needs_repair`].
    pub needs_repair: fn(&RepairCheck) -> bool,
    /// See [`may_propose`].
    pub may_propose: fn(Option<PeerId>) -> bool,
    /// See [`may_hand_over`].
    pub may_hand_over: fn(LogIndex, LogIndex) -> bool,
    /// See [`ends_transfer`].
    pub ends_transfer: fn(bool) -> bool,
    /// See [`is_counted`].
    pub is_counted: fn(MemberKind) -> bool,
    /// See [`may_propose_change`].
    pub may_propose_change: fn(&ChangeCheck) -> bool,
    /// See [`pending_at_election`].
    pub pending_at_election: fn(LogIndex) -> LogIndex,
    /// See [`members_at_start`].
    pub members_at_start: fn(Option<ConfState>, Vec<PeerId>) -> ConfState,
    /// See [`members_after_snapshot`].
    pub members_after_snapshot: fn(&ConfState, &ConfState) -> ConfState,
    /// See [`may_answer_reads`].
    pub may_answer_reads: fn(Option<Term>, Term) -> bool,
    /// See [`read_waits_for`].
    pub read_waits_for: fn(u64) -> u64,
    /// See [`holds_lease`].
    pub holds_lease: fn(&LeaseCheck) -> bool,
    /// See [`release`].
    pub release: fn(&Promise) -> Release,
    /// See [`durable`].
    pub durable: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`may_apply`].
    pub may_apply: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`handed_over`].
    pub handed_over: fn(LogIndex, LogIndex) -> LogIndex,
}

/// Every rule as it should be.
pub static CORRECT: Rules = Rules {
    answers_stale,
    vote_in_term,
    may_campaign,
    is_loyal,
    decide_pre_vote,
    decide_vote,
    vote_resets_timer,
    tally: quorum::tally,
    jointly_tallied: quorum::jointly_tallied,
    own_vote_counts,
    keeps_leading,
    next_at_election,
    check_prev,
    splice,
    acknowledged,
    follower_commit,
    decide_snapshot,
    next_after_refusal,
    own_match,
    reached: quorum::reached,
    jointly_reached: quorum::jointly_reached,
    leader_commit,
    heartbeat_commit,
    needs_repair,
    may_propose,
    may_hand_over,
    ends_transfer,
    is_counted,
    may_propose_change,
    pending_at_election,
    members_at_start,
    members_after_snapshot,
    may_answer_reads,
    read_waits_for,
    holds_lease,
    release,
    durable,
    may_apply,
    handed_over,
};

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
