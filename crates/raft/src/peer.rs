//! The state of one peer, the gate that every message passes, and the changes of role.

use std::collections::BTreeMap;

use serde::Serialize;
use types::id::PeerId;
use types::raft::{
    AppendResult, CommitEvidence, HardState, LogIndex, Message, MessageBody, RaftFact, Role,
    RoleReason, Snapshot, Term, TransferEnd, VoteVerdict,
};

use crate::check::is_leaders;
use crate::config::{Config, Restored};
use crate::error::{ConfigError, StepError};
use crate::log::Log;
use crate::membership::{Counts, Membership};
use crate::oversight::Oversight;
use crate::progress::Progress;
use crate::read::Reads;
use crate::rules::{LoyaltyCheck, Promise, Release};
use crate::timer::{Timer, Watch};
use crate::transfer::Transfer;
use crate::writes::Writes;

/// One peer of a group: the paper's figure 2, "State", and what its timers and its disk add.
#[derive(Debug, Clone, Serialize)]
#[serde(bound = "")]
pub(crate) struct Peer<O: Oversight> {
    pub(crate) id: PeerId,
    pub(crate) config: Config,
    pub(crate) membership: Membership,
    /// In which halves of the quorum this peer counts.
    pub(crate) counts: Counts,
    pub(crate) hard_state: HardState,
    /// What the own disk holds of the hard state.
    pub(crate) durable: HardState,
    pub(crate) role: Role,
    pub(crate) leader: Option<PeerId>,
    /// A candidate's votes so far.
    pub(crate) votes: BTreeMap<PeerId, bool>,
    /// A leader's followers, sorted by id; empty in other roles.
    pub(crate) followers: Vec<Progress>,
    /// The last index at which this leader's log may hold a change that is not applied.
    pub(crate) pending_change: LogIndex,
    pub(crate) transfer: Option<Transfer>,
    pub(crate) reads: Reads,
    /// Bytes proposed since the last count of what is not committed; never too low.
    pub(crate) uncommitted_bytes: usize,
    pub(crate) log: Log<O>,
    /// A snapshot that was taken in and not given out to be written.
    pub(crate) snapshot: Option<Box<Snapshot>>,
    /// Followers for which the host should provide a snapshot.
    pub(crate) snapshots_wanted: Vec<PeerId>,
    /// The last entry given out to be applied.
    pub(crate) handed: LogIndex,
    pub(crate) applied: LogIndex,
    pub(crate) timer: Timer,
    /// The own clock, in microseconds.
    pub(crate) clock_us: u64,
    /// Until when this peer keeps its word to a leader, if leases are on; by the own clock.
    pub(crate) promised_until_us: u64,
    pub(crate) writes: Writes,
    /// Messages that may leave at once.
    pub(crate) outbox: Vec<Message>,
    /// Messages that wait for the disk.
    pub(crate) promises: Vec<Message>,
    #[serde(skip)]
    pub(crate) facts: Vec<RaftFact>,
    #[serde(skip)]
    pub(crate) oversight: O,
    /// Kept only to save an allocation for each count of the quorum.
    #[serde(skip)]
    pub(crate) scratch: Vec<LogIndex>,
}

impl<O: Oversight> Peer<O> {
    pub(crate) fn new(
        mut config: Config,
        restored: Restored,
        oversight: O,
    ) -> Result<Self, ConfigError> {
        let voters = std::mem::take(&mut config.voters);
        let conf_state = rule!(oversight, members_at_start(restored.conf_state, voters));
        let membership = Membership::new(conf_state)?;
        let log = Log::new(
            restored.truncated,
            restored.truncated_hash,
            restored.entries,
            oversight,
        );
        let mut peer = Self {
            id: config.id,
            counts: Counts::default(),
            membership,
            hard_state: restored.hard_state,
            durable: restored.hard_state,
            role: Role::Follower,
            leader: None,
            votes: BTreeMap::new(),
            followers: Vec::new(),
            pending_change: LogIndex::ZERO,
            transfer: None,
            reads: Reads::default(),
            uncommitted_bytes: 0,
            log,
            snapshot: None,
            snapshots_wanted: Vec::new(),
            handed: restored.applied,
            applied: restored.applied,
            timer: Timer::new(config.seed, config.election_ticks, config.heartbeat_ticks),
            clock_us: config.clock_us,
            promised_until_us: 0,
            writes: Writes::default(),
            outbox: Vec::new(),
            promises: Vec::new(),
            facts: Vec::new(),
            oversight,
            scratch: Vec::new(),
            config,
        };
        peer.counts = peer.counts_of(peer.id);
        peer.promise_loyalty();
        peer.tell_start();
        Ok(peer)
    }

    fn tell_start(&mut self) {
        self.tell_role(RoleReason::Started);
        self.tell_membership();
        let last = self.log.last_index();
        self.tell(|_| RaftFact::Durable { to: last });
        if self.hard_state.commit > LogIndex::ZERO {
            self.tell_commit(|_| CommitEvidence::Restart);
        }
    }

    /// Records a fact when somebody listens; makes nothing otherwise.
    pub(crate) fn tell(&mut self, fact: impl FnOnce(&Self) -> RaftFact) {
        if self.oversight.traces() {
            let fact = fact(self);
            self.facts.push(fact);
        }
    }

    pub(crate) fn tell_role(&mut self, reason: RoleReason) {
        self.tell(|peer| RaftFact::RoleChanged {
            role: peer.role,
            leader: peer.leader,
            term: peer.hard_state.term,
            reason,
        });
    }

    pub(crate) fn tell_commit(&mut self, evidence: impl FnOnce(&Self) -> CommitEvidence) {
        self.tell(|peer| RaftFact::Committed {
            to: peer.hard_state.commit,
            prefix_hash: peer.prefix_hash(peer.hard_state.commit),
            evidence: evidence(peer),
        });
    }

    pub(crate) fn tell_membership(&mut self) {
        self.tell(|peer| RaftFact::ConfChanged {
            conf_state: peer.membership.state().clone(),
        });
    }

    /// The traced prefix hash, zero where the log has none.
    pub(crate) fn prefix_hash(&self, index: LogIndex) -> u64 {
        self.log.prefix_hash(index).unwrap_or_default()
    }

    pub(crate) fn term(&self) -> Term {
        self.hard_state.term
    }

    pub(crate) fn leads(&self) -> bool {
        self.role == Role::Leader
    }

    /// A leader was heard, or may have been before a restart: with leases on, it may rest on this
    /// peer's refusal to vote for another.
    pub(crate) fn promise_loyalty(&mut self) {
        if let Some(lease) = self.config.lease {
            self.promised_until_us = self.clock_us.saturating_add(lease.refusal_us);
        }
    }

    /// The leader spoke.
    pub(crate) fn hear_leader(&mut self) {
        self.timer.reset();
        self.promise_loyalty();
    }

    /// What this peer counts ticks for.
    pub(crate) fn watch(&self) -> Watch {
        if !self.leads() {
            Watch::Election
        } else if self.config.check_quorum || self.transfer.is_some() {
            Watch::HeartbeatAndQuorum
        } else {
            Watch::Heartbeat
        }
    }

    /// Lets `ticks` pass.
    pub(crate) fn advance(&mut self, ticks: u32) {
        let fired = self.timer.advance(ticks, self.watch());
        if !self.leads() {
            if fired.election {
                self.campaign(RoleReason::ElectionTimeout);
            }
            return;
        }
        if fired.election && self.config.check_quorum {
            self.look_at_quorum();
        }
        if fired.election && rule!(self.oversight, ends_transfer(fired.election)) {
            self.end_transfer(TransferEnd::TimedOut);
        }
        if fired.heartbeat && self.leads() {
            self.leave_joint_when_due();
            self.send_heartbeats();
        }
    }

    /// Sends `body`, now or after the disk, as the rule has it. `accepts` says whether it gives a
    /// vote or accepts entries.
    pub(crate) fn send(&mut self, to: PeerId, body: MessageBody, accepts: bool) {
        self.send_in(self.hard_state.term, to, body, accepts);
    }

    /// Sends `body` in the name of `term`; questions about a next term carry that one.
    pub(crate) fn send_in(&mut self, term: Term, to: PeerId, body: MessageBody, accepts: bool) {
        let kind = body.kind();
        let from = self.id;
        let message = Message {
            from,
            to,
            term,
            body,
        };
        match rule!(
            self.oversight,
            release(&Promise {
                kind,
                accepts,
                current: self.hard_state,
                durable: self.durable,
            })
        ) {
            Release::AtOnce => self.outbox.push(message),
            Release::AfterPersist => self.promises.push(message),
        }
    }

    /// Takes a message in (paper, figure 2, "Rules for Servers"). Checks everything first, so that
    /// a refused message has changed nothing.
    pub(crate) fn step(&mut self, message: Message) -> Result<(), StepError> {
        self.check_form(&message)?;
        if message.term < self.term() {
            self.answer_stale(&message);
            return Ok(());
        }
        self.check_content(&message)?;
        if self.is_unheard(&message) {
            return Ok(());
        }
        self.pass_term_gate(&message);
        self.dispatch(message);
        Ok(())
    }

    fn dispatch(&mut self, message: Message) {
        let (from, term) = (message.from, message.term);
        match message.body {
            MessageBody::PreVote { last, commit } => {
                self.learn_commit(from, commit);
                self.handle_pre_vote(from, term, last);
            }
            MessageBody::PreVoteResponse { granted, commit } => {
                self.learn_commit(from, commit);
                self.handle_pre_vote_response(from, term, granted);
            }
            MessageBody::RequestVote { last, commit, .. } => {
                self.learn_commit(from, commit);
                self.handle_vote_request(from, last);
            }
            MessageBody::RequestVoteResponse { granted, commit } => {
                self.learn_commit(from, commit);
                self.handle_vote(from, granted);
            }
            MessageBody::Append {
                prev,
                entries,
                commit,
            } => self.handle_append(from, prev, entries, commit),
            MessageBody::AppendResponse { result } => self.handle_append_response(from, result),
            MessageBody::Heartbeat { commit, round } => {
                self.handle_heartbeat(from, commit, round);
            }
            MessageBody::HeartbeatResponse { commit, round, .. } => {
                self.handle_heartbeat_response(from, commit, round);
            }
            MessageBody::Snapshot { snapshot } => self.handle_snapshot(from, snapshot),
            MessageBody::TimeoutNow => self.campaign(RoleReason::TransferAsked),
            MessageBody::TransferLeader { transferee } if self.leads() => {
                // Whoever asked for the impossible hears nothing, as in TinyKV.
                let _ = self.transfer_to(transferee);
            }
            MessageBody::ReadIndex { id } if self.leads() => {
                // A follower that is not answered asks again.
                let _ = self.ask_read(from, id);
            }
            MessageBody::ReadIndexResponse { id, index } => self.reads.answer(id, index),
            MessageBody::TransferLeader { .. } | MessageBody::ReadIndex { .. } => {}
        }
    }

    /// Whether a request for a vote goes unheard because the leader lives.
    fn is_unheard(&mut self, message: &Message) -> bool {
        let (transfer, pre_vote) = match message.body {
            MessageBody::RequestVote { transfer, .. } => (transfer, false),
            MessageBody::PreVote { .. } => (false, true),
            _ => return false,
        };
        let is_loyal = rule!(self.oversight, is_loyal(&self.loyalty(transfer)));
        if is_loyal {
            let (candidate, term) = (message.from, message.term);
            self.tell(|peer| RaftFact::VoteDecided {
                candidate,
                term,
                verdict: VoteVerdict::LeaderLives {
                    leader: peer.leader,
                },
                pre_vote,
            });
        }
        is_loyal
    }

    /// What keeps this peer from voting for another than its leader.
    pub(crate) fn loyalty(&self, transfer: bool) -> LoyaltyCheck {
        LoyaltyCheck {
            transfer,
            check_quorum: self.config.check_quorum,
            knows_leader: self.leader.is_some(),
            is_leader_fresh: self.timer.is_leader_fresh(),
            is_promised: self.config.lease.is_some() && self.clock_us < self.promised_until_us,
        }
    }

    /// Later terms make a follower; in the same term the leader's word ends a candidacy and names
    /// the leader (paper, sections 5.1 and 5.2).
    fn pass_term_gate(&mut self, message: &Message) {
        // A question about a next term, and a yes to it, start no term.
        if let MessageBody::PreVote { .. } | MessageBody::PreVoteResponse { granted: true, .. } =
            message.body
        {
            return;
        }
        let leader = is_leaders(message.body.kind()).then_some(message.from);
        if message.term > self.term() {
            self.become_follower(message.term, leader, RoleReason::HigherTerm);
        } else if leader.is_some() && (self.role != Role::Follower || self.leader != leader) {
            self.become_follower(message.term, leader, RoleReason::LeaderHeard);
        }
    }

    fn answer_stale(&mut self, message: &Message) {
        if !rule!(self.oversight, answers_stale(message.body.kind())) {
            return;
        }
        let commit = self.committed();
        let answer = match message.body {
            MessageBody::RequestVote { .. } => {
                let (candidate, term) = (message.from, message.term);
                self.tell(|_| RaftFact::VoteDecided {
                    candidate,
                    term,
                    verdict: VoteVerdict::StaleTerm,
                    pre_vote: false,
                });
                MessageBody::RequestVoteResponse {
                    granted: false,
                    commit,
                }
            }
            MessageBody::PreVote { .. } => MessageBody::PreVoteResponse {
                granted: false,
                commit,
            },
            MessageBody::Snapshot { .. } => MessageBody::AppendResponse {
                result: AppendResult::Stale,
            },
            MessageBody::Append { .. } => MessageBody::AppendResponse {
                result: AppendResult::Stale,
            },
            MessageBody::Heartbeat { round, .. } => self.heartbeat_response(round),
            MessageBody::PreVoteResponse { .. }
            | MessageBody::RequestVoteResponse { .. }
            | MessageBody::AppendResponse { .. }
            | MessageBody::HeartbeatResponse { .. }
            | MessageBody::TimeoutNow
            | MessageBody::TransferLeader { .. }
            | MessageBody::ReadIndex { .. }
            | MessageBody::ReadIndexResponse { .. } => return,
        };
        self.send(message.from, answer, false);
    }

    /// Enters `term`, which is the own one or a later one. What waited to be promised in an
    /// earlier term is dropped: the disk will never hold it as it was.
    pub(crate) fn enter_term(&mut self, term: Term) {
        let from = self.hard_state.term;
        self.hard_state.vote = rule!(self.oversight, vote_in_term(self.hard_state, term));
        if term > from {
            self.hard_state.term = term;
            self.promises.clear();
            self.tell(|_| RaftFact::TermChanged { from, to: term });
        }
    }

    pub(crate) fn become_follower(
        &mut self,
        term: Term,
        leader: Option<PeerId>,
        reason: RoleReason,
    ) {
        let before = (self.role, self.leader);
        self.end_transfer(TransferEnd::Deposed);
        self.enter_term(term);
        self.role = Role::Follower;
        self.leader = leader;
        self.votes.clear();
        self.followers.clear();
        self.snapshots_wanted.clear();
        self.reads.start_anew();
        if before.0 != Role::Follower {
            self.timer.redraw();
        }
        if before != (self.role, self.leader) {
            self.tell_role(reason);
        }
    }

    /// Ready `number` and all before it are durable.
    pub(crate) fn persisted(&mut self, number: u64) {
        let mut to = LogIndex::ZERO;
        while let Some(write) = self.writes.finish(number) {
            self.durable = write.hard_state;
            to = to.max(rule!(self.oversight, durable(write.written, write.intact)));
        }
        let is_news = self.log.persist(to);
        if is_news {
            let to = self.log.persisted();
            self.tell(|_| RaftFact::Durable { to });
        }
        match self.role {
            Role::Leader if !is_news => {}
            Role::Leader => self.count_matches(),
            Role::Candidate => self.count_own_vote(),
            Role::Follower | Role::PreCandidate => {}
        }
    }
}
