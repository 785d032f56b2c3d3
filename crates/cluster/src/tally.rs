//! How often trouble changed something. Nothing in the cluster reads it, and no hash covers it.

use std::collections::BTreeMap;

use types::{
    disk::{DiskWrite, RowKey, RowOp, Table},
    event::MadeBy,
    frame::MessageFrame,
    id::StoreId,
    raft::LogIndex,
    settings::Settings,
    time::{US_PER_MS, VirtualTime},
};

/// What the network and the disks did that they do not do in an untroubled run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Messages that a cut between groups took.
    pub cut: u64,
    /// Messages that a block in one direction took.
    pub blocked: u64,
    /// Second copies that arrived.
    pub doubled: u64,
    /// Messages that arrived after one that was sent later on the same way.
    pub overtaken: u64,
    /// Messages that took longer than the settings of the start allow.
    pub slow: u64,
    /// Writes of entries, votes or snapshots that took longer than the settings of the start allow.
    pub slow_writes: u64,
    /// What came for a store while it was paused.
    pub paused: u64,
    /// Wakes that were set by a clock that does not run true.
    pub drifted: u64,
}

/// Counts as things happen.
#[derive(Debug, Clone)]
pub(crate) struct Counter {
    usual: Settings,
    /// The message sent last of those that arrived, by way.
    newest: BTreeMap<(StoreId, StoreId), MadeBy>,
    pub(crate) tally: Tally,
}

impl Counter {
    /// Starts with the settings that count as untroubled.
    pub(crate) fn new(usual: Settings) -> Self {
        Self {
            usual,
            newest: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    /// A message is on its way, under the settings in force.
    pub(crate) fn sent(&mut self, frame: &MessageFrame, now: VirtualTime, settings: &Settings) {
        let longest = self.usual.latency_ms_max;
        if settings.latency_ms_max > longest && frame.due.since(now) > longest * US_PER_MS {
            self.tally.slow += 1;
        }
    }

    /// A message did not arrive because its way was closed.
    pub(crate) fn closed(&mut self, by_cut: bool) {
        if by_cut {
            self.tally.cut += 1;
        } else {
            self.tally.blocked += 1;
        }
    }

    /// A message reaches its receiver.
    pub(crate) fn arrived(&mut self, frame: &MessageFrame) {
        if frame.duplicate {
            self.tally.doubled += 1;
            return;
        }
        let newest = self.newest.entry((frame.from, frame.to)).or_default();
        if frame.id < *newest {
            self.tally.overtaken += 1;
        }
        *newest = frame.id.max(*newest);
    }

    /// A write takes so many microseconds.
    pub(crate) fn writes(&mut self, write: &DiskWrite, us: u64) {
        if us > self.usual.disk_ms_max * US_PER_MS && matters(write) {
            self.tally.slow_writes += 1;
        }
    }
}

/// Whether a write holds entries, a vote or a snapshot: what others may count on.
#[must_use]
pub(crate) fn matters(write: &DiskWrite) -> bool {
    let of_raft = |op: &RowOp| match op {
        RowOp::Put(row) => matches!(row.key.table(), Table::RaftLog | Table::RaftState),
        RowOp::Delete(_) | RowOp::DeleteRange { .. } => false,
    };
    write.ops.iter().any(of_raft) || installs(write)
}

/// Whether a write puts a snapshot in the place of a whole log.
#[must_use]
pub(crate) fn installs(write: &DiskWrite) -> bool {
    let drops_log = |op: &RowOp| match op {
        RowOp::DeleteRange {
            from: RowKey::RaftLog { region, first },
            to: RowKey::RaftLog { region: end, .. },
        } => *first == LogIndex::ZERO && end > region,
        _ => false,
    };
    write.ops.iter().any(drops_log)
}
