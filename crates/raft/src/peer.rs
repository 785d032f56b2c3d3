//! The state of one peer, the gate that every message passes, and the changes of role.

use std::collections::BTreeMap;

use serde::Serialize;
use types::id::PeerId;
use types::raft::{
    AppendResult, CommitEvidence, Entry, HardState, LogIndex, LogPosition, Message, MessageBody,
    MessageKind, RaftFact, Role, RoleReason, Term,
};

use crate::config::{Config, Restored, fits};
use crate::error::StepError;
use crate::log::Log;
use crate::progress::Progress;
use crate::rules::{Promise, Release, Rules};
use crate::timer::Timer;
use crate::writes::Writes;

/// One peer of a group: the paper's figure 2, "State", and what its timers and its disk add.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    /// Sorted.
    pub(crate) voters: Vec<PeerId>,
    pub(crate) no_op_on_election: bool,
    pub(crate) hard_state: HardState,
    /// What the own disk holds of the hard state.
    pub(crate) durable: HardState,
    pub(crate) role: Role,
    pub(crate) leader: Option<PeerId>,
    /// A candidate's votes so far.
    pub(crate) votes: BTreeMap<PeerId, bool>,
    /// A leader's followers, sorted by id; empty in other roles.
    pub(crate) followers: Vec<Progress>,
    pub(crate) log: Log,
    pub(crate) timer: Timer,
    pub(crate) writes: Writes,
    /// Messages that may leave at once.
    pub(crate) outbox: Vec<Message>,
    /// Messages that wait for the disk.
    pub(crate) promises: Vec<Message>,
    #[serde(skip)]
    pub(crate) facts: Vec<RaftFact>,
    #[serde(skip)]
    pub(crate) trace: bool,
    #[serde(skip)]
    pub(crate) rules: &'static Rules,
    /// Kept only to save an allocation for each count of the quorum.
    #[serde(skip)]
    pub(crate) scratch: Vec<LogIndex>,
}

impl Peer {
    pub(crate) fn new(config: Config, restored: Restored) -> Self {
        let mut voters = config.voters;
        voters.sort_unstable();
        let mut peer = Self {
            id: config.id,
            voters,
            no_op_on_election: config.no_op_on_election,
            hard_state: restored.hard_state,
            durable: restored.hard_state,
            role: Role::Follower,
            leader: None,
            votes: BTreeMap::new(),
            followers: Vec::new(),
            log: Log::new(
                restored.truncated,
                restored.truncated_hash,
                restored.entries,
                config.trace,
            ),
            timer: Timer::new(config.seed, config.election_ticks, config.heartbeat_ticks),
            writes: Writes::default(),
            outbox: Vec::new(),
            promises: Vec::new(),
            facts: Vec::new(),
            trace: config.trace,
            rules: config.rules,
            scratch: Vec::new(),
        };
        peer.tell_start();
        peer
    }

    fn tell_start(&mut self) {
        self.tell_role(RoleReason::Started);
        let last = self.log.last_index();
        self.tell(|_| RaftFact::Durable { to: last });
        if self.hard_state.commit > LogIndex::ZERO {
            self.tell_commit(|_| CommitEvidence::Restart);
        }
    }

    /// Records a fact when somebody listens; makes nothing otherwise.
    pub(crate) fn tell(&mut self, fact: impl FnOnce(&Self) -> RaftFact) {
        if self.trace {
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

    pub(crate) fn is_voter(&self, id: PeerId) -> bool {
        self.voters.binary_search(&id).is_ok()
    }

    /// Sends `body`, now or after the disk, as the rule has it. `accepts` says whether it gives a
    /// vote or accepts entries.
    pub(crate) fn send(&mut self, to: PeerId, body: MessageBody, accepts: bool) {
        let promise = Promise {
            kind: body.kind(),
            accepts,
            current: self.hard_state,
            durable: self.durable,
        };
        let message = Message {
            from: self.id,
            to,
            term: self.hard_state.term,
            body,
        };
        match (self.rules.release)(&promise) {
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
        self.pass_term_gate(&message);
        let from = message.from;
        match message.body {
            MessageBody::RequestVote { last } => self.handle_vote_request(from, last),
            MessageBody::RequestVoteResponse { granted } => self.handle_vote(from, granted),
            MessageBody::Append {
                prev,
                entries,
                commit,
            } => self.handle_append(from, prev, entries, commit),
            MessageBody::AppendResponse { result } => match result {
                AppendResult::Matched { index } => self.handle_match(from, index),
                AppendResult::Rejected { refused, hint } => {
                    self.handle_refusal(from, refused, hint);
                }
                AppendResult::Stale => {}
            },
            MessageBody::Heartbeat { commit } => self.handle_heartbeat(from, commit),
            MessageBody::HeartbeatResponse { commit, .. } => {
                self.handle_heartbeat_response(from, commit);
            }
        }
        Ok(())
    }

    /// Later terms make a follower; in the same term the leader's word ends a candidacy and names
    /// the leader (paper, sections 5.1 and 5.2).
    fn pass_term_gate(&mut self, message: &Message) {
        let leader = is_leaders(message.body.kind()).then_some(message.from);
        if message.term > self.term() {
            self.become_follower(message.term, leader, RoleReason::HigherTerm);
        } else if leader.is_some() && (self.role != Role::Follower || self.leader != leader) {
            self.become_follower(message.term, leader, RoleReason::LeaderHeard);
        }
    }

    fn answer_stale(&mut self, message: &Message) {
        if !(self.rules.answers_stale)(message.body.kind()) {
            return;
        }
        let answer = match message.body {
            MessageBody::RequestVote { .. } => {
                let (candidate, term) = (message.from, message.term);
                self.tell(|_| RaftFact::VoteDecided {
                    candidate,
                    term,
                    verdict: types::raft::VoteVerdict::StaleTerm,
                });
                MessageBody::RequestVoteResponse { granted: false }
            }
            MessageBody::Append { .. } => MessageBody::AppendResponse {
                result: AppendResult::Stale,
            },
            MessageBody::Heartbeat { .. } => self.heartbeat_response(),
            MessageBody::RequestVoteResponse { .. }
            | MessageBody::AppendResponse { .. }
            | MessageBody::HeartbeatResponse { .. } => return,
        };
        self.send(message.from, answer, false);
    }

    /// Enters `term`, which is the own one or a later one. What waited to be promised in an
    /// earlier term is dropped: the disk will never hold it as it was.
    pub(crate) fn enter_term(&mut self, term: Term) {
        let from = self.hard_state.term;
        self.hard_state.vote = (self.rules.vote_in_term)(self.hard_state, term);
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
        self.enter_term(term);
        self.role = Role::Follower;
        self.leader = leader;
        self.votes.clear();
        self.followers.clear();
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
            to = to.max((self.rules.durable)(write.written, write.intact));
        }
        if self.log.persist(to) {
            let to = self.log.persisted();
            self.tell(|_| RaftFact::Durable { to });
        }
        match self.role {
            Role::Leader => self.count_matches(),
            Role::Candidate => self.count_own_vote(),
            Role::Follower => {}
        }
    }

    // What a message must be, whoever sent it.

    fn check_form(&self, message: &Message) -> Result<(), StepError> {
        let (from, kind) = (message.from, message.body.kind());
        if message.to != self.id || from == self.id || from == PeerId::ZERO {
            return Err(StepError::NotForMe {
                id: self.id,
                from,
                to: message.to,
            });
        }
        if kind.is_response() && !self.is_voter(from) {
            return Err(StepError::UnknownPeer { from, kind });
        }
        if message.term == Term::ZERO || !numbers_fit(message) {
            return Err(StepError::OutOfRange { from, kind });
        }
        match &message.body {
            MessageBody::Append { prev, entries, .. } => check_entries(message, *prev, entries),
            _ => Ok(()),
        }
    }

    // What a message of this term or a later one may say, given the own log.

    fn check_content(&self, message: &Message) -> Result<(), StepError> {
        let (from, term) = (message.from, message.term);
        let leads_it = self.leads() && term == self.term();
        if leads_it && is_leaders(message.body.kind()) {
            return Err(StepError::RivalLeader { from, term });
        }
        let last = self.log.last_index();
        match &message.body {
            MessageBody::Append { prev, entries, .. } => {
                let positions = entries.iter().map(|entry| (entry.index, entry.term));
                self.check_committed(
                    from,
                    std::iter::once((prev.index, prev.term)).chain(positions),
                )
            }
            MessageBody::Heartbeat { commit } if *commit > last => {
                Err(StepError::CommitBeyondLog {
                    from,
                    commit: *commit,
                    last,
                })
            }
            MessageBody::AppendResponse {
                result: AppendResult::Matched { index },
            } if leads_it && *index > last => Err(StepError::MatchBeyondLog {
                from,
                index: *index,
                last,
            }),
            _ => Ok(()),
        }
    }

    /// Nothing committed may be contradicted (paper, section 5.4, State Machine Safety).
    fn check_committed(
        &self,
        from: PeerId,
        positions: impl Iterator<Item = (LogIndex, Term)>,
    ) -> Result<(), StepError> {
        let commit = self.hard_state.commit;
        for (index, theirs) in positions.take_while(|(index, _)| *index <= commit) {
            match self.log.term(index) {
                Some(ours) if ours != theirs => {
                    return Err(StepError::CommittedOverwritten {
                        from,
                        index,
                        theirs,
                        ours,
                        commit,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether only a leader says this.
fn is_leaders(kind: MessageKind) -> bool {
    matches!(kind, MessageKind::Append | MessageKind::Heartbeat)
}

fn numbers_fit(message: &Message) -> bool {
    let (position, index) = match &message.body {
        MessageBody::RequestVote { last } => (*last, LogIndex::ZERO),
        MessageBody::Append {
            prev,
            entries,
            commit,
        } => {
            let end = entries
                .last()
                .map_or(*commit, |last| last.index.max(*commit));
            (*prev, end)
        }
        MessageBody::AppendResponse { result } => match result {
            AppendResult::Matched { index } => (LogPosition::default(), *index),
            AppendResult::Rejected { refused, hint } => (*hint, *refused),
            AppendResult::Stale => (LogPosition::default(), LogIndex::ZERO),
        },
        MessageBody::Heartbeat { commit } => (LogPosition::default(), *commit),
        MessageBody::HeartbeatResponse { commit, last } => {
            (LogPosition::default(), (*commit).max(*last))
        }
        MessageBody::RequestVoteResponse { .. } => (LogPosition::default(), LogIndex::ZERO),
    };
    fits(message.term, index) && fits(position.term, position.index)
}

fn check_entries(message: &Message, prev: LogPosition, entries: &[Entry]) -> Result<(), StepError> {
    let mut before = prev;
    for entry in entries {
        let after = LogPosition {
            index: entry.index,
            term: entry.term,
        };
        let follows = before.index.get().checked_add(1) == Some(after.index.get());
        if !follows || after.term < before.term || after.term > message.term {
            return Err(StepError::BrokenEntries {
                from: message.from,
                term: message.term,
                before,
                after,
            });
        }
        before = after;
    }
    Ok(())
}
