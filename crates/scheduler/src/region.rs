//! A region as its leader described it last.

use serde::{Deserialize, Serialize};
use types::{
    id::{PeerId, RegionId, StoreId},
    scheduler::RegionHeartbeat,
    store::{Peer, Region, RegionEpoch},
};

/// A larger size counts as this one, so that no sum of sizes overflows: a tebibyte.
pub const SIZE_MAX: u64 = 1 << 40;

/// A region and what its leader says of its peers (TinyKV: `core.RegionInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionInfo {
    /// The region.
    pub region: Region,
    /// Who leads it; nothing where nobody has said so yet.
    pub leader: Option<Peer>,
    /// Peers that still need what their leader's log has dropped.
    pub pending: Vec<PeerId>,
    /// Peers without a vote.
    pub learners: Vec<PeerId>,
    /// The bytes of its keys and values; zero where the leader does not know.
    pub approximate_size: u64,
}

impl RegionInfo {
    /// A region of which only the shape is known.
    #[must_use]
    pub const fn of_shape(region: Region) -> Self {
        Self {
            region,
            leader: None,
            pending: Vec::new(),
            learners: Vec::new(),
            approximate_size: 0,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> RegionId {
        self.region.id
    }

    /// Its epoch.
    #[must_use]
    pub const fn epoch(&self) -> RegionEpoch {
        self.region.epoch
    }

    /// Its size for balancing, at least one: a region whose size nobody knows counts too, and so
    /// does one without keys.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.approximate_size.max(1)
    }

    /// The store of its leader.
    #[must_use]
    pub fn leader_store(&self) -> Option<StoreId> {
        self.leader.map(|leader| leader.store)
    }

    /// Whether a peer still needs what the log has dropped.
    #[must_use]
    pub fn is_pending(&self, peer: PeerId) -> bool {
        self.pending.contains(&peer)
    }

    /// Whether a peer takes part without a vote.
    #[must_use]
    pub fn is_learner(&self, peer: PeerId) -> bool {
        self.learners.contains(&peer)
    }

    /// Its peers with a vote.
    pub fn voters(&self) -> impl Iterator<Item = Peer> {
        let peers = self.region.peers.iter().copied();
        peers.filter(|peer| !self.is_learner(peer.id))
    }

    /// Its voters that do not lead.
    pub fn followers(&self) -> impl Iterator<Item = Peer> {
        let leader = self.leader.map(|leader| leader.id);
        self.voters().filter(move |peer| Some(peer.id) != leader)
    }

    /// Whether its leader is known and no peer is pending or without a vote.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.leader.is_some() && self.pending.is_empty() && self.learners.is_empty()
    }

    /// Whether what is kept of it on disk is the same.
    pub(crate) fn is_kept_like(&self, other: &Self) -> bool {
        self.region == other.region
            && self.leader == other.leader
            && self.learners == other.learners
    }
}

impl From<&RegionHeartbeat> for RegionInfo {
    fn from(heartbeat: &RegionHeartbeat) -> Self {
        Self {
            region: heartbeat.region.clone(),
            leader: Some(heartbeat.leader),
            pending: heartbeat.pending.clone(),
            learners: heartbeat.learners.clone(),
            approximate_size: heartbeat.approximate_size.unwrap_or(0).min(SIZE_MAX),
        }
    }
}
