//! Bad words from outside: counted, never fatal.

use serde::{Deserialize, Serialize};

/// Why an input was refused; nothing has changed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
pub enum Refused {
    /// A heartbeat of a region that tells of the past.
    #[error("a heartbeat that tells of the past")]
    StaleHeartbeat,
    /// A heartbeat of a region without peers.
    #[error("a region without peers")]
    NoPeers,
    /// A heartbeat of a region with more than [`crate::heartbeat::PEERS_MAX`] peers.
    #[error("a region with too many peers")]
    TooManyPeers,
    /// A heartbeat with two peers of one id or on one store.
    #[error("a region with a peer twice")]
    DoublePeer,
    /// A region whose range holds no key.
    #[error("a region without a key")]
    EmptyRange,
    /// A heartbeat by another store than the leader's, or with a leader that is no member or has
    /// no vote.
    #[error("a heartbeat of somebody who cannot lead")]
    BadLeader,
    /// A heartbeat that lists a stranger among its pending peers or its learners.
    #[error("a heartbeat that counts a stranger among the peers")]
    UnknownMember,
    /// An id that is zero or above [`crate::ids::SEEN_MAX`], or an epoch that JavaScript cannot
    /// hold.
    #[error("an id or an epoch out of range")]
    OutOfRange,
    /// A word about a region that is not known.
    #[error("a word about a region that is not known")]
    UnknownRegion,
    /// Ids were asked for a region of a past epoch.
    #[error("a question about a region as it was")]
    StaleEpoch,
    /// Ids were asked for a split at a key that does not cut the region.
    #[error("a key that does not cut the region")]
    BadSplitKey,
    /// Ids were asked for and none is durably reserved; to be asked for again.
    #[error("no id is durably reserved yet")]
    NoIds,
    /// A person asked for what cannot be done.
    #[error("an operator that cannot be made")]
    Impossible,
    /// A completion of a write that is not open.
    #[error("a completion of a write that is not open")]
    UnknownCycle,
    /// Rules that the scheduler's book does not know; it goes on with those that it has.
    #[error("rules of a name that is not known")]
    UnknownRules,
    /// An input for stores.
    #[error("an input for stores")]
    NotForMe,
}
