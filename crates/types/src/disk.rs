//! Rows, and the one atomic write of a cycle.
//!
//! `raftstore` makes keys, values and checksums; a host only writes them. A disk is eight tables,
//! named after what TinyKV keeps.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ClientId, Cycle, RegionId, StoreId},
    raft::LogIndex,
    store::ColumnFamily,
};

/// The version of the rows' layout. A disk of a newer version is refused.
pub const DISK_VERSION: u32 = 2;

/// A table of a store's disk; an object store of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Table {
    /// The store's identity and its last cycle.
    Meta,
    /// Runs of log entries; key: region and first index.
    RaftLog,
    /// Term, vote, commit, last index and term; key: region.
    RaftState,
    /// Applied and truncated index; key: region.
    ApplyState,
    /// The region's shape and state; key: region.
    RegionState,
    /// The last operation of each client that wants at most one of each; key: region and client.
    Sessions,
    /// Keys and values; key: column family and key.
    Data,
    /// What the scheduler keeps: its ids, and stores and regions by their ids.
    Scheduler,
}

impl Table {
    /// Every table, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::Meta,
        Self::RaftLog,
        Self::RaftState,
        Self::ApplyState,
        Self::RegionState,
        Self::Sessions,
        Self::Data,
        Self::Scheduler,
    ];

    /// The name of the object store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::RaftLog => "raft_log",
            Self::RaftState => "raft_local_state",
            Self::ApplyState => "raft_apply_state",
            Self::RegionState => "region_local_state",
            Self::Sessions => "sessions",
            Self::Data => "data",
            Self::Scheduler => "scheduler",
        }
    }
}

/// The key of a row. The order of keys is the order of the enum and its fields, in every host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RowKey {
    /// In [`Table::Meta`]: who this store is.
    StoreIdent,
    /// In [`Table::Meta`]: the number of the transaction that wrote last.
    LastCycle,
    /// In [`Table::RaftLog`]: the run of entries that starts at `first`.
    RaftLog {
        /// The region.
        region: RegionId,
        /// The index of the run's first entry.
        first: LogIndex,
    },
    /// In [`Table::RaftState`].
    RaftState {
        /// The region.
        region: RegionId,
    },
    /// In [`Table::ApplyState`].
    ApplyState {
        /// The region.
        region: RegionId,
    },
    /// In [`Table::RegionState`].
    RegionState {
        /// The region.
        region: RegionId,
    },
    /// In [`Table::Sessions`]: a client's last operation in a region.
    Session {
        /// The region.
        region: RegionId,
        /// The client.
        client: ClientId,
    },
    /// In [`Table::Data`].
    Data {
        /// The column family.
        cf: ColumnFamily,
        /// The user's key.
        key: Bytes,
    },
    /// In [`Table::Scheduler`].
    Scheduler(SchedulerKey),
}

/// The key of a row of the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SchedulerKey {
    /// Up to where ids were handed out.
    Ids,
    /// A store that has reported.
    Store {
        /// Which store.
        store: StoreId,
    },
    /// A region that has reported.
    Region {
        /// Which region.
        region: RegionId,
    },
}

impl RowKey {
    /// Where the row lives.
    #[must_use]
    pub const fn table(&self) -> Table {
        match self {
            Self::StoreIdent | Self::LastCycle => Table::Meta,
            Self::RaftLog { .. } => Table::RaftLog,
            Self::RaftState { .. } => Table::RaftState,
            Self::ApplyState { .. } => Table::ApplyState,
            Self::RegionState { .. } => Table::RegionState,
            Self::Session { .. } => Table::Sessions,
            Self::Data { .. } => Table::Data,
            Self::Scheduler(_) => Table::Scheduler,
        }
    }
}

/// A field of a row for human eyes: what a student reads in the browser's developer tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, TinyKV's where TinyKV has it.
    pub name: String,
    /// Its value.
    pub value: FieldValue,
}

/// The value of a [`Field`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldValue {
    /// A number below 2^53.
    Number(u64),
    /// Text.
    Text(String),
}

/// A row's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowValue {
    /// For human eyes only; never read back.
    pub fields: Vec<Field>,
    /// The value itself.
    pub bytes: Bytes,
    /// CRC-32 (IEEE) over the encoded key and `bytes`.
    pub crc: u32,
}

/// A row as it stands on a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its key.
    pub key: RowKey,
    /// Its value.
    pub value: RowValue,
}

/// One change of a [`DiskWrite`]; they take effect in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowOp {
    /// Writes a row.
    Put(Row),
    /// Removes a row, no matter whether it is there.
    Delete(RowKey),
    /// Removes the rows with `from <= key < to`, both of one table.
    DeleteRange {
        /// The first key to go.
        from: RowKey,
        /// The first key to stay.
        to: RowKey,
    },
}

/// One disk transaction: whole or not at all. Its last operation writes [`RowKey::LastCycle`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskWrite {
    /// Its number; one more than that of the write before.
    pub cycle: Cycle,
    /// Its changes.
    pub ops: Vec<RowOp>,
}

/// All rows of a disk, ordered by key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DiskImage {
    /// The rows.
    pub rows: Vec<Row>,
}
