//! A conductor that judges its own stores, as the page's does.

use cluster::sim::{HostConfig, SimulationConfig};
use types::time::VirtualTime;

use crate::support::{Sim, kill, led, seconds, wait_for_leader, write};

/// A run with faults, lateness and clients that is reloaded every 700 ms and watched throughout;
/// how much was judged, and how many starts from a disk with a history there were.
fn reloaded(seed: u64) -> (u64, u64) {
    let until = seconds(10);
    let mut config = SimulationConfig::from_seed(seed, until);
    config.host = HostConfig::restless(seed);
    config.host.kills_permille = 30;
    let mut sim = Sim::new(config);
    sim.conductor_mut().watch();
    let (mut judged, mut restarts) = (0, 0);
    for moment in 1..=14 {
        sim.run_until(VirtualTime::new(moment * 700_000));
        let conductor = sim.conductor();
        if let Some(violation) = conductor.violation() {
            panic!("seed {seed}: {violation:?}");
        }
        let counts = conductor.watched();
        judged += counts.observations;
        restarts += counts.restarts;
        if moment % 2 == 0 {
            sim.reload();
            sim.conductor_mut().watch();
        }
    }
    (judged, restarts)
}

#[test]
fn no_run_of_correct_stores_is_objected_to_across_reloads() {
    let (mut judged, mut restarts) = (0, 0);
    for seed in 0..300 {
        let (more, again) = reloaded(seed);
        judged += more;
        restarts += again;
    }
    assert!(judged > 100_000, "only {judged} observations");
    assert!(restarts > 100, "only {restarts} restarts");
}

#[test]
fn whoever_watches_a_run_changes_nothing_of_it() {
    let run = |watches: bool| {
        let until = seconds(5);
        let mut config = SimulationConfig::from_seed(3, until);
        config.host = HostConfig::restless(3);
        let mut sim = Sim::new(config);
        if watches {
            sim.conductor_mut().watch();
        }
        sim.run_until(until);
        (sim.conductor().watched().observations, sim.end())
    };
    let ((judged, watched), (none, alone)) = (run(true), run(false));
    assert!(judged > 1_000 && none == 0, "{judged} and {none}");
    assert_eq!(watched, alone);
}

#[test]
fn a_leader_of_a_segment_before_is_unknown_and_its_log_is_believed() {
    let (mut sim, leader) = led(11);
    write(&mut sim, "key", "value");
    kill(&mut sim, leader);
    sim.run_ms(50);
    sim.reload();
    sim.conductor_mut().watch();
    wait_for_leader(&mut sim, &[]);
    write(&mut sim, "key", "other");
    let conductor = sim.conductor();
    assert_eq!(conductor.violation(), None);
    assert!(conductor.watched().commits > 0);
}
