//! What belongs to the seed of a trial: the size of the group, its timings, the habits of its
//! hosts, and which faults and deeds it meets (swarm testing: a subset of each).

use raft::{Lease, Limits};
use types::{
    raft::{LogPosition, Preset},
    settings::Settings,
    time::{US_PER_MS, VirtualTime},
};

use super::Trial;
use crate::{
    conductor::ClusterConfig,
    dice::Dice,
    group::{GroupSetup, Habits},
    sim::{FaultKind, HostConfig, SimulationConfig, Tempo, draw_plan},
};

/// For how long the script brings faults, in milliseconds of virtual time.
const FAULTS_MS: u64 = 60_000;
/// The longest time until the healing, in milliseconds of virtual time. A group that lost its
/// quorum for long has few messages in the time of the script.
const LONGEST_MS: u64 = 10 * FAULTS_MS;

/// A drawn trial.
pub(super) struct Plan {
    pub(super) config: SimulationConfig,
    pub(super) setup: GroupSetup,
    /// The deeds that it knows, each as often as it shall come.
    pub(super) deeds: Vec<DeedKind>,
    pub(super) deed_pause_ms: (u64, u64),
    pub(super) submit_pause_ms: (u64, u64),
    /// How many of the commands write, in thousandths. Where few do, a store that heard nothing
    /// for a while is still up to date.
    pub(super) write_permille: u64,
    pub(super) longest_ms: u64,
}

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeedKind {
    /// Changes the membership, or ends a joint phase.
    Change,
    /// Hands the leadership over.
    Transfer,
    /// Hands it over to a store that nobody reaches.
    TransferInVain,
    /// Drops the beginning of a log.
    Compact,
    /// Makes a peer campaign.
    Campaign,
    /// Makes a peer forget its leader.
    Forget,
    /// Kills the leader, and starts it again.
    KillLeader,
    /// Cuts the leader off from one other store, which everybody else still hears.
    Estrange,
}

/// The deeds of a dialect: each with its chance to be among those of a seed, in thousandths, and
/// how often it then comes. MIT 6.824 has a fixed membership.
const DEEDS: [(DeedKind, u64, u64); 8] = [
    (DeedKind::Change, 800, 5),
    (DeedKind::Transfer, 700, 3),
    (DeedKind::TransferInVain, 500, 2),
    (DeedKind::Compact, 850, 5),
    (DeedKind::Campaign, 500, 1),
    (DeedKind::Forget, 300, 1),
    (DeedKind::KillLeader, 600, 2),
    (DeedKind::Estrange, 600, 3),
];

impl Plan {
    pub(super) fn draw(trial: &Trial) -> Self {
        let mut dice = Dice::new(&("trial", trial.seed, trial.preset));
        let settings = draw_settings(trial, &mut dice);
        let mut kinds: Vec<FaultKind> = FaultKind::BASIC
            .into_iter()
            .filter(|_| dice.happens(600))
            .collect();
        // A stream of its own, so that trials without it are what they were.
        let mut machines = Dice::new(&("machines", trial.seed, trial.preset));
        let has_more = machines.happens(400);
        let more = FaultKind::OF_GROUPS.into_iter();
        kinds.extend(more.filter(|_| machines.happens(500) && has_more));
        // Few groups ever install a snapshot, so that this one needs many tries.
        if machines.happens(500) && !kinds.contains(&FaultKind::SnapshotCrash) {
            kinds.push(FaultKind::SnapshotCrash);
        }
        let longest = dice.between(300, 1_500);
        let tempo = Tempo {
            calm_ms: 100,
            pause_ms: (20, dice.between(100, 500)),
            lasts_ms: (5, longest),
            slower_ms: dice.between(5, 80),
            // Leases bear clocks that differ by less than a tenth.
            drift_permille: 40,
        };
        let until = VirtualTime::new(FAULTS_MS * US_PER_MS);
        let mut host = if dice.happens(300) {
            HostConfig::restless(trial.seed)
        } else {
            HostConfig::new(trial.seed)
        };
        (host.observe, host.catch_panics) = (true, true);
        let config = SimulationConfig {
            cluster: ClusterConfig {
                settings,
                workload: None,
            },
            script: draw_plan(trial.seed, &settings, until, &kinds, tempo),
            host,
        };
        let setup = draw_setup(trial, &settings, &mut dice);
        let deeds = draw_deeds(trial.preset, &mut dice);
        let deed_pause = dice.between(60, 300);
        let submit_pause = dice.between(8, 30);
        let reads_mostly = if setup.lease.is_some() { 700 } else { 150 };
        let write_permille = if dice.happens(reads_mostly) { 20 } else { 700 };
        Self {
            config,
            setup,
            deeds,
            deed_pause_ms: (10, deed_pause),
            submit_pause_ms: (1, submit_pause),
            write_permille,
            longest_ms: LONGEST_MS,
        }
    }
}

fn draw_settings(trial: &Trial, dice: &mut Dice) -> Settings {
    let latency_ms_min = dice.between(1, 3);
    let place = Preset::ALL
        .iter()
        .position(|preset| *preset == trial.preset);
    let preset = u64::try_from(place.unwrap_or_default()).unwrap_or_default();
    Settings {
        seed: trial.seed & types::id::MAX_SAFE,
        preset,
        stores: dice.between(3, 6),
        tick_ms: 10,
        heartbeat_ticks: dice.between(2, 4),
        election_ticks: dice.between(8, 14),
        latency_ms_min,
        latency_ms_max: latency_ms_min + dice.below(10),
        disk_ms_min: dice.below(3),
        disk_ms_max: 3 + dice.below(12),
        client_timeout_ms: dice.between(200, 800),
        ..Settings::default()
    }
}

fn draw_setup(trial: &Trial, settings: &Settings, dice: &mut Dice) -> GroupSetup {
    let changes = trial.preset != Preset::Mit6824;
    let first = dice.between(3, settings.stores.min(5));
    let apply_at_once = dice.between(1, 8);
    let habits = Habits {
        reads_by_index: dice.happens(700) || trial.preset == Preset::Etcd,
        apply_at_once: dice.happens(400).then_some(apply_at_once),
        flush_permille: dice.below(60),
        not_ready_permille: dice.below(500),
    };
    let refusal_us = settings.election_ticks * settings.tick_ms * US_PER_MS;
    let lease = Lease {
        duration_us: refusal_us / 10 * 9,
        refusal_us,
    };
    let has_lease = dice.happens(500) && trial.preset == Preset::Etcd;
    let limits = if dice.happens(400) {
        Limits {
            in_flight_appends: as_usize(dice.between(1, 4)),
            in_flight_bytes: as_usize(dice.between(100, 2_000)),
            append_entries: as_usize(dice.between(1, 8)),
            append_bytes: as_usize(dice.between(50, 600)),
            committed_bytes: as_usize(dice.between(50, 1_000)),
            uncommitted_bytes: as_usize(dice.between(300, 20_000)),
            ..Limits::default()
        }
    } else {
        Limits::default()
    };
    GroupSetup {
        first_voters: changes.then_some(first),
        beginning: if changes {
            GroupSetup::TINYKV_BEGINNING
        } else {
            LogPosition::default()
        },
        lease: has_lease.then_some(lease),
        limits,
        habits,
        rules: trial.rules,
    }
}

fn draw_deeds(preset: Preset, dice: &mut Dice) -> Vec<DeedKind> {
    let mut deeds = Vec::new();
    for (kind, permille, times) in DEEDS {
        let is_in = dice.happens(permille);
        if is_in && (kind != DeedKind::Change || preset != Preset::Mit6824) {
            deeds.extend((0..times).map(|_| kind));
        }
    }
    deeds
}

fn as_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
