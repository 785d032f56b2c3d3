//! What one raft group says, keeps and reports.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{PeerId, number};

mod entries;
mod fact;
mod membership;
mod message;

pub use entries::Entries;
pub use fact::{
    CommitEvidence, ProgressKind, RaftFact, ReadEvidence, RoleReason, TransferEnd, VoteVerdict,
};
pub use membership::{ConfChange, ConfState, SingleChange, Transition};
pub use message::{AppendResult, Message, MessageBody, MessageKind, ReadId, Snapshot};

number! {
    /// A raft term (paper, section 5.1).
    Term, "T"
}
number! {
    /// A position in a raft log; the first entry ever has index 1 (or 6 in a TinyKV region, which
    /// starts behind a truncated log at index 5).
    LogIndex, ""
}

/// What an entry carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EntryKind {
    /// A command of the state machine.
    Normal,
    /// The empty entry with which a leader starts its term (paper, section 8).
    NoOp,
    /// A membership change.
    ConfChange,
}

/// One entry of a raft log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader made it.
    pub term: Term,
    /// Where it stands.
    pub index: LogIndex,
    /// How to read `data`.
    pub kind: EntryKind,
    /// The command. Shared, never copied.
    pub data: Bytes,
}

impl Entry {
    /// Where it stands, and its term.
    #[must_use]
    pub const fn position(&self) -> LogPosition {
        LogPosition {
            index: self.index,
            term: self.term,
        }
    }
}

/// A point of a log: everything up to `index`, the last of which has `term`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct LogPosition {
    /// The index.
    pub index: LogIndex,
    /// The term of the entry at `index`.
    pub term: Term,
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// What a peer must remember across restarts besides its log (paper, figure 2). `commit` may be
/// lost without harm; keeping it makes restarts quick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HardState {
    /// The latest term that this peer has seen.
    pub term: Term,
    /// Whom it voted for in `term`.
    pub vote: Option<PeerId>,
    /// The highest index known to be committed.
    pub commit: LogIndex,
}

/// The role of a peer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Role {
    /// Answers leaders and candidates.
    #[default]
    Follower,
    /// Asks whether it could win, before it takes a new term (thesis, section 9.6).
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Replicates its log.
    Leader,
}

/// An entry without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBrief {
    /// Where it stands.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// Its kind.
    pub kind: EntryKind,
}

impl From<&Entry> for EntryBrief {
    fn from(entry: &Entry) -> Self {
        Self {
            index: entry.index,
            term: entry.term,
            kind: entry.kind,
        }
    }
}

/// A dialect: one set of choices that a course or a library made. The same code runs all of them.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Preset {
    /// TinyKV: a no-op on election, heartbeats without log positions, no pre-vote.
    #[default]
    TinyKv,
    /// MIT 6.824 of 2021: no no-op, heartbeats are empty appends, a fixed membership.
    Mit6824,
    /// etcd: pre-vote, check-quorum, reads by index.
    Etcd,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 3] = [Self::TinyKv, Self::Mit6824, Self::Etcd];

    /// The stable name in files, links and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TinyKv => "tinykv",
            Self::Mit6824 => "mit6824",
            Self::Etcd => "etcd",
        }
    }
}
