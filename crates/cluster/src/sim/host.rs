//! Processes and disks in memory, on time or late.

use std::collections::{BTreeMap, BTreeSet};

use checker::DiskChange;
use raftstore::{image::MemoryDisk, rows};
use serde::Serialize;
use types::{
    action::Action,
    disk::{DiskWrite, RowOp, Table},
    event::EventId,
    frame::Owed,
    id::{Cycle, StoreId},
    io::{Input, Output, Stop},
    raft::{RaftFact, Role},
    store::StoreMessage,
    time::VirtualTime,
    view::{Fact, FactBody},
};

use crate::{
    conductor::Conductor,
    dice::Dice,
    node::{Machine, Node},
    parts::Part,
    round::{Delivery, HostEffect, Next, Round, StoreRequest},
    sim::CrashPoint,
    tally::{installs, matters},
    watch::changes,
};

/// How a simulated host behaves where real hosts differ from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HostConfig {
    /// The seed of the host's own chance.
    pub seed: u64,
    /// Answers that come after their round was closed, in thousandths.
    pub late_answers_permille: u64,
    /// Writes for which the clock stops waiting, in thousandths of those that held it.
    pub late_disks_permille: u64,
    /// Starts for which the clock stops waiting, in thousandths.
    pub late_loads_permille: u64,
    /// Deliveries in whose midst the store is killed, in thousandths. It is started again.
    pub kills_permille: u64,
    /// Whether everything is kept for [`super::Simulation::take_observed`].
    pub observe: bool,
    /// Whether a node that panics is a store that stopped. Otherwise the panic ends the run.
    pub catch_panics: bool,
}

impl HostConfig {
    /// A host that is always in time.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            late_answers_permille: 0,
            late_disks_permille: 0,
            late_loads_permille: 0,
            kills_permille: 0,
            observe: false,
            catch_panics: false,
        }
    }

    /// A host on which everything is late now and then, and stores die in the midst of rounds.
    #[must_use]
    pub const fn restless(seed: u64) -> Self {
        Self {
            late_answers_permille: 15,
            late_disks_permille: 30,
            late_loads_permille: 300,
            kills_permille: 2,
            ..Self::new(seed)
        }
    }
}

/// How often what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostCounts {
    /// Kills while a write was on its way, which reached the disk all the same.
    pub open_writes_kept: u64,
    /// Kills while a write was on its way, which was lost.
    pub open_writes_lost: u64,
    /// Answers that came late.
    pub late_answers: u64,
    /// Writes that came late.
    pub late_disks: u64,
    /// Starts that came late.
    pub late_loads: u64,
    /// Stores killed while a round waited for their answer.
    pub kills_unanswered: u64,
    /// Stores killed while a round had their answer and waited for others.
    pub kills_answered: u64,
    /// Kills that took a write of log entries away.
    pub entries_lost: u64,
    /// Kills from outside that took a write of entries, a vote or a snapshot, or a leader's life.
    pub kills_felt: u64,
    /// Messages that reached a store.
    pub messages: u64,
    /// Crashes at [`CrashPoint::BeforeWrite`].
    pub crashes_before_write: u64,
    /// Crashes at [`CrashPoint::AfterWrite`].
    pub crashes_after_write: u64,
    /// Crashes at [`CrashPoint::AfterMessages`].
    pub crashes_after_messages: u64,
    /// Crashes at [`CrashPoint::InSnapshotInstall`].
    pub crashes_in_snapshot_install: u64,
    /// Writes of entries, a vote or a snapshot for which there was no room at first.
    pub full_disks: u64,
    /// Rows that were spoiled.
    pub rows_spoiled: u64,
    /// Disks that held something and were wiped.
    pub disks_wiped: u64,
    /// Requests that stores carried out.
    pub requests_done: u64,
}

/// Something that the host saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The store.
    pub store: StoreId,
    /// When.
    pub at: VirtualTime,
    /// The event that was being handled.
    pub event: EventId,
    /// What.
    pub sight: Sight,
}

/// What a host sees of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// A fact came out of it.
    Fact(Fact),
    /// A message left it.
    Sent(StoreMessage),
    /// A write of it reached its disk, and changed this of a group.
    Written(DiskChange),
    /// It ended itself.
    Stopped(Stop),
    /// Its process ended.
    Down,
}

/// Something that will come late: after so many calls of the conductor.
#[derive(Debug, Clone, Serialize)]
struct Late {
    turn: u64,
    store: StoreId,
    what: LateThing,
}

#[derive(Debug, Clone, Serialize)]
enum LateThing {
    Answer(Box<Output>),
    Disk(Cycle),
    Load,
    /// A store that the host killed is started again.
    Start,
}

/// The longest lateness, in calls of the conductor.
const LATE_TURNS_MAX: u64 = 40;

/// What is seen in one call.
struct Diary {
    is_kept: bool,
    at: VirtualTime,
    event: EventId,
    observed: Vec<Observed>,
}

impl Diary {
    fn note(&mut self, store: StoreId, sight: impl FnOnce() -> Sight) {
        if self.is_kept {
            let (at, event) = (self.at, self.event);
            let sight = sight();
            self.observed.push(Observed {
                store,
                at,
                event,
                sight,
            });
        }
    }

    fn written(&mut self, store: StoreId, write: &DiskWrite) {
        if self.is_kept {
            for change in changes(write) {
                self.note(store, || Sight::Written(change));
            }
        }
    }
}

fn writes_entries(write: &DiskWrite) -> bool {
    let is_entry = |op: &RowOp| match op {
        RowOp::Put(row) => row.key.table() == Table::RaftLog,
        RowOp::Delete(_) | RowOp::DeleteRange { .. } => false,
    };
    write.ops.iter().any(is_entry)
}

fn hears_of_a_write(round: &Round, store: StoreId) -> bool {
    let delivery = round
        .deliveries
        .iter()
        .find(|delivery| delivery.store == store);
    match delivery.map(|delivery| &delivery.request) {
        Some(StoreRequest::Handle(envelope)) => {
            let mut inputs = envelope.inputs.iter();
            inputs.any(|delivered| matches!(delivered.input, Input::Durable(_)))
        }
        Some(StoreRequest::Boot { .. }) | None => false,
    }
}

/// Whether a store leads after these facts, where they tell.
fn leads_after(facts: &[Fact]) -> Option<bool> {
    let role = |fact: &Fact| match &fact.body {
        FactBody::Raft(RaftFact::RoleChanged { role, .. }) => Some(*role == Role::Leader),
        _ => None,
    };
    facts.iter().rev().find_map(role)
}

#[derive(Debug, Clone)]
pub(super) struct SimulatedHost<N: Node> {
    config: HostConfig,
    setup: N::Setup,
    dice: Dice,
    machines: BTreeMap<StoreId, Machine<N>>,
    /// Starts whose disk the conductor has not been told of, with the wish for the image.
    loading: BTreeMap<StoreId, bool>,
    late: Vec<Late>,
    /// Stores whose answers do not come until they are freed.
    stuck: BTreeSet<StoreId>,
    /// Whose processes die where, once they come there.
    doomed: BTreeMap<StoreId, CrashPoint>,
    /// Disks without room.
    full: BTreeSet<StoreId>,
    /// Stores whose open write does not reach the disk if they die now.
    refused: BTreeSet<StoreId>,
    turn: u64,
    observed: Vec<Observed>,
    counts: HostCounts,
    /// Stores that lead, by their own words.
    leading: BTreeSet<StoreId>,
    /// Whether it is the host itself that kills just now.
    kills: bool,
}

impl<N: Node> SimulatedHost<N> {
    pub(super) fn new(config: HostConfig, setup: N::Setup) -> Self {
        Self {
            config,
            setup,
            dice: Dice::new(&("host", config.seed)),
            machines: BTreeMap::new(),
            loading: BTreeMap::new(),
            late: Vec::new(),
            stuck: BTreeSet::new(),
            doomed: BTreeMap::new(),
            full: BTreeSet::new(),
            refused: BTreeSet::new(),
            turn: 0,
            observed: Vec::new(),
            counts: HostCounts::default(),
            leading: BTreeSet::new(),
            kills: false,
        }
    }

    /// A host in the midst of a run of another one.
    pub(super) fn take_over(
        config: HostConfig,
        setup: N::Setup,
        conductor: &Conductor,
        machines: BTreeMap<StoreId, Machine<N>>,
        late: Vec<(StoreId, Output)>,
    ) -> Self {
        let mut host = Self::new(config, setup);
        host.machines = machines;
        for (store, output) in late {
            host.put_off(store, LateThing::Answer(Box::new(output)));
        }
        for (store, owes) in conductor.owes() {
            host.machines.entry(store).or_insert_with(Machine::new);
            if let Some(image) = owes.load {
                host.loading.insert(store, image);
                if owes.is_late {
                    host.put_off(store, LateThing::Load);
                }
            }
            if let Some(cycle) = owes.late_write {
                host.put_off(store, LateThing::Disk(cycle));
            }
            if conductor.is_disk_full(store) {
                host.full.insert(store);
            }
            // What a former life had on its way is gone, also of one that has begun anew.
            if (!owes.is_alive || owes.load.is_some())
                && let Some(machine) = host.machines.get_mut(&store)
            {
                machine.crash(0, |_| {});
            }
        }
        host
    }

    pub(super) const fn setup(&self) -> &N::Setup {
        &self.setup
    }

    pub(super) fn node(&self, store: StoreId) -> Option<&N> {
        self.machines.get(&store).and_then(Machine::node)
    }

    pub(super) fn disk(&self, store: StoreId) -> Option<&MemoryDisk> {
        self.machines.get(&store).map(Machine::disk)
    }

    /// Everything that decides what the host does next, and every machine.
    pub(super) fn parts(&self) -> Vec<Part> {
        let Self {
            config,
            setup: _,
            dice,
            machines,
            loading,
            late,
            stuck,
            doomed,
            full,
            refused,
            turn,
            observed: _,
            counts: _,
            leading: _,
            kills: _,
        } = self;
        let host = (config, loading, late, stuck, doomed, full, refused, turn);
        let mut parts = vec![
            Part::new("host", &host),
            Part::new("chance of the host", dice),
        ];
        for (store, machine) in machines {
            parts.extend(machine.parts(*store));
        }
        parts
    }

    pub(super) fn take_observed(&mut self) -> Vec<Observed> {
        std::mem::take(&mut self.observed)
    }

    pub(super) const fn counts(&self) -> HostCounts {
        self.counts
    }

    /// From now on everything is in time.
    pub(super) fn calm(&mut self) {
        self.doomed.clear();
        self.config = HostConfig {
            observe: self.config.observe,
            catch_panics: self.config.catch_panics,
            ..HostConfig::new(self.config.seed)
        };
    }

    /// Does the next thing that is due up to `until`. Returns whether there was any.
    pub(super) fn advance(&mut self, conductor: &mut Conductor, until: VirtualTime) -> bool {
        self.bring_late(conductor, false);
        match conductor.next(until) {
            Next::Round(round) => self.round(conductor, &round),
            Next::Held(owed) => self.owed(conductor, &owed),
            // What is late must not be late for ever, or a cluster could sleep in.
            Next::Idle { .. } if !self.bring_late(conductor, true) => return false,
            Next::Idle { .. } => {}
        }
        self.carry_out(conductor);
        true
    }

    /// Takes one event.
    pub(super) fn step(&mut self, conductor: &mut Conductor) {
        loop {
            match conductor.step_one() {
                Next::Round(round) => {
                    self.round(conductor, &round);
                    self.carry_out(conductor);
                    return;
                }
                Next::Held(owed) => self.owed(conductor, &owed),
                Next::Idle { .. } => return,
            }
            self.carry_out(conductor);
        }
    }

    /// Does what the conductor wants done at once.
    pub(super) fn carry_out(&mut self, conductor: &mut Conductor) {
        for effect in conductor.take_effects() {
            match effect {
                HostEffect::Kill { store } => self.crash(conductor, store),
                HostEffect::Load { store, image, .. } => {
                    self.machines.entry(store).or_insert_with(Machine::new);
                    self.loading.insert(store, image);
                }
                HostEffect::Fill { store, full } => self.fill(store, full),
                HostEffect::Corrupt { store, nth } => self.spoil(store, nth),
                HostEffect::Wipe { store, heir } => self.wipe(store, heir),
            }
        }
    }

    /// Lets a store's process die the next time that it comes to `point`.
    pub(super) fn crash_at(&mut self, store: StoreId, point: CrashPoint) {
        self.doomed.insert(store, point);
    }

    fn fill(&mut self, store: StoreId, full: bool) {
        if full {
            self.full.insert(store);
        } else {
            self.full.remove(&store);
            self.refused.remove(&store);
        }
    }

    fn spoil(&mut self, store: StoreId, nth: u64) {
        if let Some(machine) = self.machines.get_mut(&store)
            && machine.spoil(nth)
        {
            self.counts.rows_spoiled += 1;
        }
    }

    /// A machine keeps what is not on its disk: how much room there is.
    fn wipe(&mut self, store: StoreId, heir: StoreId) {
        let old = self.machines.remove(&store);
        if old.is_some_and(|machine| !machine.disk().rows().is_empty()) {
            self.counts.disks_wiped += 1;
        }
        if self.full.remove(&store) {
            self.full.insert(heir);
        }
        self.doomed.remove(&store);
        self.late.retain(|late| late.store != store);
    }

    /// Makes a store's process hang after each envelope, or lets it go on.
    pub(super) fn set_stuck(&mut self, store: StoreId, stuck: bool) {
        if stuck {
            self.stuck.insert(store);
        } else {
            self.stuck.remove(&store);
        }
    }

    /// Ends every process.
    pub(super) fn crash_all(&mut self, conductor: &Conductor) {
        let stores: Vec<StoreId> = self.machines.keys().copied().collect();
        for store in stores {
            self.crash(conductor, store);
        }
        self.late.clear();
    }

    fn crash(&mut self, conductor: &Conductor, store: StoreId) {
        self.loading.remove(&store);
        self.late
            .retain(|late| late.store != store || matches!(late.what, LateThing::Start));
        let mut diary = self.diary(conductor);
        let Some(machine) = self.machines.get_mut(&store) else {
            return;
        };
        let was_there = machine.node().is_some();
        let writing = machine.writing();
        let bound = u64::try_from(writing).expect("few writes") + 1;
        let mut durable = usize::try_from(self.dice.below(bound)).expect("few writes");
        if self.refused.remove(&store) {
            durable = 0;
        }
        let lost = machine.crash(durable, |write| diary.written(store, write));
        if was_there {
            diary.note(store, || Sight::Down);
        }
        self.observed.append(&mut diary.observed);
        if durable > 0 {
            self.counts.open_writes_kept += 1;
        }
        if !lost.is_empty() {
            self.counts.open_writes_lost += 1;
        }
        if lost.iter().any(writes_entries) {
            self.counts.entries_lost += 1;
        }
        let led = self.leading.remove(&store);
        if !self.kills && (led || lost.iter().any(matters)) {
            self.counts.kills_felt += 1;
        }
    }

    fn diary(&self, conductor: &Conductor) -> Diary {
        Diary {
            is_kept: self.config.observe,
            at: conductor.now(),
            event: conductor.event(),
            observed: Vec::new(),
        }
    }

    fn round(&mut self, conductor: &mut Conductor, round: &Round) {
        let mut late = Vec::new();
        let mut answers = Vec::new();
        // Events of the round itself can have ended a store.
        self.carry_out(conductor);
        for delivery in &round.deliveries {
            let output = self.call(conductor, delivery);
            let late_by_chance = self.dice.happens(self.config.late_answers_permille);
            if late_by_chance || self.stuck.contains(&delivery.store) {
                late.push((delivery.store, output));
            } else {
                answers.push((delivery.store, output));
            }
        }
        let midst = self.draw_kill(round);
        for (store, output) in answers {
            if midst == Some((store, false)) {
                self.kill(conductor, store);
                continue;
            }
            let falls = self.comes_to_its_end(round, store, &output);
            conductor.answer(store, output);
            if falls || midst == Some((store, true)) && conductor.is_round_open() {
                self.kill(conductor, store);
            }
        }
        for (store, output) in late {
            // A killed one owes nothing; one that could not start does, though it has no node.
            if conductor.owed_answers().contains(&Owed::Answer { store }) {
                conductor.store_late(store);
                self.counts.late_answers += 1;
                self.put_off(store, LateThing::Answer(Box::new(output)));
            }
        }
    }

    /// Whether a store's process dies right after this answer.
    fn comes_to_its_end(&mut self, round: &Round, store: StoreId, output: &Output) -> bool {
        let write = output.write.as_ref();
        let is_there = match self.doomed.get(&store) {
            Some(CrashPoint::BeforeWrite) => write.is_some_and(matters),
            Some(CrashPoint::AfterMessages) => {
                !output.messages.is_empty() && hears_of_a_write(round, store)
            }
            Some(
                CrashPoint::AfterWrite
                | CrashPoint::InSnapshotInstall
                | CrashPoint::BetweenSplitSteps,
            )
            | None => false,
        };
        if is_there && self.doomed.remove(&store) == Some(CrashPoint::BeforeWrite) {
            self.refused.insert(store);
            self.counts.crashes_before_write += 1;
        } else if is_there {
            self.counts.crashes_after_messages += 1;
        }
        is_there
    }

    /// Whether a store's process dies once its open write is durable.
    fn dies_with_its_write(&mut self, store: StoreId) -> bool {
        let open = self.machines.get(&store).and_then(Machine::next_write);
        let counts = &mut self.counts;
        let count = match (self.doomed.get(&store), open) {
            (Some(CrashPoint::AfterWrite), Some(write)) if matters(write) => {
                &mut counts.crashes_after_write
            }
            (Some(CrashPoint::InSnapshotInstall), Some(write)) if installs(write) => {
                &mut counts.crashes_in_snapshot_install
            }
            _ => return false,
        };
        *count += 1;
        self.doomed.remove(&store);
        true
    }

    /// Whom to kill in the midst of the round, and whether its answer is in.
    fn draw_kill(&mut self, round: &Round) -> Option<(StoreId, bool)> {
        let permille = self.config.kills_permille;
        let mut chosen = None;
        for delivery in &round.deliveries {
            let (kill, answered) = (self.dice.happens(permille), self.dice.happens(500));
            if kill {
                chosen = Some((delivery.store, answered));
            }
        }
        chosen
    }

    fn kill(&mut self, conductor: &mut Conductor, store: StoreId) {
        let owed = Owed::Answer { store };
        let unanswered = conductor.owed_answers().contains(&owed);
        if conductor.act(Action::Kill { store }).is_ok() {
            if unanswered {
                self.counts.kills_unanswered += 1;
            } else {
                self.counts.kills_answered += 1;
            }
            self.kills = true;
            self.carry_out(conductor);
            self.kills = false;
            self.put_off(store, LateThing::Start);
        }
    }

    fn call(&mut self, conductor: &Conductor, delivery: &Delivery) -> Output {
        let store = delivery.store;
        let mut diary = self.diary(conductor);
        if let StoreRequest::Handle(envelope) = &delivery.request {
            let inputs = envelope.inputs.iter().map(|delivered| &delivered.input);
            let messages = inputs.filter(|input| matches!(input, Input::Message(_)));
            self.counts.messages += u64::try_from(messages.count()).expect("few messages");
        }
        let machine = self
            .machines
            .get_mut(&store)
            .expect("a store that gets something");
        let output = if self.config.catch_panics {
            machine.call_guarded(&delivery.request, &self.setup)
        } else {
            machine.call(&delivery.request, &self.setup)
        };
        if let Some(write) = &output.write
            && self.full.contains(&store)
        {
            self.refused.insert(store);
            self.counts.full_disks += u64::from(matters(write));
        }
        if let Some(leads) = leads_after(&output.facts) {
            if leads {
                self.leading.insert(store);
            } else {
                self.leading.remove(&store);
            }
        }
        let done = output.replies.iter().filter(|reply| reply.result.is_ok());
        self.counts.requests_done += u64::try_from(done.count()).expect("few replies");
        for fact in &output.facts {
            diary.note(store, || Sight::Fact(fact.clone()));
        }
        for message in &output.messages {
            diary.note(store, || Sight::Sent(message.clone()));
        }
        if let Some(stop) = &output.stop {
            diary.note(store, || Sight::Stopped(stop.clone()));
        }
        self.observed.append(&mut diary.observed);
        output
    }

    /// The clock waits: brings what is wanted, or declares it late.
    fn owed(&mut self, conductor: &mut Conductor, owed: &[Owed]) {
        for owed in owed {
            match *owed {
                Owed::Disk { store, cycle } => {
                    if self.dice.happens(self.config.late_disks_permille) {
                        conductor.disk_late(store, cycle);
                        self.counts.late_disks += 1;
                        self.put_off(store, LateThing::Disk(cycle));
                    } else {
                        self.durable(conductor, store, cycle);
                    }
                }
                Owed::Load { store } => {
                    if self.dice.happens(self.config.late_loads_permille) {
                        conductor.load_late(store);
                        self.counts.late_loads += 1;
                        self.put_off(store, LateThing::Load);
                    } else {
                        self.load(conductor, store);
                    }
                }
                Owed::Answer { .. } => {
                    assert!(
                        !self.late.is_empty(),
                        "a round waits for an answer that was given"
                    );
                    self.bring_late(conductor, true);
                }
            }
        }
    }

    fn durable(&mut self, conductor: &mut Conductor, store: StoreId, cycle: Cycle) {
        let mut diary = self.diary(conductor);
        let dies = self.dies_with_its_write(store);
        let machine = self.machines.get_mut(&store).expect("a store that writes");
        if let Err(missing) = machine.flush(cycle, |write| diary.written(store, write)) {
            panic!("{store} never wrote cycle {cycle}: {missing:?}");
        }
        self.observed.append(&mut diary.observed);
        if dies {
            self.kill(conductor, store);
        } else {
            conductor.disk_done(store, cycle);
        }
    }

    fn load(&mut self, conductor: &mut Conductor, store: StoreId) {
        if let Some(wants_image) = self.loading.remove(&store) {
            let image = self.machines[&store].disk().image();
            match rows::last_cycle(&image) {
                Ok(cycle) => conductor.loaded(store, cycle, wants_image.then_some(image)),
                Err(stop) => conductor.load_failed(store, stop),
            }
        }
    }

    fn put_off(&mut self, store: StoreId, what: LateThing) {
        let turn = self.turn + self.dice.between(1, LATE_TURNS_MAX);
        self.late.push(Late { turn, store, what });
    }

    /// Brings what has been late long enough, or everything. Returns whether there was any.
    fn bring_late(&mut self, conductor: &mut Conductor, all: bool) -> bool {
        self.turn += 1;
        let turn = self.turn;
        let stuck = &self.stuck;
        let due = |late: &Late| {
            let answer = matches!(late.what, LateThing::Answer(_));
            (all || late.turn <= turn) && !(answer && stuck.contains(&late.store))
        };
        let (now, later): (Vec<Late>, Vec<Late>) =
            std::mem::take(&mut self.late).into_iter().partition(due);
        self.late = later;
        let any = !now.is_empty();
        for late in now {
            let store = late.store;
            match late.what {
                LateThing::Answer(output) => {
                    conductor.late_answer(store, *output);
                }
                LateThing::Disk(cycle) => self.durable(conductor, store, cycle),
                LateThing::Load => self.load(conductor, store),
                // A script may have started it meanwhile.
                LateThing::Start => drop(conductor.act(Action::Start { store })),
            }
            self.carry_out(conductor);
        }
        any
    }
}
