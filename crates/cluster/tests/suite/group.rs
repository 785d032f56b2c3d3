//! The same simulator runs raw raft groups.

use cluster::{
    Recording,
    group::{GroupNode, GroupSetup},
    replay::replay_nodes,
    sim::{HostConfig, Simulation, SimulationConfig},
};
use types::{action::Action, raft::Role};

use crate::support::{invariants::Invariants, seconds};

#[test]
fn a_raw_group_is_safe_under_faults_and_replays() {
    let mut applied = 0;
    for seed in 0..40 {
        let until = seconds(10);
        let mut config = SimulationConfig::from_seed(seed, until);
        if seed % 2 == 0 {
            config.host = HostConfig::restless(seed);
        }
        config.host.observe = true;
        let mut sim = Simulation::<GroupNode>::new(config);
        let mut invariants = Invariants::of(&sim);
        sim.run_until(until);
        invariants.judge(&mut sim);
        applied += sim
            .node(types::id::StoreId::new(1))
            .map_or(0, |node| node.data().len());
        let recording = Recording::decode(sim.recording()).expect("our own recording");
        let replayed = replay_nodes::<GroupNode>(&recording, &GroupSetup::default())
            .expect("it comes out again");
        assert_eq!(replayed.segments, [sim.end()], "seed {seed}");
    }
    assert!(applied > 20, "{applied} keys: the groups did little");
}

#[test]
fn a_raw_group_agrees_once_it_is_healed() {
    for seed in 0..10 {
        let until = seconds(8);
        let mut config = SimulationConfig::from_seed(seed, until);
        config.cluster.workload = None;
        let mut sim = Simulation::<GroupNode>::new(config);
        sim.run_until(until);
        assert!(sim.act(Action::Heal).is_ok());
        sim.run_ms(10_000);
        let stores = 1..=sim.conductor().settings().stores;
        let nodes: Vec<&GroupNode> = stores
            .filter_map(|id| sim.node(types::id::StoreId::new(id)))
            .collect();
        let leads = nodes
            .iter()
            .filter(|node| node.raft().role() == Role::Leader)
            .count();
        assert_eq!(leads, 1, "seed {seed}");
        let commit = nodes[0].raft().commit();
        assert!(
            nodes.iter().all(|node| node.raft().commit() == commit),
            "seed {seed}"
        );
    }
}
