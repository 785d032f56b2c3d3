//! The conductor.
#![deny(missing_docs)]
#![deny(clippy::float_arithmetic)]

mod conductor;
mod recording;
mod round;
mod saved;
mod workload;

pub use crate::conductor::{ClusterConfig, Conductor};
pub use crate::recording::{ENGINE_VERSION, Recording, RecordingError};
pub use crate::round::{Delivery, HostEffect, Next, Round, StoreRequest};
pub use crate::saved::{SavedCluster, SavedError, SavedLife, SavedStore};
pub use crate::workload::WorkloadPlan;
