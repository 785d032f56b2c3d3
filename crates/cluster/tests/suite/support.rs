//! Short words for tests, and what must hold in every run.

pub(crate) mod invariants;

use bytes::Bytes;
use cluster::Server;
use cluster::{
    Recording,
    replay::{SegmentEnd, replay},
    sim::{Simulation, SimulationConfig},
};
use types::{
    action::{Acted, Action, OperationId},
    frame::{Frame, OperationState},
    id::StoreId,
    raft::{LogIndex, Role},
    store::{Command, CommandResult},
    time::VirtualTime,
    view::PeerView,
};

pub(crate) type Sim = Simulation<Server>;

pub(crate) const fn seconds(seconds: u64) -> VirtualTime {
    VirtualTime::new(seconds * 1_000_000)
}

pub(crate) const fn store(id: u64) -> StoreId {
    StoreId::new(id)
}

/// A cluster of default settings.
pub(crate) fn quiet(seed: u64) -> Sim {
    Sim::new(SimulationConfig::quiet(seed))
}

/// A cluster of default settings that has a leader.
pub(crate) fn led(seed: u64) -> (Sim, StoreId) {
    let mut sim = quiet(seed);
    let leader = wait_for_leader(&mut sim, &[]);
    (sim, leader)
}

/// Runs on until a store other than `not` leads, and knows it.
pub(crate) fn wait_for_leader(sim: &mut Sim, not: &[StoreId]) -> StoreId {
    let found = sim.run_while_not(10_000, |sim| leader(sim, not).is_some());
    assert!(found, "no leader after 10 s at {}", sim.conductor().now());
    leader(sim, not).expect("a leader was found")
}

/// The running store of the highest term that leads, other than `not`.
pub(crate) fn leader(sim: &Sim, not: &[StoreId]) -> Option<StoreId> {
    let running = sim.conductor().running().into_iter();
    let leads = running.filter_map(|(id, _)| {
        let view = peer(sim, id);
        (view.role == Role::Leader && !not.contains(&id)).then_some((view.hard_state.term, id))
    });
    leads.max().map(|(_, id)| id)
}

/// The peer of a running store.
pub(crate) fn peer(sim: &Sim, id: StoreId) -> PeerView {
    let view = sim
        .node(id)
        .expect("the store runs")
        .store()
        .expect("a store")
        .view();
    view.peers.into_iter().next().expect("a store has a peer")
}

pub(crate) fn commit(sim: &Sim, id: StoreId) -> LogIndex {
    peer(sim, id).hard_state.commit
}

pub(crate) fn act(sim: &mut Sim, action: Action) {
    let word = format!("{action:?}");
    assert_eq!(sim.act(action), Ok(Acted::Done), "{word}");
}

pub(crate) fn kill(sim: &mut Sim, store: StoreId) {
    act(sim, Action::Kill { store });
}

pub(crate) fn start(sim: &mut Sim, store: StoreId) {
    act(sim, Action::Start { store });
}

/// Changes a live setting.
pub(crate) fn set(sim: &mut Sim, name: &str, value: u64) {
    let name = name.to_owned();
    act(sim, Action::Set { name, value });
}

/// Cuts `alone` off from all other stores.
pub(crate) fn isolate(sim: &mut Sim, alone: &[StoreId]) {
    let (left, right) = all(sim).into_iter().partition(|id| alone.contains(id));
    let groups = vec![left, right];
    act(sim, Action::Cut { groups });
}

pub(crate) fn all(sim: &Sim) -> Vec<StoreId> {
    (1..=sim.conductor().settings().stores)
        .map(StoreId::new)
        .collect()
}

pub(crate) fn submit(sim: &mut Sim, command: Command, via: Option<StoreId>) -> OperationId {
    match sim.act(Action::Submit { command, via }) {
        Ok(Acted::Submitted(id)) => id,
        other => panic!("a command was refused: {other:?}"),
    }
}

pub(crate) fn put(key: &str, value: &str) -> Command {
    Command::Put {
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Bytes::copy_from_slice(value.as_bytes()),
    }
}

pub(crate) fn get(key: &str) -> Command {
    Command::Get {
        key: Bytes::copy_from_slice(key.as_bytes()),
    }
}

pub(crate) fn frame(sim: &mut Sim) -> Frame {
    sim.conductor_mut().frame()
}

/// How an operation of the page's client stands.
pub(crate) fn state(sim: &mut Sim, id: OperationId) -> OperationState {
    let operations = frame(sim).operations;
    let operation = operations.into_iter().find(|operation| operation.id == id);
    operation.expect("the operation is remembered").state
}

/// Runs on until an operation is settled, and demands that it was carried out.
pub(crate) fn done(sim: &mut Sim, id: OperationId) -> CommandResult {
    let settled = |sim: &mut Sim| state(sim, id) != OperationState::Open;
    assert!(sim.run_while_not(20_000, settled), "{id} is open for 20 s");
    match state(sim, id) {
        OperationState::Done { result, .. } => result,
        other => panic!("{id} ended as {other:?}"),
    }
}

/// Writes a value and waits until it is written. A client that still believes in a store which
/// does not answer learns better at its deadline; the value is then written again.
pub(crate) fn write(sim: &mut Sim, key: &str, value: &str) {
    for _ in 0..3 {
        let id = submit(sim, put(key, value), None);
        let settled = |sim: &mut Sim| state(sim, id) != OperationState::Open;
        assert!(sim.run_while_not(20_000, settled), "{id} is open for 20 s");
        if let OperationState::Done { result, .. } = state(sim, id) {
            assert_eq!(result, CommandResult::Put);
            return;
        }
    }
    panic!("{key} could not be written at {}", sim.conductor().now());
}

/// Reads a value.
pub(crate) fn read(sim: &mut Sim, key: &str) -> Option<String> {
    let id = submit(sim, get(key), None);
    match done(sim, id) {
        CommandResult::Get { value } => {
            value.map(|value| String::from_utf8_lossy(&value).into_owned())
        }
        other => panic!("a get brought {other:?}"),
    }
}

/// Undoes every fault, and runs on until all stores agree; then a fresh write must pass.
pub(crate) fn converge(sim: &mut Sim) {
    for id in all(sim) {
        sim.set_stuck(id, false);
    }
    act(sim, Action::Heal);
    for name in ["loss_permille", "duplicate_permille", "reorder_permille"] {
        set(sim, name, 0);
    }
    for id in all(sim) {
        // Running ones refuse.
        drop(sim.act(Action::Start { store: id }));
    }
    let whole = |sim: &mut Sim| agreement(sim).is_ok();
    let agreed = sim.run_while_not(30_000, whole);
    assert!(agreed, "no agreement: {:?}", agreement(sim));
    write(sim, "fresh", "value");
}

/// Whether all stores run and have the same log, committed and applied to its end.
pub(crate) fn agreement(sim: &Sim) -> Result<(), String> {
    let stores = all(sim);
    if sim.conductor().running().len() != stores.len() {
        return Err(format!("{:?} run", sim.conductor().running()));
    }
    let first = peer(sim, stores[0]);
    for id in stores {
        let view = peer(sim, id);
        let (commit, applied) = (view.hard_state.commit, view.applied);
        if view.last.index != commit || applied != commit {
            let last = view.last;
            return Err(format!(
                "{id}: last {last}, commit {commit}, applied {applied}"
            ));
        }
        if view.log != first.log || view.data != first.data {
            return Err(format!("{id} differs from the first store"));
        }
    }
    Ok(())
}

/// Replays what was recorded so far and demands the hashes of this moment.
pub(crate) fn demand_replay(sim: &mut Sim) -> Vec<SegmentEnd> {
    let recording = Recording::decode(sim.recording()).expect("our own recording is readable");
    let seed = sim.conductor().settings().seed;
    match replay(&recording) {
        Ok(replayed) => {
            assert_eq!(replayed.segments.last(), Some(&sim.end()), "seed {seed}");
            replayed.segments
        }
        Err(divergence) => panic!("seed {seed}: {divergence}"),
    }
}
