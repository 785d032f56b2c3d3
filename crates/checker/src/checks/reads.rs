//! R14, read safety: the index that answers a read is at least the highest index that anybody had
//! committed when the read was asked; who answers by a lease leads the latest term, and nobody is
//! elected in a later one while a lease that was used still holds (thesis, section 6.4).
//!
//! The first asking counts. Who asks again under the same name asks the same question, so an answer
//! that suffices for the first asking suffices.

use std::collections::{BTreeMap, VecDeque};

use types::id::{PeerId, StoreId};
use types::raft::{LogIndex, ReadEvidence, ReadId, Term};
use types::time::VirtualTime;

use crate::quorum::decides;
use crate::replica::Replica;
use crate::violation::{Fault, Invariant, Judgement};

/// How many reads are remembered. What is answered later than that many others were asked is not
/// judged.
const READS_KEPT: usize = 1 << 16;

/// What was committed when each read was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads {
    asked: BTreeMap<(PeerId, ReadId), LogIndex>,
    in_order: VecDeque<(PeerId, ReadId)>,
    has_forgotten: bool,
    /// The leases that were used, each with its leader's term, and until when they hold.
    leases: BTreeMap<StoreId, (Term, VirtualTime)>,
}

impl Reads {
    /// A read was asked while `commit` was the highest committed index of the group.
    pub(crate) fn ask(&mut self, from: PeerId, id: ReadId, commit: LogIndex) {
        if self.asked.contains_key(&(from, id)) {
            return;
        }
        self.asked.insert((from, id), commit);
        self.in_order.push_back((from, id));
        if self.in_order.len() > READS_KEPT
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.asked.remove(&oldest);
            self.has_forgotten = true;
        }
    }

    /// The leader of `term` on `store` answers reads by its lease until then.
    pub(crate) fn hold_lease(&mut self, store: StoreId, term: Term, until: VirtualTime) {
        self.leases.insert(store, (term, until));
    }

    /// The leader on `store` gave its lease up, or can use it no more.
    pub(crate) fn end_lease(&mut self, store: StoreId) {
        self.leases.remove(&store);
    }

    /// A leader of a later term: nobody may be able to answer by a lease any more. Clocks are
    /// taken to run as one; what drift they have is in the length of the leases.
    pub(crate) fn elected(&self, leader: &Replica, term: Term, now: VirtualTime) -> Judgement {
        let holds = |(old, until): (Term, VirtualTime)| old < term && now < until;
        let other = self
            .leases
            .iter()
            .find(|(store, lease)| **store != leader.store && holds(**lease));
        let Some((store, (old, until))) = other else {
            return Ok(());
        };
        let left = until.since(now);
        let message = format!(
            "{} leads {term} while the lease of {store}, leader of {old}, holds for {left} us more",
            leader.peer
        );
        Err(leader.fault(Invariant::ReadSafety, leader.commit, message))
    }

    /// A leader answered a read with `index`.
    pub(crate) fn confirm(
        &self,
        leader: &Replica,
        (from, id): (PeerId, ReadId),
        index: LogIndex,
    ) -> Judgement {
        if !leader.leads() {
            let message = format!("{}, a {:?}, answered a read", leader.peer, leader.role);
            return Err(leader.fault(Invariant::ReadSafety, index, message));
        }
        match self.asked.get(&(from, id)) {
            Some(commit) if index < *commit => {
                let message = format!(
                    "read {} of {from} was answered with {index}; {commit} was committed when it \
                     was asked",
                    id.0
                );
                Err(leader.fault(Invariant::ReadSafety, index, message))
            }
            None if !self.has_forgotten => {
                let message = format!("read {} of {from} was answered and never asked", id.0);
                Err(leader.fault(Invariant::ReadSafety, index, message))
            }
            _ => Ok(()),
        }
    }
}

/// Why a leader believes that it still leads; `newest` is the latest term that anybody won.
pub(crate) fn evidence(
    leader: &Replica,
    index: LogIndex,
    evidence: &ReadEvidence,
    newest: Option<(Term, StoreId)>,
) -> Judgement {
    let message = match evidence {
        ReadEvidence::Round { needed, answered } => round(leader, *needed, answered),
        ReadEvidence::Lease { now_us, until_us } if now_us >= until_us => Some(format!(
            "a lease until {until_us} us was used at {now_us} us"
        )),
        ReadEvidence::Lease { .. } => newest
            .filter(|(term, _)| *term > leader.term)
            .map(|(term, store)| format!("a lease was used while {store} leads {term}")),
    };
    match message {
        Some(message) => Err(broken(leader, index, &message)),
        None => Ok(()),
    }
}

/// The leader itself answers each round of its own.
fn round(leader: &Replica, needed: u64, answered: &[(PeerId, u64)]) -> Option<String> {
    let has = |peer: PeerId| {
        peer == leader.peer
            || answered
                .iter()
                .any(|(voter, round)| *voter == peer && *round >= needed)
    };
    let is_confirmed = leader
        .seat
        .membership()
        .is_some_and(|membership| decides(membership, has));
    (!is_confirmed).then(|| format!("no quorum answered round {needed}: {answered:?}"))
}

fn broken(leader: &Replica, index: LogIndex, message: &str) -> Fault {
    let message = format!("{} of {}: {message}", leader.peer, leader.term);
    leader.fault(Invariant::ReadSafety, index, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Outcome, Stage, broken, index, peer};
    use types::raft::{EntryKind, RaftFact, Role};

    fn ask(stage: &mut Stage, at: u64, from: u64, id: u64) {
        let asked = RaftFact::ReadAsked {
            from: peer(from),
            id: ReadId(id),
            commit: LogIndex::ZERO,
        };
        stage.raft(at, asked).expect("asking is free");
    }

    fn answer(stage: &mut Stage, at: u64, from: u64, id: u64, with: u64) -> Outcome {
        let round = ReadEvidence::Round {
            needed: 3,
            answered: vec![(peer(2), 3), (peer(3), 2)],
        };
        confirm(stage, at, from, id, with, round)
    }

    fn confirm(
        stage: &mut Stage,
        at: u64,
        from: u64,
        id: u64,
        with: u64,
        evidence: ReadEvidence,
    ) -> Outcome {
        let confirmed = RaftFact::ReadConfirmed {
            from: peer(from),
            id: ReadId(id),
            index: index(with),
            evidence,
        };
        stage.raft(at, confirmed)
    }

    fn lease(now_us: u64) -> ReadEvidence {
        ReadEvidence::Lease {
            now_us,
            until_us: 1_000,
        }
    }

    #[test]
    fn a_read_sees_what_was_committed_when_it_was_first_asked() {
        let mut stage = Stage::settled();
        ask(&mut stage, 3, 3, 7);
        stage.write(1, &[2, 3], EntryKind::Normal);
        ask(&mut stage, 1, 3, 7);
        answer(&mut stage, 1, 3, 7, 3).expect("3 was all when it was first asked");
        answer(&mut stage, 1, 3, 7, 4).expect("answered again");
        ask(&mut stage, 1, 1, 1);
        confirm(&mut stage, 1, 1, 1, 4, lease(999)).expect("the lease holds");
        let counts = stage.checker.counts();
        assert_eq!((counts.reads_by_round, counts.reads_by_lease), (2, 1));
    }

    #[test]
    fn an_answer_below_what_was_committed_is_found_whoever_had_committed_it() {
        let mut stage = Stage::settled();
        stage.elect(2, 2, &[3]);
        stage.write(2, &[3], EntryKind::NoOp);
        ask(&mut stage, 1, 1, 1);
        let violation = answer(&mut stage, 1, 1, 1, 3).expect_err("2 has committed 4");
        assert_eq!(violation.invariant, Invariant::ReadSafety);
        assert!(violation.message.contains("4 was committed"), "{violation}");
    }

    #[test]
    fn an_answer_without_a_quorum_of_the_round_is_found() {
        let mut stage = Stage::settled();
        ask(&mut stage, 1, 1, 1);
        let round = ReadEvidence::Round {
            needed: 4,
            answered: vec![(peer(1), 3), (peer(2), 3), (peer(3), 3), (peer(9), 4)],
        };
        let outcome = confirm(&mut stage, 1, 1, 1, 3, round);
        assert_eq!(broken(outcome), Invariant::ReadSafety);
    }

    #[test]
    fn a_lease_that_ran_out_or_that_another_leader_overtook_is_found() {
        let mut stage = Stage::settled();
        ask(&mut stage, 1, 1, 1);
        let outcome = confirm(&mut stage.clone(), 1, 1, 1, 3, lease(1_000));
        assert_eq!(broken(outcome), Invariant::ReadSafety);
        stage.elect(2, 2, &[3]);
        let outcome = confirm(&mut stage, 1, 1, 1, 3, lease(10));
        assert_eq!(broken(outcome), Invariant::ReadSafety);
    }

    #[test]
    fn a_leader_that_is_elected_while_a_lease_holds_is_found_unless_it_was_given_up() {
        let mut stage = Stage::settled();
        ask(&mut stage, 1, 1, 1);
        confirm(&mut stage, 1, 1, 1, 3, lease(0)).expect("the lease holds");
        stage.campaign(2, 2);
        stage.grant(3, 2, 2);
        let mut handed_over = stage.clone();
        let outcome = stage.role(2, Role::Leader, 2);
        assert_eq!(broken(outcome), Invariant::ReadSafety);
        let to = peer(2);
        handed_over
            .raft(1, RaftFact::TransferStarted { to })
            .expect("a leader may");
        handed_over
            .role(2, Role::Leader, 2)
            .expect("the lease is given up");
    }

    #[test]
    fn an_answer_by_who_does_not_lead_and_one_to_no_question_are_found() {
        let mut stage = Stage::settled();
        let outcome = answer(&mut stage, 1, 1, 9, 3);
        assert_eq!(broken(outcome), Invariant::ReadSafety, "nobody asked");
        ask(&mut stage, 1, 1, 1);
        stage.role(1, Role::Follower, 1).expect("it gave way");
        assert_eq!(
            broken(answer(&mut stage, 1, 1, 1, 3)),
            Invariant::ReadSafety
        );
    }

    #[test]
    fn reads_without_number_are_forgotten_from_the_oldest_on() {
        let mut reads = Reads::default();
        for id in 0..=READS_KEPT as u64 {
            reads.ask(peer(1), ReadId(id), index(1));
        }
        assert_eq!(reads.asked.len(), READS_KEPT);
        assert!(reads.has_forgotten && !reads.asked.contains_key(&(peer(1), ReadId(0))));
    }
}
