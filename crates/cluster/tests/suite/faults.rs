use cluster::sim::{Deed, FaultKind, HostConfig, SimulationConfig, Tempo, draw_plan};
use types::action::Action;

use crate::support::{
    Sim, converge,
    invariants::{Invariants, acknowledged, demand_all_kept},
    seconds,
};

/// Runs a seed with faults under all invariants, then heals and demands agreement.
fn demand_safety(seed: u64, config: SimulationConfig) -> Run {
    let mut config = config;
    config.host.observe = true;
    let mut sim = Sim::new(config);
    sim.conductor_mut().stop_recording();
    let mut invariants = Invariants::of(&sim);
    for second in 1..=15 {
        sim.run_until(seconds(second));
        invariants.judge(&mut sim);
    }
    converge(&mut sim);
    invariants.judge(&mut sim);
    let history = sim.conductor_mut().take_history();
    assert_eq!(history.skipped, 0, "seed {seed}");
    let acknowledged = acknowledged(&history);
    sim.run_ms(1_000);
    demand_all_kept(&sim, &acknowledged);
    Run {
        writes: acknowledged.len(),
        leaders: invariants.counts().leaders,
        sim,
    }
}

struct Run {
    writes: usize,
    leaders: u64,
    sim: Sim,
}

fn with_faults(seed: u64, kinds: &[FaultKind]) -> SimulationConfig {
    let until = seconds(15);
    let mut config = SimulationConfig::from_seed(seed, until);
    config.script = draw_plan(seed, &config.cluster.settings, until, kinds, Tempo::USUAL);
    config
}

#[test]
fn whatever_happens_one_leader_per_term_and_no_acknowledged_write_is_lost() {
    let (mut writes, mut leaders) = (0, 0);
    for seed in 0..100 {
        let run = demand_safety(seed, SimulationConfig::from_seed(seed, seconds(15)));
        writes += run.writes;
        leaders += run.leaders;
    }
    assert!(
        writes > 5_000,
        "only {writes} writes were acknowledged: the runs show little"
    );
    assert!(
        leaders > 200,
        "only {leaders} elections were won: the runs show little"
    );
}

#[test]
fn lost_doubled_and_reordered_messages_break_nothing() {
    for seed in 100..120 {
        let kinds = [FaultKind::Loss, FaultKind::Duplicate, FaultKind::Reorder];
        let run = demand_safety(seed, with_faults(seed, &kinds));
        assert!(run.writes > 0, "seed {seed}");
    }
}

#[test]
fn a_store_killed_with_a_write_open_finds_it_on_its_disk_or_not_and_both_are_fine() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 200..230 {
        let mut config = with_faults(seed, &[FaultKind::Kill, FaultKind::Disk]);
        config.cluster.settings.disk_ms_min = 20;
        config.cluster.settings.disk_ms_max = 60;
        config
            .script
            .retain(|(_, deed)| !matches!(deed, Deed::Act(Action::Set { .. })));
        let run = demand_safety(seed, config);
        kept += run.sim.counts().open_writes_kept;
        lost += run.sim.counts().open_writes_lost;
    }
    assert!(kept > 10 && lost > 10, "{kept} kept, {lost} lost");
}

#[test]
fn late_answers_late_disks_and_deaths_in_the_midst_of_rounds_break_nothing() {
    let mut counts = [0; 5];
    for seed in 300..330 {
        let mut config = SimulationConfig::from_seed(seed, seconds(15));
        config.host = HostConfig::restless(seed);
        let run = demand_safety(seed, config);
        let seen = run.sim.counts();
        let seen = [
            seen.late_answers,
            seen.late_disks,
            seen.late_loads,
            seen.kills_unanswered,
            seen.kills_answered,
        ];
        counts
            .iter_mut()
            .zip(seen)
            .for_each(|(count, seen)| *count += seen);
    }
    assert!(
        counts.iter().all(|count| *count > 5),
        "{counts:?}: too little happened"
    );
}
