//! What the clients of a workload did, as it happened.

use serde::{Deserialize, Serialize};
use types::{
    action::OperationId, frame::OperationState, id::ClientId, store::Command, time::VirtualTime,
};

/// How many events a history holds; those beyond are dropped and counted.
pub const HISTORY_LENGTH_MAX: usize = 1 << 18;

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

/// What clients did, in order of virtual time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// The events.
    pub events: Vec<HistoryEvent>,
    /// Events that did not fit.
    pub skipped: u64,
    /// Operations that open-loop clients never began, because too many were open.
    pub shed: u64,
}

impl History {
    pub(crate) fn push(&mut self, event: HistoryEvent) {
        if self.events.len() < HISTORY_LENGTH_MAX {
            self.events.push(event);
        } else {
            self.skipped += 1;
        }
    }

    /// Adds what happened after everything that is here.
    pub fn extend(&mut self, later: Self) {
        self.events.extend(later.events);
        self.skipped += later.skipped;
        self.shed += later.shed;
    }
}
