//! What must hold in every run, judged from facts, histories and disks.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use checker::Counts;
use cluster::{History, HistoryEvent, Node, sim::Simulation, watch::Watch};
use raftstore::rows::{self, Content};
use types::{
    action::OperationId,
    codec,
    frame::OperationState,
    id::{ClientId, StoreId},
    raft::ConfState,
    store::{Command, Proposal},
};

use super::{Sim, all};

/// The invariants of raft, judged in the midst of a run.
pub(crate) struct Invariants {
    watch: Watch,
}

impl Invariants {
    /// For a run whose first region has a peer on every store.
    pub(crate) fn of<N: Node>(sim: &Simulation<N>) -> Self {
        let region = sim.conductor().region();
        let voters = region.peers.iter().map(|peer| peer.id).collect();
        let watch = Watch::new(region.id, &ConfState::of_voters(voters));
        Self { watch }
    }

    /// Judges what was seen since the last call.
    ///
    /// # Panics
    ///
    /// At the first violation.
    pub(crate) fn judge<N: Node>(&mut self, sim: &mut Simulation<N>) {
        let seed = sim.conductor().settings().seed;
        if let Err(violation) = self.watch.take(&sim.take_observed()) {
            panic!("seed {seed}: {violation}");
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.watch.counts()
    }
}

/// The writes that were acknowledged: what was wanted, by operation.
pub(crate) fn acknowledged(history: &History) -> Vec<Command> {
    let mut wanted: BTreeMap<(ClientId, OperationId), Command> = BTreeMap::new();
    let mut done = Vec::new();
    for event in &history.events {
        match event {
            HistoryEvent::Invoked {
                client,
                operation,
                command,
                ..
            } => {
                wanted.insert((*client, *operation), command.clone());
            }
            HistoryEvent::Returned {
                client,
                operation,
                state: OperationState::Done { .. },
                ..
            } => done.extend(wanted.remove(&(*client, *operation))),
            HistoryEvent::Returned { .. } => {}
        }
    }
    done.retain(Command::is_write);
    done
}

/// Demands that every disk holds the value of every acknowledged put in its log. Call it when the
/// stores agree: then what the logs hold is committed.
pub(crate) fn demand_all_kept(sim: &Sim, acknowledged: &[Command]) {
    for store in all(sim) {
        let logged = values_in_log(sim, store);
        for command in acknowledged {
            if let Command::Put { value, .. } = command {
                assert!(logged.contains(value), "{store} lost {command:?}");
            }
        }
    }
}

fn values_in_log(sim: &Sim, store: StoreId) -> BTreeSet<Bytes> {
    let image = sim.disk(store).expect("the store was started").image();
    let mut values = BTreeSet::new();
    for row in &image.rows {
        let Ok(Content::RaftLog(run)) = rows::decode(row) else {
            continue;
        };
        for entry in run.entries {
            if let Ok(Proposal::Request(request)) = codec::decode(&entry.data)
                && let Command::Put { value, .. } = request.command
            {
                values.insert(value);
            }
        }
    }
    values
}
