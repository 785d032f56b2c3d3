//! What a person can do to a running cluster. Every action is recorded.

use serde::{Deserialize, Serialize};

use crate::{
    event::MadeBy,
    id::{StoreId, number},
    link::LinkPlan,
    scheduler::OperatorRequest,
    settings::SettingError,
    store::{AdminRequest, Command},
    time::ClockRate,
};
use std::fmt;

number! {
    /// One thing that a client of the page wanted: a command and all its sendings.
    OperationId, "op "
}

/// An action of a person, or of a script in a person's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Kills a store's process: its memory is gone, its disk stays.
    Kill {
        /// Which store.
        store: StoreId,
    },
    /// Starts a killed store from its disk.
    Start {
        /// Which store.
        store: StoreId,
    },
    /// Cuts the network: messages pass only inside a group. Replaces an earlier cut.
    Cut {
        /// The groups; every store is in exactly one.
        groups: Vec<Vec<StoreId>>,
    },
    /// Opens every way: removes the cut and every block, and clogged links deliver again. What else
    /// links do stays, and so do messages that are held by hand.
    Heal,
    /// Gives a command to the client.
    Submit {
        /// The command.
        command: Command,
        /// Ask this store and no other; otherwise the client looks for the leader.
        via: Option<StoreId>,
    },
    /// Changes a live setting.
    Set {
        /// Its name in the settings table.
        name: String,
        /// Its new value.
        value: u64,
    },
    /// Loses every message on these ways, in this direction only. Replaces an earlier block; no
    /// ways at all, or [`Action::Heal`], end it.
    Block {
        /// The ways, each from its sender to its receiver.
        ways: Vec<(StoreId, StoreId)>,
    },
    /// Asks a store to do something with one of its peers. It comes there as a client's request
    /// does, and is lost when the store is down; what became of it, facts tell.
    Admin {
        /// Which store.
        store: StoreId,
        /// What to do.
        request: AdminRequest,
    },
    /// Asks the scheduler for something. It is lost when the scheduler is down.
    Operator {
        /// What is wanted.
        request: OperatorRequest,
    },
    /// Gives one directed link a plan of its own, or makes it follow the settings again. What a
    /// link carries when it is clogged waits on it, as does what is sent meanwhile, and comes
    /// in order once it is not.
    Link {
        /// The sender.
        from: StoreId,
        /// The receiver.
        to: StoreId,
        /// What it does; none for what the settings say.
        plan: Option<LinkPlan>,
    },
    /// Handles a single message that is on its way between two stores.
    Message {
        /// Its name.
        id: MadeBy,
        /// Which of its copies.
        duplicate: bool,
        /// What to do with it.
        deed: MessageDeed,
    },
    /// Freezes a store's process: nothing reaches it and it says nothing, until it is resumed or
    /// killed. What comes for it waits; its disk finishes what it was given.
    Pause {
        /// Which store.
        store: StoreId,
    },
    /// Lets a paused store go on. What waited for it comes all at once.
    Resume {
        /// Which store.
        store: StoreId,
    },
    /// Changes how fast a store's clock runs.
    Drift {
        /// Which store.
        store: StoreId,
        /// How fast from now on.
        rate: ClockRate,
    },
    /// Fills a store's disk, or makes room on it again. While it is full its writes fail and are
    /// tried again; what waits for them is not said.
    FillDisk {
        /// Which store.
        store: StoreId,
        /// Whether there is no room.
        full: bool,
    },
    /// Turns a bit of a row on the disk of a store that is down. The store finds it when it
    /// starts, and stays down until its disk is wiped.
    CorruptRow {
        /// Which store.
        store: StoreId,
        /// Which row, in the order of keys, counted around; the bit is chosen by it too.
        nth: u64,
    },
    /// Empties the disk of a store that is down, and starts the machine again.
    Wipe {
        /// Which store.
        store: StoreId,
        /// As whom it comes back.
        identity: Identity,
    },
    /// Makes a store decide by broken rules, or by the correct ones again. It outlives the store's
    /// process: a store that is down starts with them.
    Rule {
        /// Which store.
        store: StoreId,
        /// The name of the broken rules; nothing for the correct ones.
        name: Option<String>,
    },
}

/// What a person does to a message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageDeed {
    /// Stops it where it is, until it is released. It stays when the network heals.
    Hold,
    /// Lets a held one go: it arrives at the next whole millisecond, or waits with the others
    /// where its link is clogged.
    Release,
    /// Loses it.
    Drop,
    /// Makes it due later; others may overtake it.
    Delay {
        /// By how much, 1 to [`DELAY_MS_MAX`].
        ms: u64,
    },
    /// Sends a second copy, which takes as long as the first was to take.
    Double,
}

/// The longest delay of a message by hand, in milliseconds.
pub const DELAY_MS_MAX: u64 = 600_000;

/// As whom a machine comes back whose disk was wiped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// As a new store with an id that was never used: nobody takes its word for that of the store
    /// that is gone. The store itself is gone for good.
    New,
    /// As the store that it was. Unsafe: it forgot its votes and what it acknowledged.
    Kept,
}

/// What an accepted action led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acted {
    /// It is done.
    Done,
    /// The client took the command on.
    Submitted(OperationId),
    /// The machine comes back as this store.
    ReturnsAs(StoreId),
}

/// An action that makes no sense now. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Misuse {
    /// No such store.
    #[error("there is no {store}")]
    NoSuchStore {
        /// The store named.
        store: StoreId,
    },
    /// The store is not running.
    #[error("{store} is not running; start it first")]
    NotRunning {
        /// The store named.
        store: StoreId,
    },
    /// The store runs already.
    #[error("{store} is running already")]
    AlreadyRunning {
        /// The store named.
        store: StoreId,
    },
    /// The store runs: only one that is down can be handled so.
    #[error("{store} is running; kill it first")]
    NotDown {
        /// The store named.
        store: StoreId,
    },
    /// The store is paused already.
    #[error("{store} is paused already")]
    AlreadyPaused {
        /// The store named.
        store: StoreId,
    },
    /// The store is not paused.
    #[error("{store} is not paused")]
    NotPaused {
        /// The store named.
        store: StoreId,
    },
    /// A clock cannot run like this.
    #[error("a clock runs at half to twice the true speed, in parts of 1 to 1000000")]
    BadRate,
    /// There is no scheduler in this cluster.
    #[error("this cluster has no scheduler")]
    NoScheduler,
    /// Every id of a store was used.
    #[error("no id of a store is left")]
    NoIdLeft,
    /// No rules of that name are known.
    #[error("there are no rules of the name {name:?}")]
    NoSuchRules {
        /// The name.
        name: String,
    },
    /// The groups of a cut do not hold every store exactly once, or there are fewer than two.
    #[error("a cut needs at least two groups that hold every store exactly once")]
    BadGroups,
    /// The key or value is too long.
    #[error("{bytes} bytes are too long for a key or a value; the limit is {limit}")]
    TooLong {
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        limit: u64,
    },
    /// An empty key names nothing.
    #[error("a key needs at least one byte")]
    EmptyKey,
    /// A store has no link to itself.
    #[error("{store} has no link to itself")]
    NoSuchLink {
        /// The store named twice.
        store: StoreId,
    },
    /// No such message is on its way.
    #[error("message {id} is not on its way")]
    NoSuchMessage {
        /// The message named.
        id: MadeBy,
    },
    /// The message is held by hand: it can be released, dropped or doubled.
    #[error("message {id} is held")]
    MessageHeld {
        /// The message named.
        id: MadeBy,
    },
    /// The message is not held by hand.
    #[error("message {id} is not held")]
    MessageNotHeld {
        /// The message named.
        id: MadeBy,
    },
    /// Both copies of the message are on their way.
    #[error("message {id} is on its way twice already")]
    MessageDoubled {
        /// The message named.
        id: MadeBy,
    },
    /// A delay that is none, or too long.
    #[error("a message can be delayed by 1 to {limit} ms, not {ms}")]
    BadDelay {
        /// The delay.
        ms: u64,
        /// The longest.
        limit: u64,
    },
    /// The setting is not usable.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The setting cannot change while a cluster runs.
    #[error("{name} takes effect in a new cluster only")]
    NotLive {
        /// The setting.
        name: String,
    },
}

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: u64 = 4 * 1024;
/// The longest value, in bytes.
pub const VALUE_BYTES_MAX: u64 = 1024 * 1024;
