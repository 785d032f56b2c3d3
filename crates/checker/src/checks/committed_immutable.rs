//! R7, committed immutable: once an entry is known to be committed, nothing else is ever
//! committed, kept or restored at its index, on no store and in no life.

use types::raft::{LogIndex, LogPosition};

use crate::ledger::Ledger;
use crate::mirror::LogMirror;
use crate::replica::{Disk, Replica, Start};
use crate::violation::{Fault, Invariant, Judgement, fault};

/// A peer committed up to `to`: each entry that this adds to its commits is the one that everybody
/// else committed there. Enters them into the ledger.
pub(crate) fn committed(replica: &Replica, to: LogIndex, ledger: &mut Ledger) -> Judgement {
    let begin = replica.commit.max(replica.log.truncated().index.prev());
    agree(&replica.log, begin.next(), to, ledger)
}

/// A peer came up: what it knew to be committed is still what everybody committed. Enters it into
/// the ledger.
pub(crate) fn started(start: &Start<'_>, ledger: &mut Ledger) -> Judgement {
    let commit = start.hard_state.commit;
    let mut index = start.truncated.index.max(LogIndex::new(1));
    while index <= commit {
        if let Some(term) = start.term(index) {
            enter(LogPosition { index, term }, ledger)?;
        }
        index = index.next();
    }
    Ok(())
}

/// A log in memory lost everything from `from` on.
pub(crate) fn truncated(replica: &Replica, from: LogIndex) -> Judgement {
    if from > replica.commit {
        return Ok(());
    }
    let message = format!(
        "{} cut its log from {from} on and had committed up to {}",
        replica.peer, replica.commit
    );
    Err(replica.fault(Invariant::CommittedImmutable, from, message))
}

/// Somebody has a state machine, or a log that begins, at `at`: that is committed.
pub(crate) fn stands_at(replica: &Replica, at: LogPosition, ledger: &Ledger) -> Judgement {
    if at.index == LogIndex::ZERO || ledger.is_forgotten(at.index) {
        return Ok(());
    }
    match ledger.committed(at.index) {
        Some(term) if term == at.term => Ok(()),
        Some(term) => Err(contradiction(at, term)),
        None => {
            let message = format!("{} stands at {at}, which nobody committed", replica.peer);
            Err(replica.fault(Invariant::CommittedImmutable, at.index, message))
        }
    }
}

/// The end of what a disk durably holds of the committed log. It must hold that after every later
/// write too.
pub(crate) fn durable(disk: &Disk, ledger: &Ledger) -> Option<LogPosition> {
    let held = |index: LogIndex| {
        let term = ledger.committed(index)?;
        let at = LogPosition { index, term };
        disk.log.holds(at).then_some(at)
    };
    held(disk.log.last_index().min(ledger.commit())).or_else(|| held(disk.hard_state.commit))
}

/// A disk was written that durably held the committed log up to `before`.
pub(crate) fn kept(replica: &Replica, before: Option<LogPosition>) -> Judgement {
    match before {
        Some(at) if !replica.disk.log.holds(at) => {
            let message = format!("the disk of {} lost the committed entry {at}", replica.peer);
            Err(replica.fault(Invariant::CommittedImmutable, at.index, message))
        }
        _ => Ok(()),
    }
}

fn agree(log: &LogMirror, from: LogIndex, to: LogIndex, ledger: &mut Ledger) -> Judgement {
    let mut index = from;
    while index <= to {
        if let Some(term) = log.term(index) {
            enter(LogPosition { index, term }, ledger)?;
        }
        index = index.next();
    }
    Ok(())
}

fn enter(at: LogPosition, ledger: &mut Ledger) -> Judgement {
    ledger
        .commit_entry(at)
        .map_err(|term| contradiction(at, term))
}

fn contradiction(at: LogPosition, committed: types::raft::Term) -> Fault {
    let message = format!(
        "{at} is held to be committed, elsewhere the entry of {committed} is committed there"
    );
    fault(Invariant::CommittedImmutable, at.term, at.index, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{DiskChange, LogChange};
    use crate::stage::{Stage, at, brief, broken, index};
    use types::raft::{EntryKind, MessageBody, RaftFact, Snapshot};

    /// Peer 3 durably holds an entry 4 of term 2 that is not the committed one of term 3.
    fn with_a_stale_tail() -> Stage {
        let mut stage = Stage::settled();
        stage.elect(3, 2, &[2]);
        stage.append(3, EntryKind::NoOp);
        stage.persist(3);
        stage.elect(1, 3, &[2]);
        stage.write(1, &[2], EntryKind::NoOp);
        stage
    }

    #[test]
    fn a_stale_tail_is_no_commit_and_may_go() {
        let mut stage = with_a_stale_tail();
        stage.restart(3);
        stage.hear(3, 1, 3);
        stage.write(1, &[2, 3], EntryKind::Normal);
        stage.persist(3);
        stage.restart(3);
        assert_eq!(stage.commit_of(3), 5);
    }

    #[test]
    fn another_commit_at_an_index_is_found() {
        let mut stage = with_a_stale_tail();
        assert_eq!(broken(stage.followed(3, 4)), Invariant::CommittedImmutable);
    }

    #[test]
    fn a_disk_that_tells_another_commit_at_a_start_is_found() {
        let mut stage = with_a_stale_tail();
        stage.actor(3).hard_state.commit = index(4);
        stage.persist(3);
        assert_eq!(broken(stage.start(3)), Invariant::CommittedImmutable);
    }

    #[test]
    fn a_log_that_drops_what_it_committed_is_found() {
        let mut stage = Stage::settled();
        let truncated = RaftFact::Truncated { from: index(3) };
        assert_eq!(
            broken(stage.raft(2, truncated)),
            Invariant::CommittedImmutable
        );
    }

    #[test]
    fn a_disk_that_loses_a_committed_entry_is_found() {
        let mut stage = Stage::settled();
        let change = DiskChange {
            log: Some(LogChange {
                from: index(3),
                entries: Vec::new(),
            }),
            ..DiskChange::default()
        };
        assert_eq!(broken(stage.disk(2, change)), Invariant::CommittedImmutable);
    }

    #[test]
    fn a_disk_that_writes_a_committed_entry_again_is_fine() {
        let mut stage = Stage::settled();
        let change = DiskChange {
            log: Some(LogChange {
                from: index(2),
                entries: vec![
                    brief(2, 1, EntryKind::Normal),
                    brief(3, 1, EntryKind::Normal),
                ],
            }),
            ..DiskChange::default()
        };
        stage.disk(2, change).expect("the same entries");
    }

    #[test]
    fn a_snapshot_of_what_nobody_committed_is_found_when_it_leaves_and_when_it_is_taken() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        let restored = RaftFact::SnapshotRestored {
            last: at(4, 1),
            prefix_hash: 0,
        };
        assert_eq!(
            broken(stage.clone().raft(3, restored)),
            Invariant::CommittedImmutable
        );
        let snapshot = Snapshot {
            last: at(3, 2),
            conf_state: stage.conf.clone(),
            ..Snapshot::default()
        };
        let body = MessageBody::Snapshot {
            snapshot: Box::new(snapshot),
        };
        assert_eq!(
            broken(stage.sent(1, 3, 1, body)),
            Invariant::CommittedImmutable
        );
    }
}
