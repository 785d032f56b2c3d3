//! R3, log matching: the same index and term, on whatever store and in whatever life, stand for
//! the same entry behind the same prefix (paper, section 5.3).
//!
//! Every entry that any log holds is compared with what the group's ledger knows of its index and
//! term: the term of the entry before it, its kind, and the chained hash of the log up to it where
//! that was told. Equal entries before equal entries make equal prefixes.

use types::raft::{EntryBrief, LogPosition, Term};

use crate::ledger::Ledger;
use crate::mirror::LogMirror;
use crate::replica::{Replica, Start, position};
use crate::violation::{Fault, Invariant, Judgement, fault};

/// Entries were added to a log in memory: they follow its end, are of no later term than its
/// peer's, and only the leader of a term makes entries of that term.
pub(crate) fn appended(
    replica: &Replica,
    entries: &[EntryBrief],
    ledger: &mut Ledger,
) -> Judgement {
    let mut before = replica.log.last();
    for entry in entries {
        follows(before, entry)?;
        let at = position(entry);
        if entry.term > replica.term {
            let message = format!("an entry of {} in a log of {}", entry.term, replica.term);
            return Err(replica.fault(Invariant::LogMatching, at.index, message));
        }
        let is_new = enter(ledger, before.term, entry)?;
        if is_new && !replica.leads_in(entry.term) && !ledger.is_forgotten(at.index) {
            let message = format!("entry {at}, which no leader made, came into a log");
            return Err(fault(Invariant::LogMatching, at.term, at.index, message));
        }
        before = at;
    }
    Ok(())
}

/// A log was found on a disk at a start.
pub(crate) fn started(start: &Start<'_>, ledger: &mut Ledger) -> Judgement {
    enter_all(start.truncated, start.entries, ledger)
}

/// Entries were written to a disk whose log is `log` so far.
pub(crate) fn written(
    log: &LogMirror,
    first: types::raft::LogIndex,
    entries: &[EntryBrief],
    ledger: &mut Ledger,
) -> Judgement {
    // What a run repeats from below the truncated position is dead.
    let alive = entries.partition_point(|entry| entry.index <= log.truncated().index);
    let begin = first.max(log.truncated().index.next()).prev();
    let Some(term) = log.term(begin) else {
        let end = log.last();
        let message = format!("entries from {first} on were written behind a log up to {end}");
        return Err(fault(Invariant::LogMatching, end.term, first, message));
    };
    let before = LogPosition { index: begin, term };
    enter_all(before, &entries[alive..], ledger)
}

/// The chained hash of the log up to a position was told.
pub(crate) fn hashed(at: LogPosition, prefix_hash: u64, ledger: &mut Ledger) -> Judgement {
    ledger.hash(at, prefix_hash).map_err(|known| {
        let message =
            format!("the log up to {at} hashes to {prefix_hash:x}, elsewhere to {known:x}");
        fault(Invariant::LogMatching, at.term, at.index, message)
    })
}

fn enter_all(mut before: LogPosition, entries: &[EntryBrief], ledger: &mut Ledger) -> Judgement {
    for entry in entries {
        follows(before, entry)?;
        enter(ledger, before.term, entry)?;
        before = position(entry);
    }
    Ok(())
}

fn follows(before: LogPosition, entry: &EntryBrief) -> Judgement {
    let at = position(entry);
    if at.index == before.index.next() && at.term >= before.term {
        return Ok(());
    }
    let message = format!("entry {at} cannot follow {before}");
    Err(fault(Invariant::LogMatching, at.term, at.index, message))
}

fn enter(ledger: &mut Ledger, before: Term, entry: &EntryBrief) -> Result<bool, Fault> {
    let at = position(entry);
    ledger.enter(at, before, entry.kind).map_err(|mismatch| {
        let (term, kind) = mismatch.known;
        let message = format!(
            "entry {at} is a {:?} behind {before}, elsewhere a {kind:?} behind {term}",
            entry.kind
        );
        fault(Invariant::LogMatching, at.term, at.index, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{DiskChange, LogChange};
    use crate::stage::{Stage, brief, broken, index};
    use types::raft::{EntryKind, RaftFact};
    use types::view::FactBody;

    fn write(from: u64, entries: &[EntryBrief]) -> DiskChange {
        let log = LogChange {
            from: index(from),
            entries: entries.to_vec(),
        };
        DiskChange {
            log: Some(log),
            ..DiskChange::default()
        }
    }

    #[test]
    fn logs_that_differ_by_term_and_are_repaired_match() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.elect(2, 2, &[3]);
        stage.append(2, EntryKind::NoOp);
        stage.persist(2);
        stage.restart(1);
        stage.hear(1, 2, 2);
        stage.write(2, &[1, 3], EntryKind::Normal);
        assert_eq!(stage.commit_of(1), 5);
    }

    #[test]
    fn an_entry_behind_another_prefix_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.elect(2, 2, &[3]);
        stage.append(2, EntryKind::NoOp);
        let entry = stage.append(2, EntryKind::Normal);
        // Peer 1 keeps its entry 4 of term 1 and puts the new leader's entry 5 behind it.
        stage.hear(1, 2, 2);
        let planted = brief(entry, 2, EntryKind::Normal);
        assert_eq!(
            broken(stage.appended(1, &[planted], 0)),
            Invariant::LogMatching
        );
    }

    #[test]
    fn an_entry_of_another_kind_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        let planted = brief(4, 1, EntryKind::ConfChange);
        assert_eq!(
            broken(stage.appended(2, &[planted], 0)),
            Invariant::LogMatching
        );
    }

    #[test]
    fn an_entry_with_another_payload_is_found_by_its_hash() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        let same = brief(4, 1, EntryKind::Normal);
        let wrong = stage.hash(1, 4) + 1;
        let violation = stage.appended(2, &[same], wrong).expect_err("planted");
        assert_eq!(violation.invariant, Invariant::LogMatching);
        assert_eq!((violation.index, violation.term), (index(4), same.term));
    }

    #[test]
    fn an_entry_that_no_leader_made_is_found() {
        let mut stage = Stage::settled();
        let planted = brief(4, 1, EntryKind::Normal);
        assert_eq!(
            broken(stage.appended(2, &[planted], 0)),
            Invariant::LogMatching
        );
    }

    #[test]
    fn a_hole_in_a_log_is_found_in_memory_and_on_a_disk() {
        let mut stage = Stage::settled();
        let planted = [brief(5, 1, EntryKind::Normal)];
        assert_eq!(
            broken(stage.clone().appended(1, &planted, 0)),
            Invariant::LogMatching
        );
        assert_eq!(
            broken(stage.disk(1, write(5, &planted))),
            Invariant::LogMatching
        );
    }

    #[test]
    fn an_entry_of_a_later_term_than_its_peer_is_found() {
        let mut stage = Stage::settled();
        let planted = brief(4, 2, EntryKind::Normal);
        assert_eq!(
            broken(stage.appended(1, &[planted], 0)),
            Invariant::LogMatching
        );
    }

    #[test]
    fn another_entry_on_a_disk_is_found_when_it_is_written_and_when_it_is_read() {
        let mut stage = Stage::settled();
        let planted = brief(3, 1, EntryKind::NoOp);
        let outcome = stage.clone().disk(2, write(3, &[planted]));
        assert_eq!(broken(outcome), Invariant::LogMatching);
        let FactBody::Started {
            incarnation,
            peer,
            hard_state,
            truncated,
            mut entries,
            applied,
            region,
        } = stage.started(2)
        else {
            unreachable!("a start was made");
        };
        entries[2] = planted;
        let started = FactBody::Started {
            region,
            incarnation,
            peer,
            hard_state,
            truncated,
            entries,
            applied,
        };
        assert_eq!(broken(stage.fact(2, started)), Invariant::LogMatching);
    }

    #[test]
    fn a_run_that_repeats_dropped_entries_is_fine() {
        let mut stage = Stage::settled();
        stage.compact(2);
        stage.append(1, EntryKind::Normal);
        stage.copy(1, 2);
        let run: Vec<EntryBrief> = stage.actors[&1].log[1..].to_vec();
        stage
            .disk(2, write(2, &run))
            .expect("what it repeats is dead");
        let to = index(4);
        stage
            .raft(2, RaftFact::Durable { to })
            .expect("it is on the disk");
    }
}
