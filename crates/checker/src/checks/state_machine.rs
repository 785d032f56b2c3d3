//! R5, state machine safety: whoever applied up to one index, in whatever life, has the same data
//! (paper, section 5.4.3). That the same commands were applied follows from R7.

use std::collections::BTreeMap;

use types::raft::LogIndex;

use crate::replica::Replica;
use crate::violation::{Invariant, Judgement};

/// The hash of the data at each applied index that was told.
#[derive(Debug, Clone, Default)]
pub(crate) struct AppliedHashes {
    by_index: BTreeMap<LogIndex, u64>,
    floor: LogIndex,
}

impl AppliedHashes {
    /// A peer applied up to `to`.
    pub(crate) fn applied(&mut self, replica: &Replica, to: LogIndex, data_hash: u64) -> Judgement {
        if to < self.floor {
            return Ok(());
        }
        let first = *self.by_index.entry(to).or_insert(data_hash);
        if first == data_hash {
            return Ok(());
        }
        let message = format!("the data at {to} hashes to {data_hash:x}, elsewhere to {first:x}");
        Err(replica.fault(Invariant::StateMachineSafety, to, message))
    }

    /// Whether anybody told the hash of the data at `index`.
    pub(crate) fn is_told(&self, index: LogIndex) -> bool {
        self.by_index.contains_key(&index)
    }

    /// Forgets what nobody will apply again.
    pub(crate) fn forget_below(&mut self, floor: LogIndex) {
        while let Some(entry) = self.by_index.first_entry() {
            if *entry.key() >= floor {
                break;
            }
            entry.remove();
        }
        self.floor = self.floor.max(floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, broken};

    #[test]
    fn a_restarted_peer_applies_the_same_again() {
        let mut stage = Stage::settled();
        stage.persist(2);
        stage.restart(2);
        stage.apply(2);
        assert_eq!(stage.checker.counts().restarts, 1);
    }

    #[test]
    fn other_data_at_the_same_index_is_found_on_another_store_and_in_another_life() {
        let mut stage = Stage::settled();
        stage.persist(2);
        stage.restart(2);
        let hash = stage.hash(2, 3) + 2;
        let violation = stage.applied(2, 3, hash).expect_err("planted");
        assert_eq!(violation.invariant, Invariant::StateMachineSafety);
        assert_eq!((violation.store.get(), violation.index.get()), (2, 3));
    }

    #[test]
    fn the_same_data_at_another_index_is_no_matter() {
        let mut stage = Stage::of(1);
        stage.elect(1, 1, &[]);
        stage.append(1, types::raft::EntryKind::NoOp);
        stage.append(1, types::raft::EntryKind::Normal);
        stage.persist(1);
        stage.commit(1);
        stage.applied(1, 1, 7).expect("a no-op changes nothing");
        stage.applied(1, 2, 7).expect("nor need the next entry");
        assert_eq!(
            broken(stage.applied(1, 2, 8)),
            Invariant::StateMachineSafety
        );
    }
}
