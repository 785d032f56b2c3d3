//! The door: what a host tells a peer, and the [`Ready`] that it takes out.

use bytes::Bytes;
use serde::Serialize;
use types::id::PeerId;
use types::raft::{
    ConfChange, ConfState, Entries, HardState, LogIndex, LogPosition, Message, RaftFact, ReadId,
    Role, RoleReason, Snapshot, Term,
};

use crate::config::{Config, Restored};
use crate::error::{
    CompactError, ConfChangeError, ConfigError, ProposeError, ReadError, SnapshotError, StepError,
    TransferError,
};
use crate::log::Log;
use crate::oversight::{Overseen, Oversight, Unwatched};
use crate::peer::Peer;
use crate::progress::Progress;
use crate::quorum::Why;
use crate::read::ReadState;
use crate::rules::Rules;
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
    pub entries: Entries,
    /// May leave at once.
    pub messages: Vec<Message>,
    /// May leave once this Ready and all before it are durable. Where several Readys become one
    /// write, drop those whose term is below that of the last hard state written: the disk never
    /// held what they promise.
    pub messages_after_persist: Vec<Message>,
    /// A leader's snapshot: it takes the place of the whole log and of the state machine; entries
    /// that were handed out before it need not be applied any more. Written
    /// in the same transaction as `hard_state` and `entries`, before the latter; once the state
    /// machine is that of the snapshot, [`RawNode::applied`] says so.
    pub snapshot: Option<Box<Snapshot>>,
    /// Followers for which a snapshot is to be made and given to [`RawNode::send_snapshot`].
    pub snapshots_wanted: Vec<PeerId>,
    /// Reads that may be served, each once its index is applied.
    pub reads: Vec<ReadState>,
    /// Entries to apply, in order, each exactly once in a peer's life; durable here already. At
    /// most [`crate::Limits::committed_bytes`] at a time.
    pub committed: Entries,
    /// What happened since the last Ready, in order; empty unless [`Oversight::traces`].
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
/// Everything in it is plain data. Its postcard bytes are its whole state but for its oversight and
/// what that heard, so equal bytes mean equal behaviour from here on.
#[derive(Debug, Clone, Serialize)]
#[serde(bound = "")]
pub struct RawNode<O: Oversight = Unwatched> {
    peer: Peer<O>,
    /// The hard state as the last Ready gave it.
    given: HardState,
    /// The number of the last Ready.
    number: u64,
}

impl RawNode {
    /// [`RawNode::with_oversight`] of a peer that is [`Unwatched`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn new(config: Config, restored: Restored) -> Result<Self, ConfigError> {
        Self::with_oversight(config, restored, Unwatched)
    }
}

impl RawNode<Overseen> {
    /// Decides by `rules` from now on. What was decided stands: a peer keeps what the rules before
    /// made of it.
    pub fn set_rules(&mut self, rules: &'static Rules) {
        self.peer.oversight.rules = rules;
    }
}

impl<O: Oversight> RawNode<O> {
    /// Starts a peer from what its disk holds, as a follower that knows no leader. Its first Ready
    /// holds the entries that are committed and not applied, and facts where they are made.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when `config` contradicts itself, or `restored` is no state that this crate
    /// can have written.
    pub fn with_oversight(
        config: Config,
        restored: Restored,
        oversight: O,
    ) -> Result<Self, ConfigError> {
        config.validate()?;
        restored.validate()?;
        let given = restored.hard_state;
        Ok(Self {
            peer: Peer::new(config, restored, oversight)?,
            given,
            number: 0,
        })
    }

    /// Lets `ticks` pass at once. A deadline that lies within them fires once, and its timer
    /// starts again at zero: the peer behaves as one that was not scheduled meanwhile.
    pub fn advance_ticks(&mut self, ticks: u32) {
        self.peer.advance(ticks);
    }

    /// Tells the own clock, in microseconds; it never runs backwards. Only leases look at it.
    pub fn set_clock(&mut self, now_us: u64) {
        self.peer.clock_us = self.peer.clock_us.max(now_us);
    }

    /// After how many ticks the next timer fires, unless something happens before; at least 1.
    #[must_use]
    pub fn ticks_to_deadline(&self) -> u32 {
        self.peer.timer.to_deadline(self.peer.watch())
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
    /// [`ProposeError`] when this peer takes no proposals now; nothing has changed.
    pub fn propose(&mut self, data: Bytes) -> Result<LogPosition, ProposeError> {
        self.peer.propose(data)
    }

    /// Appends a membership change to the log of a leader. It takes effect on each peer when that
    /// peer's host applies it and says so with [`RawNode::apply_conf_change`].
    ///
    /// # Errors
    ///
    /// As [`RawNode::propose`], and when an earlier change is not applied yet or this one cannot
    /// follow the membership in force.
    pub fn propose_conf_change(
        &mut self,
        change: &ConfChange,
    ) -> Result<LogPosition, ProposeError> {
        self.peer.propose_conf_change(change)
    }

    /// The host applied a membership change ([`crate::conf_change_of`] reads it from its entry).
    /// Call it before [`RawNode::applied`] of that entry; a host that calls the change off calls
    /// neither this nor anything else.
    ///
    /// # Errors
    ///
    /// [`ConfChangeError`] when the change cannot follow the membership in force: then it has no
    /// effect, on no peer, since all of them apply the same log. And when a snapshot was taken in
    /// since the entry was handed out: its membership holds the change already.
    pub fn apply_conf_change(&mut self, change: &ConfChange) -> Result<ConfState, ConfChangeError> {
        self.peer.apply_conf_change(change)
    }

    /// Hands a leader's leadership over to `to`, or asks the leader to; naming the leader itself
    /// calls a transfer off. It ends by itself after one election timeout.
    ///
    /// # Errors
    ///
    /// [`TransferError`]; nothing has changed.
    pub fn transfer_leader(&mut self, to: PeerId) -> Result<(), TransferError> {
        self.peer.transfer_to(to)
    }

    /// Asks for an index at which a read is up to date; it comes in [`Ready::reads`]. A follower
    /// asks its leader. Nothing comes when messages are lost or leadership changes: ask again.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; nothing has changed.
    pub fn read_index(&mut self, id: ReadId) -> Result<(), ReadError> {
        self.peer.read_index(id)
    }

    /// Sends a snapshot that [`Ready::snapshots_wanted`] asked for.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] when it cannot be sent; nothing has changed.
    pub fn send_snapshot(&mut self, to: PeerId, snapshot: Snapshot) -> Result<(), SnapshotError> {
        self.peer.send_snapshot(to, snapshot)
    }

    /// Wants a snapshot for a follower that does not need one; it is asked for in
    /// [`Ready::snapshots_wanted`]. Only a leader can, and not for a follower that waits for one.
    pub fn want_snapshot(&mut self, to: PeerId) {
        self.peer.force_snapshot(to);
    }

    /// Says that a snapshot for `to` arrived, or that it did not, or that none can be made now.
    /// The follower is probed once it is heard again, and asked for anew where still needed. A
    /// host whose network loses snapshots must tell, nobody else can know.
    pub fn report_snapshot(&mut self, to: PeerId, arrived: bool) {
        self.peer.report_snapshot(to, arrived);
    }

    /// Drops the log up to `to`, which the state machine has and a snapshot can stand for.
    ///
    /// # Errors
    ///
    /// [`CompactError`] when `to` is not applied; nothing has changed.
    pub fn compact(&mut self, to: LogIndex) -> Result<(), CompactError> {
        self.peer.compact(to)
    }

    /// Forgets who leads, so that this peer votes for another at once.
    pub fn forget_leader(&mut self) {
        self.peer.forget_leader();
    }

    /// Campaigns at once, as if the election timer had run out. A leader, and a peer outside of
    /// its group, ignores it.
    pub fn campaign(&mut self) {
        self.peer.campaign(RoleReason::Asked);
    }

    /// Takes out what happened since the last Ready, for a host that has more to tell before it
    /// takes the next one.
    pub fn take_facts(&mut self) -> Vec<RaftFact> {
        std::mem::take(&mut self.peer.facts)
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
            || peer.snapshot.is_some()
            || !peer.snapshots_wanted.is_empty()
            || peer.reads.has_answers()
            || peer.reads.needs_round()
            || self.may_apply() > peer.handed
            || peer
                .followers
                .iter()
                .any(|follower| follower.is_due(&peer.config.limits))
    }

    /// Takes everything out that is to be done. Several Readys may be on their way to the disk.
    pub fn ready(&mut self) -> Option<Ready> {
        let mut ready = Ready::default();
        self.ready_into(&mut ready).then_some(ready)
    }

    /// Like [`RawNode::ready`], into a Ready that the host is done with, of this peer or of
    /// another: its memory is used again. Says whether there was something to do; where not,
    /// `ready` is as it was.
    pub fn ready_into(&mut self, ready: &mut Ready) -> bool {
        if !self.has_ready() {
            return false;
        }
        let peer = &mut self.peer;
        if peer.reads.needs_round() {
            peer.send_round();
        }
        peer.send_appends();
        self.number += 1;
        ready.number = self.number;
        ready.snapshot = peer.snapshot.take();
        ready.entries = peer.log.take_unwritten();
        let current = peer.hard_state;
        ready.must_persist = ready.snapshot.is_some()
            || !ready.entries.is_empty()
            || current.term != self.given.term
            || current.vote != self.given.vote;
        hand_over(&mut peer.outbox, &mut ready.messages);
        ready.messages_after_persist.clear();
        if ready.must_persist {
            let last = peer.log.last_index();
            peer.writes.start(self.number, current, last);
        } else if peer.writes.is_empty() {
            ready.messages.append(&mut peer.promises);
        }
        hand_over(&mut peer.promises, &mut ready.messages_after_persist);
        ready.hard_state = (current != self.given).then_some(current);
        self.given = current;
        hand_over(&mut peer.snapshots_wanted, &mut ready.snapshots_wanted);
        peer.reads.take_answers(&mut ready.reads);
        hand_over(&mut peer.facts, &mut ready.facts);
        ready.committed = self.take_committed();
        true
    }

    fn may_apply(&self) -> LogIndex {
        let log = &self.peer.log;
        rule!(
            self.peer.oversight,
            may_apply(self.peer.hard_state.commit, log.persisted())
        )
        .min(log.last_index())
    }

    fn take_committed(&mut self) -> Entries {
        let (from, to) = (self.peer.handed.next(), self.may_apply());
        if to < from {
            return Entries::default();
        }
        let limit = self.peer.config.limits.committed_bytes;
        let (committed, _) = self.peer.log.fitting(from, to, usize::MAX, limit);
        if let Some(last) = committed.last() {
            let commit = self.peer.hard_state.commit;
            self.peer.handed = rule!(self.peer.oversight, handed_over(last.index, commit));
        }
        committed
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
            to <= self.peer.handed,
            "{to} cannot be applied, the last entry given out is {}",
            self.peer.handed
        );
        self.peer.applied = self.peer.applied.max(to);
        self.peer.leave_joint_when_due();
    }

    /// This peer.
    #[must_use]
    pub fn id(&self) -> PeerId {
        self.peer.id
    }

    /// The membership in force here.
    #[must_use]
    pub fn conf_state(&self) -> &ConfState {
        self.peer.membership.state()
    }

    /// Who votes, in either half of the membership, in the order of ids.
    #[must_use]
    pub fn voters(&self) -> Vec<PeerId> {
        self.peer.membership.voters()
    }

    /// Whom this leader hands its leadership over to.
    #[must_use]
    pub fn transferee(&self) -> Option<PeerId> {
        self.peer.transfer.map(|transfer| transfer.to)
    }

    /// Until when this leader answers reads by itself, by its own clock in microseconds.
    #[must_use]
    pub fn lease_until_us(&self) -> Option<u64> {
        self.peer.lease_until_us()
    }

    /// How many reads wait for this leader's confirmation.
    #[must_use]
    pub fn waiting_reads(&self) -> usize {
        self.peer.reads.count()
    }

    /// Why a quorum holds `index`, as far as this leader knows, or why it does not.
    #[must_use]
    pub fn why(&self, index: LogIndex) -> Why {
        let own = self.peer.log.persisted();
        let matched = self.peer.by_voter(own, Progress::matched);
        let of = |peer| matched.iter().find(|(id, _)| *id == peer);
        Why::new(self.conf_state(), index, |peer| {
            of(peer).map_or(LogIndex::ZERO, |(_, matched)| *matched)
        })
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
        self.peer.applied
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log<O> {
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

/// Gives all of `from`, and takes the emptied memory of `to` for what comes next.
pub(crate) fn hand_over<T>(from: &mut Vec<T>, to: &mut Vec<T>) {
    to.clear();
    // What has nothing to give would only take the memory.
    if !from.is_empty() {
        std::mem::swap(from, to);
    }
}
