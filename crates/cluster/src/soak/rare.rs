//! Events that a soak must not miss: a run in which they never happen proves little about them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Profile;
use crate::sim::{Presence, fault::MULTI_RAFT};

macro_rules! events {
    ($($(#[$doc:meta])* $event:ident: $name:literal, $where:ident;)*) => {
        /// A rare event.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum RareEvent {
            $($(#[$doc])* $event,)*
        }

        impl RareEvent {
            /// Every event.
            pub const ALL: [Self; [$(Self::$event),*].len()] = [$(Self::$event),*];

            /// The stable name, in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$event => $name,)* }
            }

            const fn place(self) -> Place {
                match self { $(Self::$event => Place::$where,)* }
            }
        }
    };
}

/// Which runs an event can happen in.
enum Place {
    Everywhere,
    Stores,
    Groups,
    Nowhere,
}

events! {
    /// Another store than before was elected.
    LeaderChange: "leader changes", Everywhere;
    /// A log was cut because it conflicted with the leader's.
    Truncation: "truncations", Everywhere;
    /// Two or more stood in a term and nobody won it.
    SplitVote: "votes split", Everywhere;
    /// A crash took entries that were not on the disk yet.
    EntriesLost: "crashes that lost entries", Everywhere;
    /// A store came up again from its disk.
    Restart: "restarts", Everywhere;
    /// A client gave an operation up without an answer.
    UnknownOutcome: "unknown outcomes", Stores;
    /// An answer came after its client had given up.
    LateOutcome: "unknown outcomes settled late", Stores;
    /// A disk refused a write of entries, a vote or a snapshot, because it was full.
    DiskFull: "writes refused by full disks", Stores;
    /// A store found a corrupt row at its start, and stayed down.
    CorruptRow: "corrupt rows found at a start", Stores;
    /// A machine with a wiped disk came back as a new store.
    WipedReturn: "wiped machines that came back", Stores;
    /// The healed core was smaller than the cluster.
    LeanCore: "cores smaller than the cluster", Stores;
    /// The healed core was a bare quorum.
    BareQuorum: "cores that were a bare quorum", Stores;
    /// A snapshot took the place of a log.
    SnapshotInstall: "snapshot installs", Groups;
    /// A membership of two halves was entered.
    JointPhase: "joint phases", Groups;
    /// A leader was elected in a joint phase.
    JointLeaderChange: "joint phases with a leader change", Groups;
    /// The transferee led in a later term.
    TransferCompleted: "transfers completed", Groups;
    /// A transfer was given up after an election timeout.
    TransferAborted: "transfers aborted", Groups;
    /// A round of heartbeats confirmed a read.
    ReadByRound: "reads confirmed by a round", Groups;
    /// A lease confirmed a read.
    ReadByLease: "reads confirmed by a lease", Groups;
    /// An operation of unknown outcome was sent again under its session.
    SessionRetry: "retries after an unknown outcome", Nowhere;
    /// A leader changed between the steps of a split.
    SplitLeaderChange: "leader changes during a split", Nowhere;
    /// A store installed a snapshot of a region.
    StoreSnapshot: "snapshot installs of stores", Nowhere;
}

impl RareEvent {
    /// Whether it can happen in this build.
    #[must_use]
    pub const fn presence(self) -> Presence {
        match self.place() {
            Place::Nowhere => Presence::Absent(MULTI_RAFT),
            Place::Everywhere | Place::Stores | Place::Groups => Presence::Present,
        }
    }

    /// Whether it can happen in runs of `profile`.
    #[must_use]
    pub const fn is_of(self, profile: Profile) -> bool {
        match self.place() {
            Place::Everywhere => true,
            Place::Stores => profile.has_stores(),
            Place::Groups => profile.has_groups(),
            Place::Nowhere => false,
        }
    }
}

impl fmt::Display for RareEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
