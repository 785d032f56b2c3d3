//! The one door of a store: an [`Envelope`] goes in, an [`Output`] comes out.

use serde::{Deserialize, Serialize};

use crate::{
    disk::{DiskWrite, Table},
    event::EventId,
    id::{Cycle, Incarnation, RegionId, StoreId},
    raft::{LogIndex, Preset, Term},
    scheduler::{
        FromScheduler, OperatorRequest, RouteReply, RouteRequest, SchedulerOptions, ToScheduler,
    },
    store::{AdminRequest, ReadMode, Region, Reply, Request, StoreMessage},
    time::StoreTime,
    view::Fact,
};

/// What a store is told once in its life, before its first envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootConfig {
    /// Who it is.
    pub store: StoreId,
    /// Which of its lives this is.
    pub incarnation: Incarnation,
    /// The seed of its random stream, made from (cluster seed, store, incarnation).
    pub seed: u64,
    /// The region that an empty disk starts with.
    pub first_region: Region,
    /// How a store behaves.
    pub options: StoreOptions,
    /// How the scheduler behaves.
    pub scheduler: SchedulerOptions,
    /// The name of the broken rules that it decides by; nothing for the correct ones.
    pub rules: Option<String>,
}

/// The settings that a store itself reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreOptions {
    /// The length of a raft tick, in microseconds of store time.
    pub tick_us: u64,
    /// Ticks between two heartbeats of a leader.
    pub heartbeat_ticks: u32,
    /// The shortest election timeout, in ticks; drawn from `[election_ticks, 2 * election_ticks)`.
    pub election_ticks: u32,
    /// The dialect that its peers run.
    pub preset: Preset,
    /// How many applied entries a log keeps before its leader has it compacted (TinyKV:
    /// `RaftLogGcCountLimit`); zero for never.
    pub log_gc_entries: u64,
    /// How many bytes of log a peer keeps before it compacts its own, for itself (MIT 6.824:
    /// `maxraftstate`); zero for never.
    pub max_raft_state_bytes: u64,
    /// How many bytes of keys and values a region may hold before it is split (TinyKV:
    /// `RegionMaxSize`); zero for any number.
    pub region_max_bytes: u64,
    /// How many of them the first part of a split holds (TinyKV: `RegionSplitSize`).
    pub region_split_bytes: u64,
    /// Ticks between two looks at a region's size.
    pub split_check_ticks: u32,
    /// Ticks between two heartbeats of a region to the scheduler.
    pub region_heartbeat_ticks: u32,
    /// Ticks between two heartbeats of the store to the scheduler.
    pub store_heartbeat_ticks: u32,
    /// How reads are served.
    pub read_mode: ReadMode,
}

/// All inputs of one store for one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The store's own clock. Ticks that have passed are counted from it.
    pub now: StoreTime,
    /// The inputs, each with the event that brings it; empty when only time has passed.
    pub inputs: Vec<Delivered>,
}

/// An input and the event that brings it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// The event.
    pub event: EventId,
    /// The input.
    pub input: Input,
}

/// One input of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The instant that the store asked to be woken at has come.
    Wake,
    /// A message of another store.
    Message(StoreMessage),
    /// A command of a client.
    Request(Request),
    /// The write of this cycle is durable.
    Durable(Cycle),
    /// A command of an operator.
    Admin(AdminRequest),
    /// For a store: it behaves like this from now on, as far as that can change.
    Options(StoreOptions),
    /// For a store: a word of the scheduler.
    FromScheduler(FromScheduler),
    /// For the scheduler: a word of a store.
    ToScheduler {
        /// Which store.
        from: StoreId,
        /// What it says.
        word: ToScheduler,
    },
    /// For the scheduler: a client's question where a key is.
    FindRoute(RouteRequest),
    /// For the scheduler: what a person wants done.
    Operator(OperatorRequest),
    /// For the scheduler: it behaves like this from now on.
    SchedulerOptions(SchedulerOptions),
    /// Decide by the rules of this name from now on; by the correct ones without a name.
    Rules(Option<String>),
}

/// What a store wants done. Everything in it may leave at once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Output {
    /// The write of the next cycle. A second one comes only after the first is durable.
    pub write: Option<DiskWrite>,
    /// Messages to other stores.
    pub messages: Vec<StoreMessage>,
    /// Answers to clients.
    pub replies: Vec<Reply>,
    /// A store's words to the scheduler.
    pub to_scheduler: Vec<ToScheduler>,
    /// The scheduler's words to stores.
    pub from_scheduler: Vec<(StoreId, FromScheduler)>,
    /// The scheduler's answers to clients.
    pub routes: Vec<RouteReply>,
    /// What happened, in order.
    pub facts: Vec<Fact>,
    /// When to send [`Input::Wake`], if nothing comes before; replaces the instant named earlier.
    pub wake_at: Option<StoreTime>,
    /// The store's last word; nothing is delivered to it any more.
    pub stop: Option<Stop>,
}

impl Output {
    /// Empties it, keeping its memory.
    pub fn clear(&mut self) {
        self.write = None;
        self.messages.clear();
        self.replies.clear();
        self.to_scheduler.clear();
        self.from_scheduler.clear();
        self.routes.clear();
        self.facts.clear();
        self.wake_at = None;
        self.stop = None;
    }
}

/// Why a store ended itself. It is a crash of that store alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Stop {
    /// A row's checksum does not match.
    #[error("a row of {} is corrupt: {reason}", table.name())]
    CorruptRow {
        /// The table.
        table: Table,
        /// What does not fit.
        reason: String,
    },
    /// The rows do not fit together.
    #[error("the disk of {region} contradicts itself: {reason}")]
    InconsistentDisk {
        /// The region.
        region: RegionId,
        /// What does not fit.
        reason: String,
    },
    /// The disk was written by a newer version of the playground.
    #[error("the disk has layout {found}, this version knows up to {known}")]
    NewerDisk {
        /// The layout found.
        found: u32,
        /// The newest known.
        known: u32,
    },
    /// The disk belongs to another store.
    #[error("the disk belongs to {found}, not to {expected}")]
    ForeignDisk {
        /// The owner found.
        found: StoreId,
        /// The owner expected.
        expected: StoreId,
    },
    /// A leader's message contradicts what is committed here.
    #[error("{region}: entry {index} of term {term} would overwrite a committed one")]
    CommittedOverwritten {
        /// The region.
        region: RegionId,
        /// The index.
        index: LogIndex,
        /// The term that was to be written there.
        term: Term,
    },
    /// Committed entries did not come in order, so that the data would differ from the others'.
    #[error("{region}: entry {found} is to be applied where {expected} comes next")]
    EntriesSkipped {
        /// The region.
        region: RegionId,
        /// The index that comes next.
        expected: LogIndex,
        /// The index that came.
        found: LogIndex,
    },
    /// The store's code panicked: a bug of ours.
    #[error("panic: {message}")]
    Panic {
        /// The panic's message.
        message: String,
    },
}
