//! An offline check of exported disks: each by itself, then against each other.
//!
//! Disks taken at different moments of a run may be compared: what is said here holds between any
//! two durable states of a correct cluster.

mod agreement;
mod disk;
mod finding;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use types::{
    disk::DiskImage,
    id::{Cycle, PeerId, RegionId, StoreId},
    raft::{HardState, LogIndex, LogPosition},
};

pub use finding::Finding;

/// A write that a client was told of. Of a key's several writes name the last one; a key that
/// somebody else may have written since says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The key.
    pub key: Bytes,
    /// The value; nothing when the key was deleted.
    pub value: Option<Bytes>,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
    /// What was looked at, one per disk, in the order given.
    pub stores: Vec<StoreSummary>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// The numbers of one disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSummary {
    /// The store.
    pub store: StoreId,
    /// How many rows the disk has.
    pub rows: u64,
    /// The number of its last transaction.
    pub cycle: Cycle,
    /// How many pairs its data rows hold.
    pub pairs: u64,
    /// Its peers.
    pub regions: Vec<RegionSummary>,
}

/// The numbers of one peer's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionSummary {
    /// The region.
    pub region: RegionId,
    /// The peer on this store, where the region names one.
    pub peer: Option<PeerId>,
    /// Term, vote, commit.
    pub hard_state: HardState,
    /// The end of the log.
    pub last: LogPosition,
    /// The applied index.
    pub applied: LogIndex,
    /// How many log rows there are.
    pub runs: u64,
    /// How many entries count.
    pub entries: u64,
}

/// Checks disks: rows and checksums, the log's continuity and end, the order of truncated,
/// applied, commit and last, and that logs, committed entries and data agree between stores.
/// An empty disk is fine: its store has not written yet.
#[must_use]
pub fn check(disks: &[(StoreId, DiskImage)]) -> Report {
    check_acknowledged(disks, &[])
}

/// As [`check`], and that every acknowledged write is held by a majority of its region's peers,
/// in their data or in their log.
#[must_use]
pub fn check_acknowledged(disks: &[(StoreId, DiskImage)], acknowledged: &[Acknowledged]) -> Report {
    let mut report = Report::default();
    let mut replicas = Vec::new();
    for (store, image) in disks {
        let (summary, mut peers) = disk::check(*store, image, &mut report.findings);
        report.stores.push(summary);
        replicas.append(&mut peers);
    }
    agreement::check(&replicas, &mut report.findings);
    agreement::check_acknowledged(&replicas, acknowledged, &mut report.findings);
    report
}
