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
    /// An operator's command; stores carry none out.
    #[error("an operator's command that stores do not carry out")]
    AdminCommand,
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
