//! Terms, votes and leaders.

use raft::quorum::{self, Tally};
use raft::rules::{CampaignCheck, VoteRequest, decide_vote, may_campaign};
use types::id::PeerId;
use types::raft::{HardState, LogPosition, MessageKind, Term, VoteVerdict};

/// A leader that was left behind is never told, and a candidate ahead of it never follows.
pub(super) fn stale_requests_unanswered(_kind: MessageKind) -> bool {
    false
}

/// A candidate that falls back votes a second time in its term.
pub(super) fn vote_cleared_in_the_same_term(_own: HardState, _term: Term) -> Option<PeerId> {
    None
}

/// A learner or a removed peer raises terms and deposes leaders of a group in which it has no vote.
pub(super) fn outsiders_campaign(check: &CampaignCheck) -> bool {
    may_campaign(&CampaignCheck {
        is_voter: true,
        ..*check
    })
}

/// A candidate asks the quorum of a membership that is no longer the group's.
pub(super) fn campaigns_with_a_change_unapplied(check: &CampaignCheck) -> bool {
    may_campaign(&CampaignCheck {
        has_unapplied_change: false,
        ..*check
    })
}

/// A voter gives its vote to each candidate of a term, and two of them lead.
pub(super) fn votes_for_everybody(request: &VoteRequest) -> VoteVerdict {
    decide_vote(&VoteRequest {
        vote: None,
        leader: None,
        ..*request
    })
}

/// A candidate without the committed entries wins and overwrites them.
pub(super) fn logs_not_compared(request: &VoteRequest) -> VoteVerdict {
    decide_vote(&VoteRequest {
        candidate_last: request.own_last,
        ..*request
    })
}

/// A long log of an old term beats a short one that holds the committed entries.
pub(super) fn longer_log_wins(request: &VoteRequest) -> VoteVerdict {
    let same_term = |last: LogPosition| LogPosition {
        term: Term::ZERO,
        ..last
    };
    decide_vote(&VoteRequest {
        candidate_last: same_term(request.candidate_last),
        own_last: same_term(request.own_last),
        ..*request
    })
}

/// A candidate whose log is as good as the voter's is refused, and nobody is elected.
pub(super) fn equal_log_loses(request: &VoteRequest) -> VoteVerdict {
    if request.candidate_last == request.own_last {
        VoteVerdict::LogBehind {
            candidate: request.candidate_last,
            own: request.own_last,
        }
    } else {
        decide_vote(request)
    }
}

/// A candidate that cannot win keeps those who could from trying.
pub(super) fn every_request_resets_the_timer(_verdict: VoteVerdict) -> bool {
    true
}

/// Half of the voters elect one leader, the other half another.
pub(super) fn half_is_a_majority(voters: usize, yes: usize, no: usize) -> Tally {
    if 2 * yes >= voters {
        Tally::Won
    } else {
        quorum::tally(voters, yes, no)
    }
}

/// The first vote that comes back decides, and two candidates lead one term.
pub(super) fn more_yes_than_no_wins(voters: usize, yes: usize, no: usize) -> Tally {
    if yes > no {
        Tally::Won
    } else {
        quorum::tally(voters, yes, no)
    }
}

/// In a joint phase the new voters elect a leader without the old ones.
pub(super) fn one_half_of_a_joint_group_elects(incoming: Tally, _outgoing: Tally) -> Tally {
    incoming
}

/// A leader is elected by a vote that a crash takes back.
pub(super) fn own_vote_counts_before_it_is_durable(
    _current: HardState,
    _durable: HardState,
) -> bool {
    true
}
