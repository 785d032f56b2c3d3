//! The state machine of a raw group: a map, and what belongs to it at one index.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::log::chain_entry;
use raftstore::appended;
use serde::{Deserialize, Serialize};
use types::{
    codec,
    raft::{ConfState, Entry, LogIndex, LogPosition, Snapshot},
    store::{Command, CommandResult, ReplyError},
};

/// The state machine as of one index. On the disk it is one row, which is a snapshot too.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// The entry that was applied last.
    pub(super) applied: LogPosition,
    /// The chained hash of the log up to `applied`.
    pub(super) log_hash: u64,
    /// The membership as of `applied`.
    pub(super) conf_state: ConfState,
    pub(super) data: BTreeMap<Bytes, Bytes>,
}

impl State {
    /// What the state machine is once it is `snapshot`; nothing when its bytes are no map.
    pub(super) fn of_snapshot(snapshot: &Snapshot) -> Option<Self> {
        Some(Self {
            applied: snapshot.last,
            log_hash: snapshot.prefix_hash,
            conf_state: snapshot.conf_state.clone(),
            data: codec::decode(&snapshot.data).ok()?,
        })
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            last: self.applied,
            conf_state: self.conf_state.clone(),
            prefix_hash: self.log_hash,
            data: codec::encode(&self.data).into(),
        }
    }

    /// The hash of the data, whichever way it came here.
    pub(super) fn data_hash(&self) -> u64 {
        codec::hash_of(&self.data)
    }

    pub(super) fn index(&self) -> LogIndex {
        self.applied.index
    }

    /// Steps behind `entry`, whose effect is the caller's to see to. That entries come in order is
    /// for the checker to judge, which compares hashes: a broken rule must be named by it.
    pub(super) fn pass(&mut self, entry: &Entry) {
        self.applied = LogPosition {
            index: entry.index,
            term: entry.term,
        };
        self.log_hash = chain_entry(self.log_hash, entry);
    }

    /// Carries a command out, as a store does.
    pub(super) fn carry_out(&mut self, command: Command) -> Result<CommandResult, ReplyError> {
        Ok(match command {
            Command::Put { key, value } => {
                self.data.insert(key, value);
                CommandResult::Put
            }
            Command::Delete { key } => {
                self.data.remove(&key);
                CommandResult::Delete
            }
            Command::Get { key } => self.get(&key),
            Command::Scan { start, end, limit } => {
                let inside = |key: &Bytes| *key >= start && (end.is_empty() || *key < end);
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let pairs = self.data.iter().filter(|(key, _)| inside(key)).take(limit);
                CommandResult::Scan {
                    pairs: pairs
                        .map(|(key, value)| (key.clone(), value.clone()))
                        .collect(),
                }
            }
            Command::Append { key, value } => {
                let longer = appended(self.data.get(&key), &value)?;
                self.data.insert(key, longer);
                CommandResult::Append
            }
            Command::CompareAndSet { key, expected, new } => {
                let found = self.data.get(&key).cloned();
                let swapped = found == expected;
                if swapped {
                    self.data.insert(key, new);
                }
                CommandResult::CompareAndSet { swapped, found }
            }
        })
    }

    pub(super) fn get(&self, key: &Bytes) -> CommandResult {
        CommandResult::Get {
            value: self.data.get(key).cloned(),
        }
    }
}
