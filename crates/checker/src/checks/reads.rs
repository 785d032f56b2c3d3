//! R14, read safety: the index that answers a read is at least the highest index that anybody had
//! committed when the read was asked; and who answers by a lease leads the latest term (thesis,
//! section 6.4).
//!
//! The first asking counts. Who asks again under the same name asks the same question, so an answer
//! that suffices for the first asking suffices.

use std::collections::{BTreeMap, VecDeque};

use types::id::{PeerId, StoreId};
use types::raft::{LogIndex, ReadEvidence, ReadId, Term};

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
        ReadEvidence::Lease { now_us, until_us } if now_us >= until_us => {
            Some(format!("a lease until {until_us} us was used at {now_us} us"))
        }
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
            || answered.iter().any(|(voter, round)| *voter == peer && *round >= needed)
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
