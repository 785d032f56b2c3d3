//! The simulated host: a cluster whose processes and disks are in memory.
//!
//! A seed determines everything, and the same calls of the same [`Conductor`] as in the page make
//! the run. The host has chance of its own where a real one has: which writes of a killed store
//! had reached the disk, and (where wanted) which answers, disks and starts are late.

mod deed;
pub(crate) mod fault;
mod host;
mod plan;
pub mod timeline;

use std::collections::BTreeMap;

use raftstore::image::MemoryDisk;
use types::{
    action::{Acted, Action, MessageDeed, Misuse},
    event::EventId,
    frame::{Holder, MessageFrame},
    id::StoreId,
    io::Output,
    settings::Settings,
    time::{ClockRate, US_PER_MS, VirtualTime},
};

pub use deed::{CrashPoint, Deed};
pub use fault::{FaultKind, Presence};
pub use host::{HostConfig, HostCounts, Observed, Sight};
pub use plan::{Tempo, draw_plan};

use crate::{
    conductor::{ClusterConfig, Conductor},
    dice::Dice,
    node::Server,
    node::{Machine, Node, check_rules},
    parts::{self, Part},
    replay::{SegmentEnd, StoreEnd},
    saved::SavedLink,
    workload::WorkloadPlan,
};
use host::SimulatedHost;

/// The settings that faults change.
const HEALED: [&str; 6] = [
    "loss_permille",
    "duplicate_permille",
    "reorder_permille",
    "latency_ms_max",
    "disk_ms_max",
    "bytes_per_ms",
];

/// A run, given before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulationConfig {
    /// The cluster.
    pub cluster: ClusterConfig,
    /// What will be done to it, and when; in order of time.
    pub script: Vec<(VirtualTime, Deed)>,
    /// The host.
    pub host: HostConfig,
}

impl SimulationConfig {
    /// A cluster of default settings with `seed`, without faults or clients.
    #[must_use]
    pub fn quiet(seed: u64) -> Self {
        let settings = Settings {
            seed,
            ..Settings::default()
        };
        Self {
            cluster: ClusterConfig {
                settings,
                workload: None,
            },
            script: Vec::new(),
            host: HostConfig::new(seed),
        }
    }

    /// The run that belongs to `seed`: its size, its timings, its clients, and faults until
    /// `until`, of a subset of kinds that belongs to the seed too (swarm testing).
    #[must_use]
    pub fn from_seed(seed: u64, until: VirtualTime) -> Self {
        let mut dice = Dice::new(&("simulation", seed));
        let latency_ms_min = dice.between(1, 15);
        let disk_ms_min = dice.between(0, 4);
        let settings = Settings {
            seed: seed & types::id::MAX_SAFE,
            stores: dice.between(3, 7),
            latency_ms_min,
            latency_ms_max: latency_ms_min + dice.below(25),
            disk_ms_min,
            disk_ms_max: disk_ms_min + dice.below(20),
            client_timeout_ms: dice.between(500, 3_000),
            ..Settings::default()
        };
        let clients = u32::try_from(dice.between(1, 4)).expect("a small number");
        let kinds: Vec<FaultKind> = FaultKind::BASIC
            .into_iter()
            .filter(|_| dice.happens(600))
            .collect();
        Self {
            cluster: ClusterConfig {
                settings,
                workload: Some(WorkloadPlan {
                    clients,
                    ..WorkloadPlan::default()
                }),
            },
            script: draw_plan(seed, &settings, until, &kinds, Tempo::USUAL),
            host: HostConfig::new(seed),
        }
    }
}

/// A running simulation.
#[derive(Debug, Clone)]
pub struct Simulation<N: Node> {
    conductor: Conductor,
    host: SimulatedHost<N>,
    /// What is left of the script, the next deed last.
    script: Vec<(VirtualTime, Deed)>,
    recording: Vec<u8>,
    misused: u64,
}

impl<N: Node> Simulation<N> {
    /// Starts the cluster, with nodes as they are set up usually.
    ///
    /// # Panics
    ///
    /// When the settings are not valid.
    #[must_use]
    pub fn new(config: SimulationConfig) -> Self {
        Self::with_setup(config, N::Setup::default())
    }

    /// Starts the cluster, with every node set up as `setup` says.
    ///
    /// # Panics
    ///
    /// When the settings are not valid.
    #[must_use]
    pub fn with_setup(config: SimulationConfig, setup: N::Setup) -> Self {
        let mut script = config.script;
        script.reverse();
        let mut simulation = Self {
            conductor: Conductor::create(config.cluster),
            host: SimulatedHost::new(config.host, setup),
            script,
            recording: Vec::new(),
            misused: 0,
        };
        simulation.host.carry_out(&mut simulation.conductor);
        simulation
    }

    /// Goes on where a run stands, with the answers that late stores still owe.
    pub(crate) fn go_on(
        conductor: Conductor,
        (config, setup): (HostConfig, N::Setup),
        machines: BTreeMap<StoreId, Machine<N>>,
        late: Vec<(StoreId, Output)>,
    ) -> Self {
        let host = SimulatedHost::take_over(config, setup, &conductor, machines, late);
        Self {
            conductor,
            host,
            script: Vec::new(),
            recording: Vec::new(),
            misused: 0,
        }
    }

    /// Lets time pass up to `until`, and the script with it.
    pub fn run_until(&mut self, until: VirtualTime) {
        while self.advance(until) {}
    }

    /// Does the next thing that is due up to `until`: an action of the script, or a round of
    /// events. Returns whether there was any; where not, the clock stands at `until`.
    pub fn advance(&mut self, until: VirtualTime) -> bool {
        let next = self.script.last().map(|(at, _)| *at);
        let next = next.filter(|at| *at <= until);
        if self
            .host
            .advance(&mut self.conductor, next.unwrap_or(until))
        {
            return true;
        }
        match next.and_then(|_| self.script.pop()) {
            Some((_, deed)) => {
                self.act_as_planned(deed);
                true
            }
            None => false,
        }
    }

    /// Ends what troubles the run by itself: what is left of the script is dropped, and from now
    /// on the host is in time and kills nobody, at no place.
    pub fn calm(&mut self) {
        self.script.clear();
        self.host.calm();
    }

    /// Undoes every fault that can be undone: those that trouble the run by themselves, and those
    /// of actions. `usual` are the settings to go back to. Nobody is started.
    pub fn heal(&mut self, usual: &Settings) {
        self.calm();
        let mut actions = vec![Action::Heal];
        for name in HEALED {
            let value = usual.get(name).expect("a setting of the table");
            let name = name.to_owned();
            actions.push(Action::Set { name, value });
        }
        let saved = self.conductor.saved();
        for SavedLink { from, to, .. } in saved.links {
            let plan = None;
            actions.push(Action::Link { from, to, plan });
        }
        let by_hand = |frame: &MessageFrame| frame.held.is_some_and(|held| held.by == Holder::Hand);
        let messages = self.conductor.frame().messages;
        for frame in messages.into_iter().filter(by_hand) {
            actions.push(Action::Message {
                id: frame.id,
                duplicate: frame.duplicate,
                deed: MessageDeed::Release,
            });
        }
        for store in saved.stores {
            let (store, rate) = (store.id, ClockRate::TRUE);
            actions.push(Action::Resume { store });
            actions.push(Action::Drift { store, rate });
            let full = false;
            actions.push(Action::FillDisk { store, full });
        }
        for action in actions {
            // Whoever is not paused cannot be resumed.
            drop(self.act(action));
        }
    }

    /// A store that stopped by itself cannot be killed; such actions change nothing.
    fn act_as_planned(&mut self, deed: Deed) {
        match deed {
            Deed::Act(action) => self.misused += u64::from(self.act(action).is_err()),
            Deed::CrashAt { store, point } => self.crash_at(store, point),
        }
    }

    /// Lets a store's process die the next time that it comes to `point`.
    pub fn crash_at(&mut self, store: StoreId, point: CrashPoint) {
        self.host.crash_at(store, point);
    }

    /// Lets `ms` milliseconds of virtual time pass.
    pub fn run_ms(&mut self, ms: u64) {
        self.run_until(self.conductor.now().plus(ms * US_PER_MS));
    }

    /// Runs on in steps of 5 ms until `done`, at most `ms` milliseconds. Returns whether it is.
    pub fn run_while_not(&mut self, ms: u64, done: impl Fn(&mut Self) -> bool) -> bool {
        let end = self.conductor.now().plus(ms * US_PER_MS);
        while !done(self) {
            if self.conductor.now() >= end {
                return false;
            }
            self.run_ms(5);
        }
        true
    }

    /// Takes one event.
    pub fn step(&mut self) {
        self.host.step(&mut self.conductor);
    }

    /// Makes a store's process hang after each envelope, as a runaway computation does, or lets it
    /// go on. A hanging store is late; a killed one hangs no more.
    pub fn set_stuck(&mut self, store: StoreId, stuck: bool) {
        self.host.set_stuck(store, stuck);
    }

    /// Does what a person asks.
    ///
    /// # Errors
    ///
    /// [`Misuse`], also for rules that the nodes do not know; nothing has changed.
    pub fn act(&mut self, action: Action) -> Result<Acted, Misuse> {
        check_rules::<N>(self.host.setup(), &action)?;
        let acted = self.conductor.act(action);
        self.host.carry_out(&mut self.conductor);
        acted
    }

    /// Ends the conductor and all stores, as closing the page does, and starts the next segment
    /// from what was saved.
    pub fn reload(&mut self) {
        self.recording.extend(self.conductor.take_chunk());
        let saved = self.conductor.saved();
        self.host.crash_all(&self.conductor);
        self.conductor = Conductor::resume(saved);
        self.host.carry_out(&mut self.conductor);
    }

    /// The recording so far.
    pub fn recording(&mut self) -> &[u8] {
        self.recording.extend(self.conductor.take_chunk());
        &self.recording
    }

    /// The conductor.
    #[must_use]
    pub const fn conductor(&self) -> &Conductor {
        &self.conductor
    }

    /// The conductor, to look at frames and histories.
    pub const fn conductor_mut(&mut self) -> &mut Conductor {
        &mut self.conductor
    }

    /// The node of a store, while it lives.
    #[must_use]
    pub fn node(&self, store: StoreId) -> Option<&N> {
        self.host.node(store)
    }

    /// The disk of a store that was ever started.
    #[must_use]
    pub fn disk(&self, store: StoreId) -> Option<&MemoryDisk> {
        self.host.disk(store)
    }

    /// What was seen since the last call, where the host observes.
    pub fn take_observed(&mut self) -> Vec<Observed> {
        self.host.take_observed()
    }

    /// What happened how often.
    #[must_use]
    pub const fn counts(&self) -> HostCounts {
        self.host.counts()
    }

    /// How often each kind of fault changed something so far. Kinds that the host cannot tell are
    /// left out.
    #[must_use]
    pub fn felt(&self) -> BTreeMap<FaultKind, u64> {
        let (host, tally) = (self.host.counts(), self.conductor.tally());
        let network = self.conductor.network_counts();
        let kills = host.kills_unanswered + host.kills_answered;
        let at_points = host.crashes_before_write
            + host.crashes_after_write
            + host.crashes_after_messages
            + host.crashes_in_snapshot_install;
        let felt = [
            (FaultKind::Kill, host.kills_felt),
            (FaultKind::KillInRound, kills.saturating_sub(at_points)),
            (FaultKind::CrashBeforeWrite, host.crashes_before_write),
            (FaultKind::CrashAfterWrite, host.crashes_after_write),
            (FaultKind::CrashAfterMessages, host.crashes_after_messages),
            (FaultKind::SnapshotCrash, host.crashes_in_snapshot_install),
            (FaultKind::DiskFull, host.full_disks),
            (FaultKind::CorruptRow, host.rows_spoiled),
            (FaultKind::Wipe, host.disks_wiped),
            (FaultKind::Pause, tally.paused),
            (FaultKind::Drift, tally.drifted),
            (FaultKind::LateAnswer, host.late_answers),
            (FaultKind::LateDisk, host.late_disks),
            (FaultKind::LateStart, host.late_loads),
            (FaultKind::Cut, tally.cut),
            (FaultKind::OneWay, tally.blocked),
            (FaultKind::Loss, network.lost_chance),
            (FaultKind::LinkPlan, network.own_plan),
            (FaultKind::Bandwidth, network.queued + network.lost_full),
            (FaultKind::Clog, network.clogged),
            (FaultKind::Duplicate, tally.doubled),
            (FaultKind::Reorder, tally.overtaken),
            (FaultKind::Latency, tally.slow),
            (FaultKind::Disk, tally.slow_writes),
        ];
        felt.into_iter().collect()
    }

    /// Actions of the script that made no sense when their time came.
    #[must_use]
    pub const fn misused(&self) -> u64 {
        self.misused
    }

    /// Everything that decides what happens next, part by part.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = self.conductor.parts();
        parts.extend(self.host.parts());
        parts.push(Part::new("script", &self.script));
        parts
    }

    /// The hash of everything that decides what happens next: stores and their disks, the
    /// conductor with its queue and clients, the host, the script, and every stream of chance. Two
    /// simulations of one setup and of equal hashes go on alike.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        parts::hash(&self.parts())
    }

    /// The hashes of this moment, equal to those of a replay that ends here.
    #[must_use]
    pub fn end(&self) -> SegmentEnd {
        let running = self.conductor.running();
        let store_end = |(store, incarnation)| {
            let node = self.node(store).expect("a running store has a node");
            StoreEnd {
                store,
                incarnation,
                state: node.state_hash(),
            }
        };
        SegmentEnd {
            event: self.conductor.event(),
            now: self.conductor.now(),
            run: self.conductor.run_hash(),
            conductor: self.conductor.state_hash(),
            stores: running.into_iter().map(store_end).collect(),
        }
    }
}

/// The hash of the run that belongs to `seed`, with faults, after `virtual_seconds`. The same in
/// every build and on every host.
#[must_use]
pub fn run_hash(seed: u64, virtual_seconds: u64) -> u64 {
    run(seed, virtual_seconds).0
}

/// As [`run_hash`], with the last event of the run.
#[must_use]
pub fn run(seed: u64, virtual_seconds: u64) -> (u64, EventId) {
    let simulation = ran(seed, virtual_seconds);
    let conductor = simulation.conductor();
    (conductor.run_hash(), conductor.event())
}

/// As [`run_hash`], with the hash of the state that the run ends in.
#[must_use]
pub fn end_hashes(seed: u64, virtual_seconds: u64) -> (u64, u64) {
    let simulation = ran(seed, virtual_seconds);
    (simulation.conductor().run_hash(), simulation.state_hash())
}

fn ran(seed: u64, virtual_seconds: u64) -> Simulation<Server> {
    let until = VirtualTime::new(virtual_seconds * 1_000 * US_PER_MS);
    let mut simulation = Simulation::<Server>::new(SimulationConfig::from_seed(seed, until));
    simulation.conductor_mut().stop_recording();
    simulation.run_until(until);
    simulation
}
