//! R11, current-term commit: a leader counts replicas only for entries of its own term; earlier
//! ones commit with them (paper, section 5.4.2 and figure 8).

use types::raft::{LogIndex, Term};

use crate::replica::Replica;
use crate::violation::{Invariant, Judgement};

/// A leader committed up to `to` by counting, and says that the entry has `claimed`.
pub(crate) fn counted(leader: &Replica, to: LogIndex, claimed: Term) -> Judgement {
    let found = leader.log.term(to);
    if claimed == leader.term && found == Some(claimed) {
        return Ok(());
    }
    let found = found.map_or("none".to_owned(), |term| term.to_string());
    let message = format!(
        "{} leads {} and counted for {to}, whose term is {found}; it says {claimed}",
        leader.peer, leader.term
    );
    Err(leader.fault(Invariant::CurrentTermCommit, to, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, broken, index, peer};
    use types::raft::{CommitEvidence, EntryKind};

    /// Figure 8 of the paper: the leader of term 4 replicated an entry of term 2 to a majority.
    fn figure_8() -> Stage {
        let mut stage = Stage::of(5);
        stage.elect(1, 2, &[2, 3]);
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.elect(5, 3, &[3, 4]);
        stage.append(5, EntryKind::Normal);
        stage.persist(5);
        stage.elect(1, 4, &[2, 3]);
        stage.replicate(1, 3);
        stage
    }

    #[test]
    fn an_earlier_entry_commits_with_one_of_the_leaders_own_term() {
        let mut stage = figure_8();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.replicate(1, 3);
        stage.commit(1);
        assert_eq!(stage.commit_of(1), 2);
    }

    #[test]
    fn counting_for_an_entry_of_an_earlier_term_is_found() {
        let mut stage = figure_8();
        let violation = stage.counted(1, 1).expect_err("it is of term 2");
        assert_eq!(violation.invariant, Invariant::CurrentTermCommit);
        assert_eq!((violation.index.get(), violation.term.get()), (1, 4));
    }

    #[test]
    fn a_leader_that_claims_a_term_that_the_entry_has_not_is_found() {
        let mut stage = figure_8();
        let evidence = CommitEvidence::Quorum {
            matched: [1, 2, 3].map(|id| (peer(id), index(1))).to_vec(),
            term: Term::new(4),
        };
        assert_eq!(
            broken(stage.committed(1, 1, evidence)),
            Invariant::CurrentTermCommit
        );
    }
}
