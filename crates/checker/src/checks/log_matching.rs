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
        let message = format!("the log up to {at} hashes to {prefix_hash:x}, elsewhere to {known:x}");
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
