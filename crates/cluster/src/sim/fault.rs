//! The kinds of faults of the whole playground, also those whose subject is not there yet.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $name:literal, $presence:expr;)*) => {
        /// A kind of fault. Each is undone after a while.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum FaultKind {
            $($(#[$doc])* $kind,)*
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: [Self; [$(Self::$kind),*].len()] = [$(Self::$kind),*];

            /// The stable name, in reports and files.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Whether it can happen in this build.
            #[must_use]
            pub const fn presence(self) -> Presence {
                match self { $(Self::$kind => $presence,)* }
            }
        }
    };
}

/// Whether a thing that a run can meet exists in this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It does.
    Present,
    /// It comes with what is named here.
    Absent(&'static str),
}

use Presence::{Absent, Present};

/// What most absent kinds wait for.
pub(crate) const MULTI_RAFT: &str = "the multi-raft store";

kinds! {
    /// A store is killed, and started again.
    Kill: "kill", Present;
    /// The network is cut in two, and healed.
    Cut: "cut", Present;
    /// Messages are lost.
    Loss: "loss", Present;
    /// Messages arrive twice.
    Duplicate: "duplicate", Present;
    /// Messages are overtaken.
    Reorder: "reorder", Present;
    /// The network is slow.
    Latency: "latency", Present;
    /// Disks are slow.
    Disk: "disk latency", Present;
    /// Some ways between stores lose everything in one direction.
    OneWay: "one-way cut", Present;
    /// One link loses, doubles, reorders and delays as no other does.
    LinkPlan: "link of its own", Present;
    /// Links carry few bytes in a millisecond.
    Bandwidth: "link bandwidth", Present;
    /// A link keeps what it carries, and lets it go all at once.
    Clog: "clogged link", Present;
    /// A single message is held for a while.
    HoldMessage: "message held", Present;
    /// A single message is dropped.
    DropMessage: "message dropped", Present;
    /// A single message comes later.
    DelayMessage: "message delayed", Present;
    /// A single message comes twice.
    DoubleMessage: "message doubled", Present;
    /// A store is killed while a round is open.
    KillInRound: "kill in a round", Present;
    /// An answer comes after its round was closed.
    LateAnswer: "late answer", Present;
    /// A write takes longer than the clock waits.
    LateDisk: "late disk", Present;
    /// A start takes longer than the clock waits.
    LateStart: "late start", Present;
    /// A store's process is frozen for a while.
    Pause: "pause", Present;
    /// A store's clock runs at another speed.
    Drift: "clock drift", Present;
    /// A disk has no room for a while.
    DiskFull: "disk full", Present;
    /// A bit of a row turns on the disk of a store that is down.
    CorruptRow: "corrupt row", Present;
    /// A disk is emptied, and its machine comes back as a new store.
    Wipe: "wipe", Present;
    /// A process dies with a write that it gave out.
    CrashBeforeWrite: "crash before the write", Present;
    /// A process dies after its write, and before it says what waited for it.
    CrashAfterWrite: "crash after the write", Present;
    /// A process dies after it said what waited for a write, and before that is applied on disk.
    CrashAfterMessages: "crash after the messages", Present;
    /// A process dies inside the install of a snapshot.
    SnapshotCrash: "crash in a snapshot install", Present;
    /// A store dies inside the install of a region's snapshot.
    StoreSnapshotCrash: "crash in a snapshot install of a store", Absent(MULTI_RAFT);
    /// A store dies between the steps of a split.
    SplitCrash: "crash between the steps of a split", Absent(MULTI_RAFT);
    /// The scheduler cannot be reached.
    SchedulerUnreachable: "scheduler unreachable", Absent(MULTI_RAFT);
    /// The scheduler is started anew.
    SchedulerRestart: "scheduler restarted", Absent(MULTI_RAFT);
}

impl FaultKind {
    /// Those of runs that are older than the others; their plans stay as they are.
    pub const BASIC: [Self; 8] = [
        Self::Kill,
        Self::Cut,
        Self::Loss,
        Self::Duplicate,
        Self::Reorder,
        Self::Latency,
        Self::Disk,
        Self::OneWay,
    ];

    /// Those that a host brings by itself, without a script.
    pub const OF_HOSTS: [Self; 4] = [
        Self::KillInRound,
        Self::LateAnswer,
        Self::LateDisk,
        Self::LateStart,
    ];

    /// Those that are done to single messages, by whoever sees which are on their way.
    pub const BY_HAND: [Self; 4] = [
        Self::HoldMessage,
        Self::DropMessage,
        Self::DelayMessage,
        Self::DoubleMessage,
    ];

    /// Those of raw raft groups, besides the older ones and those of hosts.
    pub const OF_GROUPS: [Self; 10] = [
        Self::LinkPlan,
        Self::Bandwidth,
        Self::Clog,
        Self::Pause,
        Self::Drift,
        Self::DiskFull,
        Self::CrashBeforeWrite,
        Self::CrashAfterWrite,
        Self::CrashAfterMessages,
        Self::SnapshotCrash,
    ];

    /// Whether it can happen in this build.
    #[must_use]
    pub const fn is_present(self) -> bool {
        matches!(self.presence(), Present)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
