//! A cluster of key-value stores in virtual time, as the tests of both courses use one: the
//! project's own simulator, with clients that say what they expect.
//!
//! What is judged all the time, besides what a test checks itself: the invariants of raft, whether
//! the clients' history is linearizable, and in the end whether the disks are sound.

mod clients;
pub(crate) mod generic;
pub(crate) mod row;

use std::collections::{BTreeMap, BTreeSet};

use checker::history::{self, Budget, Verdict};
use cluster::{
    History, HistoryEvent, SavedLife, Server,
    sim::{HostConfig, Simulation, SimulationConfig},
};
use raftstore::{RuleBook, audit};
use types::{
    action::{Acted, Action, OperationId},
    frame::OperationState,
    id::{ClientId, StoreId},
    raft::Role,
    scheduler::SchedulerView,
    settings::Settings,
    store::{Command, CommandResult},
    time::{US_PER_MS, VirtualTime},
    view::PeerView,
};

use crate::dice::Dice;

/// What a test comes to: nothing, or what is wrong.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// How long the course waits for an answer before a test fails, in milliseconds.
pub(crate) const PATIENCE_MS: u64 = 20_000;
/// The longest election timeout, in milliseconds: nobody campaigns earlier than half of it.
pub(crate) const ELECTION_MS: u64 = 1_000;

/// What happened in a run, as far as floors ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Count {
    /// The fewest operations of one client in one round that were acknowledged.
    Acknowledged,
    /// Messages lost by chance.
    Lost,
    /// Messages lost at a cut.
    Cut,
    /// Stores that were stopped and started again.
    Crashes,
    /// Logs whose beginning was dropped.
    Compactions,
    /// Snapshots that took the place of a peer's state.
    Snapshots,
    /// Regions beyond the first.
    Splits,
    /// Peers that joined or left.
    Changes,
    /// Leaders that were elected.
    Leaders,
}

impl Count {
    /// The name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "operations per client and round",
            Self::Lost => "messages lost",
            Self::Cut => "messages cut off",
            Self::Crashes => "crashes",
            Self::Compactions => "compactions",
            Self::Snapshots => "snapshots installed",
            Self::Splits => "splits",
            Self::Changes => "membership changes",
            Self::Leaders => "leaders elected",
        }
    }
}

/// A running cluster and what is known of it.
pub(crate) struct Kv {
    pub(crate) sim: Simulation<Server>,
    pub(crate) dice: Dice,
    pub(crate) counts: BTreeMap<Count, u64>,
    story: History,
    /// The last that became known of operations that somebody waits for.
    states: BTreeMap<(ClientId, OperationId), OperationState>,
}

/// The settings that all tests start from: 5 ms one way, 1 ms for a write.
pub(crate) fn settings(seed: u64, stores: u64) -> Settings {
    Settings {
        seed,
        stores,
        latency_ms_min: 5,
        latency_ms_max: 5,
        disk_ms_min: 1,
        disk_ms_max: 1,
        client_timeout_ms: 200,
        ..Settings::default()
    }
}

impl Kv {
    /// Starts a cluster whose stores decide by the broken rules of that name, where one is given.
    pub(crate) fn new(settings: Settings, broken: Option<&str>) -> Self {
        let seed = settings.seed;
        let mut config = SimulationConfig::quiet(seed);
        config.cluster.settings = settings;
        config.host = HostConfig {
            observe: true,
            catch_panics: true,
            ..HostConfig::new(seed)
        };
        let mut sim = Simulation::with_setup(config, RuleBook::new(labs::rules));
        sim.conductor_mut().stop_recording();
        sim.conductor_mut().watch();
        // The machines come up.
        sim.run_ms(50);
        let mut kv = Self {
            sim,
            dice: Dice::new(seed, "cluster"),
            counts: BTreeMap::new(),
            story: History::default(),
            states: BTreeMap::new(),
        };
        if let Some(name) = broken {
            for store in kv.stores() {
                let name = Some(name.to_owned());
                kv.act(Action::Rule { store, name });
            }
        }
        kv
    }

    pub(crate) fn count(&mut self, what: Count, more: u64) {
        *self.counts.entry(what).or_default() += more;
    }

    pub(crate) fn stores(&self) -> Vec<StoreId> {
        let stores = self.sim.conductor().settings().stores;
        (1..=stores).map(StoreId::new).collect()
    }

    pub(crate) fn now(&self) -> VirtualTime {
        self.sim.conductor().now()
    }

    pub(crate) fn after_ms(&self, ms: u64) -> VirtualTime {
        self.now().plus(ms * US_PER_MS)
    }

    /// Does what a person could do; what makes no sense now is left out.
    pub(crate) fn act(&mut self, action: Action) -> bool {
        self.sim.act(action) == Ok(Acted::Done)
    }

    pub(crate) fn set(&mut self, name: &str, value: u64) {
        let name = name.to_owned();
        assert!(self.act(Action::Set { name, value }), "a live setting");
    }

    /// The next thing that happens up to `until`; false once there is none.
    pub(crate) fn advance(&mut self, until: VirtualTime) -> Outcome<bool> {
        let went = self.sim.advance(until);
        self.look()?;
        Ok(went)
    }

    pub(crate) fn run_ms(&mut self, ms: u64) -> Outcome {
        let until = self.after_ms(ms);
        while self.advance(until)? {}
        Ok(())
    }

    /// Runs on until `done`, or says that it took longer than `ms`.
    pub(crate) fn wait(
        &mut self,
        ms: u64,
        what: &str,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Outcome {
        let end = self.after_ms(ms);
        while !done(self) {
            if self.now() >= end {
                return Err(format!("{what}: not within {ms} ms, at {}", self.now()));
            }
            self.run_ms(5)?;
        }
        Ok(())
    }

    /// Takes in what just happened.
    fn look(&mut self) -> Outcome {
        if let Some(violation) = self.sim.conductor().violation() {
            return Err(violation.to_string());
        }
        let fresh = self.sim.conductor_mut().take_history();
        for event in &fresh.events {
            if let HistoryEvent::Returned {
                client,
                operation,
                state,
                ..
            } = event
            {
                self.states.insert((*client, *operation), state.clone());
            }
        }
        self.story.extend(fresh);
        for observed in self.sim.take_observed() {
            row::tally(&mut self.counts, &observed.sight);
        }
        Ok(())
    }

    /// Takes out what became of an operation, where anything did.
    pub(crate) fn outcome_of(
        &mut self,
        client: ClientId,
        operation: OperationId,
    ) -> Option<OperationState> {
        self.states.remove(&(client, operation))
    }

    /// Has a client carry out a command, again and again until it is acknowledged, as the course's
    /// client does.
    pub(crate) fn carry_out(
        &mut self,
        client: ClientId,
        command: &Command,
    ) -> Outcome<CommandResult> {
        let end = self.after_ms(PATIENCE_MS);
        loop {
            let id = self.sim.conductor_mut().drive(client, command.clone());
            let state = loop {
                if let Some(state) = self.outcome_of(client, id) {
                    break state;
                }
                if self.now() >= end {
                    return Err(format!("request timeout: {command:?} at {}", self.now()));
                }
                let next = self.after_ms(5);
                self.advance(next)?;
            };
            if let OperationState::Done { result, .. } = state {
                return Ok(result);
            }
        }
    }

    /// The scheduler as it stands.
    pub(crate) fn scheduler(&self) -> SchedulerView {
        let node = self.sim.node(StoreId::SCHEDULER);
        let scheduler = node.and_then(Server::scheduler);
        scheduler.expect("a running scheduler").view()
    }

    /// The peers of a store; none while it is down.
    pub(crate) fn peers(&self, store: StoreId) -> Vec<PeerView> {
        let store = self.sim.node(store).and_then(Server::store);
        store.map(|store| store.view().peers).unwrap_or_default()
    }

    /// The store of the latest term that leads the region of `key`, by its own word.
    pub(crate) fn leader_of(&self, key: &[u8]) -> Option<StoreId> {
        let mut best = None;
        for store in self.stores() {
            for peer in self.peers(store) {
                if peer.role == Role::Leader && peer.region.contains(key) {
                    best = best.max(Some((peer.hard_state.term, store)));
                }
            }
        }
        best.map(|(_, store)| store)
    }

    /// Waits for a leader of the region of `key`.
    pub(crate) fn wait_for_leader(&mut self, key: &[u8]) -> Outcome<StoreId> {
        self.wait(PATIENCE_MS, "a leader", |kv| kv.leader_of(key).is_some())?;
        self.leader_of(key).ok_or_else(|| "no leader".to_owned())
    }

    /// Cuts the stores into these and all others.
    pub(crate) fn cut(&mut self, side: &[StoreId]) {
        let (left, right): (Vec<_>, Vec<_>) =
            self.stores().into_iter().partition(|id| side.contains(id));
        let is_whole = left.is_empty() || right.is_empty();
        let action = if is_whole {
            Action::Heal
        } else {
            Action::Cut {
                groups: vec![left, right],
            }
        };
        self.act(action);
    }

    pub(crate) fn heal(&mut self) {
        self.act(Action::Heal);
        self.set("loss_permille", 0);
    }

    /// Stops every store, and starts it again after an election timeout.
    pub(crate) fn crash_all(&mut self) -> Outcome {
        for store in self.stores() {
            let killed = self.act(Action::Kill { store });
            self.count(Count::Crashes, u64::from(killed));
        }
        self.run_ms(ELECTION_MS)?;
        for store in self.stores() {
            self.act(Action::Start { store });
        }
        Ok(())
    }

    /// What must be true in the end.
    pub(crate) fn end(&mut self) -> Outcome {
        self.heal();
        self.run_ms(500)?;
        self.wait(PATIENCE_MS, "agreement of all replicas", |kv| {
            kv.is_agreed()
        })?;
        for store in self.sim.conductor().saved().stores {
            if let SavedLife::Stopped(stop) = store.state {
                return Err(format!("{} stopped by itself: {stop}", store.id));
            }
        }
        let network = self.sim.conductor().network_counts();
        self.count(Count::Lost, network.lost_chance);
        self.count(Count::Cut, network.lost_cut);
        let leaders = self.sim.conductor().watched().leaders;
        self.count(Count::Leaders, leaders);
        let peers = self
            .stores()
            .into_iter()
            .flat_map(|store| self.peers(store));
        let regions: BTreeSet<_> = peers.map(|peer| peer.region.id).collect();
        self.count(Count::Splits, regions.len().saturating_sub(1) as u64);
        self.audit()?;
        self.explain()
    }

    /// Whether every replica of every region holds what its leader holds.
    fn is_agreed(&self) -> bool {
        let of_store = |store| {
            let peers = self.peers(store).into_iter();
            peers.map(move |peer| ((peer.region.id, peer.peer), peer))
        };
        let all: BTreeMap<_, _> = self.stores().into_iter().flat_map(of_store).collect();
        let regions: BTreeSet<_> = all.keys().map(|(region, _)| *region).collect();
        regions.into_iter().all(|region| {
            let peers = all.values().filter(|peer| peer.region.id == region);
            let leaders = peers.filter(|peer| peer.role == Role::Leader);
            let Some(leader) = leaders.max_by_key(|peer| peer.hard_state.term) else {
                return false;
            };
            leader.region.peers.iter().all(|member| {
                let peer = all.get(&(region, member.id));
                peer.is_some_and(|peer| peer.applied == leader.applied && peer.data == leader.data)
            })
        })
    }

    fn audit(&self) -> Outcome {
        let disk = |id: StoreId| self.sim.disk(id).map(|disk| (id, disk.image()));
        let disks: Vec<_> = self.stores().into_iter().filter_map(disk).collect();
        let report = audit::check(&disks);
        match report.findings.first() {
            Some(finding) => Err(format!("the disks are not sound: {finding:?}")),
            None => Ok(()),
        }
    }

    /// Whether one order explains what the clients were told. Not knowing it fails too.
    fn explain(&mut self) -> Outcome {
        let converted = self.story.convert().map_err(|fault| fault.to_string())?;
        let history = history::History::new(converted.operations);
        let history = history.map_err(|error| error.to_string())?;
        match history::check(&history, Budget::default()).verdict {
            Verdict::Linearizable { .. } => Ok(()),
            Verdict::NotLinearizable { key, .. } => {
                let key = String::from_utf8_lossy(&key).into_owned();
                Err(format!("nothing explains what clients saw of {key:?}"))
            }
            Verdict::Unknown { key, .. } => {
                let key = String::from_utf8_lossy(&key).into_owned();
                Err(format!("it is unknown whether {key:?} is linearizable"))
            }
        }
    }
}
