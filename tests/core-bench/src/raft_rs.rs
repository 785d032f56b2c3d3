//! raft-rs behind the trait.

use raft_rs::eraftpb::{ConfState, Entry, EntryType, HardState, Message, MessageType, Snapshot};
use raft_rs::{
    Config, Error, GetEntriesContext, INVALID_INDEX, RaftState, RawNode, Result, StateRole,
    Storage, StorageError,
};

use crate::core::{
    APPEND_BYTES, APPENDS_IN_FLIGHT, Applied, Core, ELECTION_TICKS, HEARTBEAT_TICKS, send,
};
use crate::disk::Disk;

/// A peer of raft-rs.
pub struct RaftRs {
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

impl Core for RaftRs {
    type Message = Message;
    type Host = ();

    // It draws its election timeouts from the system; there is no seed.
    fn new(id: u64, voters: u64, _seed: u64) -> Self {
        let config = Config {
            id,
            election_tick: ELECTION_TICKS as usize,
            heartbeat_tick: HEARTBEAT_TICKS as usize,
            max_size_per_msg: APPEND_BYTES,
            max_inflight_msgs: APPENDS_IN_FLIGHT,
            ..Config::default()
        };
        let rows = Rows {
            disk: Disk::default(),
            truncated_term: 0,
            voters: (1..=voters).collect(),
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&config, rows, &logger).expect("a good configuration");
        Self { node }
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

    // As its documentation has it, in the synchronous form.
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

/// Applies what is a command: a leader's first entry is empty.
fn apply(entries: &[Entry], applied: &mut Applied) {
    for entry in entries {
        assert!(entry.index > INVALID_INDEX, "entries are numbered from 1");
        if entry.get_entry_type() == EntryType::EntryNormal && !entry.data.is_empty() {
            applied.apply(entry.index, &entry.data);
        }
    }
}
