//! What stores, clients and operators say to the scheduler (TinyKV's placement driver), and what
//! it says to stores.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    id::{PeerId, RegionId, StoreId},
    store::{Peer, Region, RegionEpoch, RequestId},
};

/// How the scheduler behaves. The names and numbers are TinyKV's; times are in microseconds of the
/// scheduler's own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerOptions {
    /// How many replicas a region shall have.
    pub max_replicas: u64,
    /// Whether it evens out how many regions each store holds, by size.
    pub balance_region: bool,
    /// Whether it evens out how many regions each store leads.
    pub balance_leader: bool,
    /// Whether it replaces replicas that are down or missing, and removes those too many.
    pub repair: bool,
    /// After how long without a word a store counts as disconnected.
    pub disconnected_us: u64,
    /// After how long without a word a store counts as down, so that its replicas are replaced.
    pub store_down_us: u64,
    /// How often it looks for something to do.
    pub patrol_us: u64,
    /// After how long an operator that only moves leadership is given up.
    pub leader_operator_us: u64,
    /// After how long any other operator is given up.
    pub region_operator_us: u64,
}

impl Default for SchedulerOptions {
    /// TinyKV's defaults: three replicas, 20 s, 30 min, 100 ms, 10 s, 10 min.
    fn default() -> Self {
        const SECOND: u64 = 1_000_000;
        Self {
            max_replicas: 3,
            balance_region: true,
            balance_leader: true,
            repair: true,
            disconnected_us: 20 * SECOND,
            store_down_us: 30 * 60 * SECOND,
            patrol_us: SECOND / 10,
            leader_operator_us: 10 * SECOND,
            region_operator_us: 600 * SECOND,
        }
    }
}

/// How a region's leader describes it to the scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionHeartbeat {
    /// The region, as the leader has applied it.
    pub region: Region,
    /// The leader.
    pub leader: Peer,
    /// Peers that still need the part of the log that the leader has compacted away.
    pub pending: Vec<PeerId>,
    /// Peers that take part without a vote.
    pub learners: Vec<PeerId>,
    /// The bytes of its keys and values; nothing where the leader does not know.
    pub approximate_size: Option<u64>,
}

/// How a store describes itself to the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreHeartbeat {
    /// The regions that have a peer there.
    pub regions: u64,
    /// Those that it leads.
    pub leaders: u64,
    /// The bytes of keys and values there.
    pub size: u64,
}

/// What a store says to the scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToScheduler {
    /// A region as its leader sees it.
    Region(RegionHeartbeat),
    /// A store as it sees itself.
    Store(StoreHeartbeat),
    /// Asks for the ids that a split needs.
    AskSplit {
        /// The region that is to be split, as its leader has applied it.
        region: Region,
        /// The first key of the part that gets a new id.
        key: Bytes,
    },
}

/// What the scheduler says to a store. None of it is believed blindly: each names the epoch that it
/// was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromScheduler {
    /// One step of an operator, for the leader of a region.
    Step {
        /// The region.
        region: RegionId,
        /// Its epoch when the step was made.
        epoch: RegionEpoch,
        /// What to do.
        step: OperatorStep,
    },
    /// The ids for a split that was asked for.
    SplitIds {
        /// The region that is to be split.
        region: RegionId,
        /// Its epoch when the ids were asked for.
        epoch: RegionEpoch,
        /// The first key of the part that gets the new id.
        key: Bytes,
        /// The id of that part.
        new_region: RegionId,
        /// The ids of its peers, one for each peer of the region, in their order.
        new_peers: Vec<PeerId>,
    },
}

/// One step of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorStep {
    /// A new peer joins, with a vote.
    AddPeer {
        /// The peer.
        peer: Peer,
    },
    /// A new peer joins, without a vote.
    AddLearner {
        /// The peer.
        peer: Peer,
    },
    /// A learner gets a vote.
    PromoteLearner {
        /// The peer.
        peer: Peer,
    },
    /// A peer leaves.
    RemovePeer {
        /// The peer.
        peer: Peer,
    },
    /// A peer takes the lead.
    TransferLeader {
        /// The peer.
        to: Peer,
    },
    /// The region is cut in two, at a key or in halves.
    Split {
        /// The first key of the second part; nothing for halves.
        key: Option<Bytes>,
    },
}

/// Where a key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The region that holds the key.
    pub region: Region,
    /// Who led it when the scheduler heard of it last.
    pub leader: Option<Peer>,
}

/// A client's question where a key is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRequest {
    /// Its name.
    pub id: RequestId,
    /// The key.
    pub key: Bytes,
}

/// The answer to a [`RouteRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteReply {
    /// Which question.
    pub id: RequestId,
    /// Where the key is; nothing while no region that holds it has reported.
    pub route: Option<Route>,
}

/// What a person asks of the scheduler. Where it cannot be done, nothing happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatorRequest {
    /// A region gets a replica on one more store.
    AddPeer {
        /// The region.
        region: RegionId,
        /// The store.
        store: StoreId,
    },
    /// A region loses its replica on a store. Its leadership is moved away first.
    RemovePeer {
        /// The region.
        region: RegionId,
        /// The store.
        store: StoreId,
    },
    /// A replica moves from one store to another.
    MovePeer {
        /// The region.
        region: RegionId,
        /// From where.
        from: StoreId,
        /// To where.
        to: StoreId,
    },
    /// The lead moves to the replica on a store.
    TransferLeader {
        /// The region.
        region: RegionId,
        /// The store.
        to: StoreId,
    },
    /// A region is cut in two.
    Split {
        /// The region.
        region: RegionId,
        /// The first key of the second part; nothing for halves.
        key: Option<Bytes>,
    },
    /// What is being done to a region is called off.
    Cancel {
        /// The region.
        region: RegionId,
    },
}
