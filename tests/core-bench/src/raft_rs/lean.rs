//! raft-rs with the leanest host that we found for it: the second comparison.
//!
//! - A storage of our own is part of the `RawNode`, without the lock of `MemStorage`.
//! - Entries are moved from a `Ready` to that storage, where `MemStorage` clones them.
//! - A batch is one `MsgPropose` with all its entries, put together by hand, which makes one append
//!   for each follower (`propose` makes one for each command, or searches its messages for each
//!   with `batch_append`).
//!
//! All of it is allowed by raft-rs's interface and none of it is what its documentation shows,
//! which is why it is not the reference. It says how much of the difference to the documented setup
//! is the host's, and how much is left between the cores.

use raft_rs::eraftpb::{ConfState, Entry, HardState, Message, MessageType, Snapshot};
use raft_rs::{
    Error, GetEntriesContext, RaftState, RawNode, Result, StateRole, Storage, StorageError,
};

use super::apply;
use super::disk::Disk;
use crate::core::{Applied, Core, send};

/// A peer of raft-rs.
pub struct RaftRsLean {
    node: RawNode<Rows>,
}

/// What raft-rs reads from.
struct Rows {
    disk: Disk<Entry, HardState>,
    truncated_term: u64,
    voters: Vec<u64>,
}

impl Storage for Rows {
    fn initial_state(&self) -> Result<RaftState> {
        let voters = ConfState::from((self.voters.clone(), Vec::new()));
        Ok(RaftState::new(self.disk.state.clone(), voters))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        if low <= self.disk.truncated() {
            return Err(Error::Store(StorageError::Compacted));
        }
        let mut entries: Vec<Entry> = self.disk.entries(low, high).cloned().collect();
        raft_rs::util::limit_size(&mut entries, max_size.into());
        Ok(entries)
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index == self.disk.truncated() {
            return Ok(self.truncated_term);
        }
        if index < self.disk.truncated() {
            return Err(Error::Store(StorageError::Compacted));
        }
        if index > self.disk.last() {
            return Err(Error::Store(StorageError::Unavailable));
        }
        let entry = self.disk.entries(index, index + 1).next();
        Ok(entry.map_or(0, |entry| entry.term))
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.disk.truncated() + 1)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.disk.last())
    }

    fn snapshot(&self, _: u64, _: u64) -> Result<Snapshot> {
        Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
    }
}

impl Core for RaftRsLean {
    type Message = Message;
    type Host = ();

    fn new(id: u64, voters: u64, _seed: u64) -> Self {
        let rows = Rows {
            disk: Disk::default(),
            truncated_term: 0,
            voters: (1..=voters).collect(),
        };
        Self {
            node: super::node(id, rows),
        }
    }

    fn campaign(&mut self) {
        self.node.campaign().expect("it may campaign");
    }

    fn leads(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    fn propose(&mut self, mut batch: impl ExactSizeIterator<Item = Vec<u8>>) {
        if batch.len() == 1 {
            let data = batch.next().expect("one");
            self.node.propose(Vec::new(), data).expect("it leads");
            return;
        }
        let entry = |data| Entry {
            data,
            ..Entry::default()
        };
        let mut message = Message {
            from: self.node.raft.id,
            entries: batch.map(entry).collect(),
            ..Message::default()
        };
        message.set_msg_type(MessageType::MsgPropose);
        self.node.step(message).expect("it leads");
    }

    fn tick(&mut self) {
        self.node.tick();
    }

    fn step(&mut self, message: Message) {
        self.node.step(message).expect("an honest message");
    }

    // The order of its documentation.
    fn drain(&mut self, (): &mut (), out: &mut Vec<Message>, applied: &mut Applied) {
        while self.node.has_ready() {
            let mut ready = self.node.ready();
            send(&mut ready.take_messages(), out);
            apply(&ready.take_committed_entries(), applied);
            let entries = ready.take_entries();
            let disk = &mut self.node.mut_store().disk;
            if let Some(first) = entries.first() {
                disk.write(first.index, entries);
            }
            if let Some(state) = ready.hs() {
                disk.state = state.clone();
            }
            send(&mut ready.take_persisted_messages(), out);
            let mut light = self.node.advance(ready);
            if let Some(commit) = light.commit_index() {
                self.node.mut_store().disk.state.commit = commit;
            }
            send(&mut light.take_messages(), out);
            apply(&light.take_committed_entries(), applied);
            self.node.advance_apply();
        }
    }

    fn receiver(message: &Message) -> u64 {
        message.to
    }

    fn compact(&mut self, keep: u64) {
        let rows = self.node.mut_store();
        if let Some(entry) = rows.disk.compact(keep) {
            rows.truncated_term = entry.term;
        }
    }
}
