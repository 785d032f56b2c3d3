//! Many regions: splits while clients write, without trouble and with every usual kind of it.

use bytes::Bytes;
use checker::history::{self, Budget, Verdict};
use cluster::{
    History, WorkloadPlan,
    sim::{FaultKind, HostConfig, SimulationConfig, Tempo, draw_plan},
};
use raftstore::audit;
use types::{
    action::Action,
    id::StoreId,
    settings::Settings,
    store::{Command, CommandResult},
};

use crate::support::{Sim, done, seconds, submit};

/// Until when clients want something new.
const BUSY_SECONDS: u64 = 15;

fn config(seed: u64, kinds: &[FaultKind]) -> SimulationConfig {
    let mut config = SimulationConfig::quiet(seed);
    config.cluster.settings = Settings {
        seed,
        scheduler: 1,
        latency_ms_min: 3,
        latency_ms_max: 8,
        disk_ms_min: 1,
        disk_ms_max: 3,
        client_timeout_ms: 1_000,
        region_max_bytes: 300,
        region_split_bytes: 200,
        log_gc_entries: if kinds.is_empty() { 128_000 } else { 100 },
        ..Settings::default()
    };
    config.cluster.workload = Some(WorkloadPlan {
        clients: 4,
        keys: 60,
        think_ms_max: 20,
        put_permille: 400,
        append_permille: 50,
        delete_permille: 50,
        scan_permille: 50,
        compare_and_set_permille: 50,
        until: Some(seconds(BUSY_SECONDS)),
        ..WorkloadPlan::default()
    });
    let until = seconds(BUSY_SECONDS);
    let settings = config.cluster.settings;
    config.script = draw_plan(seed, &settings, until, kinds, Tempo::USUAL);
    config
}

fn demand_no_violation(sim: &Sim, seed: u64) {
    if let Some(violation) = sim.conductor().violation() {
        panic!("seed {seed}: {violation}");
    }
}

/// Everything at once: regions move between stores, reads and sessions are of every kind, hosts are
/// late, and the scheduler dies now and then.
fn restless(seed: u64) -> SimulationConfig {
    let mut config = config(seed, &FaultKind::BASIC);
    let settings = &mut config.cluster.settings;
    settings.replicas = 3;
    settings.balance_region = 1;
    settings.balance_leader = 1;
    settings.repair = 1;
    settings.store_down_ms = 2_000;
    settings.read_mode = seed % 3;
    settings.sessions = seed % 2;
    config.host = HostConfig::restless(seed);
    let scheduler = StoreId::SCHEDULER;
    for second in (2..BUSY_SECONDS).step_by(4) {
        let store = scheduler;
        let kill = (seconds(second), Action::Kill { store }.into());
        let start = (seconds(second + 1), Action::Start { store }.into());
        config.script.extend([kill, start]);
    }
    config.script.sort_by_key(|(at, _)| *at);
    config
}

/// Runs a seed and returns how many regions there were in the end, and how many operations.
fn run(seed: u64, config: SimulationConfig) -> (usize, usize) {
    let usual = config.cluster.settings;
    let mut sim = Sim::new(config);
    sim.conductor_mut().stop_recording();
    sim.conductor_mut().watch();
    sim.conductor_mut().record_page_client();
    let mut story = History::default();
    for second in 1..=BUSY_SECONDS + 1 {
        sim.run_until(seconds(second));
        demand_no_violation(&sim, seed);
        story.extend(sim.conductor_mut().take_history());
    }
    sim.heal(&usual);
    for store in 0..=usual.stores {
        // Running ones refuse.
        drop(sim.act(Action::Start {
            store: StoreId::new(store),
        }));
    }
    sim.run_ms(3_000);
    let regions = read_all(&mut sim);
    demand_no_violation(&sim, seed);
    story.extend(sim.conductor_mut().take_history());
    let converted = story.convert().expect("a whole history");
    let count = converted.operations.len();
    let history = history::History::new(converted.operations).expect("a sound history");
    let report = history::check(&history, Budget::default());
    let is_explained = matches!(report.verdict, Verdict::Linearizable { .. });
    assert!(is_explained, "seed {seed}: {:?}", report.verdict);
    let disks = (1..=usual.stores).map(StoreId::new);
    let disks = disks.map(|id| (id, sim.disk(id).expect("a disk").image()));
    let report = audit::check(&disks.collect::<Vec<_>>());
    assert!(report.is_clean(), "seed {seed}: {:?}", report.findings);
    (regions, count)
}

/// Reads every key, and counts the regions that the scheduler knows.
fn read_all(sim: &mut Sim) -> usize {
    for key in 0..60 {
        let key = Bytes::from(format!("k{key:03}"));
        let id = submit(sim, Command::Get { key }, None);
        assert!(matches!(done(sim, id), CommandResult::Get { .. }));
    }
    let scheduler = sim
        .node(StoreId::SCHEDULER)
        .and_then(|node| node.scheduler());
    scheduler.expect("a scheduler").view().regions.len()
}

#[test]
fn regions_split_while_clients_write_and_every_client_finds_its_keys() {
    for seed in 0..10 {
        let (regions, operations) = run(seed, config(seed, &[]));
        assert!(regions > 3, "seed {seed}: {regions} regions");
        assert!(operations > 500, "seed {seed}: {operations} operations");
    }
}

#[test]
fn kills_cuts_loss_and_compaction_break_no_region() {
    let mut regions = 0;
    for seed in 0..20 {
        let kinds = [FaultKind::Kill, FaultKind::Cut, FaultKind::Loss];
        regions += run(seed, config(seed, &kinds)).0;
    }
    assert!(regions > 60, "{regions} regions in all runs");
}

#[test]
fn no_fault_of_the_older_kinds_breaks_a_region() {
    for seed in 100..120 {
        run(seed, config(seed, &FaultKind::BASIC));
    }
}

#[test]
fn moves_of_peers_and_deaths_of_the_scheduler_break_no_region() {
    for seed in 200..220 {
        run(seed, restless(seed));
    }
}
