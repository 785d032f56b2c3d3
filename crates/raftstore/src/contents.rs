//! A whole disk, read: what its rows say, sorted by region.

use std::collections::BTreeMap;

use bytes::Bytes;
use types::{
    disk::{DiskImage, Row, RowKey},
    id::{ClientId, Cycle, RegionId},
    io::Stop,
    raft::{Entry, LogIndex, LogPosition},
    store::ColumnFamily,
};

use crate::rows::{self, ApplyState, Content, LogRun, RaftState, RegionState, Session, StoreIdent};

/// The rows of one region that are not user data.
#[derive(Debug, Clone, Default)]
pub(crate) struct RegionRows {
    pub(crate) runs: BTreeMap<LogIndex, LogRun>,
    pub(crate) raft: Option<RaftState>,
    pub(crate) apply: Option<ApplyState>,
    pub(crate) region: Option<RegionState>,
    pub(crate) sessions: BTreeMap<ClientId, Session>,
}

/// The rows of a disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    pub(crate) ident: Option<StoreIdent>,
    pub(crate) cycle: Option<Cycle>,
    pub(crate) regions: BTreeMap<RegionId, RegionRows>,
    pub(crate) data: BTreeMap<(ColumnFamily, Bytes), Bytes>,
}

impl Contents {
    /// Reads every row, the ident first: it tells the layout of the others.
    ///
    /// # Errors
    ///
    /// The first damage.
    pub(crate) fn read(image: &DiskImage) -> Result<Self, Stop> {
        let mut contents = Self::default();
        let is_ident = |row: &&Row| row.key == RowKey::StoreIdent;
        for row in image.rows.iter().filter(is_ident) {
            contents.take(row)?;
        }
        for row in image.rows.iter().filter(|row| !is_ident(row)) {
            contents.take(row)?;
        }
        Ok(contents)
    }

    /// Takes one more row in.
    ///
    /// # Errors
    ///
    /// When the row is damaged.
    pub(crate) fn take(&mut self, row: &Row) -> Result<(), Stop> {
        let content = rows::decode(row)?;
        match (&row.key, content) {
            (RowKey::StoreIdent, Content::StoreIdent(ident)) => self.ident = Some(ident),
            (RowKey::LastCycle, Content::LastCycle(cycle)) => self.cycle = Some(cycle),
            (RowKey::RaftLog { region: id, first }, Content::RaftLog(run)) => {
                self.region(*id).runs.insert(*first, run);
            }
            (RowKey::RaftState { region: id }, Content::RaftState(state)) => {
                self.region(*id).raft = Some(state);
            }
            (RowKey::ApplyState { region: id }, Content::ApplyState(state)) => {
                self.region(*id).apply = Some(state);
            }
            (RowKey::RegionState { region: id }, Content::RegionState(state)) => {
                self.region(*id).region = Some(*state);
            }
            (RowKey::Session { region: id, client }, Content::Session(session)) => {
                self.region(*id).sessions.insert(*client, session);
            }
            // A store has none of these; whoever put them there, they say nothing here.
            (RowKey::Scheduler(_), Content::Scheduler(_)) => {}
            (RowKey::Data { cf, key }, Content::Data(value)) => {
                self.data.insert((*cf, key.clone()), value);
            }
            (key, content) => unreachable!("{key:?} was read as {content:?}"),
        }
        Ok(())
    }

    fn region(&mut self, id: RegionId) -> &mut RegionRows {
        self.regions.entry(id).or_default()
    }
}

/// Why the rows of a region do not make a log or a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Contradiction {
    /// A row is not there.
    #[error("its {0} row is missing")]
    Missing(&'static str),
    /// Entries are missing between two runs, or before the first.
    #[error("entries {from} to {to} are missing")]
    Gap { from: LogIndex, to: LogIndex },
    /// The log ends elsewhere than the raft state says.
    #[error("the log ends at {found}, raft state says {expected}")]
    End {
        found: LogPosition,
        expected: LogPosition,
    },
    /// Terms must not fall along a log.
    #[error("the term of entry {0} is below that of the entry before it")]
    TermFalls(LogIndex),
    /// The log is of a later term than the hard state.
    #[error("the log ends in {last}, the hard state is of {term}")]
    TermAhead {
        last: types::raft::Term,
        term: types::raft::Term,
    },
    /// More is applied than the log holds.
    #[error("applied {applied} is above last index {last}")]
    AppliedAboveLast { applied: LogIndex, last: LogIndex },
    /// More is applied than committed.
    #[error("applied {applied} is above commit {commit}")]
    AppliedAboveCommit { applied: LogIndex, commit: LogIndex },
    /// More is committed than the log holds.
    #[error("commit {commit} is above last index {last}")]
    CommitAboveLast { commit: LogIndex, last: LogIndex },
    /// What is truncated must have been applied.
    #[error("truncated {truncated} is above applied {applied}")]
    TruncatedAboveApplied {
        truncated: LogIndex,
        applied: LogIndex,
    },
}

/// The entries behind `truncated`: a run counts up to the next run's first index - 1, never up to
/// its own end, or else entries of an old term would come back.
///
/// # Errors
///
/// When entries are missing, terms fall, or the log does not end at `last`.
pub(crate) fn stitch(
    runs: &BTreeMap<LogIndex, LogRun>,
    truncated: LogPosition,
    last: LogPosition,
) -> Result<Vec<Entry>, Contradiction> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut end = truncated;
    let mut firsts = runs.keys().skip(1);
    for (first, run) in runs {
        let next = firsts.next();
        if first.since(end.index) > 1 {
            let (from, to) = (end.index.next(), first.prev());
            return Err(Contradiction::Gap { from, to });
        }
        let valid = |entry: &&Entry| next.is_none_or(|next| entry.index < *next);
        for entry in run.entries.iter().take_while(valid) {
            if entry.index <= truncated.index {
                continue;
            }
            if entry.term < end.term {
                return Err(Contradiction::TermFalls(entry.index));
            }
            end = LogPosition {
                index: entry.index,
                term: entry.term,
            };
            entries.push(entry.clone());
        }
    }
    if end == last {
        Ok(entries)
    } else {
        Err(Contradiction::End {
            found: end,
            expected: last,
        })
    }
}

/// Whether the numbers of a region's states fit together.
///
/// # Errors
///
/// Each contradiction that there is.
pub(crate) fn check_states(raft: &RaftState, apply: &ApplyState) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let (last, commit, applied) = (raft.last.index, raft.hard_state.commit, apply.applied);
    let truncated = apply.truncated.index;
    if applied > last {
        found.push(Contradiction::AppliedAboveLast { applied, last });
    }
    if applied > commit {
        found.push(Contradiction::AppliedAboveCommit { applied, commit });
    }
    if commit > last {
        found.push(Contradiction::CommitAboveLast { commit, last });
    }
    if truncated > applied {
        found.push(Contradiction::TruncatedAboveApplied { truncated, applied });
    }
    if raft.last.term > raft.hard_state.term {
        let (last, term) = (raft.last.term, raft.hard_state.term);
        found.push(Contradiction::TermAhead { last, term });
    }
    found
}
