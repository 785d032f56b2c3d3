//! What survives the conductor: enough to go on with the same cluster.

use serde::{Deserialize, Serialize};
use types::{
    frame::OperationFrame,
    id::{Incarnation, StoreId},
    io::Stop,
    settings::{SettingError, Settings},
    time::VirtualTime,
};

use crate::workload::WorkloadPlan;

/// A cluster at rest: everything that the next start of the conductor takes over. Messages on
/// their way are not in it; they are lost with the conductor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCluster {
    /// The segment that was running.
    pub segment: u32,
    /// The settings in force.
    pub settings: Settings,
    /// The clients that run by themselves.
    pub workload: Option<WorkloadPlan>,
    /// Where the clock stood.
    pub now: VirtualTime,
    /// The hash of the run so far.
    pub run_hash: u64,
    /// The groups of the cut; empty when the network is whole.
    pub cut: Vec<Vec<StoreId>>,
    /// The stores, by id.
    pub stores: Vec<SavedStore>,
    /// The newest operations of the page's client, oldest first.
    pub operations: Vec<OperationFrame>,
    /// The number of the operation that was taken on last.
    pub last_operation: u64,
}

/// A store at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStore {
    /// Which store.
    pub id: StoreId,
    /// Its latest life.
    pub incarnation: Incarnation,
    /// Whether it shall be started with the conductor.
    pub state: SavedLife,
}

/// Whether a store at rest shall be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SavedLife {
    /// It ran, or was starting.
    Up,
    /// A person had killed it.
    Killed,
    /// It had ended itself.
    Stopped(Stop),
}

/// Saved bytes that are no cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// The bytes do not start as a saved cluster does.
    #[error("this is not a saved cluster")]
    NotACluster,
    /// It was saved by a newer version.
    #[error("saved with layout {found}, this version knows up to {known}")]
    Newer {
        /// The layout found.
        found: u32,
        /// The newest known.
        known: u32,
    },
    /// The bytes cannot be read.
    #[error("the saved cluster cannot be read: {reason}")]
    Malformed {
        /// What the decoder said.
        reason: String,
    },
    /// The settings are not usable.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The parts do not fit together.
    #[error("the saved cluster contradicts itself: {reason}")]
    Inconsistent {
        /// What does not fit.
        reason: String,
    },
}
