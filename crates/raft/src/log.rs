//! The replicated log of one peer, wholly in memory from its truncated position on.
//!
//! ```text
//!  truncated  first ......... applied .... handed out .... commit ....  last
//!                             persisted anywhere in [applied, last]
//! ```

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Serialize;
use types::codec;
use types::raft::{Entry, EntryKind, LogIndex, LogPosition, Term};

/// The prefix hash behind `entry`, given the one before it: the chained hash of its term, index
/// and kind in fixed little-endian bytes, then of its data.
#[must_use]
pub fn chain_entry(before: u64, entry: &Entry) -> u64 {
    let mut head = [0; 17];
    head[..8].copy_from_slice(&entry.term.get().to_le_bytes());
    head[8..16].copy_from_slice(&entry.index.get().to_le_bytes());
    head[16] = match entry.kind {
        EntryKind::Normal => 0,
        EntryKind::NoOp => 1,
        EntryKind::ConfChange => 2,
    };
    codec::chain(codec::chain(before, &head), &entry.data)
}

#[derive(Debug, Clone, Serialize)]
struct Slot {
    entry: Entry,
    /// Zero unless traced.
    #[serde(skip)]
    prefix_hash: u64,
}

/// A raft log. Entries have contiguous indexes from `truncated + 1` on and terms that never fall.
#[derive(Debug, Clone, Serialize)]
pub struct Log {
    truncated: LogPosition,
    slots: VecDeque<Slot>,
    /// The own disk holds the log up to here.
    persisted: LogIndex,
    /// Entries up to here were given out to be written.
    given: LogIndex,
    #[serde(skip)]
    truncated_hash: u64,
    #[serde(skip)]
    traced: bool,
}

impl Log {
    /// A log whose `entries` are durable and follow `truncated` without gaps.
    #[must_use]
    pub fn new(
        truncated: LogPosition,
        truncated_hash: u64,
        entries: Vec<Entry>,
        traced: bool,
    ) -> Self {
        let mut log = Self {
            truncated,
            slots: VecDeque::with_capacity(entries.len()),
            persisted: truncated.index,
            given: truncated.index,
            truncated_hash,
            traced,
        };
        for entry in entries {
            log.push(entry);
        }
        log.persisted = log.last_index();
        log.given = log.last_index();
        log
    }

    /// The last position that is no longer in the log.
    #[must_use]
    pub fn truncated(&self) -> LogPosition {
        self.truncated
    }

    /// The first index that the log holds, or would hold if it were not empty.
    #[must_use]
    pub fn first_index(&self) -> LogIndex {
        self.truncated.index.next()
    }

    /// The last index; `truncated`'s when the log is empty.
    #[must_use]
    pub fn last_index(&self) -> LogIndex {
        self.truncated.index.plus(self.slots.len() as u64)
    }

    /// The end of the log.
    #[must_use]
    pub fn last(&self) -> LogPosition {
        self.slots
            .back()
            .map_or(self.truncated, |slot| LogPosition {
                index: slot.entry.index,
                term: slot.entry.term,
            })
    }

    /// The own disk holds the log up to here.
    #[must_use]
    pub fn persisted(&self) -> LogIndex {
        self.persisted
    }

    /// The term at `index`, from `truncated` to the last; `None` outside.
    #[must_use]
    pub fn term(&self, index: LogIndex) -> Option<Term> {
        if index == self.truncated.index {
            Some(self.truncated.term)
        } else {
            self.entry(index).map(|entry| entry.term)
        }
    }

    /// The entry at `index`.
    #[must_use]
    pub fn entry(&self, index: LogIndex) -> Option<&Entry> {
        Some(&self.slots.get(self.offset(index)?)?.entry)
    }

    /// The entries in `[from, to]`, as far as the log holds them.
    pub fn entries(&self, from: LogIndex, to: LogIndex) -> impl Iterator<Item = &Entry> {
        let start = self.offset(from.max(self.first_index())).unwrap_or(0);
        let end = self.offset(to).map_or(0, |offset| offset + 1);
        let end = end.min(self.slots.len());
        self.slots
            .range(start.min(end)..end)
            .map(|slot| &slot.entry)
    }

    /// The chained hash of everything up to `index`; `None` outside of the log, or when nobody
    /// asked for a trace.
    #[must_use]
    pub fn prefix_hash(&self, index: LogIndex) -> Option<u64> {
        if !self.traced {
            None
        } else if index == self.truncated.index {
            Some(self.truncated_hash)
        } else {
            Some(self.slots.get(self.offset(index)?)?.prefix_hash)
        }
    }

    /// The highest position at or before `index` whose term is not above `term`; `truncated` when
    /// there is none (paper, end of section 5.3).
    #[must_use]
    pub fn agreeable(&self, index: LogIndex, term: Term) -> LogPosition {
        let behind = self
            .slots
            .partition_point(|slot| slot.entry.index <= index && slot.entry.term <= term);
        match behind.checked_sub(1).and_then(|at| self.slots.get(at)) {
            Some(slot) => LogPosition {
                index: slot.entry.index,
                term: slot.entry.term,
            },
            None => self.truncated,
        }
    }

    /// The first index at which the log has an entry of another term than `entries`.
    #[must_use]
    pub fn first_conflict(&self, entries: &[Entry]) -> Option<LogIndex> {
        entries
            .iter()
            .find(|entry| self.term(entry.index).is_some_and(|own| own != entry.term))
            .map(|entry| entry.index)
    }

    /// Adds an entry behind the last.
    pub(crate) fn push(&mut self, entry: Entry) {
        assert!(
            entry.index == self.last_index().next() && entry.term >= self.last().term,
            "entry {} of {} cannot follow {}",
            entry.index,
            entry.term,
            self.last()
        );
        let prefix_hash = if self.traced {
            let before = self
                .slots
                .back()
                .map_or(self.truncated_hash, |s| s.prefix_hash);
            chain_entry(before, &entry)
        } else {
            0
        };
        self.slots.push_back(Slot { entry, prefix_hash });
    }

    /// Makes and adds an entry of `term`.
    pub(crate) fn push_new(&mut self, term: Term, kind: EntryKind, data: Bytes) -> LogPosition {
        let index = self.last_index().next();
        self.push(Entry {
            term,
            index,
            kind,
            data,
        });
        LogPosition { index, term }
    }

    /// Drops everything from `from` on; what is durable ends there too.
    pub(crate) fn cut(&mut self, from: LogIndex) {
        if let Some(offset) = self.offset(from) {
            self.slots.truncate(offset);
            self.persisted = self.persisted.min(from.prev());
            self.given = self.given.min(from.prev());
        }
    }

    /// Drops everything up to `to`, which the log holds.
    pub(crate) fn compact(&mut self, to: LogIndex) {
        let Some(offset) = self.offset(to).filter(|offset| *offset < self.slots.len()) else {
            return;
        };
        let slot = &self.slots[offset];
        self.truncated_hash = slot.prefix_hash;
        self.truncated = LogPosition {
            index: to,
            term: slot.entry.term,
        };
        self.slots.drain(..=offset);
    }

    /// Puts a snapshot's end in the place of the whole log. Of what is durable only the part up to
    /// `equal`, which the log has in common with the snapshot, stays so until the snapshot itself
    /// is.
    pub(crate) fn reset(&mut self, last: LogPosition, prefix_hash: u64, equal: LogIndex) {
        self.slots.clear();
        self.truncated = last;
        self.truncated_hash = prefix_hash;
        self.persisted = self.persisted.min(equal);
        self.given = last.index;
    }

    /// The disk holds the log up to `to`. Says whether that is more than before.
    pub(crate) fn persist(&mut self, to: LogIndex) -> bool {
        let to = to.min(self.last_index());
        let is_news = to > self.persisted;
        self.persisted = self.persisted.max(to);
        is_news
    }

    /// Whether there are entries that were not yet given out to be written.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.given < self.last_index()
    }

    /// The entries that were not yet given out to be written.
    pub(crate) fn take_unwritten(&mut self) -> Vec<Entry> {
        if !self.has_unwritten() {
            return Vec::new();
        }
        let entries = self
            .entries(self.given.next(), self.last_index())
            .cloned()
            .collect();
        self.given = self.last_index();
        entries
    }

    fn offset(&self, index: LogIndex) -> Option<usize> {
        let distance = index.get().checked_sub(self.truncated.index.get() + 1)?;
        usize::try_from(distance).ok()
    }
}

#[cfg(test)]
#[path = "log/tests.rs"]
mod tests;
