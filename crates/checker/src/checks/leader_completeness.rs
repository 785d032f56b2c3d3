//! R4, leader completeness: the leader of a term holds every entry that was committed in an
//! earlier term (paper, section 5.4).
//!
//! A leader of an older term may be elected late, when its votes were long on their way. It need
//! not know what later leaders committed, so only earlier terms are held against it.

use types::raft::{LogPosition, Term};

use crate::ledger::Ledger;
use crate::replica::Replica;
use crate::violation::{Invariant, Judgement, fault};

/// A peer became leader of `term`.
pub(crate) fn elected(replica: &Replica, term: Term, ledger: &Ledger) -> Judgement {
    match ledger.committed_before(term) {
        Some(committed) => holds(replica, term, committed),
        None => Ok(()),
    }
}

/// The leader of `term` committed an entry while others may already lead in later terms.
pub(crate) fn committed<'a>(
    replicas: impl Iterator<Item = &'a Replica>,
    term: Term,
    committed: LogPosition,
) -> Judgement {
    replicas
        .filter(|replica| replica.leads() && replica.term > term)
        .try_for_each(|replica| holds(replica, replica.term, committed))
}

fn holds(replica: &Replica, term: Term, committed: LogPosition) -> Judgement {
    if replica.log.holds(committed) {
        return Ok(());
    }
    let message = format!(
        "{}, the leader of {term} with a log up to {}, lacks the committed entry {committed}",
        replica.peer,
        replica.log.last()
    );
    Err(fault(Invariant::LeaderCompleteness, term, committed.index, message))
}
