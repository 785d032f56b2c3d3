//! A raw raft group on a host: consensus alone, without regions, flushes or row formats of a
//! store. It shows raft's own behaviour, and that the simulator knows nothing of stores.
//!
//! The state machine is a map in memory that a restart builds again from the log. The log is never
//! compacted.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::{Config, ProposeError, RawNode, Ready, Restored};
use raftstore::rows::{self, Content, LogRun, RaftState};
use serde::Serialize;
use types::{
    codec,
    disk::{DiskImage, DiskWrite, RowKey, RowOp},
    event::EventId,
    id::{Cycle, RegionId, StoreId},
    io::{BootConfig, Envelope, Input, Output, Stop},
    raft::{Entry, EntryBrief, EntryKind, HardState, LogIndex, LogPosition, Message, Term},
    store::{Command, CommandResult, Region, Reply, ReplyError, Request, RequestId, StoreMessage},
    time::StoreTime,
    view::{Fact, FactBody},
};

use crate::node::Node;

/// One peer of a raw group.
#[derive(Debug, Clone, Serialize)]
pub struct GroupNode {
    store: StoreId,
    region: Region,
    raft: RawNode,
    tick_us: u64,
    ticks: u64,
    data: BTreeMap<Bytes, Bytes>,
    data_hash: u64,
    /// Requests that wait in the log: term and name, by index.
    waiting: BTreeMap<LogIndex, (Term, RequestId)>,
    written: Cycle,
    open: Option<Batch>,
    next: Batch,
}

/// What goes to the disk in one write, and what waits for it.
#[derive(Debug, Clone, Default, Serialize)]
struct Batch {
    ready: u64,
    hard_state: Option<HardState>,
    entries: Vec<Entry>,
    after: Vec<Message>,
    /// Whether there is anything to write for.
    wanted: bool,
}

impl Node for GroupNode {
    fn boot(
        config: &BootConfig,
        image: &DiskImage,
        now: StoreTime,
        event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop> {
        output.clear();
        let region = config.first_region.clone();
        let restored = read_disk(image)?;
        let inconsistent = |reason: String| Stop::InconsistentDisk {
            region: region.id,
            reason,
        };
        let peer = region.peer_on(config.store);
        let peer = peer.ok_or_else(|| inconsistent("no peer lives here".to_owned()))?;
        let voters = region.peers.iter().map(|peer| peer.id).collect();
        let raft_config = Config {
            election_ticks: config.options.election_ticks,
            heartbeat_ticks: config.options.heartbeat_ticks,
            seed: config.seed,
            trace: true,
            ..Config::preset(config.options.preset, peer.id, voters)
        };
        let started = FactBody::Started {
            incarnation: config.incarnation,
            peer: peer.id,
            hard_state: restored.hard_state,
            truncated: restored.truncated,
            entries: restored.entries.iter().map(EntryBrief::from).collect(),
            applied: restored.applied,
        };
        output.facts.push(Fact {
            cause: event,
            waited_for: None,
            region: region.id,
            body: started,
        });
        let raft =
            RawNode::new(raft_config, restored).map_err(|error| inconsistent(error.to_string()))?;
        let mut node = Self {
            store: config.store,
            region,
            raft,
            tick_us: config.options.tick_us,
            ticks: now.get() / config.options.tick_us,
            data: BTreeMap::new(),
            data_hash: 0,
            waiting: BTreeMap::new(),
            written: rows::last_cycle(image)?,
            open: None,
            next: Batch::default(),
        };
        node.finish(event, output);
        Ok(node)
    }

    fn handle(&mut self, envelope: &Envelope, output: &mut Output) {
        output.clear();
        let ticks = envelope.now.get() / self.tick_us;
        let passed = ticks.saturating_sub(self.ticks);
        self.ticks = self.ticks.max(ticks);
        self.raft
            .advance_ticks(u32::try_from(passed).unwrap_or(u32::MAX));
        let mut cause = EventId::default();
        for delivered in &envelope.inputs {
            cause = delivered.event;
            match &delivered.input {
                Input::Wake => {}
                // A message that no correct peer sends is dropped, as any refused bytes are.
                Input::Message(message) => drop(self.raft.step(message.message.clone())),
                Input::Request(request) => self.propose(request, output),
                Input::Durable(cycle) => self.durable(*cycle, output),
                Input::Admin(_) => {}
            }
        }
        self.finish(cause, output);
    }

    fn state_hash(&self) -> u64 {
        codec::hash_of(self)
    }
}

/// The key of the only rows of a region's raft state.
const fn raft_state_key(region: RegionId) -> RowKey {
    RowKey::RaftState { region }
}

fn read_disk(image: &DiskImage) -> Result<Restored, Stop> {
    let mut restored = Restored::default();
    for row in &image.rows {
        match rows::decode(row)? {
            Content::RaftLog(run) => restored.entries.extend(run.entries),
            Content::RaftState(state) => restored.hard_state = state.hard_state,
            _ => {}
        }
    }
    Ok(restored)
}

impl GroupNode {
    /// The consensus state.
    #[must_use]
    pub const fn raft(&self) -> &RawNode {
        &self.raft
    }

    /// The data that was applied.
    #[must_use]
    pub const fn data(&self) -> &BTreeMap<Bytes, Bytes> {
        &self.data
    }

    fn propose(&mut self, request: &Request, output: &mut Output) {
        match self.raft.propose(Bytes::from(codec::encode(request))) {
            Ok(at) => {
                self.waiting.insert(at.index, (at.term, request.id));
            }
            Err(error) => {
                let leader = match error {
                    ProposeError::NotLeader { leader } => leader,
                    ProposeError::Transferring { to } => Some(to),
                    _ => None,
                };
                let leader = leader.and_then(|id| self.region.peer(id));
                let region = self.region.id;
                let result = Err(ReplyError::NotLeader { region, leader });
                let id = request.id;
                output.replies.push(Reply { id, result });
            }
        }
    }

    fn durable(&mut self, cycle: Cycle, output: &mut Output) {
        assert_eq!(cycle, self.written, "{}: another write is open", self.store);
        let batch = self.open.take().expect("a write is open");
        self.raft.persisted(batch.ready);
        self.release(batch.after, batch.hard_state, output);
    }

    /// Sends what waited for a write. What an earlier term promised was never on the disk.
    fn release(&self, after: Vec<Message>, written: Option<HardState>, output: &mut Output) {
        let current = |message: &Message| written.is_none_or(|hard| message.term >= hard.term);
        for message in after.into_iter().filter(current) {
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
                message,
            });
        }
    }

    /// Takes everything out of raft: sends, applies, and opens a write when none is open.
    fn finish(&mut self, cause: EventId, output: &mut Output) {
        loop {
            while let Some(ready) = self.raft.ready() {
                self.take(ready, cause, output);
            }
            if self.open.is_some() || self.next.ready == 0 {
                break;
            }
            let batch = std::mem::take(&mut self.next);
            if batch.wanted {
                output.write = Some(self.write(&batch));
                self.open = Some(batch);
                break;
            }
            self.raft.persisted(batch.ready);
            self.release(batch.after, None, output);
        }
        let ticks = self.ticks + u64::from(self.raft.ticks_to_deadline());
        output.wake_at = Some(StoreTime::new(ticks * self.tick_us));
    }

    fn take(&mut self, ready: Ready, cause: EventId, output: &mut Output) {
        let region = self.region.id;
        let fact = |body| Fact {
            cause,
            waited_for: None,
            region,
            body,
        };
        let facts = ready.facts.iter().cloned();
        output
            .facts
            .extend(facts.map(|raft| fact(FactBody::Raft(raft))));
        self.next.wanted |= ready.must_persist();
        self.next.ready = ready.number;
        self.next.hard_state = ready.hard_state.or(self.next.hard_state);
        if let Some(first) = ready.entries.first() {
            self.next.entries.retain(|entry| entry.index < first.index);
            self.next.entries.extend(ready.entries);
        }
        self.next.after.extend(ready.messages_after_persist);
        for message in ready.messages {
            self.send(message, output);
        }
        if let Some(last) = ready.committed.last().map(|entry| entry.index) {
            for entry in ready.committed {
                self.apply(&entry, output);
            }
            self.raft.applied(last);
            output.facts.push(fact(FactBody::Applied {
                to: last,
                data_hash: self.data_hash,
            }));
        }
    }

    fn write(&mut self, batch: &Batch) -> DiskWrite {
        let region = self.region.id;
        let key = |first| RowKey::RaftLog { region, first };
        let mut ops = Vec::new();
        if let Some(first) = batch.entries.first() {
            ops.push(RowOp::DeleteRange {
                from: key(first.index),
                to: RowKey::RaftLog {
                    region: region.next(),
                    first: LogIndex::ZERO,
                },
            });
        }
        for entry in &batch.entries {
            let run = LogRun {
                entries: vec![entry.clone()],
            };
            ops.push(RowOp::Put(rows::encode(
                key(entry.index),
                &Content::RaftLog(run),
            )));
        }
        let hard_state = batch
            .hard_state
            .unwrap_or_else(|| self.raft.durable_state());
        let state = RaftState {
            hard_state,
            last: self.raft.log().last(),
        };
        let state = Content::RaftState(state);
        ops.push(RowOp::Put(rows::encode(raft_state_key(region), &state)));
        self.written = self.written.next();
        let cycle = Content::LastCycle(self.written);
        ops.push(RowOp::Put(rows::encode(RowKey::LastCycle, &cycle)));
        DiskWrite {
            cycle: self.written,
            ops,
        }
    }

    fn apply(&mut self, entry: &Entry, output: &mut Output) {
        let position = LogPosition {
            index: entry.index,
            term: entry.term,
        };
        self.data_hash = codec::chain(self.data_hash, &codec::encode(&(position, &entry.data)));
        let result = match entry.kind {
            EntryKind::Normal => codec::decode::<Request>(&entry.data).ok(),
            EntryKind::NoOp | EntryKind::ConfChange => None,
        }
        .map(|request| self.carry_out(request.command));
        let Some((term, id)) = self.waiting.remove(&entry.index) else {
            return;
        };
        let result = match result {
            Some(result) if term == entry.term => Ok(result),
            _ => Err(ReplyError::StaleCommand { term: entry.term }),
        };
        output.replies.push(Reply { id, result });
    }

    fn carry_out(&mut self, command: Command) -> CommandResult {
        match command {
            Command::Put { key, value } => {
                self.data.insert(key, value);
                CommandResult::Put
            }
            Command::Delete { key } => {
                self.data.remove(&key);
                CommandResult::Delete
            }
            Command::Get { key } => CommandResult::Get {
                value: self.data.get(&key).cloned(),
            },
            Command::Scan { start, end, limit } => {
                let inside = |key: &Bytes| *key >= start && (end.is_empty() || *key < end);
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let pairs = self.data.iter().filter(|(key, _)| inside(key)).take(limit);
                CommandResult::Scan {
                    pairs: pairs
                        .map(|(key, value)| (key.clone(), value.clone()))
                        .collect(),
                }
            }
        }
    }
}
