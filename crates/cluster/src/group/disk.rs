//! The disk of a raw group's peer: rows as a store has them, one write for each cycle.
//!
//! The state machine is one row with everything in it. It is written now and then, whenever the
//! log's beginning is dropped, and when a snapshot comes; a restart applies the log behind it
//! again.

use bytes::Bytes;
use raft::Restored;
use raftstore::rows::{self, ApplyState, Content, LogRun, RaftState};
use serde::Serialize;
use types::{
    codec,
    disk::{DiskImage, DiskWrite, RowKey, RowOp},
    id::{Cycle, RegionId},
    io::Stop,
    raft::{Entry, HardState, LogIndex, LogPosition, Message},
    store::ColumnFamily,
};

use super::{GroupNode, state::State};

/// The key of the state machine's row.
const STATE_KEY: &[u8] = b"state";

/// What goes to the disk in one write, and what waits for it.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Batch {
    /// The last Ready in it; zero for none.
    pub(super) ready: u64,
    /// The hard state that is written.
    pub(super) hard_state: HardState,
    /// A leader's snapshot, which takes the place of all that is on the disk.
    pub(super) snapshot: Option<State>,
    pub(super) entries: Vec<Entry>,
    pub(super) after: Vec<Message>,
    /// Whether the state machine goes along.
    pub(super) flush: bool,
    /// Whether there is anything to write for.
    pub(super) wanted: bool,
    /// The applied index that the disk has once this is durable, where that changes.
    pub(super) flushes: Option<LogIndex>,
}

/// Where the log on the disk begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(super) struct Beginning {
    pub(super) truncated: LogPosition,
    pub(super) hash: u64,
}

/// What a disk holds.
pub(super) struct Found {
    pub(super) state: State,
    pub(super) restored: Restored,
    pub(super) written: Cycle,
}

/// Reads a disk, on which `fresh` stands for what was never written.
pub(super) fn read(image: &DiskImage, fresh: (HardState, State)) -> Result<Found, Stop> {
    let (mut hard_state, mut state) = fresh;
    let mut begins = Beginning {
        truncated: state.applied,
        hash: state.log_hash,
    };
    let mut entries = Vec::new();
    for row in &image.rows {
        match rows::decode(row)? {
            Content::RaftLog(run) => entries.extend(run.entries),
            Content::RaftState(found) => hard_state = found.hard_state,
            Content::ApplyState(found) => {
                begins = Beginning {
                    truncated: found.truncated,
                    hash: found.truncated_hash,
                };
            }
            Content::Data(bytes) => {
                state = codec::decode(&bytes).map_err(|error| Stop::CorruptRow {
                    table: row.key.table(),
                    reason: error.to_string(),
                })?;
            }
            Content::StoreIdent(_)
            | Content::LastCycle(_)
            | Content::RegionState(_)
            | Content::Session(_)
            | Content::Scheduler(_) => {}
        }
    }
    let restored = Restored {
        hard_state,
        truncated: begins.truncated,
        truncated_hash: begins.hash,
        entries,
        applied: state.index(),
        conf_state: Some(state.conf_state.clone()),
    };
    Ok(Found {
        state,
        restored,
        written: rows::last_cycle(image)?,
    })
}

fn log_key(region: RegionId, first: LogIndex) -> RowKey {
    RowKey::RaftLog { region, first }
}

fn state_ops(region: RegionId, state: &State, begins: Beginning, ops: &mut Vec<RowOp>) {
    let key = RowKey::Data {
        cf: ColumnFamily::Default,
        key: Bytes::from_static(STATE_KEY),
    };
    let bytes = Content::Data(codec::encode(state).into());
    ops.push(RowOp::Put(rows::encode(key, &bytes)));
    let apply = Content::ApplyState(ApplyState {
        applied: state.index(),
        truncated: begins.truncated,
        truncated_hash: begins.hash,
    });
    let key = RowKey::ApplyState { region };
    ops.push(RowOp::Put(rows::encode(key, &apply)));
}

impl GroupNode {
    /// The write of `batch`.
    pub(super) fn write(&mut self, batch: &mut Batch) -> DiskWrite {
        let region = self.region.id;
        let end = log_key(region.next(), LogIndex::ZERO);
        let mut ops = Vec::new();
        if let Some(state) = &batch.snapshot {
            let from = log_key(region, LogIndex::ZERO);
            ops.push(RowOp::DeleteRange {
                from,
                to: end.clone(),
            });
            self.begins = Beginning {
                truncated: state.applied,
                hash: state.log_hash,
            };
            state_ops(region, state, self.begins, &mut ops);
            batch.flushes = Some(state.index());
        } else if batch.flush {
            ops.push(RowOp::DeleteRange {
                from: log_key(region, LogIndex::ZERO),
                to: log_key(region, self.begins.truncated.index.next()),
            });
            state_ops(region, &self.state, self.begins, &mut ops);
            batch.flushes = Some(self.state.index());
        }
        if let Some(first) = batch.entries.first() {
            let from = log_key(region, first.index);
            ops.push(RowOp::DeleteRange { from, to: end });
        }
        for entry in &batch.entries {
            let entries = vec![entry.clone()];
            let run = Content::RaftLog(LogRun { entries });
            ops.push(RowOp::Put(rows::encode(log_key(region, entry.index), &run)));
        }
        batch.hard_state = self.given;
        let state = Content::RaftState(RaftState {
            hard_state: batch.hard_state,
            last: self.raft.log().last(),
        });
        ops.push(RowOp::Put(rows::encode(
            RowKey::RaftState { region },
            &state,
        )));
        self.written = self.written.next();
        let cycle = Content::LastCycle(self.written);
        ops.push(RowOp::Put(rows::encode(RowKey::LastCycle, &cycle)));
        DiskWrite {
            cycle: self.written,
            ops,
        }
    }
}
