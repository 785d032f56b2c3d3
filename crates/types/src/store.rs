//! Regions, commands, and what stores and clients say to each other.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    id::{ClientId, PeerId, RegionId, StoreId},
    raft::{ConfChange, Message, Term},
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

/// What a client wants. Every command, reads included, goes through the log.
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

/// Why a request was not carried out. Each of these is definite: the command of this request has
/// had no effect and never will.
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

/// A raft message between two stores.
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
    /// What the group says.
    pub message: Message,
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
