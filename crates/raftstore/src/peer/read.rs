//! Reads that do not go through the log: by an index that the leader confirms, or by its lease.

use std::collections::BTreeMap;

use raft::{ReadError, ReadState};
use serde::Serialize;
use types::{
    raft::{LogIndex, ReadId, Role},
    store::{BusyReason, Reply, ReplyError, Request, RequestId},
};

use super::{Peer, Turn};
use crate::apply;

/// Reads that have no answer yet.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Reads {
    /// The name given out last.
    last: u64,
    /// Those without an index.
    asked: BTreeMap<ReadId, Request>,
    /// Those that wait for their index to be applied.
    indexed: BTreeMap<(LogIndex, ReadId), Request>,
}

impl Reads {
    fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.indexed.is_empty()
    }

    /// Takes every read out.
    pub(super) fn give_up(&mut self) -> Vec<RequestId> {
        let asked = std::mem::take(&mut self.asked).into_values();
        let indexed = std::mem::take(&mut self.indexed).into_values();
        asked.chain(indexed).map(|request| request.id).collect()
    }
}

impl Peer {
    /// Asks for an index at which a read is up to date.
    pub(super) fn read(&mut self, request: &Request) -> Result<(), ReplyError> {
        self.reads.last += 1;
        let id = ReadId(self.reads.last);
        self.raft.read_index(id).map_err(|error| match error {
            ReadError::NoLeader => self.not_leader(None),
            ReadError::TooMany { .. } => ReplyError::ServerIsBusy {
                reason: BusyReason::Uncommitted,
            },
        })?;
        self.reads.asked.insert(id, request.clone());
        Ok(())
    }

    /// Raft confirmed reads.
    pub(super) fn reads_confirmed(&mut self, states: Vec<ReadState>) {
        for state in states {
            if let Some(request) = self.reads.asked.remove(&state.id) {
                self.reads.indexed.insert((state.index, state.id), request);
            }
        }
    }

    /// Serves the reads whose index is applied. A peer that does not lead any more confirms none:
    /// its clients look for the new leader.
    pub(super) fn serve_reads(&mut self, turn: &mut Turn<'_>) {
        if self.reads.is_empty() {
            return;
        }
        while let Some(first) = self.reads.indexed.first_entry() {
            if first.key().0 > self.applied {
                break;
            }
            let request = first.remove();
            let result = apply::execute(&self.region, &mut self.data, &request);
            let id = request.id;
            turn.output.replies.push(Reply { id, result });
        }
        if self.raft.role() != Role::Leader {
            for id in self.reads.give_up() {
                turn.refuse(id, self.not_leader(self.raft.leader()));
            }
        }
    }
}
