//! What the page and the conductor's worker say to each other.
//!
//! Both sides are one build and compare [`BUILD`] first. Messages are postcard bytes in
//! transferred buffers. The page owns nothing that the cluster needs: it asks, and it is shown.
//!
//! Deliberately absent: behaviour, and every word of how stores work inside.

#![deny(missing_docs)]

use serde::{Deserialize, Serialize};
use types::{
    action::{Acted, Action, Misuse},
    disk::DiskImage,
    event::EventId,
    frame::Frame,
    id::{Incarnation, RegionId, StoreId},
    io::Stop,
    settings::{SettingError, Settings},
    time::VirtualTime,
    verdict::Violation,
    view::{RowsView, StoreView},
};

/// Names this build: a hash over the sources of all crates.
pub const BUILD: &str = env!("RAFT_PLAYGROUND_BUILD");

/// The name of a cluster: 1 to 64 of `a-z`, `0-9`, `-`. Databases and locks carry it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

/// A text that cannot name a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} cannot name a cluster; use 1 to 64 of a-z, 0-9 and -")]
pub struct BadClusterName {
    /// The text.
    pub text: String,
}

impl ClusterName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClusterName {
    type Error = BadClusterName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text))
        } else {
            Err(BadClusterName { text })
        }
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

/// A name that the page gives to a question, to recognise its answer.
pub type AskId = u32;

/// From the page to the conductor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToConductor {
    /// The first message: opens a cluster, or creates it.
    Open {
        /// The page's [`BUILD`].
        build: String,
        /// Which cluster.
        cluster: ClusterName,
        /// The settings of the cluster if it does not exist yet.
        settings: Settings,
        /// Take the cluster from another tab that has it open.
        take_over: bool,
    },
    /// Does something to the cluster.
    Act {
        /// Comes back in [`FromConductor::Acted`].
        ask: AskId,
        /// What.
        action: Action,
    },
    /// Changes how time passes.
    Run(Run),
    /// Asks for something to read. Reading changes nothing, also while paused.
    Query {
        /// Comes back in [`FromConductor::Answer`].
        ask: AskId,
        /// What.
        query: Query,
    },
    /// Shows another region in frames from now on; where it is not there, the first one.
    Show(RegionId),
    /// The page took a frame; the next may leave.
    Credit,
    /// Wipes every disk and starts a new cluster of the same name.
    Renew {
        /// The settings of the new cluster.
        settings: Settings,
    },
    /// Gives the lab a job. It works on the recording of this cluster and in memory alone; the
    /// live run goes on meanwhile.
    Lab {
        /// Comes back in [`FromConductor::Lab`].
        ask: AskId,
        /// What to do.
        job: LabJob,
    },
    /// Ends the lab's worker; jobs that it has are lost. The next job starts a new one.
    EndLab,
    /// For tests of lateness: only with `?hooks=1`.
    Hook(Hook),
}

/// Something that the lab does with the recording of the cluster's whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabJob {
    /// Replays a segment up to an event and tells the hashes there.
    Replay(LabMoment),
    /// As [`LabJob::Replay`], and draws the moment.
    Seek(LabMoment),
    /// Replays up to an event, and lets the cluster go on from there by itself, simulated: with
    /// what was on its way, and without any action that came later.
    Fork {
        /// From where.
        from: LabMoment,
        /// For how long, in milliseconds of virtual time; at most [`FORK_MS_MAX`].
        ms: u64,
    },
}

/// The longest way that a fork goes at once, in milliseconds of virtual time.
pub const FORK_MS_MAX: u64 = 600_000;

/// A moment of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabMoment {
    /// The event; where its round holds later ones, the last of these.
    pub event: EventId,
    /// Where the clock stood, if it had gone on since then. It never goes back.
    pub now: Option<VirtualTime>,
}

/// What a job of the lab brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabResult {
    /// The hashes of the moment, as of a live cluster.
    pub hashes: Hashes,
    /// The moment, where it was to be drawn.
    pub frame: Option<Box<Frame>>,
}

/// Why a job of the lab came to nothing. The live run is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LabError {
    /// The recording cannot be read.
    #[error("the recording cannot be read: {reason}")]
    Recording {
        /// Why.
        reason: String,
    },
    /// The recording does not come out again.
    #[error("the recording does not come out again: {reason}")]
    Diverged {
        /// Where, and how.
        reason: String,
    },
    /// The recording has no such event.
    #[error("the recording has no event {event}")]
    NoSuchEvent {
        /// The event named.
        event: EventId,
    },
    /// The lab's worker was ended, could not be started, or panicked.
    #[error("the lab ended: {reason}")]
    Ended {
        /// Why.
        reason: String,
    },
}

/// How time shall pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Run {
    /// Let it pass.
    Play,
    /// Stop it at the end of the round.
    Pause,
    /// Deliver one event, and no more.
    Step,
    /// The speed, in thousandths of real time: 10 to 10,000.
    Speed(u32),
}

/// Something that the page wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// A store's whole state. Not answered while the store is down or late.
    Store(StoreId),
    /// A store's rows as they stand on its disk, also while it is down.
    Rows(StoreId),
    /// The state hash of every running store, and the conductor's own.
    Hashes,
    /// The recording of the cluster's whole life, as a file.
    Recording,
    /// All disks, as a file for `cargo xtask check-disk`.
    Disks,
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Query::Store`].
    Store(Box<StoreView>),
    /// To [`Query::Rows`].
    Rows(RowsView),
    /// To [`Query::Hashes`].
    Hashes(Hashes),
    /// To [`Query::Recording`].
    Recording(Vec<u8>),
    /// To [`Query::Disks`]: every store's rows.
    Disks(Vec<(StoreId, DiskImage)>),
}

/// Hashes at one moment, equal to those of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// The moment.
    pub event: EventId,
    /// The instant.
    pub now: VirtualTime,
    /// The hash of the run so far.
    pub run: u64,
    /// Of the conductor: queue, network, clients, random stream.
    pub conductor: u64,
    /// Of each running store's whole memory.
    pub stores: Vec<StoreHash>,
}

/// One store's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreHash {
    /// The store.
    pub store: StoreId,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// The hash of its memory.
    pub state: u64,
}

/// Why a [`Query`] has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum QueryError {
    /// No such store.
    #[error("there is no {store}")]
    NoSuchStore {
        /// The store named.
        store: StoreId,
    },
    /// The store is down, starting or late.
    #[error("{store} does not answer now")]
    Silent {
        /// The store named.
        store: StoreId,
    },
    /// The disk cannot be read.
    #[error("the disk cannot be read: {reason}")]
    Disk {
        /// What the browser said.
        reason: String,
    },
}

/// For tests of what a browser does to workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hook {
    /// Keeps a store's worker busy, as a runaway computation would.
    BusyLoop {
        /// Which store.
        store: StoreId,
        /// For how long, in real milliseconds.
        ms: u32,
        /// Write a marker row (`meta`, key `hook`) right after it.
        then_write: bool,
    },
    /// Makes a store's worker panic.
    PanicStore {
        /// Which store.
        store: StoreId,
    },
    /// Keeps the lab's worker busy, as a long job would.
    BusyLab {
        /// For how long, in real milliseconds.
        ms: u32,
    },
    /// Makes the lab's worker panic.
    PanicLab,
    /// Makes the conductor panic.
    PanicConductor,
}

/// Where the disks are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskKind {
    /// In IndexedDB.
    IndexedDb,
    /// In memory, because IndexedDB or Web Locks are missing or refused.
    Memory {
        /// What the browser said.
        reason: String,
    },
}

/// From the conductor to the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromConductor {
    /// The worker runs; sent before anything was asked.
    Hello {
        /// The conductor's [`BUILD`].
        build: String,
    },
    /// The cluster is open; frames follow.
    Opened {
        /// Which cluster.
        cluster: ClusterName,
        /// Whether it was there before.
        resumed: bool,
        /// Where its disks are.
        disks: DiskKind,
    },
    /// Another tab holds the cluster. `Open` with `take_over` takes it.
    OpenElsewhere,
    /// Another tab took the cluster; every store here is gone and this worker is done.
    TakenOver,
    /// The page and the conductor are different builds; the page should reload.
    WrongBuild {
        /// The conductor's [`BUILD`].
        build: String,
    },
    /// What to draw.
    Frame(Box<Frame>),
    /// What became of an action.
    Acted {
        /// From [`ToConductor::Act`].
        ask: AskId,
        /// The outcome.
        result: Result<Acted, Misuse>,
    },
    /// The answer to a question.
    Answer {
        /// From [`ToConductor::Query`].
        ask: AskId,
        /// The answer.
        result: Result<Answer, QueryError>,
    },
    /// What a job of the lab came to.
    Lab {
        /// From [`ToConductor::Lab`].
        ask: AskId,
        /// What it brought.
        result: Result<LabResult, LabError>,
    },
    /// An invariant was broken. Time stands since the end of that round.
    Violated(Box<Violation>),
    /// Something that a person should know.
    Notice(Notice),
    /// The conductor's code panicked: a bug of ours. Nothing follows; the disks are whole, and a
    /// new conductor can open the cluster.
    Fatal {
        /// The panic's message.
        message: String,
    },
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// The cluster could not be opened.
    CannotOpen(OpenError),
    /// A store's disk refused a write; it is tried again.
    DiskRefused {
        /// Which store.
        store: StoreId,
        /// What the browser said.
        reason: String,
    },
    /// A store ended itself.
    StoreStopped {
        /// Which store.
        store: StoreId,
        /// Its last word.
        stop: Stop,
    },
    /// A message from the page could not be read.
    Refused {
        /// Why.
        reason: String,
    },
}

/// Why a cluster could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum OpenError {
    /// The settings are not usable.
    #[error(transparent)]
    Settings(#[from] SettingError),
    /// The cluster was saved by a newer version.
    #[error("the cluster was saved by a newer version: {reason}")]
    Newer {
        /// What was found.
        reason: String,
    },
    /// What was saved of the cluster cannot be read.
    #[error("the saved cluster cannot be read: {reason}")]
    Corrupt {
        /// What does not fit.
        reason: String,
    },
    /// The browser refused.
    #[error("the browser refused: {reason}")]
    Browser {
        /// What it said.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_name_is_safe_in_a_database_name_and_in_a_url() {
        for good in ["default", "lecture-7"] {
            assert!(ClusterName::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "A", "a/b", "a b", &"x".repeat(65)] {
            assert!(ClusterName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_hostile_message_with_a_bad_cluster_name_does_not_decode() {
        let good = types::codec::encode(&"default".to_owned());
        assert!(types::codec::decode::<ClusterName>(&good).is_ok());
        let bad = types::codec::encode(&"../x".to_owned());
        assert!(types::codec::decode::<ClusterName>(&bad).is_err());
    }
}
