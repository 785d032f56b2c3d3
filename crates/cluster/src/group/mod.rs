//! A raw raft group on a host: consensus with everything that belongs to it (memberships,
//! snapshots, transfers, reads), without regions, flushes or row formats of a store. It shows
//! raft's own behaviour, and that the simulator knows nothing of stores.
//!
//! The state machine is a map. It is applied in memory as far as the log is durable, and reaches
//! the disk now and then as one row, together with the membership as of its index.

mod admin;
mod apply;
mod disk;
mod read;
mod setup;
mod snapshot;
mod state;
pub mod trial;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use raft::{Overseen, ProposeError, RawNode, Ready, StepError};
use serde::Serialize;
use types::{
    codec,
    disk::DiskImage,
    event::EventId,
    id::{Cycle, PeerId},
    io::{BootConfig, Envelope, Input, Output, Stop},
    raft::{Entry, EntryBrief, HardState, LogIndex, Message, ReadId, Role, Term},
    store::{
        Command, Peer, PeerMessage, Region, Reply, ReplyError, Request, RequestId, StoreMessage,
    },
    time::StoreTime,
    view::{Fact, FactBody},
};

use crate::{dice::Dice, node::Node};
use disk::{Batch, Beginning};
use read::PendingRead;
use state::State;

pub use setup::{GroupSetup, Habits};

/// One peer of a raw group.
#[derive(Debug, Clone, Serialize)]
pub struct GroupNode {
    name: Peer,
    region: Region,
    raft: RawNode<Overseen>,
    habits: Habits,
    dice: Dice,
    tick_us: u64,
    election_ticks: u64,
    ticks: u64,
    state: State,
    /// Entries to apply, in order.
    queue: VecDeque<Entry>,
    /// Requests that wait in the log: term and name, by index.
    waiting: BTreeMap<LogIndex, (Term, RequestId)>,
    reads: BTreeMap<ReadId, PendingRead>,
    /// The name of the next read; names of different lives differ.
    next_read: u64,
    /// Since which tick each follower's snapshot is on its way.
    snapshots_sent: BTreeMap<PeerId, u64>,
    /// The hard state as the last Ready had it.
    given: HardState,
    /// Where the log on the disk begins, or will with the next write of the state machine.
    begins: Beginning,
    written: Cycle,
    open: Option<Batch>,
    next: Batch,
    /// The first message that no correct peer can have sent, for people.
    impossible: Option<String>,
}

impl Node for GroupNode {
    type Setup = GroupSetup;

    fn boot(
        config: &BootConfig,
        setup: &Self::Setup,
        image: &DiskImage,
        now: StoreTime,
        event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop> {
        output.clear();
        let region = config.first_region.clone();
        let inconsistent = |reason: String| Stop::InconsistentDisk {
            region: region.id,
            reason,
        };
        let peer = region.peer_on(config.store);
        let peer = peer.ok_or_else(|| inconsistent("no peer lives here".to_owned()))?;
        let found = disk::read(image, setup.fresh(config, peer.id))?;
        let restored = found.restored;
        let started = FactBody::Started {
            incarnation: config.incarnation,
            region: region.clone(),
            peer: peer.id,
            hard_state: restored.hard_state,
            truncated: restored.truncated,
            entries: restored.entries.iter().map(EntryBrief::from).collect(),
            applied: restored.applied,
        };
        let (given, begins) = (
            restored.hard_state,
            Beginning {
                truncated: restored.truncated,
                hash: restored.truncated_hash,
            },
        );
        let raft_config = setup.raft_config(config, peer.id, now);
        let raft = RawNode::with_oversight(raft_config, restored, setup.oversight())
            .map_err(|error| inconsistent(error.to_string()))?;
        let mut node = Self {
            name: peer,
            region,
            raft,
            habits: setup.habits,
            dice: Dice::new(&("group", config.seed)),
            tick_us: config.options.tick_us,
            election_ticks: u64::from(config.options.election_ticks),
            ticks: now.get() / config.options.tick_us,
            state: found.state,
            queue: VecDeque::new(),
            waiting: BTreeMap::new(),
            reads: BTreeMap::new(),
            next_read: config.incarnation.get() << 32,
            snapshots_sent: BTreeMap::new(),
            given,
            begins,
            written: found.written,
            open: None,
            next: Batch::default(),
            impossible: None,
        };
        node.tell(event, started, output);
        node.finish(event, output);
        Ok(node)
    }

    fn handle(&mut self, envelope: &Envelope, output: &mut Output) {
        output.clear();
        self.raft.set_clock(envelope.now.get());
        self.pass_time(envelope.now, output);
        let mut cause = EventId::default();
        for delivered in &envelope.inputs {
            cause = delivered.event;
            match &delivered.input {
                Input::Wake => {}
                Input::Message(message) => {
                    if let PeerMessage::Raft(message) = &message.body {
                        self.step(message.clone());
                    }
                }
                Input::Request(request) => self.request(request, output),
                Input::Durable(cycle) => self.durable(*cycle, cause, output),
                Input::Admin(request) => self.admin(&request.command),
                // Its rules come with its setup, and hosts refuse others.
                Input::Rules(_) => {}
                // There is no scheduler, and nothing that changes.
                Input::Options(_)
                | Input::FromScheduler(_)
                | Input::ToScheduler { .. }
                | Input::FindRoute(_)
                | Input::Operator(_)
                | Input::SchedulerOptions(_) => {}
            }
        }
        self.finish(cause, output);
    }

    fn state_hash(&self) -> u64 {
        codec::hash_of(self)
    }
}

impl GroupNode {
    /// The consensus state.
    #[must_use]
    pub const fn raft(&self) -> &RawNode<Overseen> {
        &self.raft
    }

    /// The data that was applied.
    #[must_use]
    pub const fn data(&self) -> &BTreeMap<Bytes, Bytes> {
        &self.state.data
    }

    /// The first message that no correct peer can have sent, for people.
    #[must_use]
    pub fn impossible(&self) -> Option<&str> {
        self.impossible.as_deref()
    }

    fn tell(&self, cause: EventId, body: FactBody, output: &mut Output) {
        output.facts.push(Fact {
            cause,
            waited_for: None,
            region: self.region.id,
            body,
        });
    }

    /// Counts the ticks since the last envelope. The clock of a leader that is outside of its group
    /// stands still, as if its host had destroyed it (TinyKV does): it answers who asks, but no
    /// longer keeps the others from an election.
    fn pass_time(&mut self, now: StoreTime, output: &mut Output) {
        let ticks = now.get() / self.tick_us;
        let passed = ticks.saturating_sub(self.ticks);
        self.ticks = self.ticks.max(ticks);
        if passed == 0 {
            return;
        }
        if !self.is_retired() {
            let passed = u32::try_from(passed).unwrap_or(u32::MAX);
            self.raft.advance_ticks(passed);
        }
        self.ask_reads_again(output);
        self.give_up_snapshots();
    }

    fn is_retired(&self) -> bool {
        self.raft.role() == Role::Leader && !self.raft.conf_state().contains(self.name.id)
    }

    /// Messages that are refused are dropped, as any bad bytes are. What only a broken peer sends
    /// is remembered.
    fn step(&mut self, message: Message) {
        let Err(error) = self.raft.step(message) else {
            return;
        };
        match error {
            StepError::UnknownPeer { .. } | StepError::NotInSnapshot { .. } => {}
            _ if self.impossible.is_some() => {}
            error => self.impossible = Some(error.to_string()),
        }
    }

    fn request(&mut self, request: &Request, output: &mut Output) {
        if self.habits.reads_by_index && matches!(request.command, Command::Get { .. }) {
            self.read(request, output);
        } else {
            self.propose(request, output);
        }
    }

    fn propose(&mut self, request: &Request, output: &mut Output) {
        let leader = match self.raft.propose(Bytes::from(codec::encode(request))) {
            Ok(at) => {
                self.waiting.insert(at.index, (at.term, request.id));
                return;
            }
            Err(ProposeError::NotLeader { leader }) => leader,
            Err(ProposeError::Transferring { to }) => Some(to),
            Err(_) => None,
        };
        self.redirect(request.id, leader, output);
    }

    fn redirect(&self, id: RequestId, leader: Option<PeerId>, output: &mut Output) {
        let error = ReplyError::NotLeader {
            region: self.region.id,
            leader: leader.and_then(|id| self.region.peer(id)),
        };
        let result = Err(error);
        output.replies.push(Reply { id, result });
    }

    fn durable(&mut self, cycle: Cycle, cause: EventId, output: &mut Output) {
        assert_eq!(
            cycle, self.written,
            "{}: another write is open",
            self.name.store
        );
        let mut batch = self.open.take().expect("a write is open");
        let installed = batch.snapshot.take();
        let flushes = batch.flushes;
        self.done(batch, output);
        if let Some(state) = installed {
            self.install(state, cause, output);
        }
        if let Some(to) = flushes {
            self.tell(cause, FactBody::Flushed { to }, output);
        }
    }

    /// What a batch waited for has come. What an earlier term promised was never on the disk, and
    /// is not said.
    fn done(&mut self, batch: Batch, output: &mut Output) {
        if batch.ready > 0 {
            self.raft.persisted(batch.ready);
        }
        let current = |message: &Message| message.term >= batch.hard_state.term;
        for message in batch.after.into_iter().filter(current) {
            self.send(message, output);
        }
    }

    fn send(&self, message: Message, output: &mut Output) {
        let peers = (self.region.peer(message.from), self.region.peer(message.to));
        if let (Some(from), Some(to)) = peers {
            output.messages.push(StoreMessage {
                region: self.region.id,
                epoch: self.region.epoch,
                from,
                to,
                range: None,
                body: PeerMessage::Raft(message),
            });
        }
    }

    /// Takes everything out of raft: sends, applies, and opens a write when none is open. Nothing
    /// is applied while a Ready is there: a snapshot in it calls off what waits to be applied, and
    /// the membership in raft is the snapshot's already.
    fn finish(&mut self, cause: EventId, output: &mut Output) {
        let mut budget = self.habits.apply_at_once.unwrap_or(u64::MAX);
        loop {
            if let Some(ready) = self.raft.ready() {
                self.take(ready, cause, output);
            } else if !self.apply_queue(&mut budget, cause, output)
                && (self.open.is_some() || !self.start_batch(output))
            {
                break;
            }
        }
        self.serve_reads(output);
        output.wake_at = self.wake_at();
    }

    fn take(&mut self, ready: Ready, cause: EventId, output: &mut Output) {
        self.next.wanted |= ready.must_persist();
        self.next.ready = ready.number;
        for raft in ready.facts {
            self.tell(cause, FactBody::Raft(raft), output);
        }
        self.given = ready.hard_state.unwrap_or(self.given);
        if let Some(snapshot) = ready.snapshot {
            self.take_snapshot(&snapshot);
        }
        if let Some(first) = ready.entries.first() {
            self.next.entries.retain(|entry| entry.index < first.index);
            self.next.entries.extend(ready.entries);
        }
        self.next.after.extend(ready.messages_after_persist);
        for message in ready.messages {
            self.send(message, output);
        }
        self.queue.extend(ready.committed);
        self.note_reads(&ready.reads);
        self.provide_snapshots(&ready.snapshots_wanted);
    }

    /// Opens the next write, or ends at once what has nothing to write. Returns whether there was
    /// anything.
    fn start_batch(&mut self, output: &mut Output) -> bool {
        if self.next.ready == 0 && !self.next.wanted {
            return false;
        }
        let mut batch = std::mem::take(&mut self.next);
        if batch.wanted {
            self.maybe_flush(&mut batch);
            output.write = Some(self.write(&mut batch));
            self.open = Some(batch);
        } else {
            batch.hard_state = self.given;
            self.done(batch, output);
        }
        true
    }

    /// When there is something to do, if nothing comes before.
    fn wake_at(&self) -> Option<StoreTime> {
        let timer =
            (!self.is_retired()).then(|| self.ticks + u64::from(self.raft.ticks_to_deadline()));
        let rest = (!self.queue.is_empty()).then(|| self.ticks + 1);
        let others = [timer, rest, self.read_deadline(), self.snapshot_deadline()];
        let next = others.into_iter().flatten().min()?;
        Some(StoreTime::new(next.max(self.ticks + 1) * self.tick_us))
    }
}
