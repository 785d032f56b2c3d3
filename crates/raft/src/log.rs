//! The replicated log of one peer, wholly in memory from its truncated position on.
//!
//! ```text
//!  truncated  first ......... applied .... handed out .... commit ....  last
//!                             persisted anywhere in [applied, last]
//! ```

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use serde::Serialize;
use types::codec;
use types::raft::{Entries, Entry, EntryKind, LogIndex, LogPosition, Term};

use crate::oversight::{Oversight, Unwatched};

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

/// Entries that came together and stay together; never empty.
#[derive(Debug, Clone, Serialize)]
struct Run {
    /// Beside the entries, so that a search touches no run but the right one.
    first: LogIndex,
    entries: Entries,
}

impl Run {
    fn last(&self) -> LogIndex {
        self.first.plus(self.entries.len() as u64 - 1)
    }

    /// Where `index`, which is not before it, stands in it, or would.
    fn offset(&self, index: LogIndex) -> usize {
        offset(self.first, index)
    }
}

/// A raft log. Entries have contiguous indexes from `truncated + 1` on and terms that never fall.
///
/// They lie in shared runs: one for each append that came, and one for what a leader took in
/// between two Readys. Whoever is given entries is given the runs themselves.
#[derive(Debug, Clone, Serialize)]
#[serde(bound = "")]
pub struct Log<O: Oversight = Unwatched> {
    truncated: LogPosition,
    runs: VecDeque<Run>,
    /// A leader's newest entries, behind the runs.
    tail: Vec<Entry>,
    last: LogPosition,
    /// From which index on each term holds. The first one may begin before the log does.
    terms: VecDeque<LogPosition>,
    /// The own disk holds the log up to here.
    persisted: LogIndex,
    /// Entries up to here were given out to be written.
    given: LogIndex,
    #[serde(skip)]
    truncated_hash: u64,
    /// Of every entry, where somebody listens.
    #[serde(skip)]
    hashes: VecDeque<u64>,
    #[serde(skip)]
    oversight: O,
}

impl<O: Oversight> Log<O> {
    /// A log whose `entries` are durable and follow `truncated` without gaps.
    #[must_use]
    pub fn new(
        truncated: LogPosition,
        truncated_hash: u64,
        entries: Vec<Entry>,
        oversight: O,
    ) -> Self {
        let mut log = Self {
            truncated,
            runs: VecDeque::new(),
            tail: Vec::new(),
            last: truncated,
            terms: VecDeque::new(),
            persisted: truncated.index,
            given: truncated.index,
            truncated_hash,
            hashes: VecDeque::new(),
            oversight,
        };
        log.push_run(entries.into());
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
        self.last.index
    }

    /// The end of the log.
    #[must_use]
    pub fn last(&self) -> LogPosition {
        self.last
    }

    /// The own disk holds the log up to here.
    #[must_use]
    pub fn persisted(&self) -> LogIndex {
        self.persisted
    }

    /// The term at `index`, from `truncated` to the last; `None` outside.
    #[must_use]
    pub fn term(&self, index: LogIndex) -> Option<Term> {
        if index >= self.last.index {
            return (index == self.last.index).then_some(self.last.term);
        }
        if index <= self.truncated.index {
            return (index == self.truncated.index).then_some(self.truncated.term);
        }
        let mut newest_first = self.terms.iter().rev();
        newest_first
            .find(|since| since.index <= index)
            .map(|since| since.term)
    }

    /// The entry at `index`.
    #[must_use]
    pub fn entry(&self, index: LogIndex) -> Option<&Entry> {
        self.entries(index, index).next()
    }

    /// The entries in `[from, to]`, as far as the log holds them.
    pub fn entries(&self, from: LogIndex, to: LogIndex) -> impl Iterator<Item = &Entry> {
        let from = from.max(self.first_index());
        self.runs
            .range(self.run_of(from)..)
            .flat_map(|run| &*run.entries)
            .chain(&self.tail)
            .skip_while(move |entry| entry.index < from)
            .take_while(move |entry| entry.index <= to)
    }

    /// The entries from `from` to `to`, all of which the log holds, as many as `count` and `bytes`
    /// of payload let, at least one; and their bytes. Shared where they lie in one run.
    pub(crate) fn fitting(
        &self,
        from: LogIndex,
        to: LogIndex,
        count: usize,
        bytes: usize,
    ) -> (Entries, usize) {
        let mut fits = Fits::new(count, bytes);
        if let Some((run, range)) = self.run_with(from, to) {
            let start = range.start;
            let taken = fits.count(&run.entries[range]);
            return (run.entries.slice(start..start + taken), fits.bytes);
        }
        let entries = self.entries(from, to).take_while(|entry| fits.take(entry));
        (entries.cloned().collect(), fits.bytes)
    }

    /// The run that holds all of `[from, to]`, if it is one run, and where in it they stand.
    fn run_with(&self, from: LogIndex, to: LogIndex) -> Option<(&Run, Range<usize>)> {
        let newest = self.runs.back()?;
        let run = if newest.first <= from {
            newest
        } else {
            self.runs.get(self.run_of(from))?
        };
        let range = run.offset(from)..run.offset(to) + 1;
        (range.end <= run.entries.len()).then_some((run, range))
    }

    /// The place of the first run that does not end before `index`.
    fn run_of(&self, index: LogIndex) -> usize {
        self.runs.partition_point(|run| run.last() < index)
    }

    /// The chained hash of everything up to `index`; `None` outside of the log, or when nobody
    /// asked for a trace.
    #[must_use]
    pub fn prefix_hash(&self, index: LogIndex) -> Option<u64> {
        if !self.oversight.traces() || index < self.truncated.index {
            None
        } else if index == self.truncated.index {
            Some(self.truncated_hash)
        } else {
            let at = offset(self.first_index(), index);
            self.hashes.get(at).copied()
        }
    }

    /// The highest position at or before `index` whose term is not above `term`; `truncated` when
    /// there is none (paper, end of section 5.3).
    #[must_use]
    pub fn agreeable(&self, index: LogIndex, term: Term) -> LogPosition {
        let mut end = index.min(self.last.index);
        if end <= self.truncated.index {
            return self.truncated;
        }
        for since in self.terms.iter().rev() {
            if since.index <= end {
                if since.term <= term {
                    let term = since.term;
                    return LogPosition { index: end, term };
                }
                end = since.index.prev();
                if end <= self.truncated.index {
                    break;
                }
            }
        }
        self.truncated
    }

    /// The first index at which the log has an entry of another term than `entries`.
    #[must_use]
    pub fn first_conflict(&self, entries: &[Entry]) -> Option<LogIndex> {
        entries
            .iter()
            .take_while(|entry| entry.index <= self.last.index)
            .find(|entry| self.term(entry.index).is_some_and(|own| own != entry.term))
            .map(|entry| entry.index)
    }

    /// Adds a run behind the last entry.
    pub(crate) fn push_run(&mut self, entries: Entries) {
        let Some(first) = entries.first().map(|entry| entry.index) else {
            return;
        };
        self.seal();
        for entry in &entries {
            self.count(entry);
        }
        self.runs.push_back(Run { first, entries });
    }

    /// Makes and adds an entry of `term`.
    pub(crate) fn push_new(&mut self, term: Term, kind: EntryKind, data: Bytes) -> LogPosition {
        let entry = Entry {
            term,
            index: self.last_index().next(),
            kind,
            data,
        };
        self.count(&entry);
        self.tail.push(entry);
        self.last
    }

    /// Makes a run of what a leader took in since the last one.
    pub(crate) fn seal(&mut self) {
        if let Some(first) = self.tail.first().map(|entry| entry.index) {
            let entries = self.tail.drain(..).collect();
            self.runs.push_back(Run { first, entries });
        }
    }

    /// Takes the position of the next entry in.
    fn count(&mut self, entry: &Entry) {
        assert!(
            entry.index == self.last.index.next() && entry.term >= self.last.term,
            "entry {} of {} cannot follow {}",
            entry.index,
            entry.term,
            self.last
        );
        let position = entry.position();
        if self.oversight.traces() {
            let before = self.hashes.back().copied();
            let before = before.unwrap_or(self.truncated_hash);
            self.hashes.push_back(chain_entry(before, entry));
        }
        if self.terms.is_empty() || entry.term != self.last.term {
            self.terms.push_back(position);
        }
        self.last = position;
    }

    /// Drops everything from `from` on; what is durable ends there too.
    pub(crate) fn cut(&mut self, from: LogIndex) {
        if from < self.first_index() || from > self.last.index {
            return;
        }
        self.tail.retain(|entry| entry.index < from);
        while self.runs.pop_back_if(|run| run.first >= from).is_some() {}
        if let Some(run) = self.runs.back_mut() {
            let end = run.offset(from).min(run.entries.len());
            run.entries = run.entries.slice(0..end);
        }
        let kept = offset(self.first_index(), from);
        self.hashes.truncate(kept);
        let term = self.term(from.prev());
        self.last = LogPosition {
            index: from.prev(),
            term: term.unwrap_or(self.truncated.term),
        };
        while self
            .terms
            .pop_back_if(|since| since.index >= from)
            .is_some()
        {}
        self.persisted = self.persisted.min(from.prev());
        self.given = self.given.min(from.prev());
    }

    /// Drops everything up to `to`, which the log holds.
    pub(crate) fn compact(&mut self, to: LogIndex) {
        let (Some(term), true) = (self.term(to), to > self.truncated.index) else {
            return;
        };
        self.truncated_hash = self.prefix_hash(to).unwrap_or_default();
        if self.oversight.traces() {
            self.hashes.drain(..=offset(self.first_index(), to));
        }
        self.seal();
        while self.runs.pop_front_if(|run| run.last() <= to).is_some() {}
        if let Some(run) = self.runs.front_mut().filter(|run| run.first <= to) {
            let start = run.offset(to.next());
            run.entries = run.entries.slice(start..run.entries.len());
            run.first = to.next();
        }
        while self
            .terms
            .get(1)
            .is_some_and(|since| since.index <= to.next())
        {
            self.terms.pop_front();
        }
        self.truncated = LogPosition { index: to, term };
        if self.last.index == to {
            self.terms.clear();
        }
    }

    /// Puts a snapshot's end in the place of the whole log. Of what is durable only the part up to
    /// `equal`, which the log has in common with the snapshot, stays so until the snapshot itself
    /// is.
    pub(crate) fn reset(&mut self, last: LogPosition, prefix_hash: u64, equal: LogIndex) {
        self.runs.clear();
        self.tail.clear();
        self.hashes.clear();
        self.terms.clear();
        self.truncated = last;
        self.last = last;
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
    pub(crate) fn take_unwritten(&mut self) -> Entries {
        if !self.has_unwritten() {
            return Entries::default();
        }
        self.seal();
        let from = self.given.next();
        self.given = self.last_index();
        match self.run_with(from, self.given) {
            Some((run, range)) => run.entries.slice(range),
            None => self.entries(from, self.given).cloned().collect(),
        }
    }
}

/// Counts how many entries fit.
struct Fits {
    count: usize,
    count_max: usize,
    bytes: usize,
    bytes_max: usize,
}

impl Fits {
    fn new(count_max: usize, bytes_max: usize) -> Self {
        let (count, bytes) = (0, 0);
        Self {
            count,
            count_max,
            bytes,
            bytes_max,
        }
    }

    fn take(&mut self, entry: &Entry) -> bool {
        let more = self.bytes.saturating_add(entry.data.len());
        let does = self.count == 0 || (self.count < self.count_max && more <= self.bytes_max);
        if does {
            self.count += 1;
            self.bytes = more;
        }
        does
    }

    fn count(&mut self, entries: &[Entry]) -> usize {
        entries.iter().take_while(|entry| self.take(entry)).count()
    }
}

/// How far `index` is behind `first`, which it is not before.
fn offset(first: LogIndex, index: LogIndex) -> usize {
    usize::try_from(index.since(first)).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[path = "log/tests.rs"]
mod tests;
