//! What survives a crash: the course's persister. It holds raft's state (term, vote, log) and the
//! newest snapshot. The commit index is not kept: a restarted server learns it anew.

use bytes::Bytes;
use raft::{Ready, Restored};
use types::codec;
use types::raft::{Entry, HardState, LogPosition};

/// The disk of one server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    hard_state: HardState,
    /// Up to where the snapshot stands for the log; (0, 0) without one.
    truncated: LogPosition,
    entries: Vec<Entry>,
    /// The last command up to `truncated`, which is the whole state machine.
    snapshot: Bytes,
}

impl Disk {
    /// One atomic write. Returns whether entries that were there had to go for others.
    pub(crate) fn write(&mut self, ready: &Ready) -> bool {
        let mut overwrites = false;
        if let Some(hard_state) = ready.hard_state {
            self.hard_state = hard_state;
        }
        if let Some(snapshot) = &ready.snapshot {
            self.truncated = snapshot.last;
            self.snapshot = snapshot.data.clone();
            self.entries.clear();
        }
        if let Some(first) = ready.entries.first() {
            let before = self.entries.len();
            self.entries.retain(|entry| entry.index < first.index);
            overwrites = self.entries.len() < before;
            self.entries.extend(ready.entries.iter().cloned());
        }
        overwrites
    }

    /// A snapshot takes the place of the log up to `to`, which is durable.
    pub(crate) fn compact(&mut self, to: LogPosition, snapshot: Bytes) {
        self.entries.retain(|entry| entry.index > to.index);
        self.truncated = to;
        self.snapshot = snapshot;
    }

    /// What a new life begins with.
    pub(crate) fn restored(&self) -> Restored {
        Restored {
            hard_state: HardState {
                commit: self.truncated.index,
                ..self.hard_state
            },
            truncated: self.truncated,
            truncated_hash: 0,
            entries: self.entries.clone(),
            applied: self.truncated.index,
            conf_state: None,
        }
    }

    /// Where the snapshot ends, and the command there.
    pub(crate) fn snapshot(&self) -> (LogPosition, Bytes) {
        (self.truncated, self.snapshot.clone())
    }

    /// How large raft's own state is, without the snapshot.
    pub(crate) fn raft_state_bytes(&self) -> usize {
        codec::encode(&(self.hard_state, self.truncated, &self.entries)).len()
    }
}
