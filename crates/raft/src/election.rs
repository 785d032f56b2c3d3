//! How a leader is chosen (paper, sections 5.2 and 5.4.1).

use bytes::Bytes;
use types::id::{MAX_SAFE, PeerId};
use types::raft::{EntryKind, LogPosition, MessageBody, RaftFact, Role, RoleReason};

use crate::peer::Peer;
use crate::progress::Progress;
use crate::quorum::{Tally, majority};
use crate::rules::VoteRequest;

impl Peer {
    /// Starts an election in a new term. The vote for itself counts once the disk holds it, and
    /// the requests leave then.
    pub(crate) fn campaign(&mut self, reason: RoleReason) {
        let is_voter = self.is_voter(self.id);
        if !(self.rules.may_campaign)(is_voter, self.role) || self.term().get() + 1 >= MAX_SAFE {
            if !self.leads() {
                self.timer.redraw();
            }
            return;
        }
        self.enter_term(self.term().next());
        self.hard_state.vote = Some(self.id);
        self.role = Role::Candidate;
        self.leader = None;
        self.votes.clear();
        self.timer.redraw();
        self.tell_role(reason);
        let last = self.log.last();
        for at in 0..self.voters.len() {
            let to = self.voters[at];
            if to != self.id {
                self.send(to, MessageBody::RequestVote { last }, false);
            }
        }
        self.count_own_vote();
    }

    /// Answers a vote request of the own term.
    pub(crate) fn handle_vote_request(&mut self, candidate: PeerId, last: LogPosition) {
        let verdict = (self.rules.decide_vote)(&VoteRequest {
            candidate,
            candidate_last: last,
            vote: self.hard_state.vote,
            leader: self.leader,
            own_last: self.log.last(),
        });
        let granted = verdict == types::raft::VoteVerdict::Granted;
        if granted {
            self.hard_state.vote = Some(candidate);
        }
        if (self.rules.vote_resets_timer)(verdict) {
            self.timer.reset();
        }
        self.tell(|peer| RaftFact::VoteDecided {
            candidate,
            term: peer.term(),
            verdict,
        });
        let answer = MessageBody::RequestVoteResponse { granted };
        self.send(candidate, answer, granted);
    }

    /// Takes another's vote.
    pub(crate) fn handle_vote(&mut self, voter: PeerId, granted: bool) {
        if self.role == Role::Candidate {
            self.count_vote(voter, granted);
        }
    }

    /// Counts the own vote when the rule lets it.
    pub(crate) fn count_own_vote(&mut self) {
        let is_open = self.role == Role::Candidate && !self.votes.contains_key(&self.id);
        if is_open && (self.rules.own_vote_counts)(self.hard_state, self.durable) {
            self.count_vote(self.id, true);
        }
    }

    /// Counts a vote, the first of each voter only, and draws the consequence.
    fn count_vote(&mut self, voter: PeerId, granted: bool) {
        if self.votes.contains_key(&voter) {
            return;
        }
        self.votes.insert(voter, granted);
        let yes = self.votes.values().filter(|&&vote| vote).count();
        let no = self.votes.len() - yes;
        self.tell(|peer| RaftFact::VoteCounted {
            voter,
            granted,
            yes: count(yes),
            no: count(no),
            needed: count(majority(peer.voters.len())),
        });
        match (self.rules.tally)(self.voters.len(), yes, no) {
            Tally::Won => self.become_leader(),
            Tally::Lost => self.become_follower(self.term(), None, RoleReason::Lost),
            Tally::Open => {}
        }
    }

    /// Takes the lead: every follower is probed from the end of the log, and the no-op makes what
    /// earlier leaders left committable (paper, section 8).
    fn become_leader(&mut self) {
        self.role = Role::Leader;
        self.leader = Some(self.id);
        self.votes.clear();
        self.timer.redraw();
        self.tell_role(RoleReason::Won);
        let next = (self.rules.next_at_election)(self.log.last_index());
        self.followers = self
            .voters
            .iter()
            .filter(|&&voter| voter != self.id)
            .map(|&voter| Progress::new(voter, next))
            .collect();
        if self.no_op_on_election {
            self.append_own(EntryKind::NoOp, Bytes::new());
        }
    }
}

/// Votes as a fact carries them; no group has more voters than fit.
fn count(votes: usize) -> u32 {
    u32::try_from(votes).unwrap_or(u32::MAX)
}
