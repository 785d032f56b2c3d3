//! raft-rs as its documentation shows it: the reference of the comparison.
//!
//! - The storage is its own `MemStorage`: a log behind a lock, which clones what it is given.
//! - The loop is the one under "Processing the `Ready` State" in its crate documentation, with all
//!   of its steps in their order, as its example `five_mem_node` has them too.
//! - Every command is one `propose`, as with our core. With the default settings each makes an
//!   append of its own to each follower; `batch_append` is off there and stays off here.
//!
//! It is the reference because it is the use that raft-rs documents, with nothing added that makes
//! it slower. `MemStorage` is called a storage mainly for tests there; what a real one would do
//! more, our disk does not do either.

use raft_rs::eraftpb::Message;
use raft_rs::storage::MemStorage;
use raft_rs::{RawNode, StateRole, Storage};

use super::apply;
use crate::core::{Applied, Core, send};

/// A peer of raft-rs.
pub struct RaftRs {
    node: RawNode<MemStorage>,
}

impl Core for RaftRs {
    type Message = Message;
    type Host = ();

    fn new(id: u64, voters: u64, _seed: u64) -> Self {
        let voters: Vec<u64> = (1..=voters).collect();
        let storage = MemStorage::new_with_conf_state((voters, Vec::new()));
        Self {
            node: super::node(id, storage),
        }
    }

    fn campaign(&mut self) {
        self.node.campaign().expect("it may campaign");
    }

    fn leads(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    fn propose(&mut self, batch: impl ExactSizeIterator<Item = Vec<u8>>) {
        for data in batch {
            self.node.propose(Vec::new(), data).expect("it leads");
        }
    }

    fn tick(&mut self) {
        self.node.tick();
    }

    fn step(&mut self, message: Message) {
        self.node.step(message).expect("an honest message");
    }

    fn drain(&mut self, (): &mut (), out: &mut Vec<Message>, applied: &mut Applied) {
        while self.node.has_ready() {
            let mut ready = self.node.ready();
            if !ready.messages().is_empty() {
                send(&mut ready.take_messages(), out);
            }
            assert!(ready.snapshot().is_empty(), "nobody falls behind the log");
            apply(&ready.take_committed_entries(), applied);
            if !ready.entries().is_empty() {
                let mut store = self.node.mut_store().wl();
                store.append(ready.entries()).expect("they follow the log");
            }
            if let Some(state) = ready.hs() {
                self.node.mut_store().wl().set_hardstate(state.clone());
            }
            if !ready.persisted_messages().is_empty() {
                send(&mut ready.take_persisted_messages(), out);
            }
            let mut light = self.node.advance(ready);
            if let Some(commit) = light.commit_index() {
                let mut store = self.node.mut_store().wl();
                store.mut_hard_state().set_commit(commit);
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
        let store = self.node.mut_store();
        let last = store.last_index().expect("it is in memory");
        // The first that stays.
        let first = (last + 1).saturating_sub(keep);
        store.wl().compact(first).expect("it is in the log");
    }
}
