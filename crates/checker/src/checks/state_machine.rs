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
