//! R1, election safety: at most one leader per term, over the whole history (paper, section 5.2).

use std::collections::BTreeMap;

use types::id::StoreId;
use types::raft::{LogIndex, Term};

use crate::violation::{Fault, Invariant, fault};

/// Who led in which term.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaders {
    by_term: BTreeMap<Term, StoreId>,
    last_elected: Option<StoreId>,
}

impl Leaders {
    /// A store won `term`. It wins a term once: who lost its office needs a new term to lead again.
    /// Says whether another store had won the election before.
    pub(crate) fn elect(&mut self, store: StoreId, term: Term) -> Result<bool, Fault> {
        if let Some(first) = self.by_term.insert(term, store) {
            return Err(fault(
                Invariant::ElectionSafety,
                term,
                LogIndex::ZERO,
                format!("{store} became leader of {term}, which {first} had won before"),
            ));
        }
        let before = self.last_elected.replace(store);
        Ok(before.is_some_and(|before| before != store))
    }

    /// Who won `term`.
    pub(crate) fn of(&self, term: Term) -> Option<StoreId> {
        self.by_term.get(&term).copied()
    }

    /// The latest term that was won, and by whom.
    pub(crate) fn newest(&self) -> Option<(Term, StoreId)> {
        let (term, store) = self.by_term.last_key_value()?;
        Some((*term, *store))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, broken};
    use types::raft::Role;

    #[test]
    fn leaders_of_different_terms_are_fine_however_late_the_older_one_is_elected() {
        let mut stage = Stage::of(5);
        stage.campaign(1, 1);
        stage.grant(4, 1, 1);
        stage.elect(2, 2, &[3, 5]);
        stage.grant(3, 2, 2);
        stage
            .vote_counted(1, 5)
            .expect("a vote that was long on its way");
        stage.win(1, 1);
        assert_eq!(stage.checker.counts().leaders, 2);
        assert_eq!(stage.checker.counts().leader_changes, 1);
    }

    #[test]
    fn a_second_leader_of_a_term_is_found_long_after_the_first_has_gone() {
        let mut stage = Stage::settled();
        stage.elect(2, 2, &[1, 3]);
        stage.elect(3, 3, &[1, 2]);
        stage.restart(2);
        stage.restart(1);
        let violation = stage.role(1, Role::Leader, 3).expect_err("3 won it");
        assert_eq!(violation.invariant, Invariant::ElectionSafety);
        assert!(
            violation.to_string().contains("S1 became leader of T3"),
            "{violation}"
        );
    }

    #[test]
    fn a_store_that_lost_its_office_does_not_win_the_same_term_again() {
        let mut stage = Stage::settled();
        stage
            .role(1, Role::Follower, 1)
            .expect("no quorum was heard");
        assert_eq!(
            broken(stage.role(1, Role::Leader, 1)),
            Invariant::ElectionSafety
        );
    }
}
