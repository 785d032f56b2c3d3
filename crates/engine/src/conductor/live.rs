//! An open cluster, driven in real time.
//!
//! One turn ([`Live::drive`]) does what can be done now and sets one timer for what comes next.
//! Turns follow messages of the page, messages of stores, and that timer.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::{Rc, Weak},
};

use cluster::Server;
use cluster::{Conductor, HostEffect, Next, Round, check_rules};
use gloo_timers::callback::Timeout;
use protocol::{DiskKind, FromConductor, Hook, Notice, Run, ToConductor};
use raftstore::{RuleBook, image::MemoryDisk};
use types::{
    action::Action,
    frame::{Owed, Pace},
    id::{Cycle, Incarnation, StoreId},
    io::{Output, Stop},
    time::VirtualTime,
};

use super::{
    Shell,
    asks::Asks,
    clock::{Clock, Meter},
    hook_of,
    lab::Lab,
    notice,
    open::Grounds,
    runs,
    saver::Saver,
    workshop::{Tampering, Workshop},
};
use crate::{
    disk::Durability,
    port,
    wire::{FromLab, FromStore, Open, StoreDisk, ToLab, ToStore},
};

/// What owes something for so long is late: real time, in microseconds.
const LATE_US: u64 = 100_000;
/// A cluster that opens waits longer for its stores' disks: nothing has begun that they could hold
/// up, and a store that begins late makes another run of the same seed.
const OPENING_LATE_US: u64 = 3_000_000;
/// Real time between two frames, in microseconds.
const FRAME_US: u64 = 1_000_000 / 60;
/// The page hears of what holds the clock only when it does so for this long; in microseconds.
const HELD_SHOWN_US: u64 = 10_000;

/// A running cluster.
pub(super) struct Live {
    pub(super) shell: Weak<Shell>,
    pub(super) grounds: Rc<Grounds>,
    pub(super) conductor: Conductor,
    pub(super) asks: Asks,
    pub(super) saver: Saver,
    pub(super) lab: Lab,
    /// Whether the page was told of a violation.
    is_violated: bool,
    /// The disks, when they are in memory. They outlive their stores' workers.
    pub(super) memory: BTreeMap<StoreId, MemoryDisk>,
    pub(super) workshop: Workshop,
    clock: Clock,
    meter: Meter,
    /// Events that the page asked for one by one.
    steps: u32,
    /// Since when the clock waits for what, in real microseconds.
    waits: BTreeMap<Owed, u64>,
    frames: Frames,
    /// When the next event is due, as far as is known.
    next_at: Option<VirtualTime>,
    timer: Option<Timeout>,
}

/// What the page has been shown.
#[derive(Debug)]
struct Frames {
    /// The page took the last one.
    credit: bool,
    /// Something happened since.
    stale: bool,
    /// When the last one left, in real microseconds.
    left_us: Option<u64>,
}

impl Live {
    pub(super) fn new(shell: Weak<Shell>, grounds: Rc<Grounds>, conductor: Conductor) -> Self {
        let clock = Clock::new(conductor.now(), port::real_us());
        let segment = conductor.event().segment;
        let saver = Saver::new(segment);
        let loader = shell.upgrade();
        let loader = loader.and_then(|shell| shell.crew.borrow().loader());
        let lab = Lab::new(shell.clone(), loader, segment == 1);
        Self {
            shell,
            grounds,
            conductor,
            asks: Asks::default(),
            saver,
            lab,
            is_violated: false,
            memory: BTreeMap::new(),
            workshop: Workshop::default(),
            clock,
            meter: Meter::default(),
            steps: 0,
            waits: BTreeMap::new(),
            frames: Frames {
                credit: true,
                stale: true,
                left_us: None,
            },
            next_at: None,
            timer: None,
        }
    }

    pub(super) fn grounds(&self) -> Rc<Grounds> {
        Rc::clone(&self.grounds)
    }

    /// Starts the stores that should be up, and the clock.
    pub(super) fn begin(&mut self) {
        let effects = self.conductor.begin();
        self.carry_out(effects);
        self.drive();
    }

    /// Hears the page.
    pub(super) fn hear(&mut self, message: ToConductor) {
        match message {
            ToConductor::Act { ask, action } => self.act(ask, action),
            ToConductor::Run(run) => self.run(run),
            ToConductor::Query { ask, query } => self.ask(ask, query),
            ToConductor::Lab { ask, job } => self.lab.want(ask, job),
            ToConductor::EndLab => self.lab.renew("it was ended"),
            ToConductor::Hook(Hook::BusyLab { ms }) => {
                self.lab.play_tricks(ToLab::BusyLoop { ms });
            }
            ToConductor::Hook(Hook::PanicLab) => self.lab.play_tricks(ToLab::Panic),
            ToConductor::Credit => self.frames.credit = true,
            ToConductor::Show(region) => {
                self.conductor.show(region);
                self.frames.stale = true;
            }
            ToConductor::Hook(hook) => {
                if let Some((store, message)) = hook_of(hook) {
                    self.say(store, message);
                }
            }
            // The page opened it already; what it wants is there.
            ToConductor::Open { .. } => notice(Notice::Refused {
                reason: "a cluster is open already".to_owned(),
            }),
            ToConductor::Renew { .. } => unreachable!("renewing ends this cluster first"),
        }
        self.drive();
    }

    fn act(&mut self, ask: protocol::AskId, action: Action) {
        let book = RuleBook::new(labs::rules);
        let known = check_rules::<Server>(&book, &action);
        let result = known.and_then(|()| self.conductor.act(action));
        let effects = self.conductor.take_effects();
        self.carry_out(effects);
        self.saver.want();
        self.frames.stale = true;
        port::post_to_parent(&FromConductor::Acted { ask, result });
    }

    fn run(&mut self, run: Run) {
        let (now, real) = (self.conductor.now(), port::real_us());
        match run {
            Run::Speed(permille) => self.clock.set_speed(permille, now, real),
            Run::Step => self.steps += u32::from(!self.clock.is_running()),
            Run::Play | Run::Pause => {}
        }
        if let Some(running) = runs(run) {
            self.clock.set_running(running, now, real);
            self.meter.clear();
            self.steps = 0;
            // A pause is not a wait.
            self.waits.clear();
            self.saver.want();
        }
        self.frames.stale = true;
    }

    pub(super) fn say(&mut self, store: StoreId, message: ToStore) -> bool {
        let shell = self.shell.upgrade();
        shell.is_some_and(|shell| shell.crew.borrow_mut().say(store, message))
    }

    /// Which of its lives a store's worker has; `None` when it has no worker.
    pub(super) fn incarnation(&self, store: StoreId) -> Option<Incarnation> {
        let shell = self.shell.upgrade()?;
        let crew = shell.crew.borrow();
        crew.incarnation(store)
    }

    fn dismiss(&mut self, store: StoreId) {
        if let Some(shell) = self.shell.upgrade() {
            shell.crew.borrow_mut().dismiss(store);
        }
        self.asks.silence(store);
        self.workshop.forget_write(store);
    }

    /// Hears a store.
    pub(super) fn hear_store(&mut self, store: StoreId, message: FromStore) {
        match message {
            FromStore::Announce { .. } => {}
            FromStore::Loaded { cycle, image } => {
                self.conductor.loaded(store, cycle, image);
                self.frames.stale = true;
            }
            FromStore::LoadFailed(stop) => {
                self.conductor.load_failed(store, stop.clone());
                self.bury(store, stop);
            }
            FromStore::Answer(output) => self.answer(store, output),
            FromStore::Durable(cycle) => self.durable(store, cycle),
            FromStore::DiskRefused { reason } => notice(Notice::DiskRefused { store, reason }),
            FromStore::Ended(stop) => self.die(store, stop),
            FromStore::Panicked { message } => self.die(store, Stop::Panic { message }),
            FromStore::View(question, view) => self.asks.view(question, view),
            FromStore::Hash(question, hash) => self.asks.hash(question, hash),
        }
        self.drive();
    }

    fn answer(&mut self, store: StoreId, output: Output) {
        let cycle = output.write.as_ref().map(|write| write.cycle);
        let is_kept = self.keep(store, output.write.as_ref());
        let stop = output.stop.clone();
        self.conductor.answer(store, output);
        let effects = self.conductor.take_effects();
        self.carry_out(effects);
        if let (Some(cycle), true) = (cycle, is_kept) {
            self.durable(store, cycle);
        }
        if let Some(stop) = stop {
            self.bury(store, stop);
        }
        self.frames.stale = true;
    }

    pub(super) fn durable(&mut self, store: StoreId, cycle: Cycle) {
        self.conductor.disk_done(store, cycle);
        self.frames.stale = true;
    }

    fn die(&mut self, store: StoreId, stop: Stop) {
        self.conductor.died(store, stop.clone());
        self.bury(store, stop);
    }

    /// A store is gone by itself.
    fn bury(&mut self, store: StoreId, stop: Stop) {
        self.dismiss(store);
        let effects = self.conductor.take_effects();
        self.carry_out(effects);
        self.saver.want();
        self.frames.stale = true;
        notice(Notice::StoreStopped { store, stop });
    }

    fn carry_out(&mut self, effects: Vec<HostEffect>) {
        for effect in effects {
            match effect {
                HostEffect::Kill { store } => self.dismiss(store),
                HostEffect::Load {
                    store,
                    incarnation,
                    image,
                } => self.load(store, incarnation, image),
                HostEffect::Fill { store, full } => {
                    self.say(store, ToStore::Fill(full));
                    if !full {
                        self.make_room(store);
                    }
                }
                HostEffect::Corrupt { store, nth } => {
                    self.tamper(store, store, Tampering::Spoil(nth));
                }
                HostEffect::Wipe { store, heir } => self.tamper(store, heir, Tampering::Wipe),
            }
        }
    }

    pub(super) fn load(&mut self, store: StoreId, incarnation: Incarnation, wants_image: bool) {
        if self.workshop.puts_off(store, incarnation, wants_image) {
            return;
        }
        let disk = match self.grounds.disks {
            DiskKind::IndexedDb => StoreDisk::IndexedDb(Durability::Relaxed),
            DiskKind::Memory { .. } => {
                StoreDisk::Memory(self.memory.entry(store).or_default().image())
            }
        };
        let open = ToStore::Open(Open {
            cluster: self.grounds.cluster.clone(),
            store,
            incarnation,
            wants_image,
            disk,
        });
        let Some(shell) = self.shell.upgrade() else {
            return;
        };
        let employed = shell.crew.borrow_mut().employ(store, incarnation, open);
        if self.conductor.is_disk_full(store) {
            self.say(store, ToStore::Fill(true));
        }
        if let Err(message) = employed {
            let stop = Stop::Panic { message };
            self.conductor.load_failed(store, stop.clone());
            self.bury(store, stop);
        }
    }

    /// Does what can be done now, and sets the timer for what comes next.
    pub(super) fn drive(&mut self) {
        let real = port::real_us();
        self.asks.give_up(real);
        while self.turn(real) {}
        let now = self.conductor.now();
        self.clock.look(now, real);
        if self.clock.is_running() {
            self.meter.note(now, real);
        }
        self.show(real);
        self.set_timer(real);
    }

    /// One thing. Whether there may be more to do at once.
    fn turn(&mut self, real: u64) -> bool {
        if self.conductor.is_round_open() {
            let owed = self.conductor.owed_answers();
            return self.wait_for(owed, real);
        }
        self.judge();
        self.serve_lab();
        // Under load there is hardly another moment at which no round is open.
        self.save(real);
        self.show(real);
        // Hashes are of one moment: nothing begins until all are in.
        if self.ask_for_hashes(real) {
            return false;
        }
        let next = if self.clock.is_running() {
            let until = self.clock.look(self.conductor.now(), real);
            self.conductor.next(until)
        } else if self.steps > 0 {
            self.conductor.step_one()
        } else {
            self.next_at = None;
            return false;
        };
        match next {
            Next::Round(round) => {
                self.hand_out(round);
                true
            }
            Next::Held(owed) => self.wait_for(owed, real),
            Next::Idle { next_at } => {
                self.next_at = next_at;
                self.steps = 0;
                self.waits.clear();
                false
            }
        }
    }

    /// Hears the lab.
    pub(super) fn hear_lab(&mut self, number: u32, message: FromLab) {
        self.lab.hear(number, message);
        self.frames.stale = true;
        self.drive();
    }

    /// A run that broke an invariant stands at the end of the round that did.
    fn judge(&mut self) {
        self.lab.watch(self.conductor.take_history());
        let Some(violation) = self.conductor.violation().filter(|_| !self.is_violated) else {
            return;
        };
        let violation = Box::new(violation.clone());
        self.is_violated = true;
        self.run(Run::Pause);
        port::post_to_parent(&FromConductor::Violated(violation));
    }

    fn hand_out(&mut self, round: Round) {
        self.steps = self.steps.saturating_sub(1);
        self.waits.clear();
        self.frames.stale = true;
        let effects = self.conductor.take_effects();
        self.carry_out(effects);
        for delivery in round.deliveries {
            let store = delivery.store;
            assert_eq!(
                self.incarnation(store),
                Some(delivery.incarnation),
                "the worker of {store} is of another life"
            );
            self.say(store, ToStore::Call(delivery.request));
        }
    }

    /// Notes what the clock waits for; declares late what it has waited for long enough. Whether
    /// the clock waits for something less now.
    fn wait_for(&mut self, owed: Vec<Owed>, real: u64) -> bool {
        let owed: BTreeSet<Owed> = owed.into_iter().collect();
        self.waits.retain(|wait, _| owed.contains(wait));
        for wait in owed {
            self.waits.entry(wait).or_insert(real);
        }
        let patience = self.patience_us();
        let due = |since: &u64| real.saturating_sub(*since) >= patience;
        let late = self.waits.iter().filter(|(_, since)| due(since));
        let late: Vec<Owed> = late.map(|(owed, _)| *owed).collect();
        for owed in &late {
            self.waits.remove(owed);
            match *owed {
                Owed::Answer { store } => self.conductor.store_late(store),
                Owed::Disk { store, cycle } => self.conductor.disk_late(store, cycle),
                Owed::Load { store } => self.conductor.load_late(store),
            }
            self.frames.stale = true;
        }
        let effects = self.conductor.take_effects();
        self.carry_out(effects);
        !late.is_empty()
    }

    /// How long the clock waits for something real, in real microseconds.
    const fn patience_us(&self) -> u64 {
        if self.conductor.event().seq == 0 {
            OPENING_LATE_US
        } else {
            LATE_US
        }
    }

    fn show(&mut self, real: u64) {
        let show_at = self.show_at();
        let frames = &mut self.frames;
        let wanted = frames.stale || self.clock.is_running();
        if !frames.credit || !wanted || real < show_at {
            return;
        }
        *frames = Frames {
            credit: false,
            stale: false,
            left_us: Some(real),
        };
        let mut frame = self.conductor.frame();
        frame.pace = self.pace(real);
        frame.checks.history = self.lab.check();
        port::post_to_parent(&FromConductor::Frame(Box::new(frame)));
    }

    /// When the next frame may leave, in real microseconds. A round that closes soon is waited
    /// for.
    fn show_at(&self) -> u64 {
        let next = self.frames.left_us.map_or(0, |left| left + FRAME_US);
        let round = self.conductor.is_round_open();
        let since = self.waits.values().min().filter(|_| round);
        since.map_or(next, |since| next.max(since + HELD_SHOWN_US))
    }

    fn pace(&self, real: u64) -> Pace {
        let running = self.clock.is_running();
        let held = self.waits.iter().min_by_key(|(_, since)| **since);
        let held = held.filter(|(_, since)| real.saturating_sub(**since) >= HELD_SHOWN_US);
        let reached = self.meter.permille(self.conductor.now(), real);
        Pace {
            running,
            asked_permille: self.clock.permille(),
            reached_permille: if running { reached } else { 0 },
            real_ms: real / 1_000,
            held_by: held.map(|(owed, _)| *owed),
        }
    }

    fn set_timer(&mut self, real: u64) {
        let between = !self.conductor.is_round_open();
        let saving = self.saver.deadline(self.is_running());
        let mut wakes = vec![self.asks.deadline(), saving.filter(|_| between)];
        let patience = self.patience_us();
        wakes.extend(self.waits.values().map(|since| Some(since + patience)));
        if self.clock.is_running() && self.waits.is_empty() {
            let due = self.next_at.map(|at| real + self.clock.wait_us(at));
            wakes.push(due);
        }
        let wants_frame = self.frames.stale || self.clock.is_running();
        if self.frames.credit && wants_frame {
            wakes.push(Some(self.show_at()));
        }
        let wake = wakes.into_iter().flatten().min();
        self.timer = wake.map(|wake| {
            let us = wake.saturating_sub(real);
            let ms = u32::try_from(us.div_ceil(1_000)).unwrap_or(u32::MAX);
            let shell = self.shell.clone();
            Timeout::new(ms, move || {
                if let Some(shell) = shell.upgrade() {
                    shell.with_live(Self::drive);
                }
            })
        });
    }

    pub(super) const fn is_running(&self) -> bool {
        self.clock.is_running()
    }

    pub(super) fn has_store(&self, store: StoreId) -> bool {
        self.conductor.stores().any(|known| known == store)
    }
}
