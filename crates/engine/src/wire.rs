//! What the conductor's worker says to its workers, the stores and the lab, and they to it.

use cluster::{HistoryEvent, StoreRequest};
use protocol::{AskId, ClusterName, LabError, LabJob, LabResult};
use serde::{Deserialize, Serialize};
use types::{
    disk::DiskImage,
    id::{Cycle, Incarnation, StoreId},
    io::{Output, Stop},
    verdict::HistoryCheck,
    view::StoreView,
};

use crate::disk::Durability;

/// Names a question, to recognise its answer.
pub type Question = u32;

/// From the conductor to a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToStore {
    /// The first message: who the store is and where its disk is.
    Open(Open),
    /// A call of the store's door; answered by one [`FromStore::Answer`].
    Call(StoreRequest),
    /// Asks for the store's whole state.
    View(Question),
    /// Asks for the hash of the store's memory.
    Hash(Question),
    /// From now on the disk refuses every write, as if the browser gave it no more room, or takes
    /// them again.
    Fill(bool),
    /// For tests: computes for so many real milliseconds, then may write a marker row.
    BusyLoop {
        /// For how long.
        ms: u32,
        /// Whether to write the row.
        then_write: bool,
    },
    /// For tests: panics.
    Panic,
}

/// From the conductor to the lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToLab {
    /// Does a job on a recording; answered by [`FromLab::Done`].
    Job {
        /// Comes back.
        ask: AskId,
        /// What to do.
        job: LabJob,
        /// The recording, as the page downloads it.
        recording: Vec<u8>,
    },
    /// A history begins, of a cluster that is fresh or lived before.
    Begin {
        /// Whether it is fresh.
        is_fresh: bool,
    },
    /// What clients did next; answered by [`FromLab::Judged`].
    History(Vec<HistoryEvent>),
    /// For tests: computes for so many real milliseconds.
    BusyLoop {
        /// For how long.
        ms: u32,
    },
    /// For tests: panics.
    Panic,
}

/// From the lab to the conductor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromLab {
    /// The worker runs; sent before anything was asked.
    Announce {
        /// The worker's [`protocol::BUILD`].
        build: String,
    },
    /// What a job came to.
    Done {
        /// Which job.
        ask: AskId,
        /// What it brought.
        result: Result<LabResult, LabError>,
    },
    /// So many moments more of the history were judged.
    Judged {
        /// How many.
        taken: u64,
        /// How the history stands.
        check: HistoryCheck,
    },
    /// The lab's code panicked.
    Panicked {
        /// The panic's message.
        message: String,
    },
}

/// Who a store is and where its disk is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The cluster.
    pub cluster: ClusterName,
    /// The store.
    pub store: StoreId,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// Whether the conductor wants the disk's image.
    pub wants_image: bool,
    /// Its disk.
    pub disk: StoreDisk,
}

/// A store's disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreDisk {
    /// Its own database.
    IndexedDb(Durability),
    /// The conductor keeps it; this is what is on it.
    Memory(DiskImage),
}

/// From a store to the conductor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromStore {
    /// The worker runs; sent before anything was asked.
    Announce {
        /// The worker's [`protocol::BUILD`].
        build: String,
    },
    /// The disk is loaded.
    Loaded {
        /// The last cycle that is on it.
        cycle: Cycle,
        /// What is on it, where it was asked for.
        image: Option<DiskImage>,
    },
    /// The disk cannot be loaded, and trying again will not help.
    LoadFailed(Stop),
    /// What a call brought. The write in it is on its way to the disk.
    Answer(Output),
    /// A write is durable.
    Durable(Cycle),
    /// The browser refused to read or write; it is tried again.
    DiskRefused {
        /// What it said.
        reason: String,
    },
    /// The store cannot go on: its disk is not what it was.
    Ended(Stop),
    /// To [`ToStore::View`]; absent before the store has booted.
    View(Question, Option<Box<StoreView>>),
    /// To [`ToStore::Hash`]; absent before the store has booted.
    Hash(Question, Option<u64>),
    /// The store's code panicked.
    Panicked {
        /// The panic's message.
        message: String,
    },
}
