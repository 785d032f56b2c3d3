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
    ledger.commit_entry(at).map_err(|term| contradiction(at, term))
}

fn contradiction(at: LogPosition, committed: types::raft::Term) -> Fault {
    let message = format!(
        "{at} is held to be committed, elsewhere the entry of {committed} is committed there"
    );
    fault(Invariant::CommittedImmutable, at.term, at.index, message)
}
