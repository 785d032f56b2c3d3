//! R9, one vote per term: a vote changes only with its term, or from none (paper, section 5.2).
//! Judged in memory within a life, and on the disk over all lives.

use types::id::PeerId;
use types::raft::{HardState, LogIndex};

use crate::replica::Replica;
use crate::violation::{Invariant, Judgement, fault};

/// A vote was given to `candidate` in the peer's own term, to itself when it campaigns.
pub(crate) fn given(replica: &Replica, candidate: PeerId) -> Judgement {
    match replica.vote {
        Some(vote) if vote != candidate => {
            let (peer, term) = (replica.peer, replica.term);
            let message = format!("{peer} voted for {candidate} in {term}, before for {vote}");
            Err(replica.fault(Invariant::OneVotePerTerm, LogIndex::ZERO, message))
        }
        _ => Ok(()),
    }
}

/// The disk holds another hard state now.
pub(crate) fn written(replica: &Replica, next: HardState) -> Judgement {
    let before = replica.disk.hard_state;
    match before.vote {
        Some(vote) if next.term == before.term && next.vote != Some(vote) => {
            let now = next.vote.map_or("none".to_owned(), |peer| peer.to_string());
            let message = format!("the vote on its disk went from {vote} to {now}");
            Err(fault(
                Invariant::OneVotePerTerm,
                next.term,
                LogIndex::ZERO,
                message,
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::DiskChange;
    use crate::stage::{Stage, broken, peer, term};
    use types::raft::Role;

    fn disk(vote: Option<u64>, in_term: u64) -> DiskChange {
        let hard_state = HardState {
            term: term(in_term),
            vote: vote.map(peer),
            ..HardState::default()
        };
        DiskChange {
            hard_state: Some(hard_state),
            ..DiskChange::default()
        }
    }

    #[test]
    fn a_vote_is_repeated_and_is_free_again_in_the_next_term() {
        let mut stage = Stage::of(3);
        stage.elect(1, 1, &[2, 3]);
        stage.voted(2, 1, 1).expect("asked again");
        stage.disk(2, disk(Some(1), 1)).expect("the same vote");
        stage.elect(3, 2, &[1, 2]);
        assert_eq!(stage.checker.counts().elections, 2);
    }

    #[test]
    fn a_second_vote_in_one_term_is_found_in_memory() {
        let mut stage = Stage::of(3);
        stage.elect(1, 1, &[2]);
        assert_eq!(
            broken(stage.clone().voted(2, 3, 1)),
            Invariant::OneVotePerTerm
        );
        assert_eq!(
            broken(stage.role(2, Role::Candidate, 1)),
            Invariant::OneVotePerTerm
        );
    }

    #[test]
    fn a_vote_that_changes_or_goes_in_its_term_is_found_on_the_disk() {
        let mut stage = Stage::of(3);
        stage.disk(2, disk(None, 1)).expect("a term without a vote");
        stage
            .disk(2, disk(Some(1), 1))
            .expect("the vote of that term");
        assert_eq!(
            broken(stage.clone().disk(2, disk(Some(3), 1))),
            Invariant::OneVotePerTerm
        );
        assert_eq!(
            broken(stage.clone().disk(2, disk(None, 1))),
            Invariant::OneVotePerTerm
        );
        stage.disk(2, disk(Some(3), 2)).expect("another term");
    }

    #[test]
    fn a_vote_that_a_crash_lost_before_it_was_durable_is_no_vote() {
        let mut stage = Stage::of(3);
        stage.enter_term(2, 1);
        stage.persist(2);
        stage.voted(2, 1, 1).expect("the first");
        stage.restart(2);
        stage.voted(2, 3, 1).expect("nobody was told of the first");
    }
}
