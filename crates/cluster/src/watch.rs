//! What a simulated host sees, told to a [`Checker`].

use std::collections::BTreeMap;

use checker::{
    Checker, ConvergenceInput, Counts, DiskChange, LogChange, Moment, Observation, ProgressTold,
    Violation,
};
use raftstore::rows::{self, Content};
use types::{
    disk::{DiskWrite, Row, RowKey, RowOp},
    event::EventId,
    id::{RegionId, StoreId},
    raft::{ConfState, EntryBrief, LogIndex},
    time::VirtualTime,
};

use crate::sim::{Observed, Sight};

/// A checker of a simulation's groups.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    checker: Checker,
}

impl Watch {
    /// Watches a region that starts with `membership`.
    #[must_use]
    pub fn new(region: RegionId, membership: &ConfState) -> Self {
        let mut checker = Checker::new();
        checker.bootstrap(region, membership);
        Self { checker }
    }

    /// Judges what was seen, in order.
    ///
    /// # Errors
    ///
    /// The first [`Violation`].
    pub fn take(&mut self, observed: &[Observed]) -> Result<(), Box<Violation>> {
        for observed in observed {
            let moment = Moment {
                at: observed.at,
                event: observed.event,
            };
            let store = observed.store;
            match &observed.sight {
                Sight::Fact(fact) => {
                    self.checker
                        .observe(moment, store, Observation::Fact(fact))?;
                }
                Sight::Sent(message) => {
                    self.checker
                        .observe(moment, store, Observation::Sent(message))?;
                }
                Sight::Written(change) => {
                    self.checker
                        .observe(moment, store, Observation::Disk(change))?;
                }
                // Its process ends with it, which is told by itself.
                Sight::Stopped(_) => {}
                Sight::Down => self.checker.observe(moment, store, Observation::Down)?,
            }
        }
        Ok(())
    }

    /// Judges what a leader believes of its followers.
    ///
    /// # Errors
    ///
    /// The [`Violation`] that it shows.
    pub fn progress(
        &mut self,
        at: VirtualTime,
        event: EventId,
        store: StoreId,
        told: ProgressTold<'_>,
    ) -> Result<(), Box<Violation>> {
        let moment = Moment { at, event };
        self.checker
            .observe(moment, store, Observation::Progress(told))
    }

    /// Whether a healed group came together.
    ///
    /// # Errors
    ///
    /// A [`Violation`] that says what is missing.
    pub fn converged(
        &self,
        at: VirtualTime,
        event: EventId,
        input: &ConvergenceInput<'_>,
    ) -> Result<(), Box<Violation>> {
        self.checker.converged(Moment { at, event }, input)
    }

    /// What was seen.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.checker.counts()
    }
}

/// What a write of a store's disk changed of each group.
///
/// # Panics
///
/// When a row of raft's cannot be read: its maker and this reader are of one build.
#[must_use]
pub fn changes(write: &DiskWrite) -> Vec<DiskChange> {
    let mut changes = BTreeMap::new();
    for op in &write.ops {
        match op {
            RowOp::Put(row) => put(row, &mut changes),
            RowOp::DeleteRange { from, to } => deleted(from, to, &mut changes),
            RowOp::Delete(_) => {}
        }
    }
    // A log that is gone altogether begins anew where the write says that it begins.
    for change in changes.values_mut() {
        let begins = change.truncated.map(|truncated| truncated.index.next());
        if let (Some(begins), Some(log)) = (begins, &mut change.log) {
            log.from = log.from.max(begins);
        }
    }
    changes.into_values().collect()
}

type Changes = BTreeMap<RegionId, DiskChange>;

fn of(region: RegionId, changes: &mut Changes) -> &mut DiskChange {
    let change = changes.entry(region).or_default();
    change.region = region;
    change
}

/// Everything from `from` on is gone, where the range reaches the end of a region's log. A range
/// that ends before is the beginning of a log, which its truncated position tells.
fn deleted(from: &RowKey, to: &RowKey, changes: &mut Changes) {
    let (RowKey::RaftLog { region, first }, RowKey::RaftLog { region: end, .. }) = (from, to)
    else {
        return;
    };
    if end > region {
        cut(*region, *first, changes);
    }
}

fn cut(region: RegionId, from: LogIndex, changes: &mut Changes) -> &mut LogChange {
    let log = &mut of(region, changes).log;
    let entries = Vec::new();
    let log = log.get_or_insert(LogChange { from, entries });
    log.from = log.from.min(from);
    log.entries.retain(|entry| entry.index < from);
    log
}

fn put(row: &Row, changes: &mut Changes) {
    let (RowKey::RaftLog { region, .. }
    | RowKey::RaftState { region }
    | RowKey::ApplyState { region }) = row.key
    else {
        return;
    };
    match rows::decode(row).expect("a row of our own") {
        Content::RaftLog(run) => {
            if let Some(first) = run.first() {
                let log = cut(region, first, changes);
                log.entries.extend(run.entries.iter().map(EntryBrief::from));
            }
        }
        Content::RaftState(state) => of(region, changes).hard_state = Some(state.hard_state),
        Content::ApplyState(state) => {
            let change = of(region, changes);
            change.applied = Some(state.applied);
            change.truncated = Some(state.truncated);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use raftstore::rows::{ApplyState, LogRun};
    use types::{
        id::Cycle,
        raft::{Entry, EntryKind, LogPosition, Term},
    };

    const REGION: RegionId = RegionId::new(1);

    fn key(region: RegionId, first: u64) -> RowKey {
        let first = LogIndex::new(first);
        RowKey::RaftLog { region, first }
    }

    fn run(first: u64, last: u64) -> RowOp {
        let entry = |index| Entry {
            term: Term::new(2),
            index: LogIndex::new(index),
            kind: EntryKind::Normal,
            data: Bytes::new(),
        };
        let entries = (first..=last).map(entry).collect();
        let run = Content::RaftLog(LogRun { entries });
        RowOp::Put(rows::encode(key(REGION, first), &run))
    }

    fn only_change(ops: Vec<RowOp>) -> DiskChange {
        let cycle = Cycle::new(1);
        let mut all = changes(&DiskWrite { cycle, ops });
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    #[test]
    fn a_run_takes_the_place_of_all_behind_its_first_entry() {
        let rest = RowOp::DeleteRange {
            from: key(REGION, 7),
            to: key(REGION.next(), 0),
        };
        let change = only_change(vec![rest, run(7, 8), run(9, 9)]);
        let log = change.log.expect("the log changed");
        let indexes: Vec<u64> = log.entries.iter().map(|entry| entry.index.get()).collect();
        assert_eq!((log.from.get(), indexes), (7, vec![7, 8, 9]));
    }

    #[test]
    fn a_snapshot_leaves_nothing_behind_it() {
        let truncated = LogPosition {
            index: LogIndex::new(20),
            term: Term::new(2),
        };
        let apply = ApplyState {
            applied: truncated.index,
            truncated,
            truncated_hash: 0,
        };
        let key_of = RowKey::ApplyState { region: REGION };
        let change = only_change(vec![
            RowOp::DeleteRange {
                from: key(REGION, 0),
                to: key(REGION.next(), 0),
            },
            RowOp::Put(rows::encode(key_of, &Content::ApplyState(apply))),
        ]);
        assert_eq!(change.truncated, Some(truncated));
        let log = change.log.expect("the log is gone");
        assert_eq!((log.from.get(), log.entries.len()), (21, 0));
    }

    #[test]
    fn a_dropped_beginning_is_no_cut() {
        let beginning = RowOp::DeleteRange {
            from: key(REGION, 0),
            to: key(REGION, 6),
        };
        let change = only_change(vec![beginning, run(9, 9)]);
        let log = change.log.expect("an entry came");
        assert_eq!(log.from.get(), 9);
    }
}
