//! Bad words from outside: counted, never fatal.

use raft::StepError;
use serde::{Deserialize, Serialize};

/// Why an input was refused; nothing has changed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
pub enum Refused {
    /// A message for another store.
    #[error("a message for another store")]
    WrongStore,
    /// A message of a region that has no peer here.
    #[error("a message of a region that is not here")]
    UnknownRegion,
    /// A message for a peer that is not, or no longer, the region's peer here.
    #[error("a message for another peer of the region")]
    WrongPeer,
    /// A message of someone who is not a member of the region.
    #[error("a message of someone outside of the region")]
    UnknownSender,
    /// An entry of an append carries no command.
    #[error("an append whose entries hold no commands")]
    MalformedEntry,
    /// Terms, indexes or entries that no correct peer sends.
    #[error("a message that no correct peer sends")]
    ImpossibleMessage,
    /// A completion of a write that is not open.
    #[error("a completion of a write that is not open")]
    UnknownCycle,
    /// Rules that the store's book does not know; it goes on with those that it has.
    #[error("rules of a name that is not known")]
    UnknownRules,
    /// An operator's command for a region that is not here, or one that only raw groups know.
    #[error("an operator's command that this store cannot carry out")]
    AdminCommand,
    /// A message of an old membership, for a peer that was removed.
    #[error("a message for a peer that was removed")]
    Tombstone,
    /// A message that would make a peer, or a snapshot that would give it a range, where another
    /// region has keys of that range.
    #[error("a region that overlaps another one here")]
    Overlap,
    /// A snapshot that is damaged, or not one of the peer's region.
    #[error("a snapshot that is damaged or of another region")]
    BadSnapshot,
    /// A snapshot for a region that waits for the disk. Its leader sends it again.
    #[error("a snapshot for a region that waits for the disk")]
    Blocked,
    /// A word of the scheduler that does not fit the region any more.
    #[error("a word of the scheduler for an earlier shape of the region")]
    StaleOrder,
    /// A word that only the scheduler understands.
    #[error("a word for the scheduler")]
    NotAScheduler,
}

impl Refused {
    /// What a refused message counts as; nothing for those that prove a disk wrong.
    pub(crate) const fn of_step(error: &StepError) -> Option<Self> {
        match error {
            StepError::NotForMe { .. } => Some(Self::WrongPeer),
            StepError::UnknownPeer { .. } => Some(Self::UnknownSender),
            StepError::OutOfRange { .. }
            | StepError::BrokenEntries { .. }
            | StepError::RivalLeader { .. }
            | StepError::NotInSnapshot { .. }
            | StepError::BadSnapshot { .. }
            | StepError::ImpossibleSnapshot { .. }
            | StepError::MatchBeyondLog { .. } => Some(Self::ImpossibleMessage),
            StepError::CommittedOverwritten { .. } | StepError::CommitBeyondLog { .. } => None,
        }
    }
}
