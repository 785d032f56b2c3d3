//! The state hash covers everything, and a run can be looked at and forked anywhere.

use std::collections::BTreeMap;

use cluster::Server;
use cluster::{
    parts,
    sim::{
        HostConfig, Simulation, SimulationConfig,
        timeline::{Budget, NoSuchEvent, Timeline},
    },
};
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use types::{action::Action, time::VirtualTime};

use crate::support::{Sim, act, kill, leader, put, seconds, set, start, submit};

fn busy(seed: u64) -> SimulationConfig {
    let mut config = SimulationConfig::from_seed(seed, seconds(12));
    config.host = HostConfig::restless(seed);
    config
}

#[test]
fn a_turned_bit_in_any_part_of_the_state_is_another_state() {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(7);
    for seed in 0..5 {
        let mut sim = Sim::new(busy(seed));
        sim.run_until(seconds(6));
        let whole = sim.parts();
        assert_eq!(parts::hash(&whole), sim.state_hash());
        for nth in 0..whole.len() {
            for _ in 0..20 {
                let mut turned = whole.clone();
                let bytes = &mut turned[nth].bytes;
                let bits = u64::try_from(bytes.len()).expect("few bytes") * 8;
                let bit = chance.next_u64() % bits.max(1);
                let at = usize::try_from(bit / 8).expect("few bytes");
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                    let name = &whole[nth].name;
                    assert_ne!(parts::hash(&turned), sim.state_hash(), "{name}, bit {bit}");
                }
            }
        }
    }
}

/// Which parts of the state differ after something was done.
fn changed(sim: &Sim, deed: impl FnOnce(&mut Sim)) -> Vec<String> {
    let before: BTreeMap<String, Vec<u8>> = named(sim);
    let mut other = sim.clone();
    deed(&mut other);
    assert_ne!(sim.state_hash(), other.state_hash());
    let after = named(&other).into_iter();
    let differs = |(name, bytes): &(String, Vec<u8>)| before.get(name) != Some(bytes);
    after.filter(differs).map(|(name, _)| name).collect()
}

fn named(sim: &Sim) -> BTreeMap<String, Vec<u8>> {
    let parts = sim.parts().into_iter();
    parts.map(|part| (part.name, part.bytes)).collect()
}

#[test]
fn what_is_done_to_a_part_of_a_cluster_shows_in_that_part_of_its_state() {
    let mut sim = Sim::new(SimulationConfig::quiet(3));
    assert!(sim.run_while_not(5_000, |sim| leader(sim, &[]).is_some()));
    sim.run_ms(1_000);
    let store = leader(&sim, &[]).expect("it leads");
    let has = |parts: &[String], name: &str| parts.iter().any(|part| part == name);
    let set_latency = changed(&sim, |sim| set(sim, "latency_ms_max", 77));
    assert_eq!(set_latency, ["stand"]);
    let healed = changed(&sim, |sim| {
        act(
            sim,
            Action::Block {
                ways: vec![(store, store)],
            },
        );
    });
    assert_eq!(healed, ["network"]);
    let asked = changed(&sim, |sim| {
        submit(sim, put("key", "value"), None);
    });
    assert!(
        has(&asked, "clients") && has(&asked, "queue") && has(&asked, "chance"),
        "{asked:?}"
    );
    let killed = changed(&sim, |sim| kill(sim, store));
    assert!(has(&killed, "machines") && has(&killed, &format!("memory of {store}")));
    let mut down = sim.clone();
    kill(&mut down, store);
    let spoiled = changed(&down, |sim| act(sim, Action::CorruptRow { store, nth: 3 }));
    assert_eq!(spoiled, [format!("disk of {store}")]);
    let started = changed(&down, |sim| start(sim, store));
    assert!(
        has(&started, "chance") && has(&started, "host"),
        "{started:?}"
    );
    let doomed = changed(&sim, |sim| {
        sim.crash_at(store, cluster::sim::CrashPoint::AfterWrite);
    });
    assert_eq!(doomed, ["host"]);
    let ran = changed(&sim, |sim| sim.run_ms(200));
    assert!(
        has(&ran, &format!("memory of {store}")) && has(&ran, "queue"),
        "{ran:?}"
    );
}

/// The hashes of a run at the end of each of its rounds.
fn stands(config: SimulationConfig, until: VirtualTime) -> Vec<(u64, u64, u64)> {
    let mut sim = Simulation::<Server>::new(config);
    let mut stands = Vec::new();
    loop {
        let conductor = sim.conductor();
        if !conductor.is_round_open() {
            let seq = conductor.event().seq;
            stands.push((seq, conductor.run_hash(), sim.state_hash()));
        }
        if !sim.advance(until) {
            return stands;
        }
    }
}

#[test]
fn any_event_of_a_run_can_be_looked_at_forwards_and_backwards() {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(11);
    for seed in [2, 3] {
        let until = seconds(12);
        let stands = stands(busy(seed), until);
        let mut timeline = Timeline::record(Sim::new(busy(seed)), until, Budget::default());
        assert!(timeline.checkpoints() > 3);
        for _ in 0..100 {
            let wanted = chance.next_u64() % (timeline.last().seq + 1);
            let mut after = stands.iter().map(|(seq, ..)| *seq);
            let sim = timeline.seek(wanted).expect("the run has it");
            let (seq, run) = (sim.conductor().event().seq, sim.conductor().run_hash());
            assert_eq!(Some(seq), after.find(|seq| *seq >= wanted), "seed {seed}");
            let here = (seq, run, sim.state_hash());
            assert!(stands.contains(&here), "seed {seed}, event {wanted}");
        }
        let last = timeline.last();
        let wanted = last.seq + 1;
        let beyond = timeline.seek(wanted).map(|_| ());
        assert_eq!(beyond, Err(NoSuchEvent { wanted, last }));
    }
}

#[test]
fn a_fork_that_is_left_alone_is_equal_and_one_that_is_not_leaves_the_original_alone() {
    let until = seconds(12);
    for seed in 4..8 {
        let mut original = Sim::new(busy(seed));
        original.run_until(until);
        let mut timeline = Timeline::record(Sim::new(busy(seed)), until, Budget::default());
        let middle = timeline.last().seq / 2;
        let mut fork = timeline.fork(middle).expect("the run has it");
        let mut other = fork.clone();
        set(&mut other, "loss_permille", 500);
        other.run_until(until);
        assert_ne!(other.state_hash(), original.state_hash(), "seed {seed}");
        fork.run_until(until);
        assert_eq!(fork.state_hash(), original.state_hash(), "seed {seed}");
        let end = timeline.seek(timeline.last().seq).expect("the run has it");
        assert_eq!(end.conductor().run_hash(), original.conductor().run_hash());
    }
}

#[test]
fn checkpoints_stay_within_their_budget_and_every_event_can_still_be_reached() {
    let until = seconds(12);
    let budget = Budget {
        every: 50,
        bytes: 300_000,
    };
    let mut timeline = Timeline::record(Sim::new(busy(9)), until, budget);
    let few = timeline.checkpoints();
    let many = Timeline::record(
        Sim::new(busy(9)),
        until,
        Budget {
            every: 50,
            ..Budget::default()
        },
    );
    assert!(
        (1..many.checkpoints()).contains(&few),
        "{few} of {}",
        many.checkpoints()
    );
    for seq in [timeline.last().seq, 0, timeline.last().seq / 3] {
        let sim = timeline.seek(seq).expect("the run has it");
        assert!(sim.conductor().event().seq >= seq);
    }
}
