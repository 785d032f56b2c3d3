//! What must hold in every run, judged from facts, histories and disks.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use cluster::{History, HistoryEvent, sim::Observed};
use raftstore::rows::{self, Content};
use types::{
    action::OperationId,
    codec,
    frame::OperationState,
    id::{ClientId, StoreId},
    raft::{LogIndex, RaftFact, Role, Term},
    store::{Command, Request},
    view::FactBody,
};

use super::{Sim, all};

/// Facts of a run, folded.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    leaders: BTreeMap<Term, StoreId>,
    committed: BTreeMap<LogIndex, u64>,
    applied: BTreeMap<LogIndex, u64>,
}

impl Invariants {
    /// Takes facts in.
    ///
    /// # Panics
    ///
    /// When two stores lead one term, when committed prefixes differ, or when equal applied
    /// indexes have unequal data.
    pub(crate) fn take(&mut self, facts: Vec<Observed>) {
        for observed in facts {
            let (store, at) = (observed.store, observed.at);
            match observed.fact.body {
                FactBody::Raft(RaftFact::RoleChanged {
                    role: Role::Leader,
                    term,
                    ..
                }) => {
                    let leader = *self.leaders.entry(term).or_insert(store);
                    assert_eq!(leader, store, "two leaders of {term} at {at}");
                }
                FactBody::Raft(RaftFact::Committed {
                    to, prefix_hash, ..
                }) => {
                    let hash = *self.committed.entry(to).or_insert(prefix_hash);
                    assert_eq!(hash, prefix_hash, "{store} committed another {to} at {at}");
                }
                FactBody::Applied { to, data_hash } => {
                    let hash = *self.applied.entry(to).or_insert(data_hash);
                    assert_eq!(hash, data_hash, "{store} has other data at {to} at {at}");
                }
                _ => {}
            }
        }
    }

    pub(crate) fn terms_with_a_leader(&self) -> usize {
        self.leaders.len()
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
            if let Ok(request) = codec::decode::<Request>(&entry.data)
                && let Command::Put { value, .. } = request.command
            {
                values.insert(value);
            }
        }
    }
    values
}
