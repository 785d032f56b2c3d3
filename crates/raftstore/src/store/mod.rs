//! The one door of a store.
//!
//! * [`route`]: messages find their peers, make them, or are refused.
//! * [`lifecycle`]: peers come by messages and splits, change their ranges, and go.
//! * [`operate`]: what operators and the scheduler ask for.
//! * [`mod@write`]: the one open write, and what it carries.

mod lifecycle;
mod operate;
mod route;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use raft::Rules;
use serde::Serialize;
use types::{
    codec,
    disk::RowOp,
    event::EventId,
    id::{Cycle, Incarnation, RegionId, StoreId},
    io::{Envelope, Input, Output, Stop, StoreOptions},
    raft::Role,
    scheduler::{StoreHeartbeat, ToScheduler},
    store::{Reply, ReplyError, Request, StoreMessage},
    time::StoreTime,
    view::{Fact, FactBody},
};

use crate::{
    peer::{Effect, Peer, Turn},
    ranges::Ranges,
    refused::Refused,
    rows::RegionState,
    rulebook::RuleBook,
};

pub use write::{FLUSH_BYTES, FLUSH_KEYS};

/// One store. See the crate's documentation.
#[derive(Debug, Clone, Serialize)]
pub struct Store {
    pub(crate) id: StoreId,
    pub(crate) incarnation: Incarnation,
    pub(crate) seed: u64,
    pub(crate) options: StoreOptions,
    /// The name of the rules that its peers decide by.
    pub(crate) rules: Option<String>,
    #[serde(skip)]
    pub(crate) table: &'static Rules,
    #[serde(skip)]
    pub(crate) book: RuleBook,
    pub(crate) now: StoreTime,
    pub(crate) peers: BTreeMap<RegionId, Peer>,
    /// The ranges of the initialised peers' regions: always those that the regions have.
    pub(crate) ranges: Ranges,
    /// What is left of peers that were removed.
    pub(crate) tombstones: BTreeMap<RegionId, RegionState>,
    /// First questions for votes that came before the split that makes their receiver.
    pub(crate) parked: BTreeMap<RegionId, StoreMessage>,
    /// When each peer wants to be woken, in ticks, both ways around.
    deadlines: BTreeSet<(u64, RegionId)>,
    deadline_of: BTreeMap<RegionId, u64>,
    /// The peers that have something for the disk.
    unwritten: BTreeSet<RegionId>,
    /// The peers that wait for the open write.
    writing: Vec<RegionId>,
    /// Rows of peers that are gone.
    pub(crate) loose: Vec<RowOp>,
    /// The tick at which the scheduler is to hear of the store.
    reports_at: u64,
    /// The last write that was given out.
    pub(crate) written: Cycle,
    /// The last write known to be durable: at most one below `written`.
    pub(crate) durable: Cycle,
    pub(crate) last_event: EventId,
    pub(crate) refused: BTreeMap<Refused, u64>,
    pub(crate) stopped: bool,
}

impl Store {
    /// A store without peers.
    pub(crate) fn empty(
        config: &types::io::BootConfig,
        book: RuleBook,
        now: StoreTime,
        event: EventId,
    ) -> Self {
        Self {
            id: config.store,
            incarnation: config.incarnation,
            seed: config.seed,
            options: config.options,
            rules: None,
            table: &raft::CORRECT,
            book,
            now,
            peers: BTreeMap::new(),
            ranges: Ranges::default(),
            tombstones: BTreeMap::new(),
            parked: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            deadline_of: BTreeMap::new(),
            unwritten: BTreeSet::new(),
            writing: Vec::new(),
            loose: Vec::new(),
            reports_at: 0,
            written: Cycle::ZERO,
            durable: Cycle::ZERO,
            last_event: event,
            refused: BTreeMap::new(),
            stopped: false,
        }
    }

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
                output.wake_at = Some(self.wake_at());
            }
            Err(stop) => {
                self.stopped = true;
                output.write = None;
                output.messages.clear();
                output.replies.clear();
                output.to_scheduler.clear();
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
                Input::Admin(request) => self.operate(request, output)?,
                Input::FromScheduler(word) => self.obey(word, output)?,
                Input::Options(options) => self.set_options(options),
                Input::Rules(name) => self.change_rules(name.as_deref(), output),
                Input::ToScheduler { .. }
                | Input::FindRoute(_)
                | Input::Operator(_)
                | Input::SchedulerOptions(_) => self.refuse(Refused::NotAScheduler),
            }
        }
        self.drain_all(proposed, output)
    }

    /// Takes what can change while a store runs; what its peers and its disk rest on stays.
    fn set_options(&mut self, options: &StoreOptions) {
        self.options = StoreOptions {
            tick_us: self.options.tick_us,
            heartbeat_ticks: self.options.heartbeat_ticks,
            election_ticks: self.options.election_ticks,
            preset: self.options.preset,
            read_mode: self.options.read_mode,
            ..*options
        };
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

    /// Counts the ticks since the last envelope: peers whose time has come hear of it, the others
    /// once somebody asks for them. A clock that stands still or runs backwards brings none.
    fn advance(&mut self, now: StoreTime, output: &mut Output) -> Result<(), Stop> {
        self.now = self.now.max(now);
        let (ticks, event) = (self.ticks(), self.last_event);
        let is_due = |(deadline, _): &&(u64, RegionId)| *deadline <= ticks;
        let due = self.deadlines.iter().take_while(is_due);
        let due = due.map(|(_, region)| (*region, event)).collect();
        self.drain_all(due, output)?;
        if ticks >= self.reports_at {
            self.reports_at = ticks + u64::from(self.options.store_heartbeat_ticks);
            self.report(output);
        }
        Ok(())
    }

    fn report(&self, output: &mut Output) {
        let leads = |peer: &&Peer| peer.raft.role() == Role::Leader;
        let heartbeat = StoreHeartbeat {
            regions: self.ranges.len() as u64,
            leaders: self.peers.values().filter(leads).count() as u64,
            size: self.peers.values().map(|peer| peer.data.bytes()).sum(),
        };
        output.to_scheduler.push(ToScheduler::Store(heartbeat));
    }

    pub(crate) fn drain_all(
        &mut self,
        due: BTreeMap<RegionId, EventId>,
        output: &mut Output,
    ) -> Result<(), Stop> {
        for (region, event) in due {
            self.with_peer(region, output, |peer, turn| {
                turn.cause = event;
                peer.drain(turn)
            })?;
        }
        Ok(())
    }

    /// Does something with a peer whose clock is right, and what follows from it for the store.
    pub(crate) fn with_peer(
        &mut self,
        region: RegionId,
        output: &mut Output,
        deed: impl FnOnce(&mut Peer, &mut Turn<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut turn = self.turn(output);
        let (ticks, now) = (turn.ticks, self.now.get());
        let Some(peer) = self.peers.get_mut(&region) else {
            return Ok(());
        };
        peer.catch_up(ticks, now);
        deed(peer, &mut turn)?;
        let effects = std::mem::take(&mut turn.effects);
        self.touched(region);
        effects
            .into_iter()
            .try_for_each(|effect| self.settle(region, effect, output))
    }

    /// Looks anew at when a peer wants to be woken and whether it has something for the disk.
    pub(crate) fn touched(&mut self, region: RegionId) {
        let old = self.deadline_of.remove(&region);
        if let Some(old) = old {
            self.deadlines.remove(&(old, region));
        }
        let Some(peer) = self.peers.get(&region) else {
            self.unwritten.remove(&region);
            return;
        };
        let deadline = peer.ticked + peer.ticks_to_deadline();
        self.deadline_of.insert(region, deadline);
        self.deadlines.insert((deadline, region));
        if peer.is_unwritten() {
            self.unwritten.insert(region);
        }
    }

    pub(crate) fn turn<'a>(&self, output: &'a mut Output) -> Turn<'a> {
        Turn {
            output,
            cause: self.last_event,
            waited_for: None,
            ticks: self.ticks(),
            options: self.options,
            effects: Vec::new(),
        }
    }

    pub(crate) fn ticks(&self) -> u64 {
        self.now.get() / self.options.tick_us
    }

    fn wake_at(&self) -> StoreTime {
        let peer = self.deadlines.first().map(|(deadline, _)| *deadline);
        let next = peer.map_or(self.reports_at, |peer| peer.min(self.reports_at));
        let next = next.max(self.ticks() + 1);
        StoreTime::new(next * self.options.tick_us)
    }

    fn propose(&mut self, request: &Request, output: &mut Output) {
        let is_busy = request.command.is_write() && self.is_full();
        let mut turn = self.turn(output);
        let (ticks, now) = (turn.ticks, self.now.get());
        let result = match self.peers.get_mut(&request.region) {
            Some(peer) if peer.is_initialised() => {
                peer.catch_up(ticks, now);
                peer.propose(request, is_busy, &mut turn)
            }
            _ => Err(ReplyError::RegionNotFound {
                region: request.region,
            }),
        };
        if let Err(error) = result {
            let result = Err(self.with_neighbour(error, request));
            let id = request.id;
            output.replies.push(Reply { id, result });
        }
    }

    /// Adds the region that holds the key now to what a client hears of a changed shape.
    fn with_neighbour(&self, error: ReplyError, request: &Request) -> ReplyError {
        let ReplyError::EpochNotMatch { mut current } = error else {
            return error;
        };
        let holder = self.ranges.find(request.command.key());
        let holder = holder.filter(|id| current.iter().all(|region| region.id != *id));
        if let Some(peer) = holder.and_then(|id| self.peers.get(&id)) {
            current.push(peer.region.clone());
        }
        ReplyError::EpochNotMatch { current }
    }

    pub(crate) fn refuse(&mut self, refused: Refused) {
        *self.refused.entry(refused).or_default() += 1;
    }

    fn settle(
        &mut self,
        region: RegionId,
        effect: Effect,
        output: &mut Output,
    ) -> Result<(), Stop> {
        match effect {
            Effect::Reshaped { before, after } => self.reshape(&before, &after),
            Effect::Split(child) => self.bear(region, *child, output)?,
            Effect::Removed { region: without } => self.bury(region, without, output),
        }
        Ok(())
    }
}
