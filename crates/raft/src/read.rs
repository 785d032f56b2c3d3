//! Reads that do not go through the log (thesis, section 6.4): an index is handed out at which the
//! state machine is up to date, once a quorum confirmed that this leader still leads, or while its
//! lease holds.

use std::collections::VecDeque;

use serde::Serialize;
use types::id::PeerId;
use types::raft::{LogIndex, MessageBody, RaftFact, ReadEvidence, ReadId};

use crate::config::Lease;
use crate::error::ReadError;
use crate::oversight::Oversight;
use crate::peer::Peer;
use crate::rules::LeaseCheck;

/// A read that may be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReadState {
    /// The host's name for it.
    pub id: ReadId,
    /// It may be served once this index is applied.
    pub index: LogIndex,
}

/// A read that waits for a round of heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Waiting {
    from: PeerId,
    id: ReadId,
    index: LogIndex,
    /// The round that a quorum must answer.
    round: u64,
}

/// Rounds that may be on their way while a lease is on; older ones are forgotten.
const ROUNDS_KEPT: usize = 64;

/// What a peer knows of reads.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Reads {
    /// The last round that left, in this leader's term.
    round: u64,
    /// When each of the newest rounds left, by the own clock in microseconds.
    sent_us: VecDeque<(u64, u64)>,
    /// Reads in the order of their rounds.
    waiting: VecDeque<Waiting>,
    /// Reads that came before an entry of the leader's own term was committed.
    early: Vec<(PeerId, ReadId)>,
    lease_until_us: Option<u64>,
    is_lease_given_up: bool,
    /// Answers for the own host.
    answers: Vec<ReadState>,
}

impl Reads {
    /// A leadership begins or ends: nothing was asked of it, no lease is held. Answers that came
    /// for the own host stay.
    pub(crate) fn start_anew(&mut self) {
        let answers = std::mem::take(&mut self.answers);
        *self = Self {
            answers,
            ..Self::default()
        };
    }

    pub(crate) fn give_lease_up(&mut self) {
        self.is_lease_given_up = true;
        self.lease_until_us = None;
    }

    /// The quorum changed: what an old one said about the future does not bind the new one.
    pub(crate) fn doubt_lease(&mut self) {
        self.lease_until_us = None;
        self.sent_us.clear();
    }

    /// The leader answered.
    pub(crate) fn answer(&mut self, id: ReadId, index: LogIndex) {
        self.answers.push(ReadState { id, index });
    }

    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    pub(crate) fn take_answers(&mut self, out: &mut Vec<ReadState>) {
        crate::node::hand_over(&mut self.answers, out);
    }

    /// Whether a read waits for a round that has not left.
    pub(crate) fn needs_round(&self) -> bool {
        self.waiting
            .back()
            .is_some_and(|read| read.round > self.round)
    }

    /// Whether the next heartbeats must be told from those before.
    pub(crate) fn counts_rounds(&self, lease: Option<Lease>) -> bool {
        lease.is_some() || !self.waiting.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.waiting.len() + self.early.len()
    }
}

impl<O: Oversight> Peer<O> {
    /// Takes a read in for the own host.
    pub(crate) fn read_index(&mut self, id: ReadId) -> Result<(), ReadError> {
        if self.leads() {
            return self.ask_read(self.id, id);
        }
        let leader = self.leader.ok_or(ReadError::NoLeader)?;
        self.tell(|peer| RaftFact::ReadAsked {
            from: peer.id,
            id,
            commit: peer.hard_state.commit,
        });
        self.send(leader, MessageBody::ReadIndex { id }, false);
        Ok(())
    }

    /// Takes a read in as leader.
    pub(crate) fn ask_read(&mut self, from: PeerId, id: ReadId) -> Result<(), ReadError> {
        let limit = self.config.limits.waiting_reads;
        if self.reads.count() >= limit {
            return Err(ReadError::TooMany { limit });
        }
        self.tell(|peer| RaftFact::ReadAsked {
            from,
            id,
            commit: peer.hard_state.commit,
        });
        if rule!(
            self.oversight,
            may_answer_reads(self.commit_term(), self.term())
        ) {
            self.start_read(from, id);
        } else {
            self.reads.early.push((from, id));
        }
        Ok(())
    }

    /// An entry of the own term was committed: reads that came before can start.
    pub(crate) fn start_early_reads(&mut self) {
        if !self.reads.early.is_empty()
            && rule!(
                self.oversight,
                may_answer_reads(self.commit_term(), self.term())
            )
        {
            for (from, id) in std::mem::take(&mut self.reads.early) {
                self.start_read(from, id);
            }
        }
    }

    fn start_read(&mut self, from: PeerId, id: ReadId) {
        let index = self.hard_state.commit;
        let check = LeaseCheck {
            now_us: self.clock_us,
            until_us: self.reads.lease_until_us,
            is_given_up: self.reads.is_lease_given_up,
        };
        if self.config.lease.is_some() && rule!(self.oversight, holds_lease(&check)) {
            let evidence = ReadEvidence::Lease {
                now_us: check.now_us,
                until_us: check.until_us.unwrap_or_default(),
            };
            self.confirm_read(from, id, index, |_| evidence);
        } else {
            let round = rule!(self.oversight, read_waits_for(self.reads.round));
            self.reads.waiting.push_back(Waiting {
                from,
                id,
                index,
                round,
            });
            self.confirm_rounds();
        }
    }

    fn confirm_read(
        &mut self,
        from: PeerId,
        id: ReadId,
        index: LogIndex,
        evidence: impl FnOnce(&Self) -> ReadEvidence,
    ) {
        self.tell(|peer| RaftFact::ReadConfirmed {
            from,
            id,
            index,
            evidence: evidence(peer),
        });
        if from == self.id {
            self.reads.answer(id, index);
        } else {
            self.send(from, MessageBody::ReadIndexResponse { id, index }, false);
        }
    }

    /// The number of the heartbeats that leave now; zero when nobody needs to know.
    pub(crate) fn next_round(&mut self) -> u64 {
        if !self.reads.counts_rounds(self.config.lease) {
            return 0;
        }
        self.reads.round += 1;
        if self.config.lease.is_some() {
            let sent = (self.reads.round, self.clock_us);
            self.reads.sent_us.push_back(sent);
            if self.reads.sent_us.len() > ROUNDS_KEPT {
                self.reads.sent_us.pop_front();
            }
        }
        self.reads.round
    }

    /// Answers the reads whose round a quorum answered, and holds the lease that this gives.
    pub(crate) fn confirm_rounds(&mut self) {
        if !self.reads.counts_rounds(self.config.lease) {
            return;
        }
        // Rounds are counted by the same algorithm as indexes.
        let own = LogIndex::new(self.reads.round);
        let answered = self
            .quorum_of(own, |follower| LogIndex::new(follower.answered_round))
            .get();
        if let Some(lease) = self.config.lease {
            self.extend_lease(answered, lease);
        }
        while let Some(read) = self.reads.waiting.front().copied() {
            if read.round > answered {
                break;
            }
            self.reads.waiting.pop_front();
            self.confirm_read(read.from, read.id, read.index, |peer| ReadEvidence::Round {
                needed: read.round,
                answered: peer.by_voter(peer.reads.round, |follower| follower.answered_round),
            });
        }
    }

    fn extend_lease(&mut self, answered: u64, lease: Lease) {
        let mut sent_us = None;
        while let Some((_, sent)) = self
            .reads
            .sent_us
            .pop_front_if(|(round, _)| *round <= answered)
        {
            sent_us = Some(sent);
        }
        if let Some(sent) = sent_us.filter(|_| !self.reads.is_lease_given_up) {
            self.reads.lease_until_us = Some(sent.saturating_add(lease.duration_us));
        }
    }

    /// Until when reads need no round, by the own clock in microseconds; nothing without a lease.
    pub(crate) fn lease_until_us(&self) -> Option<u64> {
        self.reads.lease_until_us.filter(|_| self.leads())
    }
}
