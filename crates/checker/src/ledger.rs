//! What the whole group is known to have: every entry that any log ever held, and which of them
//! are committed. The truth that each store is compared with.

use std::collections::BTreeMap;

use types::raft::{EntryKind, LogIndex, LogPosition, Term};

/// Terms whose commits are remembered one by one.
const TERMS_KEPT: usize = 4_096;

/// What is known of the entry with one index and term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    term: Term,
    /// The term of the entry before it, and its own kind; `None` while only its position is known.
    shape: Option<(Term, EntryKind)>,
    /// The chained hash of the log up to it; zero while unknown.
    prefix_hash: u64,
}

/// All that is known of one index.
#[derive(Debug, Clone, Default)]
struct Slot {
    /// One for each term; nearly always a single one.
    known: Vec<Known>,
    /// The term of the entry that was committed here.
    committed: Option<Term>,
}

/// The group's truth.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    slots: BTreeMap<LogIndex, Slot>,
    /// Nothing below is remembered.
    floor: LogIndex,
    /// The highest index that anybody committed.
    commit: LogIndex,
    /// The highest position that was committed in each term.
    by_term: BTreeMap<Term, LogPosition>,
}

/// An entry differs from the one that was seen before with the same index and term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) known: (Term, EntryKind),
}

impl Ledger {
    /// The highest index that anybody committed.
    pub(crate) fn commit(&self) -> LogIndex {
        self.commit
    }

    /// The term of the entry that was committed at `index`, as far as it is remembered.
    pub(crate) fn committed(&self, index: LogIndex) -> Option<Term> {
        self.slots.get(&index)?.committed
    }

    /// The highest position that was committed in a term before `term`.
    pub(crate) fn committed_before(&self, term: Term) -> Option<LogPosition> {
        let (_, position) = self.by_term.range(..term).next_back()?;
        Some(*position)
    }

    /// The prefix hash up to a position; zero while unknown.
    pub(crate) fn prefix_hash(&self, position: LogPosition) -> u64 {
        let slot = self.slots.get(&position.index);
        let known =
            slot.and_then(|slot| slot.known.iter().find(|known| known.term == position.term));
        known.map_or(0, |known| known.prefix_hash)
    }

    /// Whether nothing is remembered of `index` any more.
    pub(crate) fn is_forgotten(&self, index: LogIndex) -> bool {
        index < self.floor
    }

    /// Takes an entry in that stands behind one of term `before`. Says whether nobody had it yet.
    pub(crate) fn enter(
        &mut self,
        position: LogPosition,
        before: Term,
        kind: EntryKind,
    ) -> Result<bool, Mismatch> {
        let Some(known) = self.known(position) else {
            return Ok(false);
        };
        match known.shape {
            Some(shape) if shape == (before, kind) => Ok(false),
            Some(shape) => Err(Mismatch { known: shape }),
            None => {
                known.shape = Some((before, kind));
                Ok(true)
            }
        }
    }

    /// Takes a prefix hash in; zero stands for none. Fails with the one that is known.
    pub(crate) fn hash(&mut self, position: LogPosition, prefix_hash: u64) -> Result<(), u64> {
        if prefix_hash == 0 {
            return Ok(());
        }
        match self.known(position) {
            Some(known) if known.prefix_hash == 0 => {
                known.prefix_hash = prefix_hash;
                Ok(())
            }
            Some(known) if known.prefix_hash != prefix_hash => Err(known.prefix_hash),
            _ => Ok(()),
        }
    }

    /// An entry is committed. Fails with the term of the other one that was committed there.
    pub(crate) fn commit_entry(&mut self, position: LogPosition) -> Result<(), Term> {
        if self.is_forgotten(position.index) {
            return Ok(());
        }
        let slot = self.slots.entry(position.index).or_default();
        match slot.committed {
            Some(term) if term != position.term => Err(term),
            Some(_) => Ok(()),
            None => {
                slot.committed = Some(position.term);
                self.commit = self.commit.max(position.index);
                Ok(())
            }
        }
    }

    /// Remembers that `position` was committed in `term`.
    pub(crate) fn commit_in(&mut self, term: Term, position: LogPosition) {
        let highest = self.by_term.entry(term).or_insert(position);
        if position.index > highest.index {
            *highest = position;
        }
        if self.by_term.len() > TERMS_KEPT {
            self.by_term.pop_first();
        }
    }

    /// Forgets what is below `floor`: no log and no disk has it any more.
    pub(crate) fn forget_below(&mut self, floor: LogIndex) {
        while let Some(entry) = self.slots.first_entry() {
            if *entry.key() >= floor {
                break;
            }
            entry.remove();
        }
        self.floor = self.floor.max(floor);
    }

    fn known(&mut self, position: LogPosition) -> Option<&mut Known> {
        if self.is_forgotten(position.index) {
            return None;
        }
        let known = &mut self.slots.entry(position.index).or_default().known;
        let found = known.iter().position(|known| known.term == position.term);
        let at = found.unwrap_or_else(|| {
            known.push(Known {
                term: position.term,
                shape: None,
                prefix_hash: 0,
            });
            known.len() - 1
        });
        known.get_mut(at)
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

    #[test]
    fn an_entry_is_new_once_and_stays_what_it_was() {
        let mut ledger = Ledger::default();
        let one = Term::new(1);
        assert_eq!(ledger.enter(at(3, 2), one, EntryKind::Normal), Ok(true));
        assert_eq!(ledger.enter(at(3, 2), one, EntryKind::Normal), Ok(false));
        assert_eq!(ledger.enter(at(3, 1), one, EntryKind::NoOp), Ok(true));
        let other = ledger.enter(at(3, 2), Term::new(2), EntryKind::Normal);
        let known = (one, EntryKind::Normal);
        assert_eq!(other, Err(Mismatch { known }));
    }

    #[test]
    fn a_hash_is_compared_with_the_first_one_and_zero_is_none() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.hash(at(3, 2), 0), Ok(()));
        assert_eq!(ledger.hash(at(3, 2), 7), Ok(()));
        assert_eq!(ledger.hash(at(3, 2), 8), Err(7));
        assert_eq!(ledger.hash(at(3, 3), 8), Ok(()));
        assert_eq!(ledger.prefix_hash(at(3, 3)), 8);
    }

    #[test]
    fn commits_are_known_by_index_and_by_term() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.commit_entry(at(1, 1)), Ok(()));
        assert_eq!(ledger.commit_entry(at(2, 1)), Ok(()));
        assert_eq!(ledger.commit_entry(at(2, 3)), Err(Term::new(1)));
        ledger.commit_in(Term::new(2), at(2, 1));
        ledger.commit_in(Term::new(4), at(9, 4));
        assert_eq!(ledger.commit(), LogIndex::new(2));
        assert_eq!(ledger.committed_before(Term::new(4)), Some(at(2, 1)));
        assert_eq!(ledger.committed_before(Term::new(2)), None);
    }

    #[test]
    fn what_is_forgotten_is_not_judged() {
        let mut ledger = Ledger::default();
        ledger.hash(at(1, 1), 5).expect("first");
        ledger.hash(at(2, 1), 6).expect("first");
        ledger.forget_below(LogIndex::new(2));
        assert_eq!(ledger.hash(at(1, 1), 9), Ok(()));
        assert_eq!(ledger.hash(at(2, 1), 9), Err(6));
    }
}
