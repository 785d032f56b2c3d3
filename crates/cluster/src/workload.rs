//! Clients that run by themselves, and the history of what they did.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use types::{
    action::OperationId, event::EventId, frame::OperationState, id::ClientId, store::Command,
    time::VirtualTime,
};

use crate::dice::Dice;

/// How many events a history holds before the oldest are dropped and counted.
pub const HISTORY_LENGTH_MAX: usize = 1 << 18;
/// The most clients of a workload.
pub const WORKLOAD_CLIENTS_MAX: u32 = 64;
/// The most keys of a workload.
pub const WORKLOAD_KEYS_MAX: u32 = 100_000;
/// The longest pause of a workload's client, in milliseconds.
pub const WORKLOAD_THINK_MS_MAX: u32 = 60_000;

/// Closed-loop clients: each has one operation open at a time. What they write is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// How many clients, 1 to [`WORKLOAD_CLIENTS_MAX`].
    pub clients: u32,
    /// How many keys they share, 1 to [`WORKLOAD_KEYS_MAX`].
    pub keys: u32,
    /// The longest pause between two operations of a client, in milliseconds; 1 to
    /// [`WORKLOAD_THINK_MS_MAX`].
    pub think_ms_max: u32,
    /// Puts, in thousandths of all operations.
    pub put_permille: u32,
    /// Deletes, in thousandths; the rest are gets.
    pub delete_permille: u32,
}

impl WorkloadPlan {
    /// Whether every number is in its range.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        (1..=WORKLOAD_CLIENTS_MAX).contains(&self.clients)
            && (1..=WORKLOAD_KEYS_MAX).contains(&self.keys)
            && (1..=WORKLOAD_THINK_MS_MAX).contains(&self.think_ms_max)
            && self.put_permille <= 1_000
            && self.delete_permille <= 1_000
            && self.put_permille + self.delete_permille <= 1_000
    }
}

/// What drives a client that runs by itself. It has a stream of chance of its own.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Worker {
    plan: WorkloadPlan,
    dice: Dice,
}

impl Worker {
    pub(crate) fn new(plan: WorkloadPlan, seed: u64, segment: u32, client: ClientId) -> Self {
        let dice = Dice::new(&("workload", seed, segment, client));
        Self { plan, dice }
    }

    /// The pause before the next operation, in milliseconds.
    pub(crate) fn draw_pause(&mut self) -> u64 {
        self.dice.between(1, u64::from(self.plan.think_ms_max))
    }

    /// The next command. Its value, where it has one, is named after the event that made it, so
    /// no two values are equal.
    pub(crate) fn draw_command(&mut self, client: ClientId, event: EventId) -> Command {
        let key = self.dice.below(u64::from(self.plan.keys));
        let key = Bytes::from(format!("k{key:03}"));
        let kind = self.dice.below(1_000);
        let puts = u64::from(self.plan.put_permille);
        let deletes = u64::from(self.plan.delete_permille);
        if kind < puts {
            let value = Bytes::from(format!("{client}@{event}"));
            Command::Put { key, value }
        } else if kind < puts + deletes {
            Command::Delete { key }
        } else {
            Command::Get { key }
        }
    }
}

/// A moment in the life of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryEvent {
    /// The operation was sent for the first time.
    Invoked {
        /// Whose operation.
        client: ClientId,
        /// Which of the client's.
        operation: OperationId,
        /// When.
        at: VirtualTime,
        /// What was wanted.
        command: Command,
    },
    /// Something became known of the outcome. An unknown one may be settled later.
    Returned {
        /// Whose operation.
        client: ClientId,
        /// Which of the client's.
        operation: OperationId,
        /// When.
        at: VirtualTime,
        /// The outcome.
        state: OperationState,
    },
}

/// What the clients of a workload did, in order of virtual time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// The events.
    pub events: Vec<HistoryEvent>,
    /// Events that did not fit.
    pub skipped: u64,
}

impl History {
    pub(crate) fn push(&mut self, event: HistoryEvent) {
        if self.events.len() < HISTORY_LENGTH_MAX {
            self.events.push(event);
        } else {
            self.skipped += 1;
        }
    }
}
