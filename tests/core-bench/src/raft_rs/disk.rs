//! The disk of a peer in the lean setup: a log in memory, written at once, without a lock.

use std::collections::VecDeque;

/// A log, and whatever else a peer must remember.
#[derive(Debug)]
pub(super) struct Disk<E, S> {
    /// The index of the last entry that was dropped.
    truncated: u64,
    entries: VecDeque<E>,
    /// The hard state.
    pub(super) state: S,
}

impl<E, S: Default> Default for Disk<E, S> {
    fn default() -> Self {
        Self {
            truncated: 0,
            entries: VecDeque::new(),
            state: S::default(),
        }
    }
}

impl<E, S> Disk<E, S> {
    /// Writes entries that begin at `first`, over what is there from `first` on.
    pub(super) fn write(&mut self, first: u64, entries: impl IntoIterator<Item = E>) {
        let kept = usize::try_from(first - self.truncated - 1).expect("it fits in memory");
        self.entries.truncate(kept);
        self.entries.extend(entries);
    }

    /// The index of the last entry that was dropped.
    pub(super) fn truncated(&self) -> u64 {
        self.truncated
    }

    /// The index of the last entry.
    pub(super) fn last(&self) -> u64 {
        self.truncated + self.entries.len() as u64
    }

    /// The entries in `[from, to)`, which it must hold.
    pub(super) fn entries(&self, from: u64, to: u64) -> impl ExactSizeIterator<Item = &E> {
        let offset = |index: u64| (index - self.truncated - 1) as usize;
        self.entries.range(offset(from)..offset(to))
    }

    /// Drops all but the last `keep` entries and gives back the last that went.
    pub(super) fn compact(&mut self, keep: u64) -> Option<E> {
        let excess = self.entries.len().saturating_sub(keep as usize);
        self.truncated += excess as u64;
        self.entries.drain(..excess).next_back()
    }
}
