//! What rows hold.

use serde::{Deserialize, Serialize};
use types::{
    id::{PeerId, StoreId},
    raft::{ConfState, Entry, HardState, LogIndex, LogPosition},
    store::{CommandResult, Region},
};

/// Who a disk belongs to. `version` stays the first field in every layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreIdent {
    /// The layout of all rows of the disk.
    pub version: u32,
    /// The owner.
    pub store: StoreId,
}

/// TinyKV's `RaftLocalState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaftState {
    /// Term, vote and commit.
    pub hard_state: HardState,
    /// The end of the log.
    pub last: LogPosition,
}

/// TinyKV's `RaftApplyState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyState {
    /// The index whose effects, and those of all before, are in the data rows.
    pub applied: LogIndex,
    /// The last entry that was compacted away.
    pub truncated: LogPosition,
    /// The chained hash of the log up to `truncated`.
    pub truncated_hash: u64,
}

/// The state of a peer, as TinyKV's `RegionLocalState` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerState {
    /// It takes part.
    Normal,
    /// It was made by a message of its group and waits for its first snapshot. TinyKV forgets such
    /// a peer when it restarts, and its vote with it.
    Uninitialised,
    /// It was removed. It comes back only by a message of a newer epoch.
    Tombstone {
        /// What it had promised: a peer that is made anew under the same id must not promise the
        /// opposite.
        promised: HardState,
    },
}

/// TinyKV's `RegionLocalState`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionState {
    /// The peer's state.
    pub state: PeerState,
    /// The region's shape as of the applied index; of an uninitialised peer the bare id.
    pub region: Region,
    /// The peer here.
    pub peer: PeerId,
    /// Who votes, as of the applied index.
    pub conf_state: ConfState,
}

/// What a client's last operation in a region brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Which of its operations.
    pub seq: u64,
    /// What it brought.
    pub result: CommandResult,
}

/// Log entries with consecutive indexes, written at once and never changed. What a run holds
/// beyond the next run's first index is dead: a new leader replaced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRun {
    /// The entries, at least one.
    pub entries: Vec<Entry>,
}

impl LogRun {
    /// The index of the first entry.
    #[must_use]
    pub fn first(&self) -> Option<LogIndex> {
        self.entries.first().map(|entry| entry.index)
    }

    /// The index of the last entry.
    #[must_use]
    pub fn last(&self) -> Option<LogIndex> {
        self.entries.last().map(|entry| entry.index)
    }

    /// Whether it has entries with consecutive indexes and terms that never fall.
    ///
    /// # Errors
    ///
    /// What does not fit, for people.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.entries.is_empty() {
            return Err("a run without entries".to_owned());
        }
        for pair in self.entries.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            if after.index.since(before.index) != 1 {
                let (b, a) = (before.index, after.index);
                return Err(format!("entry {b} is followed by entry {a}"));
            }
            if after.term < before.term {
                let (b, a, index) = (before.term, after.term, after.index);
                return Err(format!("the term falls from {b} to {a} at entry {index}"));
            }
        }
        Ok(())
    }
}
