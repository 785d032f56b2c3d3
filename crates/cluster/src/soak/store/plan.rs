//! What a seed means for a store run: the cluster, its clients, its troubles, and what is healed.

use types::{
    action::Action,
    id::{MAX_SAFE, StoreId},
    raft::Preset,
    settings::Settings,
    time::{US_PER_MS, VirtualTime},
};

use crate::{
    conductor::ClusterConfig,
    dice::Dice,
    sim::{Deed, FaultKind, HostConfig, SimulationConfig, Tempo, draw_plan},
    workload::{ClientLoop, KeyChoice, WorkloadPlan},
};

/// How likely a kind of fault is among those of a seed, in thousandths (swarm testing).
const SWARM_PERMILLE: u64 = 600;
/// The same for what hosts do by themselves: most seeds know none of it.
const HOST_PERMILLE: u64 = 250;
/// How likely all stores are healed, in thousandths.
const WHOLE_PERMILLE: u64 = 400;

/// A drawn store run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) config: SimulationConfig,
    /// When the troubles end.
    pub(super) until: VirtualTime,
    /// What is done to single messages.
    pub(super) by_hand: Vec<FaultKind>,
    /// The stores whose disks are spoiled or emptied.
    pub(super) doomed: Vec<StoreId>,
    /// The stores that are healed: a quorum at least.
    pub(super) core: Vec<StoreId>,
    /// What becomes of the others.
    pub(super) others: Others,
    /// The clients.
    pub(super) clients: WorkloadPlan,
}

/// What becomes of the stores outside of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// They are dead for good.
    Dead,
    /// They live, cut off for good.
    CutOff,
}

impl Plan {
    pub(super) fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(&("soak", seed));
        let settings = draw_settings(seed, &mut dice);
        let until = VirtualTime::new(dice.between(16_000, 28_000) * US_PER_MS);
        let swarm = |kind: &FaultKind, dice: &mut Dice| {
            let is_in = dice.happens(SWARM_PERMILLE);
            is_in && kind.is_present()
        };
        let mut kinds = FaultKind::ALL.to_vec();
        kinds.retain(|kind| swarm(kind, &mut dice) && !FaultKind::OF_HOSTS.contains(kind));
        let is_by_hand = |kind: &FaultKind| FaultKind::BY_HAND.contains(kind);
        let (by_hand, kinds): (Vec<FaultKind>, Vec<FaultKind>) =
            kinds.into_iter().partition(is_by_hand);
        let tempo = Tempo {
            calm_ms: 500,
            pause_ms: (50, dice.between(300, 1_500)),
            lasts_ms: (20, dice.between(500, 2_500)),
            slower_ms: dice.between(20, 150),
            drift_permille: 300,
        };
        let host = draw_host(seed, &mut dice);
        let clients = draw_clients(until, &mut dice);
        let script = draw_plan(seed, &settings, until, &kinds, tempo);
        let doomed = doomed(&script);
        let (core, others) = draw_core(&settings, &doomed, &mut dice);
        Self {
            config: SimulationConfig {
                cluster: ClusterConfig {
                    settings,
                    workload: Some(clients),
                },
                script,
                host,
            },
            until,
            by_hand,
            doomed,
            core,
            others,
            clients,
        }
    }
}

fn draw_settings(seed: u64, dice: &mut Dice) -> Settings {
    let latency_ms_min = dice.between(1, 8);
    let disk_ms_min = dice.between(0, 3);
    let presets = u64::try_from(Preset::ALL.len()).expect("few presets");
    Settings {
        seed: seed & MAX_SAFE,
        preset: dice.below(presets),
        stores: dice.between(3, 7),
        tick_ms: dice.between(10, 30),
        heartbeat_ticks: dice.between(2, 4),
        election_ticks: dice.between(8, 14),
        latency_ms_min,
        latency_ms_max: latency_ms_min + dice.below(15),
        disk_ms_min,
        disk_ms_max: disk_ms_min + dice.below(10),
        client_timeout_ms: dice.between(500, 3_000),
        ..Settings::default()
    }
}

fn draw_clients(until: VirtualTime, dice: &mut Dice) -> WorkloadPlan {
    let mut share = |most| {
        let share = dice.between(0, most);
        let is_in = dice.happens(SWARM_PERMILLE);
        if is_in { small(share) } else { 0 }
    };
    let (delete_permille, append_permille) = (share(100), share(250));
    let (scan_permille, compare_and_set_permille) = (share(80), share(200));
    let open_max = small(dice.between(2, 4));
    let is_open = dice.happens(250);
    let is_zipf = dice.happens(400);
    WorkloadPlan {
        clients: small(dice.between(3, 6)),
        keys: small(dice.between(2, 10)),
        key_choice: if is_zipf {
            KeyChoice::Zipf
        } else {
            KeyChoice::Uniform
        },
        client_loop: if is_open {
            ClientLoop::Open { open_max }
        } else {
            ClientLoop::Closed
        },
        // Who does not wait for answers must not ask faster than they can come.
        think_ms_max: small(dice.between(10, 60)) * if is_open { 4 } else { 1 },
        put_permille: small(dice.between(150, 350)),
        delete_permille,
        append_permille,
        scan_permille,
        compare_and_set_permille,
        until: Some(until),
    }
}

fn draw_host(seed: u64, dice: &mut Dice) -> HostConfig {
    let restless = HostConfig::restless(seed);
    let mut draw = |permille| {
        let is_in = dice.happens(HOST_PERMILLE);
        if is_in { permille } else { 0 }
    };
    HostConfig {
        late_answers_permille: draw(restless.late_answers_permille),
        late_disks_permille: draw(restless.late_disks_permille),
        late_loads_permille: draw(restless.late_loads_permille),
        kills_permille: draw(restless.kills_permille),
        observe: true,
        catch_panics: true,
        ..HostConfig::new(seed)
    }
}

/// The stores whose disks are spoiled or emptied by a script.
fn doomed(script: &[(VirtualTime, Deed)]) -> Vec<StoreId> {
    let of_deed = |deed: &Deed| match deed {
        Deed::Act(Action::CorruptRow { store, .. } | Action::Wipe { store, .. }) => Some(*store),
        _ => None,
    };
    let mut doomed: Vec<StoreId> = script
        .iter()
        .filter_map(|(_, deed)| of_deed(deed))
        .collect();
    doomed.sort_unstable();
    doomed.dedup();
    doomed
}

/// Whom to heal: every store that has its disk, or any number from a bare quorum on.
fn draw_core(settings: &Settings, doomed: &[StoreId], dice: &mut Dice) -> (Vec<StoreId>, Others) {
    let mut core: Vec<StoreId> = (1..=settings.stores).map(StoreId::new).collect();
    core.retain(|store| !doomed.contains(store));
    let is_whole = dice.happens(WHOLE_PERMILLE);
    let quorum = settings.stores / 2 + 1;
    let size = dice.between(quorum, settings.stores);
    let others = if dice.happens(500) {
        Others::Dead
    } else {
        Others::CutOff
    };
    if !is_whole {
        while core.len() > usize::try_from(size).expect("few stores") {
            let bound = u64::try_from(core.len()).expect("few stores");
            core.remove(usize::try_from(dice.below(bound)).expect("few stores"));
        }
    }
    (core, others)
}

fn small(number: u64) -> u32 {
    u32::try_from(number).expect("a small number")
}
