//! Moments of a run.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One event of a cluster's life, unique for ever: `segment` grows with each start of the
/// conductor, `seq` with each event in it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct EventId {
    /// Which start of the conductor; counts from 1.
    pub segment: u32,
    /// Which event since that start; counts from 1. Zero is the start itself.
    pub seq: u64,
}

impl EventId {
    /// The event after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self {
            segment: self.segment,
            seq: self.seq + 1,
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.segment, self.seq)
    }
}

/// The n-th thing (message, reply, fact) that an event made: a stable name for it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct MadeBy {
    /// The event.
    pub event: EventId,
    /// Which of the event's products, counting from 0 in the order of stores and outputs.
    pub nth: u32,
}

impl fmt::Display for MadeBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.event, self.nth)
    }
}
