//! The conductor and the simulator: one event loop over virtual time that drives a cluster.
//!
//! * [`Conductor`] owns the clock, the network, modelled disk time and the clients. It decides
//!   what happens next; its host does it. Hosts are web workers in the page, memory in tests
//!   ([`sim`]), and a recording ([`replay`]).
//! * [`Recording`] is what chance decided in a run: from it the run comes out again, hash for
//!   hash.
//! * [`Node`] is what runs on a host: a store, or a raw raft group ([`group`]).
//!
//! Deliberately absent: real clocks, threads, browsers. A call changes the conductor and returns.

#![deny(missing_docs)]
#![deny(clippy::float_arithmetic)]

mod client;
mod conductor;
mod dice;
pub mod group;
mod lookout;
mod network;
mod node;
pub mod parts;
mod projection;
mod queue;
mod recording;
pub mod replay;
mod round;
mod saved;
pub mod shrink;
pub mod sim;
mod slot;
pub mod soak;
mod tally;
pub mod watch;
mod workload;

pub use crate::conductor::{ClusterConfig, Conductor, PAGE_CLIENT};
pub use crate::network::NetworkCounts;
pub use crate::node::{Node, Server, check_rules};
pub use crate::recording::{
    AnswerHash, CHUNK_BYTES_MAX, CYCLE_MAX, Chance, ENGINE_VERSION, INSTANT_MAX, Position,
    RECORDING_VERSION, Recording, RecordingError, Segment, Stand, Strike,
};
pub use crate::round::{Delivery, HostEffect, Next, Round, StoreRequest};
pub use crate::saved::{SAVED_VERSION, SavedCluster, SavedError, SavedLife, SavedLink, SavedStore};
pub use crate::tally::Tally;
pub use crate::workload::{
    ClientFeature, ClientLoop, Converted, HISTORY_LENGTH_MAX, History, HistoryEvent, HistoryFault,
    HistoryJudge, KeyChoice, OperationKind, Presence, WORKLOAD_CLIENTS_MAX, WORKLOAD_KEYS_MAX,
    WORKLOAD_OPEN_MAX, WORKLOAD_THINK_MS_MAX, WorkloadPlan,
};
