//! The one door of a store.

use std::collections::BTreeMap;

use raft::{Rules, StepError};
use serde::Serialize;
use types::{
    codec,
    disk::{DiskWrite, RowKey},
    event::EventId,
    id::{Cycle, Incarnation, RegionId, StoreId},
    io::{Envelope, Input, Output, Stop, StoreOptions},
    raft::{EntryKind, MessageBody},
    store::{Reply, ReplyError, Request, StoreMessage},
    time::StoreTime,
    view::{Fact, FactBody},
};

use crate::{
    peer::{Peer, Turn, read_request},
    refused::Refused,
    rows::Content,
    rulebook::RuleBook,
    storage,
};

/// As many dirty keys are flushed even while raft waits for the disk; beyond twice as many, writes
/// are answered `ServerIsBusy`.
pub const FLUSH_KEYS: u64 = 4_096;
/// As many dirty bytes, likewise.
pub const FLUSH_BYTES: u64 = 4 << 20;

/// One store. See the crate's documentation.
#[derive(Debug, Clone, Serialize)]
pub struct Store {
    pub(crate) id: StoreId,
    pub(crate) incarnation: Incarnation,
    pub(crate) options: StoreOptions,
    /// The name of the rules that its peers decide by.
    pub(crate) rules: Option<String>,
    #[serde(skip)]
    pub(crate) table: &'static Rules,
    #[serde(skip)]
    pub(crate) book: RuleBook,
    pub(crate) now: StoreTime,
    pub(crate) peers: BTreeMap<RegionId, Peer>,
    /// The last write that was given out.
    pub(crate) written: Cycle,
    /// The last write known to be durable: at most one below `written`.
    pub(crate) durable: Cycle,
    pub(crate) last_event: EventId,
    pub(crate) refused: BTreeMap<Refused, u64>,
    pub(crate) stopped: bool,
}

impl Store {
    /// The only door. Empties `output` and fills it with what the store wants done; everything in
    /// it may leave at once. After an output with `stop` the store does nothing any more.
    pub fn handle(&mut self, envelope: &Envelope, output: &mut Output) {
        output.clear();
        if self.stopped {
            return;
        }
        let result = self.work_through(envelope, output);
        self.finish(result, output);
    }

    /// Closes an output: the next alarm, or the store's last word.
    pub(crate) fn finish(&mut self, result: Result<(), Stop>, output: &mut Output) {
        match result {
            Ok(()) => {
                output.write = self.next_write();
                output.wake_at = self.wake_at();
            }
            Err(stop) => {
                self.stopped = true;
                output.write = None;
                output.messages.clear();
                output.replies.clear();
                output.stop = Some(stop);
            }
        }
    }

    /// A hash of everything that the store knows.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        codec::hash_of(self)
    }

    /// How often which kind of bad input was refused.
    #[must_use]
    pub const fn refused(&self) -> &BTreeMap<Refused, u64> {
        &self.refused
    }

    fn work_through(&mut self, envelope: &Envelope, output: &mut Output) -> Result<(), Stop> {
        let first = envelope.inputs.first();
        self.last_event = first.map_or(self.last_event, |delivered| delivered.event);
        self.advance(envelope.now, output)?;
        // Requests in a row share their Readys, so that they share messages too.
        let mut proposed = BTreeMap::new();
        for delivered in &envelope.inputs {
            self.last_event = delivered.event;
            if let Input::Request(request) = &delivered.input {
                self.propose(request, output);
                proposed.entry(request.region).or_insert(delivered.event);
                continue;
            }
            self.drain_all(std::mem::take(&mut proposed), output)?;
            match &delivered.input {
                Input::Wake | Input::Request(_) => {}
                Input::Message(message) => self.message(message, output)?,
                Input::Durable(cycle) => self.durable(*cycle, output)?,
                Input::Admin(_) => self.refuse(Refused::AdminCommand),
                Input::Rules(name) => self.change_rules(name.as_deref(), output),
            }
        }
        self.drain_all(proposed, output)
    }

    /// Takes the rules of a name for its own, as far as its book knows them.
    pub(crate) fn choose(&mut self, name: Option<&str>) {
        match self.book.rules(name) {
            Some(table) => {
                self.table = table;
                self.rules = name.map(str::to_owned);
            }
            None => self.refuse(Refused::UnknownRules),
        }
    }

    fn change_rules(&mut self, name: Option<&str>, output: &mut Output) {
        let before = self.rules.clone();
        self.choose(name);
        if self.rules != before {
            for peer in self.peers.values_mut() {
                peer.raft.set_rules(self.table);
            }
            self.tell_rules(output);
        }
    }

    pub(crate) fn tell_rules(&self, output: &mut Output) {
        for region in self.peers.keys() {
            output.facts.push(Fact {
                cause: self.last_event,
                waited_for: None,
                region: *region,
                body: FactBody::RulesChanged {
                    name: self.rules.clone(),
                },
            });
        }
    }

    /// Counts the ticks since the last envelope. A clock that stands still or runs backwards
    /// brings none.
    fn advance(&mut self, now: StoreTime, output: &mut Output) -> Result<(), Stop> {
        let before = self.ticks();
        self.now = self.now.max(now);
        let passed = self.ticks() - before;
        if passed == 0 {
            return Ok(());
        }
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        let event = self.last_event;
        let mut due = BTreeMap::new();
        for (region, peer) in &mut self.peers {
            peer.raft.advance_ticks(passed);
            due.insert(*region, event);
        }
        self.drain_all(due, output)
    }

    fn drain_all(
        &mut self,
        due: BTreeMap<RegionId, EventId>,
        output: &mut Output,
    ) -> Result<(), Stop> {
        for (region, event) in due {
            let mut turn = self.turn(output);
            turn.cause = event;
            if let Some(peer) = self.peers.get_mut(&region) {
                peer.drain(&mut turn)?;
            }
        }
        Ok(())
    }

    pub(crate) fn turn<'a>(&self, output: &'a mut Output) -> Turn<'a> {
        Turn {
            output,
            cause: self.last_event,
            waited_for: None,
            ticks: self.ticks(),
            tick_us: self.options.tick_us,
        }
    }

    fn ticks(&self) -> u64 {
        self.now.get() / self.options.tick_us
    }

    fn wake_at(&self) -> Option<StoreTime> {
        let deadline = |peer: &Peer| u64::from(peer.raft.ticks_to_deadline());
        let next = self.peers.values().map(deadline).min()?;
        Some(StoreTime::new((self.ticks() + next) * self.options.tick_us))
    }

    fn propose(&mut self, request: &Request, output: &mut Output) {
        let is_busy = request.command.is_write() && {
            let (keys, bytes) = self.dirty();
            keys > 2 * FLUSH_KEYS || bytes > 2 * FLUSH_BYTES
        };
        let mut turn = self.turn(output);
        let result = match self.peers.get_mut(&request.region) {
            Some(peer) => peer.propose(request, is_busy, &mut turn),
            None => Err(ReplyError::RegionNotFound {
                region: request.region,
            }),
        };
        if let Err(error) = result {
            output.replies.push(Reply {
                id: request.id,
                result: Err(error),
            });
        }
    }

    /// Keys and bytes that wait for a flush.
    fn dirty(&self) -> (u64, u64) {
        self.peers.values().fold((0, 0), |(keys, bytes), peer| {
            let dirty = peer.data.dirty();
            (keys + dirty.0, bytes + dirty.1)
        })
    }

    fn refuse(&mut self, refused: Refused) {
        *self.refused.entry(refused).or_default() += 1;
    }

    fn message(&mut self, message: &StoreMessage, output: &mut Output) -> Result<(), Stop> {
        if let Err(refused) = self.check_message(message) {
            self.refuse(refused);
            return Ok(());
        }
        let mut turn = self.turn(output);
        let Some(peer) = self.peers.get_mut(&message.region) else {
            return Ok(());
        };
        let Err(error) = peer.raft.step(message.message.clone()) else {
            return peer.drain(&mut turn);
        };
        match Refused::of_step(&error) {
            Some(refused) => {
                self.refuse(refused);
                Ok(())
            }
            None => Err(stop_of_step(message.region, &error)),
        }
    }

    /// TinyKV's checks of a raft message, in their order; what the entries hold comes last.
    fn check_message(&self, message: &StoreMessage) -> Result<(), Refused> {
        if message.to.store != self.id {
            return Err(Refused::WrongStore);
        }
        let peer = self
            .peers
            .get(&message.region)
            .ok_or(Refused::UnknownRegion)?;
        if message.to.id != peer.name.id || message.message.to != peer.name.id {
            return Err(Refused::WrongPeer);
        }
        let sender = peer.region.peer(message.from.id);
        if sender != Some(message.from) || message.message.from != message.from.id {
            return Err(Refused::UnknownSender);
        }
        if let MessageBody::Append { entries, .. } = &message.message.body {
            let is_sound = entries.iter().all(|entry| match entry.kind {
                EntryKind::NoOp => entry.data.is_empty(),
                EntryKind::Normal | EntryKind::ConfChange => read_request(entry).is_some(),
            });
            if !is_sound {
                return Err(Refused::MalformedEntry);
            }
        }
        Ok(())
    }

    fn durable(&mut self, cycle: Cycle, output: &mut Output) -> Result<(), Stop> {
        if cycle != self.written || self.written == self.durable {
            self.refuse(Refused::UnknownCycle);
            return Ok(());
        }
        self.durable = cycle;
        let event = self.last_event;
        let regions: Vec<RegionId> = self.peers.keys().copied().collect();
        for region in regions {
            let mut turn = self.turn(output);
            turn.waited_for = Some(event);
            if let Some(peer) = self.peers.get_mut(&region) {
                peer.durable(&mut turn)?;
            }
        }
        Ok(())
    }

    /// The next write, when none is open and there is something to write. Applied data goes along
    /// when raft has nothing that others wait for, or when there is much of it.
    fn next_write(&mut self) -> Option<DiskWrite> {
        if self.written != self.durable {
            return None;
        }
        let urgent = self.peers.values().any(|peer| peer.storage.is_urgent());
        let (keys, bytes) = self.dirty();
        let flush = !urgent || keys >= FLUSH_KEYS || bytes >= FLUSH_BYTES;
        let event = self.last_event;
        let mut ops = Vec::new();
        for peer in self.peers.values_mut() {
            ops.extend(peer.write(flush, event));
        }
        if ops.is_empty() {
            return None;
        }
        self.written = self.written.next();
        let cycle = self.written;
        ops.push(storage::put(RowKey::LastCycle, &Content::LastCycle(cycle)));
        Some(DiskWrite { cycle, ops })
    }
}

/// The stop for a message that proves a disk wrong.
fn stop_of_step(region: RegionId, error: &StepError) -> Stop {
    match error {
        StepError::CommittedOverwritten { index, theirs, .. } => Stop::CommittedOverwritten {
            region,
            index: *index,
            term: *theirs,
        },
        _ => Stop::InconsistentDisk {
            region,
            reason: error.to_string(),
        },
    }
}
