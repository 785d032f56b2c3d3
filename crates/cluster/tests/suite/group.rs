//! The same simulator runs raw raft groups.

use bytes::Bytes;
use cluster::{
    Recording,
    group::{
        GroupNode, GroupSetup,
        trial::{Reason, Trial, run},
    },
    replay::replay_nodes,
    sim::{HostConfig, Simulation, SimulationConfig},
};
use raft::{CORRECT, Rules};
use types::{
    action::Action,
    id::{PeerId, StoreId},
    raft::{ConfChange, ConfState, LogIndex, Preset, Role, SingleChange, VoteVerdict},
    store::{AdminCommand, AdminRequest, Command},
};

use crate::support::{invariants::Invariants, seconds};

type Group = Simulation<GroupNode>;

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
        let mut sim = Group::new(config);
        let mut invariants = Invariants::of(&sim);
        sim.run_until(until);
        invariants.judge(&mut sim);
        applied += sim
            .node(StoreId::new(1))
            .map_or(0, |node| node.data().len());
        let recording = Recording::decode(sim.recording()).expect("our own recording");
        let replayed = replay_nodes::<GroupNode>(&recording, &GroupSetup::default());
        let replayed = replayed.expect("it comes out again");
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
        let mut sim = Group::new(config);
        sim.run_until(until);
        assert!(sim.act(Action::Heal).is_ok());
        sim.run_ms(10_000);
        let stores = 1..=sim.conductor().settings().stores;
        let nodes: Vec<&GroupNode> = stores.filter_map(|id| sim.node(StoreId::new(id))).collect();
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

/// Four stores, of which the first three form a group.
fn three_of_four(preset: Preset) -> (Group, GroupSetup) {
    let mut config = SimulationConfig::quiet(7);
    config.cluster.settings.stores = 4;
    let place = Preset::ALL.iter().position(|other| *other == preset);
    config.cluster.settings.preset = place.expect("a preset") as u64;
    let mut setup = GroupSetup {
        first_voters: Some(3),
        beginning: GroupSetup::TINYKV_BEGINNING,
        ..GroupSetup::default()
    };
    setup.habits.reads_by_index = true;
    let mut sim = Group::with_setup(config, setup.clone());
    let led = sim.run_while_not(10_000, |sim| leader(sim).is_some());
    assert!(led, "nobody leads after 10 s");
    (sim, setup)
}

fn all(sim: &Group) -> impl Iterator<Item = (StoreId, &GroupNode)> {
    let stores = (1..=sim.conductor().settings().stores).map(StoreId::new);
    stores.filter_map(|store| Some((store, sim.node(store)?)))
}

/// Who leads in the highest term.
fn leader(sim: &Group) -> Option<StoreId> {
    let leaders = all(sim).filter(|(_, node)| node.raft().role() == Role::Leader);
    let newest = leaders.max_by_key(|(_, node)| node.raft().term());
    newest.map(|(store, _)| store)
}

fn admin(sim: &mut Group, store: StoreId, command: AdminCommand) {
    let region = sim.conductor().region().id;
    let request = AdminRequest { region, command };
    assert!(sim.act(Action::Admin { store, request }).is_ok());
}

fn change(sim: &mut Group, change: SingleChange) {
    let leader = leader(sim).expect("a leader");
    let change = ConfChange::single(change);
    admin(sim, leader, AdminCommand::ChangePeers { change });
}

fn put(sim: &mut Group, key: &str, value: &str) {
    let command = Command::Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
    };
    assert!(sim.act(Action::Submit { command, via: None }).is_ok());
    sim.run_ms(500);
}

fn value(sim: &Group, store: StoreId, key: &str) -> Option<Bytes> {
    sim.node(store)?.data().get(key.as_bytes()).cloned()
}

fn voters(ids: &[u64]) -> ConfState {
    ConfState::of_voters(ids.iter().copied().map(PeerId::new).collect())
}

#[test]
fn a_peer_that_is_added_gets_a_snapshot_and_finds_its_membership_again_after_a_restart() {
    let (mut sim, setup) = three_of_four(Preset::TinyKv);
    let newcomer = StoreId::new(4);
    put(&mut sim, "a", "1");
    assert_eq!(
        sim.node(newcomer).expect("it runs").raft().conf_state(),
        &ConfState::default()
    );
    change(&mut sim, SingleChange::AddVoter(PeerId::new(4)));
    sim.run_ms(1_000);
    let node = sim.node(newcomer).expect("it runs");
    assert_eq!(node.raft().conf_state(), &voters(&[1, 2, 3, 4]));
    let begins = node.raft().log().truncated().index;
    assert!(
        begins > LogIndex::new(5),
        "its log begins with a snapshot, not at {begins}"
    );
    put(&mut sim, "b", "2");
    assert!(sim.act(Action::Kill { store: newcomer }).is_ok());
    assert!(sim.act(Action::Start { store: newcomer }).is_ok());
    sim.run_ms(1_000);
    let node = sim.node(newcomer).expect("it runs again");
    assert_eq!(node.raft().conf_state(), &voters(&[1, 2, 3, 4]));
    assert_eq!(node.raft().log().truncated().index, begins);
    assert_eq!(value(&sim, newcomer, "a"), Some(Bytes::from_static(b"1")));
    assert_eq!(value(&sim, newcomer, "b"), Some(Bytes::from_static(b"2")));
    let recording = Recording::decode(sim.recording()).expect("our own recording");
    let replayed = replay_nodes::<GroupNode>(&recording, &setup).expect("it comes out again");
    assert_eq!(replayed.segments, [sim.end()]);
}

#[test]
fn a_compacted_log_begins_where_it_was_cut_after_a_restart_too() {
    let (mut sim, _) = three_of_four(Preset::Etcd);
    for nth in 0..6 {
        put(&mut sim, "a", &nth.to_string());
    }
    let store = leader(&sim).expect("a leader");
    let applied = sim.node(store).expect("it runs").raft().applied_index();
    admin(&mut sim, store, AdminCommand::CompactLog { keep: 2 });
    sim.run_ms(200);
    let begins = |sim: &Group| {
        let log = sim.node(store).expect("it runs").raft().log();
        log.truncated().index.get()
    };
    assert_eq!(begins(&sim), applied.get() - 2);
    assert!(sim.act(Action::Kill { store }).is_ok());
    assert!(sim.act(Action::Start { store }).is_ok());
    sim.run_ms(2_000);
    assert_eq!(begins(&sim), applied.get() - 2);
    assert_eq!(value(&sim, store, "a"), Some(Bytes::from_static(b"5")));
}

#[test]
fn a_leader_that_is_removed_gives_way_in_both_dialects() {
    for preset in [Preset::TinyKv, Preset::Etcd] {
        let (mut sim, _) = three_of_four(preset);
        let removed = leader(&sim).expect("a leader");
        change(&mut sim, SingleChange::Remove(PeerId::new(removed.get())));
        let replaced = sim.run_while_not(10_000, |sim| {
            leader(sim).is_some_and(|leader| leader != removed)
        });
        assert!(replaced, "{preset:?}: nobody else leads after 10 s");
        put(&mut sim, "a", "1");
        let store = leader(&sim).expect("a leader");
        assert_eq!(value(&sim, store, "a"), Some(Bytes::from_static(b"1")));
        assert_eq!(value(&sim, removed, "a"), None);
    }
}

#[test]
fn leadership_goes_where_the_operator_wants_it() {
    let (mut sim, _) = three_of_four(Preset::Etcd);
    let before = leader(&sim).expect("a leader");
    let to = PeerId::new(before.get() % 3 + 1);
    admin(&mut sim, before, AdminCommand::TransferLeader { to });
    let soon = sim.run_while_not(300, |sim| leader(sim) == Some(StoreId::new(to.get())));
    assert!(soon, "{:?} leads", leader(&sim));
}

#[test]
fn a_follower_answers_a_get_without_an_entry_in_the_log() {
    let (mut sim, _) = three_of_four(Preset::Etcd);
    put(&mut sim, "a", "1");
    let leader = leader(&sim).expect("a leader");
    let last = sim.node(leader).expect("it runs").raft().log().last_index();
    let follower = StoreId::new(leader.get() % 3 + 1);
    let key = Bytes::from_static(b"a");
    let command = Command::Get { key };
    let via = Some(follower);
    assert!(sim.act(Action::Submit { command, via }).is_ok());
    sim.run_ms(500);
    let operation = sim.conductor_mut().frame().operations.pop();
    let operation = operation.expect("the operation is remembered");
    let words = format!("{:?}", operation.state);
    assert!(
        words.starts_with("Done") && words.contains("b\"1\""),
        "{words}"
    );
    assert_eq!(operation.asked, via);
    let now = sim.node(leader).expect("it runs").raft().log().last_index();
    assert_eq!(now, last);
}

#[test]
fn a_trial_comes_out_the_same_twice() {
    for preset in Preset::ALL {
        let trial = Trial::new(3, preset);
        let first = run(&trial).expect("a sound trial");
        assert_eq!(run(&trial), Ok(first));
    }
}

#[test]
fn a_trial_of_peers_that_vote_for_everybody_fails_with_an_invariant() {
    static EVERYBODY: Rules = Rules {
        decide_vote: |_| VoteVerdict::Granted,
        ..CORRECT
    };
    let broken = |seed| Trial {
        rules: &EVERYBODY,
        ..Trial::new(seed, Preset::TinyKv)
    };
    let failure = (0..20).find_map(|seed| run(&broken(seed)).err());
    let failure = failure.expect("somebody notices");
    assert!(matches!(failure.reason, Reason::Violation(_)), "{failure}");
    assert_eq!(failure.to_string().lines().count(), 1);
}
