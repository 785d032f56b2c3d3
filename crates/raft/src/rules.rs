//! The decisions of raft, each a small pure function beside the section that asks for it.
//!
//! A peer calls them through a [`Rules`] table, so that a bug lab can run a peer with a broken
//! one. A rule sees small values and returns a verdict; it changes nothing and keeps nothing.
//! "Paper" is the extended version of "In Search of an Understandable Consensus Algorithm";
//! names such as "X2" are the pitfalls that a rule guards against.

use types::id::PeerId;
use types::raft::{HardState, LogIndex, LogPosition, MessageKind, Role, Term, VoteVerdict};

use crate::quorum::{self, Tally};

/// The table of rules that a peer decides by. [`CORRECT`] is the one to use.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// See [`answers_stale`].
    pub answers_stale: fn(MessageKind) -> bool,
    /// See [`vote_in_term`].
    pub vote_in_term: fn(HardState, Term) -> Option<PeerId>,
    /// See [`may_campaign`].
    pub may_campaign: fn(bool, Role) -> bool,
    /// See [`decide_vote`].
    pub decide_vote: fn(&VoteRequest) -> VoteVerdict,
    /// See [`vote_resets_timer`].
    pub vote_resets_timer: fn(VoteVerdict) -> bool,
    /// See [`quorum::tally`].
    pub tally: fn(usize, usize, usize) -> Tally,
    /// See [`own_vote_counts`].
    pub own_vote_counts: fn(HardState, HardState) -> bool,
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
    /// See [`next_after_refusal`].
    pub next_after_refusal: fn(&Refusal) -> LogIndex,
    /// See [`own_match`].
    pub own_match: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`quorum::reached`].
    pub reached: fn(&mut [LogIndex]) -> LogIndex,
    /// See [`leader_commit`].
    pub leader_commit: fn(&CommitCheck) -> CommitVerdict,
    /// See [`heartbeat_commit`].
    pub heartbeat_commit: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`needs_repair`].
    pub needs_repair: fn(&RepairCheck) -> bool,
    /// See [`release`].
    pub release: fn(&Promise) -> Release,
    /// See [`durable`].
    pub durable: fn(LogIndex, LogIndex) -> LogIndex,
    /// See [`may_apply`].
    pub may_apply: fn(LogIndex, LogIndex) -> LogIndex,
}

/// Every rule as it should be.
pub static CORRECT: Rules = Rules {
    answers_stale,
    vote_in_term,
    may_campaign,
    decide_vote,
    vote_resets_timer,
    tally: quorum::tally,
    own_vote_counts,
    next_at_election,
    check_prev,
    splice,
    acknowledged,
    follower_commit,
    next_after_refusal,
    own_match,
    reached: quorum::reached,
    leader_commit,
    heartbeat_commit,
    needs_repair,
    release,
    durable,
    may_apply,
};

// Terms (paper, section 5.1).

/// Whether a message of an older term is answered, so that its sender learns the newer one: every
/// request is (paper, figure 2: "reply false if term < currentTerm"; X7), an answer is not.
#[must_use]
pub fn answers_stale(kind: MessageKind) -> bool {
    !kind.is_response()
}

/// The vote that holds in `term`, which is the own one or a later one: a new term frees the vote,
/// the same term keeps it, whatever role is taken (paper, section 5.2: at most one vote per term;
/// X5).
#[must_use]
pub fn vote_in_term(own: HardState, term: Term) -> Option<PeerId> {
    if term == own.term { own.vote } else { None }
}

// Elections (paper, sections 5.2 and 5.4.1).

/// Whether a peer may campaign: voters that do not lead already (X8: a peer outside of its group
/// would win an empty vote).
#[must_use]
pub fn may_campaign(is_voter: bool, role: Role) -> bool {
    is_voter && role != Role::Leader
}

/// What [`decide_vote`] sees: a request of the own term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoteRequest {
    /// Who asks.
    pub candidate: PeerId,
    /// The end of the candidate's log.
    pub candidate_last: LogPosition,
    /// Whom this peer voted for in this term.
    pub vote: Option<PeerId>,
    /// The leader that this peer knows in this term.
    pub leader: Option<PeerId>,
    /// The end of the own log.
    pub own_last: LogPosition,
}

/// Whether a vote is given: not to a second candidate of one term, and not to a log that is
/// behind the own (paper, figure 2, RequestVote). Who asks again is answered again.
#[must_use]
pub fn decide_vote(request: &VoteRequest) -> VoteVerdict {
    match (request.vote, request.leader) {
        (Some(vote), _) if vote != request.candidate => VoteVerdict::AlreadyVoted { vote },
        (None, Some(leader)) => VoteVerdict::HasLeader { leader },
        _ if is_up_to_date(request.candidate_last, request.own_last) => VoteVerdict::Granted,
        _ => VoteVerdict::LogBehind {
            candidate: request.candidate_last,
            own: request.own_last,
        },
    }
}

/// Whether a log that ends at `candidate` is at least as up to date as one that ends at `own`: the
/// later last term decides, then the length (paper, section 5.4.1).
#[must_use]
pub fn is_up_to_date(candidate: LogPosition, own: LogPosition) -> bool {
    (candidate.term, candidate.index) >= (own.term, own.index)
}

/// Whether answering a vote request starts the election timer again: only when the vote was given
/// (paper, section 5.2; X6: else a candidate that cannot win keeps those who could from trying).
#[must_use]
pub fn vote_resets_timer(verdict: VoteVerdict) -> bool {
    verdict == VoteVerdict::Granted
}

/// Whether a candidate's vote for itself counts, given its hard state and the durable one: once
/// the disk holds it, since a peer that forgets it could vote again.
#[must_use]
pub fn own_vote_counts(current: HardState, durable: HardState) -> bool {
    durable.term == current.term && durable.vote == current.vote
}

/// The next index to send to each follower when a leader starts with a log that ends at `last`
/// (paper, figure 2; S0-10: at every election anew).
#[must_use]
pub fn next_at_election(last: LogIndex) -> LogIndex {
    last.next()
}

// Replication, the follower's side (paper, section 5.3).

/// What [`check_prev`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrevCheck {
    /// What the leader says stands right before its entries.
    pub prev: LogPosition,
    /// The own term at `prev.index`; `None` outside of the own log.
    pub own_term: Option<Term>,
    /// The last entry that is no longer in the own log.
    pub truncated: LogIndex,
}

/// What [`check_prev`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrevVerdict {
    /// The logs agree up to `prev`.
    Matches,
    /// `prev` is applied and gone here; committed, hence equal.
    Behind,
    /// The log ends before `prev`.
    Missing,
    /// Another entry stands there.
    Conflict {
        /// The own term there.
        own: Term,
    },
}

/// Whether the own log holds `prev` (paper, figure 2, AppendEntries, rule 2).
#[must_use]
pub fn check_prev(check: &PrevCheck) -> PrevVerdict {
    match check.own_term {
        Some(own) if own == check.prev.term => PrevVerdict::Matches,
        Some(own) => PrevVerdict::Conflict { own },
        None if check.prev.index < check.truncated => PrevVerdict::Behind,
        None => PrevVerdict::Missing,
    }
}

/// What [`splice`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpliceCheck {
    /// The index of the first entry of the message.
    pub first: LogIndex,
    /// The index of the last one; below `first` when there is none.
    pub end: LogIndex,
    /// The first index where the own log has an entry of another term than the message.
    pub conflict: Option<LogIndex>,
    /// The last index of the own log.
    pub own_last: LogIndex,
}

/// What happens to the own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Splice {
    /// Nothing: all of it is there.
    Keep,
    /// The entries from `from` on are added behind the last.
    Append {
        /// The first new index.
        from: LogIndex,
    },
    /// The log is cut before `from` and the entries from there on are added.
    Replace {
        /// The first index that goes.
        from: LogIndex,
    },
}

/// How the entries of an append enter the log: only from the first real conflict on is anything
/// dropped (paper, figure 2, AppendEntries, rules 3 and 4; X4: a short, late append must not take
/// acknowledged entries away).
#[must_use]
pub fn splice(check: &SpliceCheck) -> Splice {
    match check.conflict {
        Some(from) => Splice::Replace { from },
        None if check.end > check.own_last => Splice::Append {
            from: check.first.max(check.own_last.next()),
        },
        None => Splice::Keep,
    }
}

/// Up to where a follower says that its log matches: the end of the message, never its own `last`,
/// whose tail the leader may not have (X2).
#[must_use]
pub fn acknowledged(message_end: LogIndex, _last: LogIndex) -> LogIndex {
    message_end
}

/// The follower's commit index after a message whose end is known to match: what the leader says,
/// as far as that (paper, figure 2, AppendEntries, rule 5; X3: not as far as the own `last`).
#[must_use]
pub fn follower_commit(
    leader_commit: LogIndex,
    message_end: LogIndex,
    _last: LogIndex,
) -> LogIndex {
    leader_commit.min(message_end)
}

// Replication, the leader's side (paper, section 5.3).

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

// Durability (paper, figure 2: "updated on stable storage before responding to RPCs").

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
        MessageKind::Append | MessageKind::Heartbeat | MessageKind::HeartbeatResponse => {
            Release::AtOnce
        }
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

#[cfg(test)]
#[path = "rules/tests.rs"]
mod tests;
