//! A conductor that judges its own stores, as the page's does.

use cluster::{
    HistoryEvent, HistoryJudge,
    sim::{HostConfig, SimulationConfig},
};
use types::{
    frame::OperationState,
    store::CommandResult,
    time::VirtualTime,
    verdict::{HistoryCheck, HistoryVerdict},
};

use crate::support::{Sim, get, kill, led, put, seconds, wait_for_leader, write};

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

/// What clients saw of a run with faults and reloads, judged as it happened.
fn judged_live(seed: u64, mut tamper: impl FnMut(&mut HistoryEvent)) -> HistoryCheck {
    let until = seconds(10);
    let mut config = SimulationConfig::from_seed(seed, until);
    config.host = HostConfig::restless(seed);
    let mut sim = Sim::new(config);
    let mut total = HistoryCheck::default();
    for segment in 0..3 {
        sim.conductor_mut().record_page_client();
        let mut judge = HistoryJudge::new(segment == 0);
        for moment in 1..=12 {
            let (key, value) = (format!("p{}", moment % 5), format!("{segment}.{moment}"));
            crate::support::submit(&mut sim, put(&key, &value), None);
            crate::support::submit(&mut sim, get(&key), None);
            sim.run_ms(300);
            for mut event in sim.conductor_mut().take_history().events {
                tamper(&mut event);
                judge.take(&event);
            }
        }
        let check = judge.check();
        total.judged += check.judged;
        match check.verdict {
            HistoryVerdict::Linearizable => {}
            HistoryVerdict::Undecided { .. } => total.verdict = check.verdict,
            HistoryVerdict::Broken(_) | HistoryVerdict::Unwatched => {
                total.verdict = check.verdict;
                return total;
            }
        }
        sim.reload();
    }
    total
}

#[test]
fn what_clients_of_correct_stores_see_is_never_objected_to_across_reloads() {
    let (mut judged, mut undecided) = (0, 0);
    for seed in 0..60 {
        let check = judged_live(seed, |_| {});
        judged += check.judged;
        match check.verdict {
            HistoryVerdict::Linearizable => {}
            HistoryVerdict::Undecided { .. } => undecided += 1,
            broken => panic!("seed {seed}: {broken:?}"),
        }
    }
    assert!(judged > 8_000, "only {judged} operations");
    assert!(undecided < 40, "{undecided} of 60 are undecided");
}

#[test]
fn a_value_that_nobody_wrote_is_named_with_its_key_and_operation() {
    let mut gets = 0;
    let wrong = CommandResult::Get {
        value: Some("nobody wrote this".into()),
    };
    let check = judged_live(1, |event| {
        let HistoryEvent::Returned { state, .. } = event else {
            return;
        };
        let OperationState::Done { result, .. } = state else {
            return;
        };
        if matches!(result, CommandResult::Get { .. }) {
            gets += 1;
            if gets == 5 {
                result.clone_from(&wrong);
            }
        }
    });
    let HistoryVerdict::Broken(unplaced) = check.verdict else {
        panic!("it was not found: {check:?}");
    };
    assert_eq!(unplaced.operation.result, Some(wrong));
    assert_eq!(unplaced.operation.command.key(), &unplaced.key[..]);
}
