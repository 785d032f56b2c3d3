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
            Err(fault(Invariant::OneVotePerTerm, next.term, LogIndex::ZERO, message))
        }
        _ => Ok(()),
    }
}
