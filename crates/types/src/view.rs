//! What people and checkers look at: facts, and whole views of a store.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    disk::Row,
    event::EventId,
    id::{Cycle, Incarnation, PeerId, RegionId, StoreId},
    raft::{ConfState, Entry, HardState, LogIndex, LogPosition, RaftFact, Role, Term},
    store::{Region, RequestId},
    time::StoreTime,
};

/// A small record of something that happened in a store, with its causes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The event that triggered it.
    pub cause: EventId,
    /// The event that it had waited for, where there is one (the write that became durable…).
    pub waited_for: Option<EventId>,
    /// Where it happened.
    pub region: RegionId,
    /// What happened.
    pub body: FactBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactBody {
    /// The store came up from its disk and holds this peer.
    Started {
        /// Which of its lives.
        incarnation: Incarnation,
        /// The peer.
        peer: PeerId,
        /// Its region as the disk has it; without peers while it waits for its first snapshot.
        region: Region,
        /// Its term, vote and commit as the disk has them.
        hard_state: HardState,
        /// What was compacted away.
        truncated: LogPosition,
        /// The entries on the disk.
        entries: Vec<crate::raft::EntryBrief>,
        /// The applied index on the disk.
        applied: LogIndex,
    },
    /// The group's consensus state changed.
    Raft(RaftFact),
    /// Commands were applied in memory.
    Applied {
        /// The applied index now.
        to: LogIndex,
        /// A hash of the region's data at that index, the same on every replica.
        data_hash: u64,
    },
    /// Applied data reached the disk.
    Flushed {
        /// The applied index on the disk.
        to: LogIndex,
    },
    /// A request was taken into the log.
    Proposed {
        /// The request.
        request: RequestId,
        /// Where it stands.
        at: LogPosition,
    },
    /// The election timer starts anew.
    TimerReset {
        /// When it started.
        started: StoreTime,
        /// When it runs out.
        deadline: StoreTime,
    },
    /// The election timer does not run (a leader has none).
    TimerStopped,
    /// The region has another shape here.
    RegionChanged {
        /// The shape now.
        region: Region,
        /// Who votes now.
        members: ConfState,
        /// What changed it.
        by: RegionChange,
    },
    /// The peer left the store for good.
    PeerRemoved {
        /// The peer.
        peer: PeerId,
    },
    /// The peer decides by other rules from here on. One that starts with the correct rules does
    /// not say so.
    RulesChanged {
        /// The name of the broken rules; nothing for the correct ones.
        name: Option<String>,
    },
}

/// What changes the shape of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RegionChange {
    /// It was split, or made by a split.
    Split,
    /// A peer joined or left, or got or lost its vote.
    Membership,
    /// A snapshot of a later shape came.
    Snapshot,
}

/// Everything about a store, for the inspector. Reading it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreView {
    /// Which store.
    pub store: StoreId,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// Its clock at its last envelope.
    pub now: StoreTime,
    /// The last write that was given out.
    pub written: Cycle,
    /// The last write known to be durable.
    pub durable: Cycle,
    /// Its peers, by region.
    pub peers: Vec<PeerView>,
}

/// Everything about one peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    /// The region as this peer knows it.
    pub region: Region,
    /// The peer.
    pub peer: PeerId,
    /// Its role.
    pub role: Role,
    /// The leader that it follows.
    pub leader: Option<PeerId>,
    /// Term, vote, commit.
    pub hard_state: HardState,
    /// What was compacted away.
    pub truncated: LogPosition,
    /// The end of the log.
    pub last: LogPosition,
    /// The last index on the disk.
    pub persisted: LogIndex,
    /// The last index applied in memory.
    pub applied: LogIndex,
    /// The applied index on the disk.
    pub flushed: LogIndex,
    /// Ticks since the election timer was reset, and the ticks at which it runs out.
    pub election: (u32, u32),
    /// Ticks since the last heartbeat, and the ticks between two.
    pub heartbeat: (u32, u32),
    /// What a leader knows of each peer; empty for others.
    pub progress: Vec<ProgressView>,
    /// Votes received by a candidate.
    pub votes: Vec<(PeerId, bool)>,
    /// The log's entries, oldest first; at most the newest 1,024.
    pub log: Vec<LogEntryView>,
    /// The data, in key order; at most the first 1,024 pairs.
    pub data: Vec<(Bytes, Bytes)>,
    /// How many pairs there are.
    pub data_len: u64,
}

/// What a leader knows of a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// The peer.
    pub peer: PeerId,
    /// Up to where its log matches.
    pub matched: LogIndex,
    /// The next index to send.
    pub next: LogIndex,
}

/// An entry and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntryView {
    /// The entry as it is.
    pub entry: Entry,
    /// The request that it carries, decoded.
    pub request: Option<crate::store::Request>,
}

/// The rows of a store, as they stand on its disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsView {
    /// Which store.
    pub store: StoreId,
    /// The rows in key order, each with TinyKV's byte key beside it.
    pub rows: Vec<(Row, Bytes)>,
}

/// The term of the first election of a TinyKV region, whose log starts behind (5, 5).
pub const FIRST_TERM: Term = Term::new(6);
