//! Our core behind the trait.

use std::collections::VecDeque;

use bytes::Bytes;
use raft::{Config, Limits, Oversight, RawNode, Ready, Restored, Unwatched};
use types::id::PeerId;
use types::raft::{Entries, EntryKind, HardState, LogIndex, Message, Role};

use crate::core::{
    APPEND_BYTES, APPENDS_IN_FLIGHT, Applied, Core, ELECTION_TICKS, HEARTBEAT_TICKS, send,
};

/// The log as the core gives it, in runs, and what else a peer must remember.
#[derive(Debug, Default)]
struct Disk {
    runs: VecDeque<Entries>,
    /// Entries in all runs.
    count: usize,
    truncated: u64,
    state: HardState,
}

impl Disk {
    /// Writes a run over what is there from its first entry on.
    fn write(&mut self, run: Entries) {
        let first = run[0].index;
        while let Some(last) = self
            .runs
            .pop_back_if(|last| last[last.len() - 1].index >= first)
        {
            self.count -= last.len();
            let kept = last.iter().take_while(|entry| entry.index < first).count();
            if kept > 0 {
                self.count += kept;
                self.runs.push_back(last.slice(0..kept));
                break;
            }
        }
        self.count += run.len();
        self.runs.push_back(run);
    }

    /// Drops all but the last `keep` entries.
    fn compact(&mut self, keep: u64) {
        while let Some(first) = self.runs.front_mut() {
            let excess = self.count.saturating_sub(keep as usize);
            if excess == 0 {
                break;
            }
            let gone = excess.min(first.len());
            self.truncated = first[gone - 1].index.get();
            self.count -= gone;
            if gone == first.len() {
                self.runs.pop_front();
            } else {
                *first = first.slice(gone..first.len());
            }
        }
    }
}

/// A peer of ours. Everything but the cost of oversight is measured with unwatched ones.
#[derive(Debug)]
pub struct Ours<O: Oversight = Unwatched> {
    node: RawNode<O>,
    disk: Disk,
}

impl<O: Oversight + Default> Core for Ours<O> {
    type Message = Message;
    type Host = Ready;

    fn new(id: u64, voters: u64, seed: u64) -> Self {
        let voters = (1..=voters).map(PeerId::new).collect();
        let config = Config {
            election_ticks: ELECTION_TICKS,
            heartbeat_ticks: HEARTBEAT_TICKS,
            limits: Limits {
                in_flight_appends: APPENDS_IN_FLIGHT,
                append_bytes: APPEND_BYTES as usize,
                ..Limits::default()
            },
            seed,
            ..Config::new(PeerId::new(id), voters)
        };
        let node = RawNode::with_oversight(config, Restored::default(), O::default())
            .expect("a good configuration");
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

    fn drain(&mut self, ready: &mut Ready, out: &mut Vec<Message>, applied: &mut Applied) {
        while self.node.ready_into(ready) {
            send(&mut ready.messages, out);
            if let Some(state) = ready.hard_state {
                self.disk.state = state;
            }
            if !ready.entries.is_empty() {
                self.disk.write(std::mem::take(&mut ready.entries));
            }
            send(&mut ready.messages_after_persist, out);
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
        let to = LogIndex::new(self.disk.truncated);
        self.node.compact(to).expect("it is applied");
    }
}
