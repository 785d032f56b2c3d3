//! What a harness tells a checker.

use serde::{Deserialize, Serialize};
use types::id::{PeerId, RegionId};
use types::raft::{EntryBrief, HardState, LogIndex, LogPosition, ProgressKind, Term};
use types::store::StoreMessage;
use types::view::Fact;

pub use types::verdict::Moment;

/// Something that was seen of one store.
#[derive(Debug, Clone, Copy)]
pub enum Observation<'a> {
    /// The store told a fact.
    Fact(&'a Fact),
    /// A transaction of the store's disk completed.
    Disk(&'a DiskChange),
    /// A message left the store's outbox.
    Sent(&'a StoreMessage),
    /// What a leader believes of its followers, after an event.
    Progress(ProgressTold<'a>),
    /// The process ended. Its volatile state is gone, its disk stays.
    Down,
}

/// What one transaction changed of one group's durable state. What is absent stayed as it was. The
/// parts take effect in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DiskChange {
    /// The group.
    pub region: RegionId,
    /// The term, vote and commit index that the disk holds now.
    pub hard_state: Option<HardState>,
    /// The log begins behind this position now. Entries behind it stay when the log held this
    /// very position, else all of them are gone: a snapshot took their place.
    pub truncated: Option<LogPosition>,
    /// Entries that were written.
    pub log: Option<LogChange>,
    /// The applied index at which the durable state machine stands now, be it a snapshot or
    /// flushed data. Told at the latest with the `truncated` that rests on it.
    pub applied: Option<LogIndex>,
}

/// How a transaction changed a durable log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogChange {
    /// Everything from here on is gone.
    pub from: LogIndex,
    /// What stands there now; the first has index `from`.
    pub entries: Vec<EntryBrief>,
}

/// A leader's view of its followers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressTold<'a> {
    /// The group.
    pub region: RegionId,
    /// Who leads.
    pub leader: PeerId,
    /// In which term. A view of another term than the store's last known one is not judged.
    pub term: Term,
    /// What it may have in flight.
    pub limits: ProgressLimits,
    /// Its view of each follower.
    pub seen: &'a [ProgressSeen],
}

/// How much a leader may have in flight to one follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressLimits {
    /// Appends with entries.
    pub in_flight_appends: u64,
    /// Bytes of payload. The append that fills the window may pass it.
    pub in_flight_bytes: u64,
    /// Bytes of payload of the largest append, by which the window may be passed.
    pub append_bytes: u64,
}

/// What a leader believes of one follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressSeen {
    /// The follower.
    pub peer: PeerId,
    /// Up to where its log is known to match.
    pub matched: LogIndex,
    /// The next index to send.
    pub next: LogIndex,
    /// How it is sent to.
    pub kind: ProgressKind,
    /// Appends with entries on their way; a probe on its way is one.
    pub in_flight: u64,
    /// Their bytes of payload.
    pub in_flight_bytes: u64,
}
