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
    Err(fault(
        Invariant::LeaderCompleteness,
        term,
        committed.index,
        message,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, broken};
    use types::raft::{EntryKind, Role};

    #[test]
    fn a_leader_whose_log_holds_all_commits_is_fine_after_compaction_too() {
        let mut stage = Stage::settled();
        stage.compact(2);
        stage.elect(2, 2, &[3]);
        stage.write(2, &[3], EntryKind::NoOp);
        stage.elect(3, 3, &[1]);
        assert_eq!(stage.checker.counts().leaders, 3);
    }

    #[test]
    fn a_late_leader_of_an_earlier_term_need_not_know_later_commits() {
        let mut stage = Stage::of(3);
        stage.campaign(1, 1);
        stage.elect(2, 2, &[3]);
        stage.write(2, &[3], EntryKind::NoOp);
        stage
            .vote_counted(1, 3)
            .expect("a vote that was long on its way");
        stage.win(1, 1);
        assert_eq!(stage.last(1), 0);
    }

    #[test]
    fn a_leader_without_a_committed_entry_is_found() {
        let mut stage = Stage::settled();
        let last = stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.commit(1);
        stage.campaign(3, 2);
        stage.grant(2, 3, 2);
        let violation = stage
            .role(3, Role::Leader, 2)
            .expect_err("it lacks entry 4");
        assert_eq!(violation.invariant, Invariant::LeaderCompleteness);
        assert_eq!(violation.index.get(), last);
    }

    #[test]
    fn a_commit_that_a_later_leader_lacks_is_found_when_it_comes_late() {
        let mut stage = Stage::settled();
        let last = stage.append(1, EntryKind::Normal);
        stage.persist(1);
        // Voter 2 durably takes the entry and votes for 3, whose log is behind.
        stage.replicate(1, 2);
        stage.elect(3, 2, &[2]);
        assert_eq!(
            broken(stage.counted(1, last)),
            Invariant::LeaderCompleteness
        );
    }
}
