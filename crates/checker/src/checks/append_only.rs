//! R2, leader append-only: a leader never cuts or overwrites its own log within its term (paper,
//! section 5.3).

use types::raft::LogIndex;

use crate::replica::Replica;
use crate::violation::{Invariant, Judgement};

/// The log lost everything from `from` on.
pub(crate) fn truncated(replica: &Replica, from: LogIndex) -> Judgement {
    keeps(replica, from, "cut its own log")
}

/// A snapshot ending at `last` took the place of the log.
pub(crate) fn restored(replica: &Replica, last: LogIndex) -> Judgement {
    keeps(replica, last, "put a snapshot in the place of its own log")
}

/// Entries from `first` on were added, where the log ends at its last index.
pub(crate) fn appended(replica: &Replica, first: LogIndex) -> Judgement {
    if first > replica.log.last_index() {
        return Ok(());
    }
    keeps(replica, first, "overwrote its own log")
}

fn keeps(replica: &Replica, index: LogIndex, what: &str) -> Judgement {
    if !replica.leads() {
        return Ok(());
    }
    let (peer, term, last) = (replica.peer, replica.term, replica.log.last());
    let message = format!("{peer}, the leader of {term} with a log up to {last}, {what}");
    Err(replica.fault(Invariant::LeaderAppendOnly, index, message))
}
