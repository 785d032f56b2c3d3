//! What a script of a simulation holds: actions, and crashes at places that no person can hit.

use serde::Serialize;
use types::{action::Action, id::StoreId};

/// One entry of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Deed {
    /// What a person could do as well.
    Act(Action),
    /// The next time that the store comes to this place, its process dies there. It is started
    /// again a little later. Replaces what was asked before for the store.
    CrashAt {
        /// Which store.
        store: StoreId,
        /// Where.
        point: CrashPoint,
    },
}

impl From<Action> for Deed {
    fn from(action: Action) -> Self {
        Self::Act(action)
    }
}

/// A place in a store's work at which a crash leaves something half done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum CrashPoint {
    /// A write was given out, and is lost.
    BeforeWrite,
    /// A write is durable, and nothing that waited for it was said.
    AfterWrite,
    /// What waited for a write was said; what was applied meanwhile is in memory only.
    AfterMessages,
    /// A snapshot is on the disk, and the state machine is not yet the snapshot's.
    InSnapshotInstall,
    /// One half of a split is on the disk.
    BetweenSplitSteps,
}

impl CrashPoint {
    /// Every place.
    pub const ALL: [Self; 5] = [
        Self::BeforeWrite,
        Self::AfterWrite,
        Self::AfterMessages,
        Self::InSnapshotInstall,
        Self::BetweenSplitSteps,
    ];

    /// A short name, as files and tables have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeWrite => "crash-before-write",
            Self::AfterWrite => "crash-after-write",
            Self::AfterMessages => "crash-after-messages",
            Self::InSnapshotInstall => "crash-in-snapshot-install",
            Self::BetweenSplitSteps => "crash-between-split-steps",
        }
    }
}
