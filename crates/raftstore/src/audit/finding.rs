//! What can be wrong with disks.

use serde::{Deserialize, Serialize};
use types::{
    disk::Table,
    id::{RegionId, StoreId},
    io::Stop,
    raft::{LogIndex, Term},
};

/// Something that is wrong with a disk, or between two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Finding {
    /// A row is damaged, or the disk's owner or layout is not what it should be.
    #[error("{store}: {damage}")]
    BadRow {
        /// The disk.
        store: StoreId,
        /// The damage, as a store would refuse it.
        damage: Stop,
    },
    /// Two rows have one key, or rows are not in key order.
    #[error("{store}: the rows of {} are out of order or repeated", table.name())]
    Order {
        /// The disk.
        store: StoreId,
        /// The table.
        table: Table,
    },
    /// A row that every disk has is missing.
    #[error("{store}: the {row} row is missing")]
    Missing {
        /// The disk.
        store: StoreId,
        /// The row.
        row: String,
    },
    /// The rows of a region contradict each other.
    #[error("{store} {region}: {reason}")]
    Contradiction {
        /// The disk.
        store: StoreId,
        /// The region.
        region: RegionId,
        /// What does not fit.
        reason: String,
    },
    /// A data row that belongs to no region of its store.
    #[error("{store}: data key {key} is in no region of this store")]
    StrayKey {
        /// The disk.
        store: StoreId,
        /// The key, as lossless text.
        key: String,
    },
    /// Two disks hold different entries of the same index and term (paper, figure 3: log
    /// matching).
    #[error("{region}: {one} and {other} hold different entries at {index} in {term}")]
    EntriesDiffer {
        /// The region.
        region: RegionId,
        /// A disk.
        one: StoreId,
        /// The other disk.
        other: StoreId,
        /// The index.
        index: LogIndex,
        /// The term that both have there.
        term: Term,
    },
    /// Two disks agree on an entry and not on one before it (paper, figure 3: log matching).
    #[error("{region}: {one} and {other} agree at {agree} and differ before, at {index}")]
    PrefixesDiffer {
        /// The region.
        region: RegionId,
        /// A disk.
        one: StoreId,
        /// The other disk.
        other: StoreId,
        /// Where they differ.
        index: LogIndex,
        /// Where they agree.
        agree: LogIndex,
    },
    /// Two disks have committed different entries (paper, figure 3: state machine safety).
    #[error("{region}: {one} and {other} committed different entries at {index}")]
    CommittedDiffer {
        /// The region.
        region: RegionId,
        /// A disk.
        one: StoreId,
        /// The other disk.
        other: StoreId,
        /// The index.
        index: LogIndex,
    },
    /// The data of two disks differ at the same applied index.
    #[error("{region}: at applied index {applied} {one} and {other} differ in key {key}")]
    DataDiffer {
        /// The region.
        region: RegionId,
        /// A disk.
        one: StoreId,
        /// The other disk.
        other: StoreId,
        /// The applied index; the disk that was behind has been brought there from its own log.
        applied: LogIndex,
        /// The first key that differs, as lossless text.
        key: String,
    },
    /// Two disks have different ideas of one version of a region.
    #[error("{region}: {one} and {other} know different shapes of the same epoch")]
    ShapesDiffer {
        /// The region.
        region: RegionId,
        /// A disk.
        one: StoreId,
        /// The other disk.
        other: StoreId,
    },
    /// A write that a client was told of is not on a majority of disks.
    #[error("the acknowledged write of {key} is on {holders} of {peers} disks of its region")]
    AcknowledgedLost {
        /// The key, as lossless text.
        key: String,
        /// How many disks hold it.
        holders: u64,
        /// How many peers the region has.
        peers: u64,
    },
}
