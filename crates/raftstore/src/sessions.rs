//! Clients that want each of their operations carried out at most once (MIT 6.824, lab 3).
//!
//! What they did last is part of the state machine: it is written with the data that it led to,
//! goes along with every snapshot, and both parts of a split remember all of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use types::{
    disk::{RowKey, RowOp},
    id::{ClientId, RegionId},
    store::CommandResult,
};

use crate::{
    rows::{Content, Session},
    storage::put,
};

/// The last operation of each client in a region.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Sessions {
    last: BTreeMap<ClientId, Session>,
    /// Those that changed since the last flush was given out.
    dirty: BTreeSet<ClientId>,
}

/// How an operation relates to what its client did last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was never carried out.
    New,
    /// It is the one that was carried out last, and this is what it brought.
    Repeated(CommandResult),
    /// A later one, of this number, was carried out.
    Older(u64),
}

impl Sessions {
    /// Takes over what the disk or a snapshot holds.
    pub(crate) fn load(&mut self, client: ClientId, session: Session) {
        self.last.insert(client, session);
    }

    /// Whether an operation was carried out before.
    pub(crate) fn look_up(&self, client: ClientId, seq: u64) -> Seen {
        match self.last.get(&client) {
            Some(session) if session.seq == seq => Seen::Repeated(session.result.clone()),
            Some(session) if session.seq > seq => Seen::Older(session.seq),
            _ => Seen::New,
        }
    }

    /// An operation was carried out.
    pub(crate) fn record(&mut self, client: ClientId, seq: u64, result: CommandResult) {
        self.last.insert(client, Session { seq, result });
        self.dirty.insert(client);
    }

    /// Every session.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = (ClientId, &Session)> {
        self.last.iter().map(|(client, session)| (*client, session))
    }

    /// The changes since the last call, as rows of `region`.
    pub(crate) fn flush(&mut self, region: RegionId) -> Vec<RowOp> {
        let dirty = std::mem::take(&mut self.dirty);
        let row = |client: ClientId| self.row(region, client);
        dirty.into_iter().map(row).collect()
    }

    /// Rows of `region` for every session, and none left to flush.
    pub(crate) fn rows(&mut self, region: RegionId) -> Vec<RowOp> {
        self.dirty = self.last.keys().copied().collect();
        self.flush(region)
    }

    fn row(&self, region: RegionId, client: ClientId) -> RowOp {
        let content = Content::Session(self.last[&client].clone());
        put(RowKey::Session { region, client }, &content)
    }
}

/// What removes every session of a region from the disk.
pub(crate) fn removal(region: RegionId) -> RowOp {
    let key = |region| RowKey::Session {
        region,
        client: ClientId::ZERO,
    };
    RowOp::DeleteRange {
        from: key(region),
        to: key(region.next()),
    }
}
