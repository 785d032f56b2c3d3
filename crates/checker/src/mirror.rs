//! A log as it can be seen from outside: positions and kinds, without payloads.

use std::collections::VecDeque;

use types::raft::{EntryBrief, EntryKind, LogIndex, LogPosition, Term};

/// The terms of a log, from its truncated position on.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogMirror {
    truncated: LogPosition,
    entries: VecDeque<(Term, EntryKind)>,
}

impl LogMirror {
    pub(crate) fn new(truncated: LogPosition) -> Self {
        Self {
            truncated,
            entries: VecDeque::new(),
        }
    }

    pub(crate) fn truncated(&self) -> LogPosition {
        self.truncated
    }

    pub(crate) fn last(&self) -> LogPosition {
        match self.entries.back() {
            Some((term, _)) => LogPosition {
                index: self.last_index(),
                term: *term,
            },
            None => self.truncated,
        }
    }

    pub(crate) fn last_index(&self) -> LogIndex {
        self.truncated.index.plus(self.entries.len() as u64)
    }

    /// The term at `index`, from the truncated position to the last; `None` outside.
    pub(crate) fn term(&self, index: LogIndex) -> Option<Term> {
        if index == self.truncated.index {
            return Some(self.truncated.term);
        }
        self.offset(index)
            .and_then(|offset| self.entries.get(offset))
            .map(|(term, _)| *term)
    }

    /// Whether the log reaches up to `index`, or did before its beginning was dropped.
    pub(crate) fn covers(&self, index: LogIndex) -> bool {
        index <= self.last_index()
    }

    /// Whether the log holds this very entry, or dropped it with its beginning.
    pub(crate) fn holds(&self, position: LogPosition) -> bool {
        position.index < self.truncated.index || self.term(position.index) == Some(position.term)
    }

    /// Adds an entry behind the last. Says whether it fits there.
    pub(crate) fn push(&mut self, entry: EntryBrief) -> bool {
        let fits = entry.index == self.last_index().next();
        if fits {
            self.entries.push_back((entry.term, entry.kind));
        }
        fits
    }

    /// Drops everything from `from` on.
    pub(crate) fn cut(&mut self, from: LogIndex) {
        self.entries.truncate(self.offset(from).unwrap_or(0));
    }

    /// The beginning up to `to` is gone. Where the log does not hold `to`, all of it is.
    pub(crate) fn drop_to(&mut self, to: LogPosition) {
        if self.term(to.index) == Some(to.term) {
            let gone = self.offset(to.index).map_or(0, |offset| offset + 1);
            self.entries.drain(..gone);
        } else {
            self.entries.clear();
        }
        self.truncated = to;
    }

    /// The entries, oldest first.
    pub(crate) fn entries(&self) -> impl Iterator<Item = EntryBrief> {
        let first = self.truncated.index.next().get();
        (first..)
            .zip(&self.entries)
            .map(|(index, &(term, kind))| EntryBrief {
                index: LogIndex::new(index),
                term,
                kind,
            })
    }

    fn offset(&self, index: LogIndex) -> Option<usize> {
        let distance = index.get().checked_sub(self.truncated.index.get() + 1)?;
        usize::try_from(distance).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(index: u64, term: u64) -> LogPosition {
        LogPosition {
            index: LogIndex::new(index),
            term: Term::new(term),
        }
    }

    fn log(truncated: LogPosition, terms: &[u64]) -> LogMirror {
        let mut log = LogMirror::new(truncated);
        for &term in terms {
            let fits = log.push(EntryBrief {
                index: log.last_index().next(),
                term: Term::new(term),
                kind: EntryKind::Normal,
            });
            assert!(fits);
        }
        log
    }

    #[test]
    fn a_log_holds_its_entries_and_what_it_dropped() {
        let log = log(at(5, 2), &[2, 3]);
        assert_eq!(log.last(), at(7, 3));
        assert!(log.holds(at(3, 1)) && log.holds(at(5, 2)) && log.holds(at(7, 3)));
        assert!(!log.holds(at(5, 1)) && !log.holds(at(7, 2)) && !log.holds(at(8, 3)));
        assert!(log.covers(LogIndex::new(7)) && !log.covers(LogIndex::new(8)));
    }

    #[test]
    fn a_hole_is_refused() {
        let mut log = log(at(0, 0), &[1]);
        let entry = EntryBrief {
            index: LogIndex::new(3),
            term: Term::new(1),
            kind: EntryKind::Normal,
        };
        assert!(!log.push(entry));
        assert_eq!(log.last(), at(1, 1));
    }

    #[test]
    fn a_dropped_beginning_keeps_the_rest_only_where_the_log_held_its_end() {
        let mut kept = log(at(0, 0), &[1, 1, 2, 2]);
        kept.drop_to(at(2, 1));
        assert_eq!((kept.truncated(), kept.last()), (at(2, 1), at(4, 2)));
        let mut replaced = log(at(0, 0), &[1, 1, 2, 2]);
        replaced.drop_to(at(3, 3));
        assert_eq!(replaced.last(), at(3, 3));
    }

    #[test]
    fn a_cut_drops_the_tail() {
        let mut log = log(at(2, 1), &[1, 2, 2]);
        log.cut(LogIndex::new(4));
        assert_eq!(log.last(), at(3, 1));
        log.cut(LogIndex::new(1));
        assert_eq!(log.last(), at(2, 1));
        assert_eq!(log.entries().count(), 0);
    }
}
