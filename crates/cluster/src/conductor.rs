//! The event loop over virtual time.

use types::{
    action::{Acted, Action, Misuse},
    disk::DiskImage,
    event::EventId,
    frame::Frame,
    id::{Cycle, StoreId},
    io::{Output, Stop},
    settings::Settings,
    time::VirtualTime,
};

use crate::{HostEffect, Next, SavedCluster, WorkloadPlan};

/// A new cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Its settings, already validated.
    pub settings: Settings,
    /// Clients that run by themselves, besides the page's.
    pub workload: Option<WorkloadPlan>,
}

/// SKELETON: bodies follow.
#[derive(Debug, Clone)]
pub struct Conductor;

#[allow(clippy::needless_pass_by_value, unused_variables, missing_docs)]
impl Conductor {
    /// A new cluster, segment 1.
    pub fn create(config: ClusterConfig) -> Self { todo!() }
    /// The next segment of a saved cluster. Persist `saved()` again before anything else runs:
    /// segment and incarnations have grown.
    pub fn resume(saved: SavedCluster) -> Self { todo!() }
    /// Small; persist after each action and every ~200 ms.
    pub fn saved(&self) -> SavedCluster { todo!() }
    /// Once, first: which stores to load. Recorded from here on.
    pub fn begin(&mut self) -> Vec<HostEffect> { todo!() }
    pub fn next(&mut self, until: VirtualTime) -> Next { todo!() }
    /// One event exactly, whenever it is due; the clock jumps there.
    pub fn step_one(&mut self) -> Next { todo!() }
    /// True when it was owed (in this round, or late: then it counts as `late_answer`).
    pub fn answer(&mut self, store: StoreId, output: Output) -> bool { todo!() }
    pub fn is_round_open(&self) -> bool { todo!() }
    /// Who owes an answer to the open round.
    pub fn owed(&self) -> Vec<StoreId> { todo!() }
    pub fn store_late(&mut self, store: StoreId) { todo!() }
    pub fn late_answer(&mut self, store: StoreId, output: Output) { todo!() }
    /// May come at any time after the answer with the write, also before its modelled instant.
    pub fn disk_done(&mut self, store: StoreId, cycle: Cycle) { todo!() }
    pub fn disk_late(&mut self, store: StoreId, cycle: Cycle) { todo!() }
    /// `image` when the effect `Load` asked for it.
    pub fn loaded(&mut self, store: StoreId, last_cycle: Cycle, image: Option<DiskImage>) { todo!() }
    pub fn load_late(&mut self, store: StoreId) { todo!() }
    pub fn load_failed(&mut self, store: StoreId, stop: Stop) { todo!() }
    pub fn died(&mut self, store: StoreId, stop: Stop) { todo!() }
    pub fn act(&mut self, action: Action) -> Result<Acted, Misuse> { todo!() }
    /// After each call of `act`, `answer`, `late_answer`, `next`, `step_one`.
    pub fn take_effects(&mut self) -> Vec<HostEffect> { todo!() }
    /// `pace` is left at its default. Takes the facts since the frame before.
    pub fn frame(&mut self) -> Frame { todo!() }
    /// The bytes recorded since the last call; empty when there are none. Persist them in order;
    /// concatenated (all segments) they are the recording file.
    pub fn take_chunk(&mut self) -> Vec<u8> { todo!() }
    pub fn now(&self) -> VirtualTime { todo!() }
    /// The event that was taken last.
    pub fn event(&self) -> EventId { todo!() }
    pub fn run_hash(&self) -> u64 { todo!() }
    pub fn state_hash(&self) -> u64 { todo!() }
    pub fn settings(&self) -> &Settings { todo!() }
}

impl SavedCluster {
    /// Versioned bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> { todo!() }
    /// # Errors
    ///
    /// [`crate::SavedError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, crate::SavedError> { todo!("{bytes:?}") }
}
