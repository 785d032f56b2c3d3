//! How a leader is chosen (paper, sections 5.2 and 5.4.1; thesis, section 9.6), and how it notices
//! that it lost its quorum (thesis, section 6.2).

use bytes::Bytes;
use types::id::{MAX_SAFE, PeerId};
use types::raft::{
    CommitEvidence, EntryKind, LogIndex, LogPosition, MessageBody, RaftFact, Role, RoleReason,
    Term, VoteVerdict,
};

use crate::oversight::Oversight;
use crate::peer::Peer;
use crate::quorum::{Tally, majority};
use crate::rules::{CampaignCheck, LoyaltyCheck, PreVoteRequest, VoteRequest};

impl<O: Oversight> Peer<O> {
    /// Starts an election, or asks first whether it could be won.
    pub(crate) fn campaign(&mut self, reason: RoleReason) {
        let transfer = reason == RoleReason::TransferAsked;
        let check = CampaignCheck {
            is_voter: self.membership.is_voter(self.id),
            role: self.role,
            has_unapplied_change: self.has_unapplied_change(),
            has_unapplied_snapshot: self.applied < self.log.truncated().index,
            is_loyal: self.is_bound(transfer),
        };
        if !rule!(self.oversight, may_campaign(&check)) || self.term().get() + 1 >= MAX_SAFE {
            if !self.leads() {
                self.timer.redraw();
            }
        } else if self.config.pre_vote && !transfer {
            self.become_pre_candidate(reason);
        } else {
            self.become_candidate(reason);
        }
    }

    /// Whether a lease may rest on this peer: then it votes for nobody, itself included.
    fn is_bound(&self, transfer: bool) -> bool {
        let check = LoyaltyCheck {
            check_quorum: false,
            ..self.loyalty(transfer)
        };
        rule!(self.oversight, is_loyal(&check))
    }

    fn has_unapplied_change(&self) -> bool {
        let (from, to) = (self.applied.next(), self.hard_state.commit);
        from <= to
            && self
                .log
                .entries(from, to)
                .any(|entry| entry.kind == EntryKind::ConfChange)
    }

    /// Asks in the name of the next term, which does not start by that. A question promises
    /// nothing, so the own answer counts at once.
    fn become_pre_candidate(&mut self, reason: RoleReason) {
        self.stand(Role::PreCandidate, reason);
        let (term, last) = (self.term().next(), self.log.last());
        let commit = self.committed();
        for to in self.other_voters() {
            self.send_in(term, to, MessageBody::PreVote { last, commit }, false);
        }
        self.count_vote(self.id, true);
    }

    /// Starts an election in a new term. The vote for itself counts once the disk holds it, and
    /// the requests leave then.
    fn become_candidate(&mut self, reason: RoleReason) {
        self.enter_term(self.term().next());
        self.hard_state.vote = Some(self.id);
        self.stand(Role::Candidate, reason);
        let request = MessageBody::RequestVote {
            last: self.log.last(),
            transfer: reason == RoleReason::TransferAsked,
            commit: self.committed(),
        };
        for to in self.other_voters() {
            self.send(to, request.clone(), false);
        }
        self.count_own_vote();
    }

    fn stand(&mut self, role: Role, reason: RoleReason) {
        self.role = role;
        self.leader = None;
        self.votes.clear();
        self.timer.redraw();
        self.tell_role(reason);
    }

    fn other_voters(&self) -> Vec<PeerId> {
        let mut voters = self.membership.voters();
        voters.retain(|&voter| voter != self.id);
        voters
    }

    /// Answers whether it would vote in `term`. A yes carries that term, so that it cannot be
    /// taken for an answer to another question.
    pub(crate) fn handle_pre_vote(&mut self, candidate: PeerId, term: Term, last: LogPosition) {
        let verdict = rule!(
            self.oversight,
            decide_pre_vote(&PreVoteRequest {
                term,
                own_term: self.term(),
                vote: self.vote_request(candidate, last),
            })
        );
        let granted = verdict == VoteVerdict::Granted;
        self.tell(|_| RaftFact::VoteDecided {
            candidate,
            term,
            verdict,
            pre_vote: true,
        });
        let answered = if granted {
            term
        } else {
            self.term().max(term.prev())
        };
        let commit = self.committed();
        let answer = MessageBody::PreVoteResponse { granted, commit };
        self.send_in(answered, candidate, answer, false);
    }

    /// Takes an answer to its question in.
    pub(crate) fn handle_pre_vote_response(&mut self, voter: PeerId, term: Term, granted: bool) {
        let answers_this = !granted || term == self.term().next();
        if self.role == Role::PreCandidate && answers_this {
            self.count_vote(voter, granted);
        }
    }

    /// Answers a vote request of the own term.
    pub(crate) fn handle_vote_request(&mut self, candidate: PeerId, last: LogPosition) {
        let verdict = rule!(
            self.oversight,
            decide_vote(&self.vote_request(candidate, last))
        );
        let granted = verdict == VoteVerdict::Granted;
        if granted {
            self.hard_state.vote = Some(candidate);
        }
        if rule!(self.oversight, vote_resets_timer(verdict)) {
            self.timer.reset();
        }
        self.tell(|peer| RaftFact::VoteDecided {
            candidate,
            term: peer.term(),
            verdict,
            pre_vote: false,
        });
        let commit = self.committed();
        let answer = MessageBody::RequestVoteResponse { granted, commit };
        self.send(candidate, answer, granted);
    }

    fn vote_request(&self, candidate: PeerId, last: LogPosition) -> VoteRequest {
        VoteRequest {
            candidate,
            candidate_last: last,
            vote: self.hard_state.vote,
            leader: self.leader,
            own_last: self.log.last(),
        }
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
        if is_open
            && rule!(
                self.oversight,
                own_vote_counts(self.hard_state, self.durable)
            )
        {
            self.count_vote(self.id, true);
        }
    }

    /// Counts a vote, the first of each voter only, and draws the consequence.
    fn count_vote(&mut self, voter: PeerId, granted: bool) {
        if self.votes.contains_key(&voter) || !self.membership.is_voter(voter) {
            return;
        }
        self.votes.insert(voter, granted);
        self.tell(|peer| {
            let yes = peer.votes.values().filter(|&&vote| vote).count();
            let conf_state = peer.membership.state();
            let largest = conf_state.voters.len().max(conf_state.outgoing.len());
            RaftFact::VoteCounted {
                voter,
                granted,
                yes: count(yes),
                no: count(peer.votes.len() - yes),
                needed: count(majority(largest)),
                pre_vote: peer.role == Role::PreCandidate,
            }
        });
        match self.tally(|peer, voter| peer.votes.get(&voter).copied()) {
            Tally::Won if self.role == Role::PreCandidate => {
                self.become_candidate(RoleReason::PreVoteWon);
            }
            Tally::Won => self.become_leader(),
            Tally::Lost => self.become_follower(self.term(), None, RoleReason::Lost),
            Tally::Open => {}
        }
    }

    /// Where an election stands in which each voter says what `answer` has of it.
    fn tally(&self, answer: impl Fn(&Self, PeerId) -> Option<bool>) -> Tally {
        let half = |voters: &[PeerId]| {
            let said = |wanted: bool| {
                let is = |voter: &&PeerId| answer(self, **voter) == Some(wanted);
                voters.iter().filter(is).count()
            };
            rule!(self.oversight, tally(voters.len(), said(true), said(false)))
        };
        let conf_state = self.membership.state();
        let incoming = half(&conf_state.voters);
        if conf_state.is_joint() {
            rule!(
                self.oversight,
                jointly_tallied(incoming, half(&conf_state.outgoing))
            )
        } else {
            incoming
        }
    }

    /// Steps down when no quorum said anything since the last look.
    pub(crate) fn look_at_quorum(&mut self) {
        let heard: Vec<PeerId> = self
            .followers
            .iter_mut()
            .filter_map(|follower| follower.look().then_some(follower.id()))
            .collect();
        let is_heard = |peer: &Self, voter| voter == peer.id || heard.contains(&voter);
        let tally = self.tally(|peer, voter| Some(is_heard(peer, voter)));
        if !rule!(self.oversight, keeps_leading(tally)) {
            self.become_follower(self.term(), None, RoleReason::QuorumLost);
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
        let last = self.log.last_index();
        let next = rule!(self.oversight, next_at_election(last));
        let members = self.membership.members();
        self.followers = members
            .into_iter()
            .filter(|&member| member != self.id)
            .map(|member| self.new_progress(member, next))
            .collect();
        self.pending_change = rule!(self.oversight, pending_at_election(last));
        self.reads.start_anew();
        self.uncommitted_bytes = 0;
        if self.config.no_op_on_election {
            self.append_own(EntryKind::NoOp, Bytes::new());
        }
    }

    /// Forgets who leads, so that this peer votes for another at once (etcd: `ForgetLeader`).
    pub(crate) fn forget_leader(&mut self) {
        if self.role == Role::Follower && self.leader.take().is_some() {
            self.tell_role(RoleReason::LeaderForgotten);
        }
    }

    /// The last position that is known to be committed.
    pub(crate) fn committed(&self) -> LogPosition {
        let index = self.hard_state.commit;
        let term = self.log.term(index).unwrap_or_default();
        LogPosition { index, term }
    }

    /// Another peer knows what is committed: where the own log holds that very position, it is
    /// committed here too (log matching, paper, section 5.3). Else a leader that removed itself
    /// could keep to itself that it did, and nobody else could win the old quorum.
    pub(crate) fn learn_commit(&mut self, from: PeerId, committed: LogPosition) {
        let is_news = committed.index > self.hard_state.commit;
        if is_news && !self.leads() && self.log.term(committed.index) == Some(committed.term) {
            self.hard_state.commit = committed.index;
            self.tell_commit(|_| CommitEvidence::Vote { from, committed });
            let asks = matches!(self.role, Role::Candidate | Role::PreCandidate);
            if asks && self.has_unapplied_change() {
                self.become_follower(self.term(), None, RoleReason::ChangeLearned);
            }
        }
    }

    /// The term of the last committed entry.
    pub(crate) fn commit_term(&self) -> Option<Term> {
        let commit = self.hard_state.commit;
        (commit > LogIndex::ZERO)
            .then(|| self.log.term(commit))
            .flatten()
    }
}

/// Votes as a fact carries them; no group has more voters than fit.
fn count(votes: usize) -> u32 {
    u32::try_from(votes).unwrap_or(u32::MAX)
}
