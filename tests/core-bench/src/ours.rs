//! Our core behind the trait.

use bytes::Bytes;
use raft::{Config, RawNode, Restored};
use types::id::PeerId;
use types::raft::{Entry, EntryKind, HardState, LogIndex, Message, Role};

use crate::core::{Applied, Core, ELECTION_TICKS, HEARTBEAT_TICKS};
use crate::disk::Disk;

/// A peer of ours.
#[derive(Debug)]
pub struct Ours {
    node: RawNode,
    disk: Disk<Entry, HardState>,
}

impl Core for Ours {
    type Message = Message;

    fn new(id: u64, voters: u64, seed: u64) -> Self {
        let voters = (1..=voters).map(PeerId::new).collect();
        let config = Config {
            election_ticks: ELECTION_TICKS,
            heartbeat_ticks: HEARTBEAT_TICKS,
            seed,
            ..Config::new(PeerId::new(id), voters)
        };
        let node = RawNode::new(config, Restored::default()).expect("a good configuration");
        Self {
            node,
            disk: Disk::default(),
        }
    }

    fn campaign(&mut self) {
        self.node.campaign();
    }

    fn leads(&self) -> bool {
        self.node.role() == Role::Leader
    }

    fn propose(&mut self, batch: impl ExactSizeIterator<Item = Vec<u8>>) {
        for data in batch {
            self.node.propose(Bytes::from(data)).expect("it leads");
        }
    }

    fn tick(&mut self) {
        self.node.advance_ticks(1);
    }

    fn step(&mut self, message: Message) {
        self.node.step(message).expect("an honest message");
    }

    fn drain(&mut self, out: &mut Vec<Message>, applied: &mut Applied) {
        while let Some(mut ready) = self.node.ready() {
            out.append(&mut ready.messages);
            if let Some(state) = ready.hard_state {
                self.disk.state = state;
            }
            if let Some(first) = ready.entries.first() {
                self.disk.write(first.index.get(), ready.entries);
            }
            out.append(&mut ready.messages_after_persist);
            self.node.persisted(ready.number);
            for entry in &ready.committed {
                if entry.kind == EntryKind::Normal {
                    applied.apply(entry.index.get(), &entry.data);
                }
            }
            if let Some(last) = ready.committed.last() {
                self.node.applied(last.index);
            }
        }
    }

    fn receiver(message: &Message) -> u64 {
        message.to.get()
    }

    fn compact(&mut self, keep: u64) {
        self.disk.compact(keep);
        let to = LogIndex::new(self.disk.truncated());
        self.node.compact(to).expect("it is applied");
    }
}
