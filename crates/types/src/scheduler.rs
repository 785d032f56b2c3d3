//! What stores, clients and operators say to the scheduler (TinyKV's placement driver), and what
//! it says to stores.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    id::{Cycle, PeerId, RegionId, StoreId},
    store::{Peer, Region, RegionEpoch, RequestId},
    time::StoreTime,
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
    /// Whether a new replica joins without a vote and gets it once it has caught up. TinyKV gives
    /// it a vote from the start.
    pub via_learner: bool,
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
            via_learner: false,
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
    /// A store shall be emptied: its replicas move away, and none comes.
    TakeOffline {
        /// The store.
        store: StoreId,
    },
    /// A store that was to be emptied stays.
    BringOnline {
        /// The store.
        store: StoreId,
    },
}

/// Whether a store is to hold replicas (TinyKV: `StoreState`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum StoreState {
    /// It is.
    #[default]
    Up,
    /// It is being emptied.
    Offline,
}

/// For how long a store has said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StoreHealth {
    /// It spoke within [`SchedulerOptions::disconnected_us`].
    Connected,
    /// Not within that time, but within [`SchedulerOptions::store_down_us`].
    Disconnected,
    /// Not within that time either: its replicas are to be replaced.
    Down,
}

/// What a store holds, counted from what the leaders of regions report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoreStatus {
    /// The regions that have a peer there.
    pub regions: u64,
    /// Those that it leads.
    pub leaders: u64,
    /// Those whose peer there is pending.
    pub pending: u64,
    /// The sizes of its regions, added up.
    pub region_size: u64,
    /// The sizes of those that it leads, added up.
    pub leader_size: u64,
}

/// Why an operator was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperatorReason {
    /// A person asked for it.
    ByHand,
    /// Stores differ in how much they hold.
    BalanceRegion,
    /// Stores differ in how much they lead.
    BalanceLeader,
    /// A replica is on a store that is down.
    ReplaceDown,
    /// A replica is on a store that is being emptied.
    ReplaceOffline,
    /// A region has too few replicas.
    AddMissing,
    /// A region has too many replicas.
    RemoveExtra,
    /// A replica was left without a vote.
    PromoteLearner,
}

/// How an operator ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperatorEnd {
    /// Every step was seen done.
    Finished,
    /// It took too long.
    TimedOut,
    /// The region's membership was changed by somebody else.
    Overtaken,
    /// The region is no more: others have reported its range.
    RegionGone,
    /// A person called it off, or asked for something else.
    CalledOff,
}

/// An operator: a few steps that change one region, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorView {
    /// The region.
    pub region: RegionId,
    /// Why it was made.
    pub reason: OperatorReason,
    /// Its steps.
    pub steps: Vec<OperatorStep>,
    /// Which step comes next, from zero; as many as there are steps when all are done.
    pub current: u32,
    /// When it was made.
    pub made_at: StoreTime,
    /// When it is given up.
    pub ends_at: StoreTime,
    /// How it ended; nothing while it runs.
    pub end: Option<OperatorEnd>,
}

/// A store as the scheduler knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownStore {
    /// Which store.
    pub store: StoreId,
    /// Whether it is to hold replicas.
    pub state: StoreState,
    /// For how long it has said nothing.
    pub health: StoreHealth,
    /// When it spoke last, or when the scheduler first heard of it or started.
    pub heard_at: StoreTime,
    /// What it holds, by what leaders report.
    pub status: StoreStatus,
    /// What it says of itself.
    pub reported: Option<StoreHeartbeat>,
}

/// A region as the scheduler knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownRegion {
    /// The region.
    pub region: Region,
    /// Who leads it.
    pub leader: Option<Peer>,
    /// Its peers that still need what their leader's log has dropped.
    pub pending: Vec<PeerId>,
    /// Its peers without a vote.
    pub learners: Vec<PeerId>,
    /// The bytes of its keys and values; zero where nobody knows.
    pub approximate_size: u64,
    /// Whether it has reported since the scheduler started.
    pub is_heard: bool,
}

/// The scheduler as people look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerView {
    /// Its clock.
    pub now: StoreTime,
    /// The last write that was given out.
    pub written: Cycle,
    /// The last write known to be durable.
    pub durable: Cycle,
    /// How it behaves.
    pub options: SchedulerOptions,
    /// The name of the broken rules that it decides by.
    pub rules: Option<String>,
    /// Whether enough regions have reported for it to act by itself.
    pub is_prepared: bool,
    /// The next id that it hands out.
    pub next_id: u64,
    /// The first id that is not durably reserved.
    pub reserved_to: u64,
    /// Its stores, by their ids.
    pub stores: Vec<KnownStore>,
    /// Its regions, in the order of their keys.
    pub regions: Vec<KnownRegion>,
    /// What it is doing, by region.
    pub operators: Vec<OperatorView>,
    /// What it did last, oldest first.
    pub ended: Vec<OperatorView>,
    /// How many words it refused.
    pub refused: u64,
}
