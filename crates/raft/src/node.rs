//! The door: what a host tells a peer, and the [`Ready`] that it takes out.

use bytes::Bytes;
use serde::Serialize;
use types::id::PeerId;
use types::raft::{
    Entry, EntryKind, HardState, LogIndex, LogPosition, Message, RaftFact, Role, RoleReason, Term,
};

use crate::config::{Config, Restored};
use crate::error::{ConfigError, ProposeError, StepError};
use crate::log::Log;
use crate::peer::Peer;
use crate::progress::Progress;
use crate::timer::Timer;

/// What a host does for a peer, in this order: give `messages` to the network; write `hard_state`
/// and `entries`, atomically and after every earlier Ready; once that is durable, give
/// `messages_after_persist` to the network and call [`RawNode::persisted`]. `committed` may be
/// applied as soon as the Ready is taken; say so with [`RawNode::applied`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ready {
    /// Counts 1, 2, 3….
    pub number: u64,
    /// The hard state, when any part of it changed.
    pub hard_state: Option<HardState>,
    /// Entries to write; they take the place of everything that the disk holds from the first of
    /// them on.
    pub entries: Vec<Entry>,
    /// May leave at once.
    pub messages: Vec<Message>,
    /// May leave once this Ready and all before it are durable. Where several Readys become one
    /// write, drop those whose term is below that of the last hard state written: the disk never
    /// held what they promise.
    pub messages_after_persist: Vec<Message>,
    /// Entries to apply, in order, each exactly once in a peer's life; durable here already.
    pub committed: Vec<Entry>,
    /// What happened since the last Ready, in order; empty unless [`Config::trace`].
    pub facts: Vec<RaftFact>,
    must_persist: bool,
}

impl Ready {
    /// Whether something must reach the disk for this Ready's sake. False when at most the commit
    /// index changed, which may be written with whatever is written next: losing it costs a
    /// restarted peer only a word from its leader (etcd: `MustSync`).
    #[must_use]
    pub fn must_persist(&self) -> bool {
        self.must_persist
    }
}

/// One peer of a raft group.
///
/// Everything in it is plain data. Its postcard bytes are its whole state but for rules and trace,
/// so equal bytes mean equal behaviour from here on.
#[derive(Debug, Clone, Serialize)]
pub struct RawNode {
    peer: Peer,
    /// The hard state as the last Ready gave it.
    given: HardState,
    /// The number of the last Ready.
    number: u64,
    /// The last entry given out to be applied.
    handed: LogIndex,
    applied: LogIndex,
}

impl RawNode {
    /// Starts a peer from what its disk holds, as a follower that knows no leader. Its first Ready
    /// holds the entries that are committed and not applied, and facts.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when `config` contradicts itself, or `restored` is no state that this crate
    /// can have written.
    pub fn new(config: Config, restored: Restored) -> Result<Self, ConfigError> {
        config.validate()?;
        restored.validate()?;
        let (given, applied) = (restored.hard_state, restored.applied);
        Ok(Self {
            peer: Peer::new(config, restored),
            given,
            number: 0,
            handed: applied,
            applied,
        })
    }

    /// Lets `ticks` pass at once. A deadline that lies within them fires once, and its timer
    /// starts again at zero: the peer behaves as one that was not scheduled meanwhile.
    pub fn advance_ticks(&mut self, ticks: u32) {
        let leads = self.peer.leads();
        if self.peer.timer.advance(ticks, leads) {
            if leads {
                self.peer.send_heartbeats();
            } else {
                self.peer.campaign(RoleReason::ElectionTimeout);
            }
        }
    }

    /// After how many ticks the next timer fires, unless something happens before; at least 1.
    #[must_use]
    pub fn ticks_to_deadline(&self) -> u32 {
        self.peer.timer.to_deadline(self.peer.leads())
    }

    /// Takes a message in. Late, repeated and outdated messages are no errors.
    ///
    /// # Errors
    ///
    /// [`StepError`] for a message that no correct peer sends to this one; nothing has changed.
    pub fn step(&mut self, message: Message) -> Result<(), StepError> {
        self.peer.step(message)
    }

    /// Appends a command to the log of a leader. Whether it commits is known once an entry of this
    /// position, term included, is committed, or another one took its index.
    ///
    /// # Errors
    ///
    /// [`ProposeError::NotLeader`] with the leader to ask instead.
    pub fn propose(&mut self, data: Bytes) -> Result<LogPosition, ProposeError> {
        if self.peer.leads() {
            Ok(self.peer.append_own(EntryKind::Normal, data))
        } else {
            Err(ProposeError::NotLeader {
                leader: self.peer.leader,
            })
        }
    }

    /// Campaigns at once, as if the election timer had run out. A leader, and a peer outside of
    /// its group, ignores it.
    pub fn campaign(&mut self) {
        self.peer.campaign(RoleReason::Asked);
    }

    /// Whether [`RawNode::ready`] has something to give.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        let peer = &self.peer;
        peer.log.has_unwritten()
            || peer.hard_state != self.given
            || !peer.outbox.is_empty()
            || !peer.promises.is_empty()
            || !peer.facts.is_empty()
            || self.may_apply() > self.handed
            || peer.followers.iter().any(Progress::is_due)
    }

    /// Takes everything out that is to be done. Several Readys may be on their way to the disk.
    pub fn ready(&mut self) -> Option<Ready> {
        if !self.has_ready() {
            return None;
        }
        self.peer.send_appends();
        self.number += 1;
        let entries = self.peer.log.take_unwritten();
        let current = self.peer.hard_state;
        let must_persist = !entries.is_empty()
            || current.term != self.given.term
            || current.vote != self.given.vote;
        let mut messages = std::mem::take(&mut self.peer.outbox);
        let mut promises = std::mem::take(&mut self.peer.promises);
        if must_persist {
            let last = self.peer.log.last_index();
            self.peer.writes.start(self.number, current, last);
        } else if self.peer.writes.is_empty() {
            messages.append(&mut promises);
        }
        let hard_state = (current != self.given).then_some(current);
        self.given = current;
        Some(Ready {
            number: self.number,
            hard_state,
            entries,
            messages,
            messages_after_persist: promises,
            committed: self.take_committed(),
            facts: std::mem::take(&mut self.peer.facts),
            must_persist,
        })
    }

    fn may_apply(&self) -> LogIndex {
        let log = &self.peer.log;
        (self.peer.rules.may_apply)(self.peer.hard_state.commit, log.persisted())
            .min(log.last_index())
    }

    fn take_committed(&mut self) -> Vec<Entry> {
        let to = self.may_apply();
        if to <= self.handed {
            return Vec::new();
        }
        let from = self.handed.next();
        self.handed = to;
        self.peer.log.entries(from, to).cloned().collect()
    }

    /// Ready `number` and all before it are durable. May make a new Ready. A number that was told
    /// before changes nothing.
    ///
    /// # Panics
    ///
    /// When no Ready of that number was given out.
    pub fn persisted(&mut self, number: u64) {
        assert!(
            number <= self.number,
            "Ready {number} cannot be durable, the last one given out is {}",
            self.number
        );
        self.peer.persisted(number);
    }

    /// The host has applied everything up to `to`. An index that was told before changes nothing.
    ///
    /// # Panics
    ///
    /// When `to` was not given out to be applied.
    pub fn applied(&mut self, to: LogIndex) {
        assert!(
            to <= self.handed,
            "{to} cannot be applied, the last entry given out is {}",
            self.handed
        );
        self.applied = self.applied.max(to);
    }

    /// This peer.
    #[must_use]
    pub fn id(&self) -> PeerId {
        self.peer.id
    }

    /// The voters of the group, in the order of their ids.
    #[must_use]
    pub fn voters(&self) -> &[PeerId] {
        &self.peer.voters
    }

    /// The role.
    #[must_use]
    pub fn role(&self) -> Role {
        self.peer.role
    }

    /// The leader of the current term, where known; a leader names itself.
    #[must_use]
    pub fn leader(&self) -> Option<PeerId> {
        self.peer.leader
    }

    /// Term, vote and commit index, as they stand in memory.
    #[must_use]
    pub fn hard_state(&self) -> HardState {
        self.peer.hard_state
    }

    /// Term and vote as the disk is known to hold them.
    #[must_use]
    pub fn durable_state(&self) -> HardState {
        self.peer.durable
    }

    /// The current term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.peer.hard_state.term
    }

    /// The commit index.
    #[must_use]
    pub fn commit(&self) -> LogIndex {
        self.peer.hard_state.commit
    }

    /// Up to where the host has applied.
    #[must_use]
    pub fn applied_index(&self) -> LogIndex {
        self.applied
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.peer.log
    }

    /// What a leader knows of its followers, in the order of their ids; nothing in other roles.
    /// The leader's own match index is [`Log::persisted`].
    pub fn progress(&self) -> impl ExactSizeIterator<Item = &Progress> {
        self.peer.followers.iter()
    }

    /// The votes that a candidate has counted, in the order of the voters' ids.
    pub fn votes(&self) -> impl ExactSizeIterator<Item = (PeerId, bool)> {
        self.peer.votes.iter().map(|(&voter, &vote)| (voter, vote))
    }

    /// The election and heartbeat timers.
    #[must_use]
    pub fn timer(&self) -> &Timer {
        &self.peer.timer
    }
}
