//! What the conductor asks of its host, and what the host hands to stores.

use serde::{Deserialize, Serialize};
use types::{
    event::EventId,
    frame::Owed,
    id::{Incarnation, StoreId},
    io::{BootConfig, Envelope},
    time::{StoreTime, VirtualTime},
};

/// What there is to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A round was opened. Hand out its deliveries and give every answer to
    /// [`Conductor::answer`](crate::Conductor::answer); the last one closes the round. A round
    /// without deliveries is closed already.
    Round(Round),
    /// The clock waits for something real. Bring it, or declare it late, and ask again.
    Held(Vec<Owed>),
    /// Nothing is due up to the instant asked for; the clock stands there now.
    Idle {
        /// When the next event is due, where there is one.
        next_at: Option<VirtualTime>,
    },
}

/// All events of one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// The instant.
    pub at: VirtualTime,
    /// The first event of the round.
    pub first: EventId,
    /// The last event of the round; never before `first`.
    pub last: EventId,
    /// What stores get, at most one delivery each, in the order of store ids.
    pub deliveries: Vec<Delivery>,
}

/// What one store gets in a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The store.
    pub store: StoreId,
    /// Which of its lives is meant. Answers of other lives must be dropped by the host.
    pub incarnation: Incarnation,
    /// What it gets.
    pub request: StoreRequest,
}

/// A call of a store's door. Each is answered by one [`Output`](types::io::Output).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreRequest {
    /// Come up from the disk. When the disk is refused, the answer is an output that holds nothing
    /// but `stop`.
    Boot {
        /// What the store is told once.
        config: Box<BootConfig>,
        /// Its clock.
        now: StoreTime,
        /// The event that boots it.
        event: EventId,
    },
    /// Handle inputs.
    Handle(Envelope),
}

/// Something that the host must do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostEffect {
    /// End the store's process; its disk stays. Answers and completions of that life no longer
    /// count, and the host must drop those that still come.
    Kill {
        /// The store.
        store: StoreId,
    },
    /// Start the store's process and load its disk, then report
    /// [`Conductor::loaded`](crate::Conductor::loaded) or
    /// [`Conductor::load_failed`](crate::Conductor::load_failed).
    Load {
        /// The store.
        store: StoreId,
        /// Which life begins.
        incarnation: Incarnation,
        /// Whether the whole image has to come with the report, because this is the store's first
        /// load in this segment.
        image: bool,
    },
    /// From now on the disk of a store refuses every write that is given out, or carries them out
    /// again, those that it refused first.
    Fill {
        /// The store.
        store: StoreId,
        /// Whether it refuses.
        full: bool,
    },
    /// Turn a bit of a row of a store that is down, the one that
    /// [`raftstore::image::spoiled`] chooses.
    Corrupt {
        /// The store.
        store: StoreId,
        /// Which row.
        nth: u64,
    },
    /// Empty the disk of a store that is down. Its machine comes back as `heir`, whose load
    /// follows; that is the same store or one that never was.
    Wipe {
        /// The store.
        store: StoreId,
        /// As whom its machine comes back.
        heir: StoreId,
    },
}
