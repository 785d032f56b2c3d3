//! Terms and elections (paper, sections 5.1, 5.2 and 5.4.1).

use types::id::PeerId;
use types::raft::{HardState, LogIndex, LogPosition, MessageKind, Role, Term, VoteVerdict};

use crate::quorum::Tally;

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

/// What [`may_campaign`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignCheck {
    /// Whether the peer votes, in either half of the membership.
    pub is_voter: bool,
    /// Its role.
    pub role: Role,
    /// Whether a membership change is committed here and not applied.
    pub has_unapplied_change: bool,
    /// Whether a snapshot was taken in and is not applied.
    pub has_unapplied_snapshot: bool,
    /// Whether this peer may have promised its leader not to vote for another, itself included.
    pub is_loyal: bool,
}

/// Whether a peer may campaign: a voter that does not lead already (X8: a peer outside of its
/// group would win an empty vote), that knows the membership as committed (etcd: `hup`; else it
/// could win a quorum that exists no more), and that its lease leaves free.
#[must_use]
pub fn may_campaign(check: &CampaignCheck) -> bool {
    check.is_voter
        && check.role != Role::Leader
        && !check.has_unapplied_change
        && !check.has_unapplied_snapshot
        && !check.is_loyal
}

/// What [`is_loyal`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoyaltyCheck {
    /// Whether the leader itself asked the candidate to take over.
    pub transfer: bool,
    /// Whether leaders step down without a quorum, so that loyalty to one that is lost ends.
    pub check_quorum: bool,
    /// Whether a leader is known.
    pub knows_leader: bool,
    /// Whether it was heard within the shortest election timeout, by ticks; a leader hears itself.
    pub is_leader_fresh: bool,
    /// Whether its lease may rest on this peer's refusal, by the own clock.
    pub is_promised: bool,
}

/// Whether a vote request goes unheard, later term and all, because the leader lives (thesis,
/// section 4.2.3: a removed server must not disturb the group; section 6.4.1: a lease rests on it).
#[must_use]
pub fn is_loyal(check: &LoyaltyCheck) -> bool {
    let by_ticks = check.check_quorum && check.knows_leader && check.is_leader_fresh;
    !check.transfer && (by_ticks || check.is_promised)
}

/// What [`decide_pre_vote`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreVoteRequest {
    /// The term in which the asker would campaign.
    pub term: Term,
    /// The own term.
    pub own_term: Term,
    /// The request as if it came in earnest.
    pub vote: VoteRequest,
}

/// Whether a vote would be given: in a later term every vote is free again (thesis, section 9.6).
#[must_use]
pub fn decide_pre_vote(request: &PreVoteRequest) -> VoteVerdict {
    if request.term > request.own_term {
        decide_vote(&VoteRequest {
            vote: None,
            leader: None,
            ..request.vote
        })
    } else {
        decide_vote(&request.vote)
    }
}

/// Whether a leader that heard from these voters within an election timeout goes on leading, given
/// how an election among them would stand (thesis, section 6.2).
#[must_use]
pub fn keeps_leading(heard: Tally) -> bool {
    heard == Tally::Won
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
