//! Ids of regions and peers: one counter, reserved on disk in blocks before it is used.

use serde::Serialize;
use types::id::MAX_SAFE;

use crate::rules::Rules;

/// How many ids are reserved ahead (TinyKV: `allocStep`).
pub const BLOCK: u64 = 1_000;
/// The largest id from outside that is believed. As many are left beyond it.
pub const SEEN_MAX: u64 = MAX_SAFE / 2;

/// The counter. An id is handed out once in the life of a cluster: what a crash makes it forget
/// was never named, since only what is durably reserved is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ids {
    next: u64,
    /// The first id that is not durably reserved.
    reserved_to: u64,
    /// The same once the open write is durable.
    written_to: u64,
}

impl Ids {
    /// A counter that starts at `next`, the first id of which nothing is known. None of its ids
    /// can be handed out before a block is durable.
    #[must_use]
    pub const fn starting_at(next: u64) -> Self {
        Self {
            next,
            reserved_to: next,
            written_to: next,
        }
    }

    /// The next id that is handed out.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The first id that is not durably reserved.
    #[must_use]
    pub const fn reserved_to(&self) -> u64 {
        self.reserved_to
    }

    /// The largest id that can be heard of: beyond what is believed of others, only own ones.
    #[must_use]
    pub fn id_max(&self) -> u64 {
        self.next.saturating_sub(1).max(SEEN_MAX)
    }

    /// Whether `count` ids can be handed out.
    #[must_use]
    pub fn has(&self, rules: &Rules, count: u64) -> bool {
        (rules.may_hand_out)(self.next, count, self.reserved_to)
    }

    /// Hands out `count` consecutive ids: the first of them; nothing while fewer are durably
    /// reserved.
    pub fn take(&mut self, rules: &Rules, count: u64) -> Option<u64> {
        let end = self.next.checked_add(count);
        let end = end.filter(|end| *end <= MAX_SAFE && self.has(rules, count))?;
        Some(std::mem::replace(&mut self.next, end))
    }

    /// An id was named by somebody else: none up to it is handed out any more.
    pub fn saw(&mut self, id: u64) {
        self.next = self.next.max(id.saturating_add(1).min(SEEN_MAX + 1));
    }

    /// The end of the block that is to be written now; nothing while half a block is left.
    pub fn to_write(&mut self) -> Option<u64> {
        let end = (self.next + BLOCK).min(MAX_SAFE);
        let is_low = self.written_to.saturating_sub(self.next) < BLOCK / 2;
        if !is_low || end <= self.written_to {
            return None;
        }
        self.written_to = end;
        Some(end)
    }

    /// What was written is durable.
    pub const fn durable(&mut self) {
        self.reserved_to = self.written_to;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::CORRECT;

    #[test]
    fn no_id_is_handed_out_before_its_block_is_durable() {
        let mut ids = Ids::starting_at(7);
        assert_eq!(ids.take(&CORRECT, 1), None);
        assert_eq!(ids.to_write(), Some(1_007));
        assert_eq!(ids.take(&CORRECT, 1), None);
        ids.durable();
        assert_eq!(ids.take(&CORRECT, 2), Some(7));
        assert_eq!(ids.take(&CORRECT, 1), Some(9));
    }

    #[test]
    fn the_next_block_is_written_before_the_last_one_is_used_up() {
        let mut ids = Ids::starting_at(1);
        assert_eq!(ids.to_write(), Some(1_001));
        assert_eq!(ids.to_write(), None);
        ids.durable();
        assert_eq!(ids.take(&CORRECT, 500), Some(1));
        assert_eq!(ids.to_write(), None);
        assert_eq!(ids.take(&CORRECT, 1), Some(501));
        assert_eq!(ids.to_write(), Some(1_502));
        assert_eq!(ids.take(&CORRECT, 500), None);
        assert_eq!(ids.take(&CORRECT, 499), Some(502));
    }

    #[test]
    fn ids_that_others_named_are_skipped_and_the_end_of_all_ids_is_no_panic() {
        let mut ids = Ids::starting_at(1);
        ids.saw(40);
        assert_eq!((ids.next(), ids.to_write()), (41, Some(1_041)));
        ids.saw(MAX_SAFE);
        assert_eq!(ids.next(), SEEN_MAX + 1);
        let mut ids = Ids::starting_at(MAX_SAFE - 1);
        assert_eq!(ids.to_write(), Some(MAX_SAFE));
        ids.durable();
        assert_eq!(ids.take(&CORRECT, 2), None);
        assert_eq!(ids.take(&CORRECT, 1), Some(MAX_SAFE - 1));
        assert_eq!((ids.take(&CORRECT, 1), ids.to_write()), (None, None));
    }
}
