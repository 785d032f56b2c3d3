use proptest::prelude::*;

use super::*;
use crate::Overseen;

type Log = super::Log<Overseen>;

fn entry(index: u64, term: u64) -> Entry {
    Entry {
        term: Term::new(term),
        index: LogIndex::new(index),
        kind: EntryKind::Normal,
        data: Bytes::from(vec![7; 3]),
    }
}

/// A log behind (5, 2) with entries of these terms.
fn log(terms: &[u64]) -> Log {
    let truncated = LogPosition {
        index: LogIndex::new(5),
        term: Term::new(2),
    };
    let entries = (6..).zip(terms).map(|(at, &of)| entry(at, of)).collect();
    Log::new(truncated, 77, entries, Overseen::TRACED)
}

/// Adds one entry as a run of its own.
fn push(log: &mut Log, entry: Entry) {
    log.push_run(vec![entry].into());
}

fn at(index: u64) -> LogIndex {
    LogIndex::new(index)
}

#[test]
fn terms_are_known_from_the_truncated_position_to_the_last() {
    let log = log(&[2, 3]);
    let terms: Vec<Option<u64>> = (4..=8).map(|i| log.term(at(i)).map(Term::get)).collect();
    assert_eq!(terms, [None, Some(2), Some(2), Some(3), None]);
    assert_eq!(log.term(at(types::id::MAX_SAFE)), None);
}

#[test]
fn ranges_outside_of_the_log_are_cut_to_what_it_holds() {
    let log = log(&[2, 3, 3]);
    let indexes = |from, to| -> Vec<u64> {
        log.entries(at(from), at(to))
            .map(|e| e.index.get())
            .collect()
    };
    assert_eq!(indexes(0, 100), [6, 7, 8]);
    assert_eq!(indexes(7, 7), [7]);
    for (from, to) in [(8, 7), (9, 20), (0, 5), (0, 0)] {
        assert!(indexes(from, to).is_empty(), "[{from}, {to}]");
    }
}

#[test]
fn a_cut_takes_the_prefix_hashes_with_it() {
    let mut log = log(&[2, 3]);
    let before = log.prefix_hash(at(6));
    log.cut(at(7));
    assert_eq!(
        (log.prefix_hash(at(6)), log.prefix_hash(at(7))),
        (before, None)
    );
    push(&mut log, entry(7, 4));
    let other = log.prefix_hash(at(7));
    log.cut(at(7));
    push(&mut log, entry(7, 3));
    assert_ne!(log.prefix_hash(at(7)), other);
    assert_eq!(log.prefix_hash(at(5)), Some(77));
}

#[test]
fn a_prefix_hash_depends_on_every_part_of_an_entry() {
    let base = entry(1, 1);
    let others = [
        entry(2, 1),
        entry(1, 2),
        Entry {
            kind: EntryKind::NoOp,
            ..base.clone()
        },
        Entry {
            data: Bytes::from_static(b"x"),
            ..base.clone()
        },
    ];
    let hash = chain_entry(0, &base);
    assert!(others.iter().all(|other| chain_entry(0, other) != hash));
    assert_ne!(chain_entry(1, &base), hash);
}

#[test]
fn entries_are_given_out_for_writing_once_and_again_after_a_cut() {
    let mut log = log(&[2]);
    assert!(!log.has_unwritten());
    push(&mut log, entry(7, 3));
    assert_eq!(log.take_unwritten(), [entry(7, 3)]);
    assert!(log.take_unwritten().is_empty());
    log.cut(at(6));
    push(&mut log, entry(6, 4));
    assert_eq!(log.take_unwritten(), [entry(6, 4)]);
}

#[test]
fn nothing_behind_the_last_entry_becomes_durable() {
    let mut log = log(&[2]);
    push(&mut log, entry(7, 3));
    assert!(log.persist(at(99)));
    assert_eq!(log.persisted(), at(7));
    assert!(!log.persist(at(6)));
    assert_eq!(log.persisted(), at(7));
}

#[test]
#[should_panic(expected = "cannot follow")]
fn a_gap_is_our_own_broken_invariant() {
    push(&mut log(&[2]), entry(8, 2));
}

/// What is done to a log.
#[derive(Debug, Clone)]
enum Change {
    Push(u64),
    /// So many entries at once, each of so much later a term.
    Run(Vec<u64>),
    Cut(u64),
    Compact(u64),
    Take,
    Persist(u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0_u64..2).prop_map(Change::Push),
        4 => prop::collection::vec(0_u64..2, 0..5).prop_map(Change::Run),
        2 => (6_u64..20).prop_map(Change::Cut),
        1 => (0_u64..20).prop_map(Change::Compact),
        1 => Just(Change::Take),
        1 => (0_u64..20).prop_map(Change::Persist),
    ]
}

/// The model: the terms from index 6 on, how many are durable, and how many are gone.
#[derive(Debug, Default)]
struct Plain {
    terms: Vec<u64>,
    durable: usize,
    gone: usize,
}

impl Plain {
    fn last_term(&self) -> u64 {
        self.terms.last().copied().unwrap_or(2)
    }

    /// Makes a change to the list and to the log.
    fn follow(&mut self, change: Change, log: &mut Log) {
        let place = |index: u64| usize::try_from(index.saturating_sub(5)).expect("small");
        match change {
            Change::Push(step) => {
                self.terms.push(self.last_term() + step);
                log.push_new(Term::new(self.last_term()), EntryKind::Normal, Bytes::new());
            }
            Change::Run(steps) => {
                let mut run = Vec::new();
                for step in steps {
                    self.terms.push(self.last_term() + step);
                    run.push(entry(5 + self.terms.len() as u64, self.last_term()));
                }
                log.push_run(run.into());
            }
            Change::Compact(to) => {
                // Only what is written and durable is ever compacted.
                log.take_unwritten();
                if place(to) <= self.durable {
                    self.gone = self.gone.max(place(to));
                    log.compact(at(to.max(5)));
                }
            }
            Change::Cut(from) if from < 6 + self.gone as u64 => {}
            Change::Cut(from) => {
                self.terms.truncate(place(from - 1));
                self.durable = self.durable.min(self.terms.len());
                log.cut(at(from));
            }
            Change::Take => {
                log.take_unwritten();
            }
            Change::Persist(to) => {
                self.durable = self.durable.max(place(to).min(self.terms.len()));
                log.persist(at(to.max(5)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn a_log_behaves_as_a_plain_list_of_terms(
        changes in prop::collection::vec(change(), 0..40),
        probe in 0_u64..25,
        term in 0_u64..10,
        fitting in (0_u64..25, 0_u64..25, 1_usize..6),
    ) {
        let mut log = log(&[]);
        let mut list = Plain::default();
        for change in changes {
            list.follow(change, &mut log);
        }
        let Plain { terms, durable, gone } = list;
        let all = (6..).zip(terms.iter().copied());
        let model: Vec<(u64, u64)> = all.skip(gone).collect();
        let truncated = (5 + gone as u64, gone.checked_sub(1).map_or(2, |last| terms[last]));
        prop_assert_eq!(log.truncated().term.get(), truncated.1);
        let known: Vec<_> = (0..25).map(|i| log.term(at(i)).map(Term::get)).collect();
        let expected: Vec<_> = (0..25)
            .map(|i| model.iter().chain([&truncated]).find(|(at, _)| *at == i).map(|(_, t)| *t))
            .collect();
        prop_assert_eq!(known, expected);
        let held: Vec<(u64, u64)> = log
            .entries(at(0), at(100))
            .map(|e| (e.index.get(), e.term.get()))
            .collect();
        prop_assert_eq!(&held, &model);
        prop_assert_eq!(log.last_index(), at(5 + terms.len() as u64));
        prop_assert_eq!(log.persisted(), at(5 + durable as u64));
        let agreeable = model
            .iter()
            .rev()
            .find(|(i, t)| *i <= probe && *t <= term)
            .map_or(truncated, |&position| position);
        let found = log.agreeable(at(probe), Term::new(term));
        prop_assert_eq!((found.index.get(), found.term.get()), agreeable);
        let (from, to, count) = fitting;
        if from > truncated.0 && from <= to && to <= log.last_index().get() {
            let (entries, bytes) = log.fitting(at(from), at(to), count, usize::MAX);
            let range = log.entries(at(from), at(to)).take(count);
            let range: Vec<Entry> = range.cloned().collect();
            prop_assert_eq!(bytes, range.iter().map(|entry| entry.data.len()).sum::<usize>());
            prop_assert_eq!(entries, range);
        }
    }
}
