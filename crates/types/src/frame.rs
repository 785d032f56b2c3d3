//! What the page draws: the state of the stage at one moment of the run.
//!
//! A frame is made by the conductor from what really happened: stores from their facts, messages
//! from its own queue. It carries the moment that it shows; nothing beyond that moment may be
//! drawn.

use serde::{Deserialize, Serialize};

use crate::{
    action::OperationId,
    event::{EventId, MadeBy},
    id::{Cycle, Incarnation, PeerId, RegionId, StoreId},
    io::Stop,
    raft::{EntryBrief, LogIndex, LogPosition, MessageKind, Role, Term},
    settings::Settings,
    store::{Command, CommandResult, Region, ReplyError},
    time::{ClockRate, VirtualTime},
    verdict::Checks,
    view::Fact,
};

/// Everything that the stage, the strip and the transport show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The last event that is in this frame.
    pub event: EventId,
    /// The instant that it shows. Nothing after it has been decided.
    pub now: VirtualTime,
    /// The hash of the run so far.
    pub run_hash: u64,
    /// How time passes.
    pub pace: Pace,
    /// The settings in force.
    pub settings: Settings,
    /// The region that is shown, in its newest shape.
    pub region: Region,
    /// Every region, in the order of keys.
    pub regions: Vec<RegionFrame>,
    /// Whether there is a scheduler, and how it is.
    pub scheduler: Option<Life>,
    /// The stores, by id; what is said of raft is about the region that is shown.
    pub stores: Vec<StoreFrame>,
    /// The messages on their way, by id.
    pub messages: Vec<MessageFrame>,
    /// Messages that were lost in the last [`LOST_SHOWN_US`] of virtual time.
    pub lost: Vec<LostMessage>,
    /// The groups of the cut; empty when the network is whole.
    pub cut: Vec<Vec<StoreId>>,
    /// The newest operations, oldest first; at most [`OPERATIONS_SHOWN`].
    pub operations: Vec<OperationFrame>,
    /// Facts since the frame before, oldest first; at most [`FACTS_SHOWN`].
    pub facts: Vec<FactFrame>,
    /// Facts since the frame before that did not fit.
    pub facts_skipped: u64,
    /// How the checks stand. What clients see, the driver of the run has judged and fills in.
    pub checks: Checks,
}

/// How long a lost message stays in frames, in microseconds of virtual time.
pub const LOST_SHOWN_US: u64 = 400_000;
/// How many operations a frame shows.
pub const OPERATIONS_SHOWN: usize = 64;
/// How many facts a frame carries.
pub const FACTS_SHOWN: usize = 256;
/// How many of its newest entries a store shows.
pub const ENTRIES_SHOWN: usize = 32;

/// How time passes. Filled in by the driver of the run, which owns real time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pace {
    /// Whether time passes at all.
    pub running: bool,
    /// The speed asked, in thousandths of real time: 10 to 10,000.
    pub asked_permille: u32,
    /// The speed reached over the last second, in thousandths.
    pub reached_permille: u32,
    /// Real milliseconds since the conductor started.
    pub real_ms: u64,
    /// What the clock waits for, where it does.
    pub held_by: Option<Owed>,
}

/// Something real that the clock waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Owed {
    /// A store's answer to an envelope.
    Answer {
        /// Which store.
        store: StoreId,
    },
    /// A store's disk.
    Disk {
        /// Which store.
        store: StoreId,
        /// Which of its writes.
        cycle: Cycle,
    },
    /// A store that loads its disk.
    Load {
        /// Which store.
        store: StoreId,
    },
}

/// Whether a store lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// Its worker starts, waits for its predecessor's end, and loads its disk.
    Starting,
    /// It runs.
    Up,
    /// It runs and owes an answer since at least 100 ms of real time.
    Late,
    /// A person froze its process.
    Paused,
    /// A person killed it.
    Killed,
    /// It ended itself.
    Stopped(Stop),
}

/// A region on the ruler of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionFrame {
    /// Its newest shape that a peer has told.
    pub region: Region,
    /// The store that leads it in the highest term.
    pub leader: Option<StoreId>,
    /// That term.
    pub term: Term,
}

/// One store on the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreFrame {
    /// Which store.
    pub id: StoreId,
    /// Whether it lives. When it does not, the fields below tell its last known state.
    pub life: Life,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// The name of the broken rules that it was told to decide by; nothing for the correct ones.
    pub rules: Option<String>,
    /// The name of those that it last said it decides by: it may be down, or not have heard yet.
    pub rules_in_force: Option<String>,
    /// Its peer of the region that is shown, where it has one.
    pub peer: Option<PeerId>,
    /// How many regions have a peer here.
    pub regions: u64,
    /// How many of them it leads.
    pub leads: u64,
    /// Its peer's role.
    pub role: Role,
    /// Its peer's term.
    pub term: Term,
    /// The store that its peer voted for in this term.
    pub vote: Option<StoreId>,
    /// The store whose peer it follows.
    pub leader: Option<StoreId>,
    /// What was compacted away.
    pub truncated: LogPosition,
    /// The end of its log.
    pub last: LogPosition,
    /// The end of its log on the disk.
    pub durable: LogIndex,
    /// Its commit index.
    pub commit: LogIndex,
    /// Its applied index in memory.
    pub applied: LogIndex,
    /// Its applied index on the disk.
    pub flushed: LogIndex,
    /// Its newest entries, oldest first; at most [`ENTRIES_SHOWN`].
    pub entries: Vec<EntryBrief>,
    /// The election timer: started and due. Absent where none runs.
    pub timer: Option<(VirtualTime, VirtualTime)>,
    /// Votes that it counted as a candidate: voter and yes or no.
    pub votes: Vec<(StoreId, bool)>,
    /// As a leader: how far each store's log is known to match, and the next index to send.
    pub progress: Vec<(StoreId, LogIndex, LogIndex)>,
    /// The write that is on its way to the disk.
    pub writing: Option<Cycle>,
    /// Disk transactions in the last second of virtual time.
    pub writes_per_second: u32,
    /// Whether its disk is full: the write on its way fails until there is room.
    pub disk_full: bool,
    /// How fast its clock runs.
    pub clock_rate: ClockRate,
}

/// A message on its way: one entry of the conductor's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFrame {
    /// Its name.
    pub id: MadeBy,
    /// The sender.
    pub from: StoreId,
    /// The receiver.
    pub to: StoreId,
    /// The region that it is about.
    pub region: RegionId,
    /// What kind it is.
    pub kind: MessageKind,
    /// The term that it carries.
    pub term: Term,
    /// The least that identifies its content.
    pub detail: MessageDetail,
    /// When it left.
    pub sent: VirtualTime,
    /// When it is due; of one that is held, when it would have been.
    pub due: VirtualTime,
    /// Whether it is the second copy of a duplicated message.
    pub duplicate: bool,
    /// Present while it is held: it does not move and is not due.
    pub held: Option<Held>,
}

/// A message that stands still on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Since when.
    pub since: VirtualTime,
    /// By whom.
    pub by: Holder,
}

/// Who holds a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// A person, until the person lets it go.
    Hand,
    /// Its link, which is clogged.
    Link,
}

/// The least that identifies a message's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageDetail {
    /// Nothing more than its kind and term.
    Plain,
    /// Entries from the first to the second index.
    Entries(LogIndex, LogIndex),
    /// Yes or no.
    Vote(bool),
    /// The log matches up to this index.
    Matched(LogIndex),
    /// The log does not match.
    Rejected,
    /// A commit index.
    Commit(LogIndex),
}

/// A message that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostMessage {
    /// The message.
    pub message: MessageFrame,
    /// When it was lost.
    pub at: VirtualTime,
    /// Why.
    pub reason: LossReason,
}

/// Why a message did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LossReason {
    /// The network is cut there.
    Cut,
    /// The link lost it, as the settings ask.
    Chance,
    /// The receiver is down.
    Down,
    /// Too much waited for the link.
    Full,
    /// A person dropped it.
    Hand,
}

/// One operation of the page's client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationFrame {
    /// Its name.
    pub id: OperationId,
    /// What is wanted.
    pub command: Command,
    /// The only store that may be asked, where a person chose one.
    pub via: Option<StoreId>,
    /// The store that was asked last.
    pub asked: Option<StoreId>,
    /// How often it was sent.
    pub sendings: u32,
    /// When it was given to the client.
    pub submitted: VirtualTime,
    /// How it stands.
    pub state: OperationState,
}

/// How an operation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationState {
    /// The client waits for an answer, or for a leader.
    Open,
    /// It was carried out.
    Done {
        /// When the answer came.
        at: VirtualTime,
        /// What it brought.
        result: CommandResult,
    },
    /// It was not carried out and never will be.
    Failed {
        /// When that was known.
        at: VirtualTime,
        /// Why.
        error: ReplyError,
    },
    /// No answer came in time: it may have been carried out, may be later, or never. A late answer
    /// still settles it.
    Unknown {
        /// Since when.
        since: VirtualTime,
    },
    /// It was given up without ever being sent where it could take effect.
    NeverSent {
        /// When the client gave up.
        at: VirtualTime,
    },
}

/// A fact, and where and when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactFrame {
    /// The store.
    pub store: StoreId,
    /// The instant.
    pub at: VirtualTime,
    /// What happened.
    pub fact: Fact,
}
