//! Clients that run by themselves, and the history of what they did.

mod convert;
mod history;
mod judge;
mod worker;

pub use convert::{Converted, HistoryFault};
pub use history::{HISTORY_LENGTH_MAX, History, HistoryEvent};
pub use judge::HistoryJudge;
pub(crate) use worker::{KeyTable, Worker};

use serde::{Deserialize, Serialize};
use types::{store::Command, time::VirtualTime};

/// The most clients of a workload.
pub const WORKLOAD_CLIENTS_MAX: u32 = 64;
/// The most keys of a workload.
pub const WORKLOAD_KEYS_MAX: u32 = 100_000;
/// The longest pause of a workload's client, in milliseconds.
pub const WORKLOAD_THINK_MS_MAX: u32 = 60_000;
/// The most operations that one open-loop client may have open.
pub const WORKLOAD_OPEN_MAX: u32 = 64;

/// Clients and what they do. What they write is unique, so that a reader can tell whose it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// How many clients, 1 to [`WORKLOAD_CLIENTS_MAX`].
    pub clients: u32,
    /// How many keys they share, 1 to [`WORKLOAD_KEYS_MAX`].
    pub keys: u32,
    /// How often each key is chosen.
    pub key_choice: KeyChoice,
    /// When a client wants something new.
    pub client_loop: ClientLoop,
    /// The longest pause before a client's next operation, in milliseconds; 1 to
    /// [`WORKLOAD_THINK_MS_MAX`]. The pause is drawn evenly from 1 ms on.
    pub think_ms_max: u32,
    /// Puts, in thousandths of all operations.
    pub put_permille: u32,
    /// Deletes, in thousandths.
    pub delete_permille: u32,
    /// Appends, in thousandths.
    pub append_permille: u32,
    /// Scans, in thousandths.
    pub scan_permille: u32,
    /// Compare-and-sets, in thousandths; the rest are gets.
    pub compare_and_set_permille: u32,
    /// From when on the clients want nothing new; nothing for never. A run that is healed in the
    /// end comes to rest only without them.
    pub until: Option<VirtualTime>,
}

/// Half puts and a tenth deletes of four keys by three clients that wait for each answer.
impl Default for WorkloadPlan {
    fn default() -> Self {
        Self {
            clients: 3,
            keys: 4,
            key_choice: KeyChoice::Uniform,
            client_loop: ClientLoop::Closed,
            think_ms_max: 150,
            put_permille: 500,
            delete_permille: 100,
            append_permille: 0,
            scan_permille: 0,
            compare_and_set_permille: 0,
            until: None,
        }
    }
}

/// How often each key of a workload is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyChoice {
    /// All alike.
    Uniform,
    /// The n-th key about 1/n times as often as the first: Zipf's law with exponent one.
    Zipf,
}

/// When a client of a workload wants something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientLoop {
    /// A pause after each outcome, so that one operation is open at a time.
    Closed,
    /// After each pause, whatever became of earlier operations.
    Open {
        /// How many may be open, 1 to [`WORKLOAD_OPEN_MAX`]. An operation that would be one more
        /// is never begun, and is counted in [`History::shed`].
        open_max: u32,
    },
}

impl WorkloadPlan {
    /// The shares of all operations but gets.
    const fn shares(&self) -> [u32; 5] {
        [
            self.put_permille,
            self.delete_permille,
            self.append_permille,
            self.scan_permille,
            self.compare_and_set_permille,
        ]
    }

    /// Whether every number is in its range.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let shares = self.shares().map(u64::from);
        let open_is_in_range = match self.client_loop {
            ClientLoop::Closed => true,
            ClientLoop::Open { open_max } => (1..=WORKLOAD_OPEN_MAX).contains(&open_max),
        };
        (1..=WORKLOAD_CLIENTS_MAX).contains(&self.clients)
            && (1..=WORKLOAD_KEYS_MAX).contains(&self.keys)
            && (1..=WORKLOAD_THINK_MS_MAX).contains(&self.think_ms_max)
            && shares.iter().sum::<u64>() <= 1_000
            && open_is_in_range
    }

    /// Whether these clients make use of `feature`.
    #[must_use]
    pub fn presence(&self, feature: ClientFeature) -> Presence {
        let is_open = self.client_loop != ClientLoop::Closed;
        let is_zipf = self.key_choice == KeyChoice::Zipf;
        let used = match feature {
            ClientFeature::ClosedLoop => !is_open,
            ClientFeature::OpenLoop => is_open,
            ClientFeature::UniformKeys => !is_zipf,
            ClientFeature::ZipfKeys => is_zipf,
            ClientFeature::Operation(kind) => self.share(kind) > 0,
            ClientFeature::Timeouts | ClientFeature::Retries => true,
            ClientFeature::Sessions => return Presence::Absent,
        };
        if used {
            Presence::Used
        } else {
            Presence::Unused
        }
    }

    /// The share of `kind`, in thousandths of all operations.
    fn share(&self, kind: OperationKind) -> u32 {
        match kind {
            OperationKind::Put => self.put_permille,
            OperationKind::Delete => self.delete_permille,
            OperationKind::Append => self.append_permille,
            OperationKind::Scan => self.scan_permille,
            OperationKind::CompareAndSet => self.compare_and_set_permille,
            OperationKind::Get => 1_000_u32.saturating_sub(self.shares().iter().sum()),
        }
    }
}

/// The kinds of commands that clients give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OperationKind {
    /// Writes a value.
    Put,
    /// Adds to a value.
    Append,
    /// Removes a key.
    Delete,
    /// Reads a key.
    Get,
    /// Reads keys in order.
    Scan,
    /// Writes a value over the one expected.
    CompareAndSet,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Put,
        Self::Append,
        Self::Delete,
        Self::Get,
        Self::Scan,
        Self::CompareAndSet,
    ];

    /// The kind of a command.
    #[must_use]
    pub const fn of(command: &Command) -> Self {
        match command {
            Command::Put { .. } => Self::Put,
            Command::Append { .. } => Self::Append,
            Command::Delete { .. } => Self::Delete,
            Command::Get { .. } => Self::Get,
            Command::Scan { .. } => Self::Scan,
            Command::CompareAndSet { .. } => Self::CompareAndSet,
        }
    }

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Append => "append",
            Self::Delete => "delete",
            Self::Get => "get",
            Self::Scan => "scan",
            Self::CompareAndSet => "compare-and-set",
        }
    }
}

/// What clients of a key-value store can do, here or elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ClientFeature {
    /// [`ClientLoop::Closed`].
    ClosedLoop,
    /// [`ClientLoop::Open`].
    OpenLoop,
    /// [`KeyChoice::Uniform`].
    UniformKeys,
    /// [`KeyChoice::Zipf`].
    ZipfKeys,
    /// Commands of this kind.
    Operation(OperationKind),
    /// An operation without an answer ends as unknown.
    Timeouts,
    /// A refused operation is sent again.
    Retries,
    /// A command that was sent twice takes effect once.
    Sessions,
}

impl ClientFeature {
    /// Every feature.
    pub const ALL: [Self; 13] = [
        Self::ClosedLoop,
        Self::OpenLoop,
        Self::UniformKeys,
        Self::ZipfKeys,
        Self::Operation(OperationKind::Put),
        Self::Operation(OperationKind::Append),
        Self::Operation(OperationKind::Delete),
        Self::Operation(OperationKind::Get),
        Self::Operation(OperationKind::Scan),
        Self::Operation(OperationKind::CompareAndSet),
        Self::Timeouts,
        Self::Retries,
        Self::Sessions,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClosedLoop => "closed loop",
            Self::OpenLoop => "open loop",
            Self::UniformKeys => "uniform keys",
            Self::ZipfKeys => "Zipf keys",
            Self::Operation(kind) => kind.name(),
            Self::Timeouts => "timeouts",
            Self::Retries => "retries",
            Self::Sessions => "sessions",
        }
    }
}

/// Whether a feature is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Presence {
    /// The plan makes use of it.
    Used,
    /// The plan could make use of it.
    Unused,
    /// Nothing of the kind is built.
    Absent,
}

#[cfg(test)]
mod tests;
