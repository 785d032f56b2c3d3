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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, at, brief, broken, index};
    use types::raft::{EntryKind, RaftFact};

    #[test]
    fn a_deposed_leader_may_cut_what_it_never_committed() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.elect(2, 2, &[3]);
        stage.write(2, &[3], EntryKind::NoOp);
        stage.hear(1, 2, 2);
        stage.replicate(2, 1);
        assert_eq!(stage.checker.counts().truncations, 1);
    }

    #[test]
    fn a_leader_that_cuts_its_log_is_found() {
        let mut stage = Stage::settled();
        let last = stage.append(1, EntryKind::Normal);
        let from = index(last);
        assert_eq!(
            broken(stage.raft(1, RaftFact::Truncated { from })),
            Invariant::LeaderAppendOnly
        );
    }

    #[test]
    fn a_leader_that_overwrites_its_log_is_found() {
        let mut stage = Stage::settled();
        let last = stage.append(1, EntryKind::Normal);
        let again = brief(last, 1, EntryKind::Normal);
        assert_eq!(
            broken(stage.appended(1, &[again], 0)),
            Invariant::LeaderAppendOnly
        );
    }

    #[test]
    fn a_leader_that_takes_a_snapshot_for_its_log_is_found() {
        let mut stage = Stage::settled();
        let restored = RaftFact::SnapshotRestored {
            last: at(3, 1),
            prefix_hash: 0,
        };
        assert_eq!(broken(stage.raft(1, restored)), Invariant::LeaderAppendOnly);
    }
}
