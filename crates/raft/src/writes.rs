//! What is on its way to the disk: one record per Ready that is not durable yet.

use std::collections::VecDeque;

use serde::Serialize;
use types::raft::{HardState, LogIndex};

/// A Ready on its way to the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Write {
    number: u64,
    /// The hard state that holds once it is durable.
    pub(crate) hard_state: HardState,
    /// The last index that it writes; the log's last before it when it writes no entries.
    pub(crate) written: LogIndex,
    /// The last of these that was not cut from the log since. What took their place is another
    /// write's to make durable, even if it has the same index and term.
    pub(crate) intact: LogIndex,
}

/// All of them, oldest first.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Writes {
    open: VecDeque<Write>,
}

impl Writes {
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Ready `number` goes to the disk, and with it everything up to `last`.
    pub(crate) fn start(&mut self, number: u64, hard_state: HardState, last: LogIndex) {
        self.open.push_back(Write {
            number,
            hard_state,
            written: last,
            intact: last,
        });
    }

    /// The log was cut before `from`.
    pub(crate) fn cut(&mut self, from: LogIndex) {
        for write in &mut self.open {
            write.intact = write.intact.min(from.prev());
        }
    }

    /// The oldest write, if it belongs to Ready `number` or an earlier one: it is durable.
    pub(crate) fn finish(&mut self, number: u64) -> Option<Write> {
        if self.open.front()?.number <= number {
            self.open.pop_front()
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_reaches_every_write_on_its_way() {
        let mut writes = Writes::default();
        let hard_state = HardState::default();
        writes.start(1, hard_state, LogIndex::new(5));
        writes.start(2, hard_state, LogIndex::new(9));
        writes.cut(LogIndex::new(4));
        writes.start(3, hard_state, LogIndex::new(9));
        assert_eq!(writes.finish(0), None);
        let intact: Vec<u64> = std::iter::from_fn(|| writes.finish(3))
            .map(|write| write.intact.get())
            .collect();
        assert_eq!(intact, [3, 3, 9]);
        assert!(writes.is_empty());
    }
}
