//! What a check says when an invariant is broken.

use types::raft::{LogIndex, Term};

pub use types::verdict::{Invariant, Violation};

/// What a check says: the invariant, the term and index that it is about, and the words. The
/// checker adds where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) invariant: Invariant,
    pub(crate) term: Term,
    pub(crate) index: LogIndex,
    pub(crate) message: String,
}

/// The outcome of a check.
pub(crate) type Judgement = Result<(), Fault>;

/// Makes a fault.
pub(crate) fn fault(
    invariant: Invariant,
    term: Term,
    index: LogIndex,
    message: impl Into<String>,
) -> Fault {
    Fault {
        invariant,
        term,
        index,
        message: message.into(),
    }
}
