//! What one peer keeps on the disk: TinyKV's `PeerStorage`, with log rows as runs.
//!
//! Readys collect here until the store writes; one write of a region carries at most one run and
//! always its raft state, so that term, vote, commit and log never part.

use std::collections::BTreeSet;

use serde::Serialize;
use types::{
    disk::{RowKey, RowOp},
    event::EventId,
    id::RegionId,
    io::Stop,
    raft::{Entry, HardState, LogIndex, LogPosition, Message, Term},
};

use crate::{
    contents::{self, Contradiction, RegionRows},
    rows::{self, ApplyState, Content, LogRun, PeerState, RaftState, RegionState},
    sessions,
};

/// Where a bootstrapped region starts (TinyKV's `RaftInitLogIndex` and `RaftInitLogTerm`): as if
/// five entries of term 5 had been compacted away.
pub(crate) const INITIAL: LogPosition = LogPosition {
    index: LogIndex::new(5),
    term: Term::new(5),
};

/// Readys that wait for the next write.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Collected {
    /// The last Ready among them; zero when there is none.
    number: u64,
    /// Whether term or vote changed. A commit index goes along with whatever is written next.
    vote: bool,
    /// What replaces the log from its first index on.
    entries: Vec<Entry>,
    /// What may be said once the write is durable.
    messages: Vec<Message>,
    /// The event that made the first of them.
    cause: EventId,
    /// Rows of a barrier: they go out first, and nothing of the region goes on before they are
    /// durable. With the applied index that they bring to the disk.
    barrier: Option<(LogIndex, Vec<RowOp>)>,
}

/// What waits for the write that is open.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct InFlight {
    /// Whether it creates the peer: until then nothing at all is said.
    pub(crate) creates: bool,
    /// The last Ready in it; zero for a bare flush, on which no words rest.
    pub(crate) number: u64,
    /// What may be said once it is durable.
    pub(crate) messages: Vec<Message>,
    /// The applied index that it brings to the disk.
    pub(crate) flushes: Option<LogIndex>,
    /// The event that made its first Ready.
    pub(crate) cause: EventId,
    /// Whether it is a barrier's.
    pub(crate) is_barrier: bool,
}

/// The disk's side of one peer.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PeerStorage {
    region: RegionId,
    /// As of the last Ready taken.
    hard_state: HardState,
    /// The end of the log as of the last Ready taken.
    last: LogPosition,
    /// As of the last flush given out.
    apply: ApplyState,
    /// The commit index of the last raft state row given out.
    written_commit: LogIndex,
    /// The first indexes of the log rows, those of the open write among them.
    runs: BTreeSet<LogIndex>,
    /// Whether the log up to `apply.truncated` may have rows that are to go.
    is_compacted: bool,
    collected: Collected,
}

impl PeerStorage {
    /// The storage of a bootstrapped region (TinyKV: term, commit, last and applied all 5).
    pub(crate) fn bootstrap(region: RegionId) -> Self {
        Self::first(region, HardState::default())
    }

    /// The same, of a peer that has promised `promised` before.
    pub(crate) fn first(region: RegionId, promised: HardState) -> Self {
        let is_newer = promised.term > INITIAL.term;
        let hard_state = HardState {
            term: promised.term.max(INITIAL.term),
            vote: promised.vote.filter(|_| is_newer),
            commit: INITIAL.index,
        };
        let apply = ApplyState {
            applied: INITIAL.index,
            truncated: INITIAL,
            truncated_hash: 0,
        };
        Self {
            region,
            hard_state,
            last: INITIAL,
            apply,
            written_commit: INITIAL.index,
            runs: BTreeSet::new(),
            is_compacted: false,
            collected: Collected::default(),
        }
    }

    /// The storage of a peer that a message made: it has nothing but what it has promised.
    pub(crate) fn uninitialised(region: RegionId, promised: HardState) -> Self {
        let hard_state = HardState {
            commit: LogIndex::ZERO,
            ..promised
        };
        Self {
            region,
            hard_state,
            last: LogPosition::default(),
            apply: ApplyState {
                applied: LogIndex::ZERO,
                truncated: LogPosition::default(),
                truncated_hash: 0,
            },
            written_commit: LogIndex::ZERO,
            runs: BTreeSet::new(),
            is_compacted: false,
            collected: Collected::default(),
        }
    }

    /// The first rows of a bootstrapped region.
    pub(crate) fn bootstrap_ops(&self, state: RegionState) -> Vec<RowOp> {
        vec![
            self.raft_state_op(),
            self.apply_state_op(),
            self.region_state_op(state),
        ]
    }

    /// What removes everything but the data, and leaves a tombstone.
    pub(crate) fn removal(&self, tombstone: RegionState) -> Vec<RowOp> {
        let region = self.region;
        vec![
            self.log_removal(),
            RowOp::Delete(RowKey::RaftState { region }),
            RowOp::Delete(RowKey::ApplyState { region }),
            sessions::removal(region),
            self.region_state_op(tombstone),
        ]
    }

    fn log_removal(&self) -> RowOp {
        let key = |region| RowKey::RaftLog {
            region,
            first: LogIndex::ZERO,
        };
        RowOp::DeleteRange {
            from: key(self.region),
            to: key(self.region.next()),
        }
    }

    /// A snapshot takes the place of the log. Nothing that was collected of the log before it
    /// counts any more.
    pub(crate) fn reset(&mut self, last: LogPosition, prefix_hash: u64) {
        self.collected.entries.clear();
        self.runs.clear();
        self.last = last;
        self.apply = ApplyState {
            applied: last.index,
            truncated: last,
            truncated_hash: prefix_hash,
        };
        self.is_compacted = false;
    }

    /// Rows of a snapshot that has taken the place of everything: first what is to go, then what
    /// the caller adds.
    pub(crate) fn reset_ops(&self) -> Vec<RowOp> {
        vec![
            self.log_removal(),
            sessions::removal(self.region),
            self.apply_state_op(),
        ]
    }

    /// The log up to `truncated` is no longer needed. Its rows go with the next flush, which is
    /// what makes `truncated` durable.
    pub(crate) fn compact(&mut self, truncated: LogPosition, truncated_hash: u64) {
        self.apply.truncated = truncated;
        self.apply.truncated_hash = truncated_hash;
        self.is_compacted = true;
    }

    /// Hands over rows before which nothing of the region may go on, and which bring the applied
    /// index `applied` to the disk.
    pub(crate) fn stage(&mut self, applied: LogIndex, ops: Vec<RowOp>, event: EventId) {
        assert!(
            self.collected.barrier.is_none(),
            "{}: a second barrier while one waits",
            self.region
        );
        if self.collected.number == 0 {
            self.collected.cause = event;
        }
        self.collected.barrier = Some((applied, ops));
    }

    /// The rows of a flush: the apply state with `applied`, and the log rows that it makes
    /// superfluous.
    pub(crate) fn flush_ops(&mut self, applied: LogIndex, data: Vec<RowOp>) -> Vec<RowOp> {
        self.apply.applied = applied;
        let mut ops = data;
        ops.push(self.apply_state_op());
        if std::mem::take(&mut self.is_compacted) {
            let after = self.apply.truncated.index.next();
            // A run is needed as long as it holds an entry behind the truncated one.
            let keep = self.runs.range(..=after).next_back().copied();
            let first_kept = keep.unwrap_or(after);
            if self.runs.range(..first_kept).next().is_some() {
                self.runs = self.runs.split_off(&first_kept);
                let key = |first| RowKey::RaftLog {
                    region: self.region,
                    first,
                };
                let (from, to) = (key(LogIndex::ZERO), key(first_kept));
                ops.push(RowOp::DeleteRange { from, to });
            }
        }
        ops
    }

    /// The storage and the log that the rows of a region make.
    ///
    /// # Errors
    ///
    /// [`Stop::InconsistentDisk`] when rows are missing or contradict each other.
    pub(crate) fn load(region: RegionId, rows: &RegionRows) -> Result<(Self, Vec<Entry>), Stop> {
        let stop = |reason: Contradiction| Stop::InconsistentDisk {
            region,
            reason: reason.to_string(),
        };
        let missing = |name| stop(Contradiction::Missing(name));
        let state = rows.region.as_ref().map(|state| state.state);
        if state == Some(PeerState::Uninitialised) {
            let promised = rows.raft.map(|raft| raft.hard_state).unwrap_or_default();
            return Ok((Self::uninitialised(region, promised), Vec::new()));
        }
        let raft = rows.raft.ok_or_else(|| missing("raft state"))?;
        let apply = rows.apply.ok_or_else(|| missing("apply state"))?;
        let entries = contents::stitch(&rows.runs, apply.truncated, raft.last).map_err(stop)?;
        if let Some(reason) = contents::check_states(&raft, &apply).into_iter().next() {
            return Err(stop(reason));
        }
        let storage = Self {
            region,
            hard_state: raft.hard_state,
            last: raft.last,
            apply,
            written_commit: raft.hard_state.commit,
            runs: rows.runs.keys().copied().collect(),
            is_compacted: false,
            collected: Collected::default(),
        };
        Ok((storage, entries))
    }

    pub(crate) const fn hard_state(&self) -> HardState {
        self.hard_state
    }

    /// The apply state as of the last flush given out.
    pub(crate) const fn apply_state(&self) -> ApplyState {
        self.apply
    }

    /// Takes in a hard state of which at most the commit index is new.
    pub(crate) fn note(&mut self, hard_state: HardState) {
        self.hard_state = hard_state;
    }

    /// Takes in what a Ready wants kept: `entries` replace everything from the first of them on.
    /// `messages` may be said once it is durable.
    pub(crate) fn keep(
        &mut self,
        number: u64,
        hard_state: Option<HardState>,
        entries: Vec<Entry>,
        messages: Vec<Message>,
        event: EventId,
    ) {
        let collected = &mut self.collected;
        if collected.number == 0 {
            collected.cause = event;
        }
        collected.number = number;
        collected.messages.extend(messages);
        if let Some(new) = hard_state {
            let old = self.hard_state;
            collected.vote |= new.term != old.term || new.vote != old.vote;
            self.hard_state = new;
        }
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return;
        };
        assert!(
            first.index <= self.last.index.next() && first.index > self.apply.truncated.index,
            "{}: a Ready appends at {} to a log of ({}, {}]",
            self.region,
            first.index,
            self.apply.truncated.index,
            self.last.index
        );
        self.last = LogPosition {
            index: last.index,
            term: last.term,
        };
        let keep = collected
            .entries
            .partition_point(|entry| entry.index < first.index);
        collected.entries.truncate(keep);
        collected.entries.extend(entries);
    }

    /// Adds words that must wait for what is collected; `false` when nothing is.
    pub(crate) fn hold(&mut self, number: u64, messages: &mut Vec<Message>) -> bool {
        let collected = &mut self.collected;
        if collected.number == 0 {
            return false;
        }
        collected.number = number;
        collected.messages.append(messages);
        true
    }

    /// Whether something is collected that others wait for.
    pub(crate) const fn is_urgent(&self) -> bool {
        self.collected.number > 0 || self.has_barrier()
    }

    /// Whether the rows of a barrier wait for the next write.
    pub(crate) const fn has_barrier(&self) -> bool {
        self.collected.barrier.is_some()
    }

    /// Adds rows at the end of a barrier's that were not given out yet.
    pub(crate) fn extend_barrier(&mut self, more: Vec<RowOp>) {
        if let Some((_, ops)) = &mut self.collected.barrier {
            ops.extend(more);
        }
    }

    /// Takes back the rows of a barrier that were not given out yet.
    pub(crate) fn take_barrier(&mut self) -> Vec<RowOp> {
        let barrier = self.collected.barrier.take();
        barrier.map(|(_, ops)| ops).unwrap_or_default()
    }

    /// Whether rows of the log are only waiting for a flush to go.
    pub(crate) const fn is_compacted(&self) -> bool {
        self.is_compacted
    }

    /// The rows of what is collected and, when `flush` brings the applied index and its data, of
    /// the flush; both in one transaction, so that commit is never below applied on the disk.
    /// Nothing when there is nothing to write.
    pub(crate) fn write(
        &mut self,
        flush: Option<(LogIndex, Vec<RowOp>)>,
        event: EventId,
    ) -> Option<(Vec<RowOp>, InFlight)> {
        let mut collected = std::mem::take(&mut self.collected);
        // Readys that became one write: what an earlier term promised was never on the disk.
        let term = self.hard_state.term;
        collected.messages.retain(|message| message.term >= term);
        let is_bare = collected.number == 0;
        let is_barrier = collected.barrier.is_some();
        let (barrier, mut ops) = match collected.barrier {
            Some((applied, ops)) => (Some(applied), ops),
            None => (None, Vec::new()),
        };
        let flushes = flush.as_ref().map(|(applied, _)| *applied).max(barrier);
        let has_entries = !collected.entries.is_empty();
        if has_entries {
            self.log_ops(collected.entries, &mut ops);
        }
        let brings_more = flushes > Some(self.written_commit);
        if has_entries || collected.vote || is_barrier || brings_more {
            ops.push(self.raft_state_op());
            self.written_commit = self.hard_state.commit;
        }
        if let Some((applied, data)) = flush {
            assert!(
                applied <= self.last.index && applied <= self.written_commit,
                "{}: a flush of {applied} with last index {} and commit {}",
                self.region,
                self.last.index,
                self.written_commit
            );
            let flush = self.flush_ops(applied, data);
            ops.extend(flush);
        }
        if ops.is_empty() && is_bare {
            return None;
        }
        let in_flight = InFlight {
            creates: false,
            number: collected.number,
            messages: collected.messages,
            flushes,
            cause: if is_bare && !is_barrier {
                event
            } else {
                collected.cause
            },
            is_barrier,
        };
        Some((ops, in_flight))
    }

    fn log_ops(&mut self, entries: Vec<Entry>, ops: &mut Vec<RowOp>) {
        let region = self.region;
        let first = entries[0].index;
        if self.runs.range(first..).next().is_some() {
            self.runs.split_off(&first);
            ops.push(RowOp::DeleteRange {
                from: RowKey::RaftLog { region, first },
                to: RowKey::RaftLog {
                    region: region.next(),
                    first: LogIndex::ZERO,
                },
            });
        }
        self.runs.insert(first);
        let run = Content::RaftLog(LogRun { entries });
        ops.push(put(RowKey::RaftLog { region, first }, &run));
    }

    fn raft_state_op(&self) -> RowOp {
        let state = RaftState {
            hard_state: self.hard_state,
            last: self.last,
        };
        let key = RowKey::RaftState {
            region: self.region,
        };
        put(key, &Content::RaftState(state))
    }

    pub(crate) fn region_state_op(&self, state: RegionState) -> RowOp {
        let key = RowKey::RegionState {
            region: self.region,
        };
        put(key, &Content::RegionState(Box::new(state)))
    }

    fn apply_state_op(&self) -> RowOp {
        let key = RowKey::ApplyState {
            region: self.region,
        };
        put(key, &Content::ApplyState(self.apply))
    }
}

pub(crate) fn put(key: RowKey, content: &Content) -> RowOp {
    RowOp::Put(rows::encode(key, content))
}

#[cfg(test)]
mod tests;
