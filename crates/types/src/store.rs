//! Regions, commands, and what stores and clients say to each other.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ClientId, PeerId, RegionId, StoreId},
    raft::{ConfChange, LogPosition, Message, MessageKind, Term},
    scheduler::OperatorStep,
};

/// A replica of a region on a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Peer {
    /// Its id, unique over all regions and never reused.
    pub id: PeerId,
    /// Where it lives.
    pub store: StoreId,
}

/// The version of a region's shape. Compared for equality, a newer one is refused too.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct RegionEpoch {
    /// Rises with every membership change.
    pub conf_ver: u64,
    /// Rises with every split or merge.
    pub version: u64,
}

impl fmt::Display for RegionEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.conf_ver, self.version)
    }
}

/// A range of keys `[start, end)` and the peers that hold it. An empty `end` is the end of all
/// keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its id.
    pub id: RegionId,
    /// The first key.
    pub start: Bytes,
    /// The first key that is not in it; empty for no end.
    pub end: Bytes,
    /// The version of its shape.
    pub epoch: RegionEpoch,
    /// Its peers, in the order in which they joined.
    pub peers: Vec<Peer>,
}

impl Region {
    /// Whether `key` lies in `[start, end)`.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_ref() && (self.end.is_empty() || key < self.end.as_ref())
    }

    /// The peer on `store`.
    #[must_use]
    pub fn peer_on(&self, store: StoreId) -> Option<Peer> {
        self.peers.iter().copied().find(|peer| peer.store == store)
    }

    /// The peer named `id`.
    #[must_use]
    pub fn peer(&self, id: PeerId) -> Option<Peer> {
        self.peers.iter().copied().find(|peer| peer.id == id)
    }
}

/// A column family (TinyKV keeps three; raw commands use the first).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum ColumnFamily {
    /// Values.
    #[default]
    Default,
    /// Locks of transactions.
    Lock,
    /// Commit records of transactions.
    Write,
}

impl ColumnFamily {
    /// Every column family, in order.
    pub const ALL: [Self; 3] = [Self::Default, Self::Lock, Self::Write];

    /// The name in keys: TinyKV stores user data as `<cf>_` + key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Lock => "lock",
            Self::Write => "write",
        }
    }
}

/// How a leader serves reads.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum ReadMode {
    /// As an entry of the log, like a write (TinyKV, MIT 6.824).
    #[default]
    Log,
    /// After a round of heartbeats has confirmed the leader (thesis, section 6.4).
    ReadIndex,
    /// At once while the leader's lease holds, else as [`ReadMode::ReadIndex`].
    Lease,
}

impl ReadMode {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Log, Self::ReadIndex, Self::Lease];

    /// The name in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::ReadIndex => "read_index",
            Self::Lease => "lease",
        }
    }
}

/// What a client wants. Writes go through the log, reads as [`ReadMode`] says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Writes a value. An empty value is a value.
    Put {
        /// The key.
        key: Bytes,
        /// The value.
        value: Bytes,
    },
    /// Removes a key; no matter whether it is there.
    Delete {
        /// The key.
        key: Bytes,
    },
    /// Reads a key.
    Get {
        /// The key.
        key: Bytes,
    },
    /// Reads keys in order.
    Scan {
        /// The first key.
        start: Bytes,
        /// The first key that is not wanted; empty for no end.
        end: Bytes,
        /// How many at most.
        limit: u32,
    },
    /// Adds bytes at the end of a value; an absent key counts as an empty value.
    Append {
        /// The key.
        key: Bytes,
        /// The bytes to add.
        value: Bytes,
    },
    /// Writes a value if the key holds what is expected, else changes nothing.
    CompareAndSet {
        /// The key.
        key: Bytes,
        /// What the key must hold; none for absent.
        expected: Option<Bytes>,
        /// The value to write.
        new: Bytes,
    },
}

impl Command {
    /// The key at which a client looks for the region.
    #[must_use]
    pub fn key(&self) -> &Bytes {
        match self {
            Self::Put { key, .. }
            | Self::Delete { key }
            | Self::Get { key }
            | Self::Append { key, .. }
            | Self::CompareAndSet { key, .. } => key,
            Self::Scan { start, .. } => start,
        }
    }

    /// Whether it can change data.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        match self {
            Self::Put { .. }
            | Self::Delete { .. }
            | Self::Append { .. }
            | Self::CompareAndSet { .. } => true,
            Self::Get { .. } | Self::Scan { .. } => false,
        }
    }
}

/// What a command brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandResult {
    /// Written.
    Put,
    /// Removed.
    Delete,
    /// The value, where there is one.
    Get {
        /// The value.
        value: Option<Bytes>,
    },
    /// Keys and values, in order.
    Scan {
        /// The pairs.
        pairs: Vec<(Bytes, Bytes)>,
    },
    /// The bytes were added.
    Append,
    /// The key was compared, and written if it held what was expected.
    CompareAndSet {
        /// Whether the new value was written.
        swapped: bool,
        /// What the key held before; none for absent.
        found: Option<Bytes>,
    },
}

/// The name of one sending of one command, unique for ever: a retry is another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId {
    /// Who asks.
    pub client: ClientId,
    /// Which of its requests.
    pub seq: u64,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.client, self.seq)
    }
}

/// A command on its way to a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its name.
    pub id: RequestId,
    /// The region that the client believes in.
    pub region: RegionId,
    /// That region's epoch as the client knows it.
    pub epoch: RegionEpoch,
    /// The command.
    pub command: Command,
    /// Which of the client's operations it is a sending of, where the client wants each carried out
    /// at most once. Such a client counts them up and has one open at a time (MIT 6.824, lab 3).
    pub session: Option<u64>,
}

/// What an entry of kind [`EntryKind::Normal`](crate::raft::EntryKind::Normal) holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proposal {
    /// A client's command.
    Request(Request),
    /// Every peer drops its log up to here, unless it did already (TinyKV: `CompactLog`).
    CompactLog {
        /// The last entry to go.
        to: LogPosition,
    },
    /// The region is cut in two.
    Split(Split),
}

/// How a region is cut in two: what lies below the key keeps the region's id, what begins with the
/// key gets a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The epoch of the region that it was made for.
    pub epoch: RegionEpoch,
    /// The first key of the new region.
    pub key: Bytes,
    /// Its id.
    pub new_region: RegionId,
    /// The ids of its peers, one for each peer of the region, in their order.
    pub new_peers: Vec<PeerId>,
}

/// What the host's own bytes of a membership change hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeContext {
    /// The epoch of the region that it was made for.
    pub epoch: RegionEpoch,
    /// The peers that it adds, with their stores.
    pub added: Vec<Peer>,
}

/// What an operator asks of a peer. Nobody answers: facts tell what came of it, and a peer that
/// cannot do it now does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminCommand {
    /// Hand the leadership over. A follower asks its leader to.
    TransferLeader {
        /// The peer that shall lead.
        to: PeerId,
    },
    /// Propose a membership change. Only a leader can.
    ChangePeers {
        /// The change.
        change: ConfChange,
    },
    /// Drop the beginning of the own log.
    CompactLog {
        /// How many applied entries stay.
        keep: u64,
    },
    /// Campaign at once.
    Campaign,
    /// Forget who leads.
    ForgetLeader,
    /// Do what the scheduler could have asked for. Stores only; an added peer gets the id that the
    /// step names.
    Step(OperatorStep),
    /// Change several peers at once, through a joint phase. Stores only; steps that do not change
    /// peers are left out.
    ChangeJointly(Vec<OperatorStep>),
    /// Cut the region in two, with ids that are given. Stores only.
    Split {
        /// The first key of the new region.
        key: Bytes,
        /// Its id.
        new_region: RegionId,
        /// The ids of its peers, one for each peer of the region, in their order.
        new_peers: Vec<PeerId>,
    },
    /// Send a follower a snapshot that it does not need. Stores only.
    SendSnapshot {
        /// The follower.
        to: PeerId,
    },
}

/// An operator's command on its way to a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminRequest {
    /// Which group.
    pub region: RegionId,
    /// What to do.
    pub command: AdminCommand,
}

/// An answer on its way to a client. Every request is answered exactly once, or its store dies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Which request.
    pub id: RequestId,
    /// The outcome.
    pub result: Result<CommandResult, ReplyError>,
}

/// Why a request was not carried out. Each of these but [`ReplyError::Undetermined`] is definite:
/// the command of this request has had no effect and never will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ReplyError {
    /// This store's peer does not lead the region.
    #[error("not the leader of {region}")]
    NotLeader {
        /// The region.
        region: RegionId,
        /// Who leads, where known.
        leader: Option<Peer>,
    },
    /// The region changed its shape.
    #[error("epoch mismatch; the region is now {current:?}")]
    EpochNotMatch {
        /// The regions that now cover the range.
        current: Vec<Region>,
    },
    /// The key is outside of the region.
    #[error("key is not in {region}")]
    KeyNotInRegion {
        /// The region.
        region: RegionId,
    },
    /// No such region on this store.
    #[error("{region} is not on this store")]
    RegionNotFound {
        /// The region.
        region: RegionId,
    },
    /// Another leader's entry took the place of this command in the log.
    #[error("stale command: another entry took its place in term {term}")]
    StaleCommand {
        /// The term of the entry that took the place.
        term: Term,
    },
    /// Too much waits for the disk.
    #[error("server is busy: {reason}")]
    ServerIsBusy {
        /// What is full.
        reason: BusyReason,
    },
    /// The peer that took the command in can no longer learn what became of it: it was removed, or
    /// its log was replaced by a snapshot. It may have been carried out, may be later, or never.
    #[error("{region}: the peer cannot tell any more what became of the command")]
    Undetermined {
        /// The region.
        region: RegionId,
    },
    /// A later operation of the same session was carried out before.
    #[error("a later operation of the session, {seq}, was carried out before")]
    SessionAhead {
        /// The last operation that was carried out.
        seq: u64,
    },
    /// The value would grow beyond [`VALUE_BYTES_MAX`](crate::action::VALUE_BYTES_MAX).
    #[error("the value would be {bytes} bytes long; the limit is {limit}")]
    ValueTooLong {
        /// How long it would be.
        bytes: u64,
        /// How long it may be.
        limit: u64,
    },
}

/// What is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BusyReason {
    /// Applied data that waits for its flush.
    DirtyData,
    /// Proposals that wait for their commit.
    Uncommitted,
}

impl fmt::Display for BusyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DirtyData => "applied data waits for the disk",
            Self::Uncommitted => "proposals wait for their commit",
        })
    }
}

/// What one peer says to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerMessage {
    /// What their group says.
    Raft(Message),
    /// That the receiver was removed from its group, as of the message's epoch (TinyKV: a message
    /// with `is_tombstone`).
    Tombstone,
}

impl PeerMessage {
    /// The kind, without the content.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::Raft(message) => message.body.kind(),
            Self::Tombstone => MessageKind::Tombstone,
        }
    }

    /// The term that it carries; zero for none.
    #[must_use]
    pub const fn term(&self) -> Term {
        match self {
            Self::Raft(message) => message.term,
            Self::Tombstone => Term::ZERO,
        }
    }

    /// What the group says, where it does.
    #[must_use]
    pub const fn raft(&self) -> Option<&Message> {
        match self {
            Self::Raft(message) => Some(message),
            Self::Tombstone => None,
        }
    }
}

/// A message between two stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreMessage {
    /// The group that it belongs to.
    pub region: RegionId,
    /// The sender's epoch of that region.
    pub epoch: RegionEpoch,
    /// The sender.
    pub from: Peer,
    /// The receiver.
    pub to: Peer,
    /// The region's range `[start, end)`, in a message that can create its receiver.
    pub range: Option<(Bytes, Bytes)>,
    /// What it says.
    pub body: PeerMessage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_contains_its_start_and_not_its_end() {
        let mut region = Region {
            id: RegionId::new(1),
            start: Bytes::from_static(b"b"),
            end: Bytes::from_static(b"d"),
            epoch: RegionEpoch {
                conf_ver: 1,
                version: 1,
            },
            peers: Vec::new(),
        };
        assert!(!region.contains(b"a") && region.contains(b"b"));
        assert!(region.contains(b"czz") && !region.contains(b"d"));
        region.end = Bytes::new();
        assert!(region.contains(b"zzz"));
    }
}
