//! Stores that decide by broken rules for a while.

use cluster::Server;
use cluster::{
    ENGINE_VERSION, Recording,
    replay::{replay, replay_nodes},
    sim::{HostConfig, Simulation, SimulationConfig},
};
use raft::{CORRECT, Rules, quorum::Tally};
use raftstore::RuleBook;
use types::{
    action::{Action, Misuse},
    id::StoreId,
    raft::Role,
    time::VirtualTime,
};

use crate::support::{Sim, act, all, frame, kill, peer, seconds, set, start, store};

/// One yes is enough.
static LONELY: Rules = Rules {
    tally: |_, yes, _| {
        if yes > 0 { Tally::Won } else { Tally::Open }
    },
    ..CORRECT
};

const BOOK: RuleBook = RuleBook::new(|name| (name == "lonely").then_some(&LONELY));

fn rule(sim: &mut Sim, store: StoreId, name: Option<&str>) {
    let name = name.map(str::to_owned);
    act(sim, Action::Rule { store, name });
}

fn watched(config: SimulationConfig) -> Sim {
    let mut sim = Simulation::with_setup(config, BOOK);
    sim.conductor_mut().watch();
    sim
}

/// What every store last said that it decides by.
fn in_force(sim: &mut Sim) -> Vec<Option<String>> {
    let stores = frame(sim).stores.into_iter();
    stores.map(|store| store.rules_in_force).collect()
}

#[test]
fn two_leaders_of_one_term_are_named_with_store_and_event() {
    let mut sim = watched(SimulationConfig::quiet(4));
    for id in all(&sim) {
        rule(&mut sim, id, Some("lonely"));
    }
    // Messages that take longer than the difference of two timers.
    set(&mut sim, "latency_ms_max", 900);
    set(&mut sim, "latency_ms_min", 800);
    let found = sim.run_while_not(60_000, |sim| sim.conductor().violation().is_some());
    assert!(found, "nothing was found");
    let violation = sim.conductor().violation().cloned().expect("it was found");
    assert_eq!(violation.invariant.number(), 1, "{violation}");
    assert_eq!(peer(&sim, violation.store).role, Role::Leader);
    assert!(violation.moment.event <= sim.conductor().event());
    let judged = sim.conductor().watched();
    sim.run_ms(1_000);
    assert_eq!(sim.conductor().violation(), Some(&violation));
    assert_eq!(sim.conductor().watched(), judged, "nothing more is judged");
}

#[test]
fn the_same_seed_with_the_correct_rules_shows_nothing() {
    let mut sim = watched(SimulationConfig::quiet(4));
    set(&mut sim, "latency_ms_max", 900);
    set(&mut sim, "latency_ms_min", 800);
    sim.run_ms(60_000);
    assert_eq!(sim.conductor().violation(), None);
}

#[test]
fn a_rule_that_is_switched_on_and_off_in_the_midst_of_a_run_replays_to_the_same_hashes() {
    for seed in 0..30 {
        let until = seconds(8);
        let mut config = SimulationConfig::from_seed(seed, until);
        config.host = HostConfig::restless(seed);
        let mut sim = watched(config);
        sim.run_until(VirtualTime::new(1_500_000));
        rule(&mut sim, store(1), Some("lonely"));
        rule(&mut sim, store(2), Some("lonely"));
        sim.run_until(VirtualTime::new(3_000_000));
        sim.reload();
        sim.run_until(VirtualTime::new(4_500_000));
        assert!(frame(&mut sim).stores[0].rules.is_some());
        rule(&mut sim, store(1), None);
        sim.run_until(until);
        let end = sim.end();
        let recording = Recording::decode(sim.recording()).expect("a recording of our own");
        assert_eq!(recording.segments[0].engine_version, ENGINE_VERSION);
        let replayed = replay_nodes::<Server>(&recording, &BOOK).expect("it comes out again");
        assert_eq!(replayed.segments.last(), Some(&end), "seed {seed}");
        assert!(
            replay(&recording).is_err(),
            "without the book it is another run"
        );
    }
}

#[test]
fn a_store_says_by_which_rules_it_decides_through_deaths_and_reloads() {
    let mut sim = watched(SimulationConfig::quiet(9));
    sim.run_ms(100);
    assert_eq!(in_force(&mut sim), [None, None, None, None, None]);
    rule(&mut sim, store(2), Some("lonely"));
    assert_eq!(frame(&mut sim).stores[1].rules.as_deref(), Some("lonely"));
    assert_eq!(in_force(&mut sim)[1], None, "it has not heard of it yet");
    sim.run_ms(1);
    assert_eq!(in_force(&mut sim)[1].as_deref(), Some("lonely"));
    kill(&mut sim, store(2));
    kill(&mut sim, store(3));
    rule(&mut sim, store(3), Some("lonely"));
    for dead in [2, 3] {
        start(&mut sim, store(dead));
    }
    sim.run_ms(200);
    let lonely = Some("lonely".to_owned());
    assert_eq!(
        in_force(&mut sim)[..4],
        [None, lonely.clone(), lonely.clone(), None]
    );
    sim.reload();
    sim.run_ms(200);
    assert_eq!(
        in_force(&mut sim)[..4],
        [None, lonely.clone(), lonely, None]
    );
    for healed in [2, 3] {
        rule(&mut sim, store(healed), None);
    }
    sim.run_ms(1);
    assert_eq!(in_force(&mut sim), [None, None, None, None, None]);
}

#[test]
fn rules_that_nobody_knows_are_refused_and_nothing_changes() {
    let mut sim = watched(SimulationConfig::quiet(1));
    sim.run_ms(100);
    let before = (sim.end(), sim.recording().len());
    let name = "no such rule".to_owned();
    let refused = sim.act(Action::Rule {
        store: store(1),
        name: Some(name.clone()),
    });
    assert_eq!(refused, Err(Misuse::NoSuchRules { name }));
    let nobody = sim.act(Action::Rule {
        store: store(99),
        name: None,
    });
    assert_eq!(nobody, Err(Misuse::NoSuchStore { store: store(99) }));
    assert_eq!((sim.end(), sim.recording().len()), before);
}
