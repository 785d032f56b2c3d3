//! How much virtual time the simulator runs in a second, with every check on.
//!
//! `cargo xtask bench sim` builds this natively and for Node, runs both cases in both, and makes
//! the table. Deliberately absent: clocks of its own (the caller brings one), ratios and tables
//! (`xtask`).

use checker::history::{self, Budget, Verdict};
use cluster::{
    ClientLoop, ClusterConfig, History, KeyChoice, WorkloadPlan,
    sim::{HostConfig, Simulation, SimulationConfig},
    watch::Watch,
};
use cluster::Server;
use serde::Serialize;
use types::{
    raft::ConfState,
    settings::Settings,
    time::{US_PER_MS, VirtualTime},
};

#[cfg(target_arch = "wasm32")]
pub mod node;

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Five stores with a leader and nobody who wants anything.
    Idle,
    /// The same with five clients that each wait for an answer before they want something new.
    Loaded,
}

impl Case {
    /// The case of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "idle" => Some(Self::Idle),
            "loaded" => Some(Self::Loaded),
            _ => None,
        }
    }

    /// Timeouts of 100 to 200 ms, heartbeats of 50 ms, latencies of 10 to 15 ms.
    fn config(self, seed: u64) -> SimulationConfig {
        let settings = Settings {
            seed,
            stores: 5,
            tick_ms: 10,
            heartbeat_ticks: 5,
            election_ticks: 10,
            latency_ms_min: 10,
            latency_ms_max: 15,
            disk_ms_min: 1,
            disk_ms_max: 2,
            ..Settings::default()
        };
        let workload = WorkloadPlan {
            clients: 5,
            keys: 10,
            key_choice: KeyChoice::Uniform,
            client_loop: ClientLoop::Closed,
            think_ms_max: 70,
            put_permille: 400,
            delete_permille: 50,
            append_permille: 100,
            scan_permille: 0,
            compare_and_set_permille: 100,
            until: None,
        };
        let mut host = HostConfig::new(seed);
        host.observe = true;
        SimulationConfig {
            cluster: ClusterConfig {
                settings,
                workload: (self == Self::Loaded).then_some(workload),
            },
            script: Vec::new(),
            host,
        }
    }
}

/// What a run was, and how long it took.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Virtual seconds.
    pub virtual_seconds: u64,
    /// Events of the conductor.
    pub events: u64,
    /// Messages that reached a store.
    pub messages: u64,
    /// Operations whose answers came.
    pub acknowledged: u64,
    /// Observations that were judged.
    pub judged: u64,
    /// Real seconds.
    pub seconds: f64,
}

/// Runs a case `rounds` times, each for so many virtual seconds, judged after every step: R1 to R15
/// by the checker, and R16 by a look at the clients' history every ten virtual seconds.
///
/// # Errors
///
/// What is broken, in words.
pub fn run(
    case: Case,
    virtual_seconds: u64,
    rounds: u64,
    now: impl Fn() -> f64,
) -> Result<Vec<Sample>, String> {
    (1..=rounds)
        .map(|seed| {
            let began = now();
            let sample = one(case, seed, virtual_seconds)?;
            let seconds = now() - began;
            Ok(Sample { seconds, ..sample })
        })
        .collect()
}

/// How much of a history is judged at once, in virtual seconds.
const HISTORY_SECONDS: u64 = 10;

fn one(case: Case, seed: u64, virtual_seconds: u64) -> Result<Sample, String> {
    let mut sim = Simulation::<Server>::new(case.config(seed));
    sim.conductor_mut().stop_recording();
    let region = sim.conductor().region();
    let voters = region.peers.iter().map(|peer| peer.id).collect();
    let mut watch = Watch::new(region.id, &ConfState::of_voters(voters));
    let mut history = History::default();
    for second in 1..=virtual_seconds {
        let until = VirtualTime::new(second * 1_000 * US_PER_MS);
        while sim.advance(until) {
            let judged = watch.take(&sim.take_observed());
            judged.map_err(|violation| format!("seed {seed}: {violation}"))?;
        }
        history.extend(sim.conductor_mut().take_history());
        if second % HISTORY_SECONDS == 0 || second == virtual_seconds {
            judge(seed, &history)?;
        }
    }
    let acknowledged = history.convert().map_err(|fault| fault.to_string())?;
    let done = acknowledged.operations.iter();
    let done = done.filter(|operation| operation.returned.is_some());
    Ok(Sample {
        virtual_seconds,
        events: sim.conductor().event().seq,
        messages: sim.counts().messages,
        acknowledged: done.count() as u64,
        judged: watch.counts().observations,
        seconds: 0.0,
    })
}

fn judge(seed: u64, history: &History) -> Result<(), String> {
    let converted = history.convert().map_err(|fault| fault.to_string())?;
    let operations = history::History::new(converted.operations);
    let operations = operations.map_err(|error| error.to_string())?;
    match history::check(&operations, Budget::default()).verdict {
        Verdict::Linearizable { .. } => Ok(()),
        verdict => Err(format!("seed {seed}: {verdict:?}")),
    }
}
