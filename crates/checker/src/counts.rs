//! How often what happened: a run in which nothing happens breaks nothing.

use serde::{Deserialize, Serialize};

/// What a checker saw. A harness demands that its runs reach enough of everything (stateright:
/// *sometimes* properties).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Observations of any kind.
    pub observations: u64,
    /// Starts of a store that had been seen before.
    pub restarts: u64,
    /// Candidacies.
    pub elections: u64,
    /// Elections won.
    pub leaders: u64,
    /// Elections won by another store than the one before.
    pub leader_changes: u64,
    /// Times that a log was cut because it conflicted with the leader's.
    pub truncations: u64,
    /// Commits by quorum.
    pub commits: u64,
    /// Beginnings of logs that were dropped.
    pub compactions: u64,
    /// Snapshots that took the place of a log.
    pub snapshots: u64,
    /// Memberships that followed another one, each counted once for its group.
    pub conf_changes: u64,
    /// Joint phases that were entered.
    pub joint_phases: u64,
    /// Joint phases in which an election was won.
    pub joint_leader_changes: u64,
    /// Transfers after which the transferee led in a later term.
    pub transfers_completed: u64,
    /// Transfers that were given up after an election timeout.
    pub transfers_aborted: u64,
    /// Transfers that were called off, or whose transferee left.
    pub transfers_cancelled: u64,
    /// Reads that a round of heartbeats confirmed.
    pub reads_by_round: u64,
    /// Reads that a lease confirmed.
    pub reads_by_lease: u64,
}

impl Counts {
    /// Adds another group's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.observations, other.observations),
            (&mut self.restarts, other.restarts),
            (&mut self.elections, other.elections),
            (&mut self.leaders, other.leaders),
            (&mut self.leader_changes, other.leader_changes),
            (&mut self.truncations, other.truncations),
            (&mut self.commits, other.commits),
            (&mut self.compactions, other.compactions),
            (&mut self.snapshots, other.snapshots),
            (&mut self.conf_changes, other.conf_changes),
            (&mut self.joint_phases, other.joint_phases),
            (&mut self.joint_leader_changes, other.joint_leader_changes),
            (&mut self.transfers_completed, other.transfers_completed),
            (&mut self.transfers_aborted, other.transfers_aborted),
            (&mut self.transfers_cancelled, other.transfers_cancelled),
            (&mut self.reads_by_round, other.reads_by_round),
            (&mut self.reads_by_lease, other.reads_by_lease),
        ];
        for (own, more) in pairs {
            *own += more;
        }
    }
}
