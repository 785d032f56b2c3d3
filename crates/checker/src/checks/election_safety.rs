//! R1, election safety: at most one leader per term, over the whole history (paper, section 5.2),
//! each elected by a majority of each half of its membership.

use std::collections::BTreeMap;

use types::id::StoreId;
use types::raft::{LogIndex, Term};

use crate::checks::membership::shown;
use crate::quorum::decides;
use crate::replica::Replica;
use crate::violation::{Fault, Invariant, Judgement, fault};

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

/// A candidate became leader: the yeses that it counted are a majority of each half of its
/// membership, learners left aside. Two majorities of one membership share a voter.
pub(crate) fn by_majority(replica: &Replica, term: Term) -> Judgement {
    let yes = |peer| replica.votes.contains(&(peer, true));
    match replica.seat.membership() {
        Some(membership) if decides(membership, yes) => Ok(()),
        Some(membership) => {
            let voters = replica.votes.iter().filter(|(_, granted)| *granted);
            let names: Vec<String> = voters.map(|(peer, _)| peer.to_string()).collect();
            let message = format!(
                "{} won {term} with the votes of [{}], its membership is {}",
                replica.peer,
                names.join(" "),
                shown(membership)
            );
            Err(fault(
                Invariant::ElectionSafety,
                term,
                LogIndex::ZERO,
                message,
            ))
        }
        None => {
            let message = "nobody told the membership by which it counts";
            Err(fault(
                Invariant::ElectionSafety,
                term,
                LogIndex::ZERO,
                message,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, broken, peer, voters};
    use types::raft::{ConfState, Role};

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

    #[test]
    fn a_leader_elected_by_less_than_a_majority_of_each_half_is_found() {
        let mut stage = Stage::settled();
        for newcomer in [4, 5] {
            stage.start(newcomer).expect("it holds nothing");
            stage.hear(newcomer, 1, 1);
        }
        let joint = ConfState {
            outgoing: voters(&[1, 2, 3]).voters,
            ..voters(&[1, 4, 5])
        };
        stage.change(1, &[2, 3], &joint);
        stage.campaign(1, 2);
        stage.grant(2, 1, 2);
        stage.grant(3, 1, 2);
        assert_eq!(
            broken(stage.clone().role(1, Role::Leader, 2)),
            Invariant::ElectionSafety
        );
        stage.grant(4, 1, 2);
        stage.win(1, 2);
    }

    #[test]
    fn a_leader_elected_by_half_of_an_even_group_or_by_a_learner_is_found() {
        let mut stage = Stage::of(4);
        stage.campaign(1, 1);
        stage.grant(2, 1, 1);
        assert_eq!(
            broken(stage.role(1, Role::Leader, 1)),
            Invariant::ElectionSafety
        );
        let mut stage = Stage::settled();
        stage.start(4).expect("it holds nothing");
        stage.hear(4, 1, 1);
        let learning = ConfState {
            learners: vec![peer(4)],
            ..voters(&[1, 2, 3])
        };
        stage.change(1, &[2, 3], &learning);
        stage.campaign(1, 2);
        stage.grant(4, 1, 2);
        assert_eq!(
            broken(stage.role(1, Role::Leader, 2)),
            Invariant::ElectionSafety
        );
    }
}
