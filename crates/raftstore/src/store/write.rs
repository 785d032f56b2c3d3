//! The one open write: what it carries, and what its end releases.

use types::{
    disk::{DiskWrite, RowKey},
    id::{Cycle, RegionId},
    io::{Output, Stop},
};

use super::Store;
use crate::{peer::Peer, refused::Refused, rows::Content, storage};

/// As many dirty keys are flushed even while raft waits for the disk; beyond twice as many, writes
/// are answered `ServerIsBusy`.
pub const FLUSH_KEYS: u64 = 4_096;
/// As many dirty bytes, likewise.
pub const FLUSH_BYTES: u64 = 4 << 20;

impl Store {
    /// Whether so much waits for the disk that nothing more is taken in.
    pub(super) fn is_full(&self) -> bool {
        let (keys, bytes) = self.dirty();
        keys > 2 * FLUSH_KEYS || bytes > 2 * FLUSH_BYTES
    }

    /// Keys and bytes that wait for a flush.
    fn dirty(&self) -> (u64, u64) {
        let peers = self.unwritten.iter().filter_map(|id| self.peers.get(id));
        peers.fold((0, 0), |(keys, bytes), peer| {
            let dirty = peer.data.dirty();
            (keys + dirty.0, bytes + dirty.1)
        })
    }

    pub(super) fn durable(&mut self, cycle: Cycle, output: &mut Output) -> Result<(), Stop> {
        if cycle != self.written || self.written == self.durable {
            self.refuse(Refused::UnknownCycle);
            return Ok(());
        }
        self.durable = cycle;
        let event = self.last_event;
        for region in std::mem::take(&mut self.writing) {
            self.with_peer(region, output, |peer, turn| {
                turn.waited_for = Some(event);
                peer.durable(turn)
            })?;
        }
        Ok(())
    }

    /// The next write, when none is open and there is something to write. Applied data goes along
    /// when raft has nothing that others wait for, or when there is much of it.
    pub(super) fn next_write(&mut self) -> Option<DiskWrite> {
        if self.written != self.durable {
            return None;
        }
        let is_urgent = |id| {
            self.peers
                .get(id)
                .is_some_and(|peer| peer.storage.is_urgent())
        };
        let is_urgent = self.unwritten.iter().any(is_urgent);
        let (keys, bytes) = self.dirty();
        let flush = !is_urgent || keys >= FLUSH_KEYS || bytes >= FLUSH_BYTES;
        let event = self.last_event;
        let mut ops = std::mem::take(&mut self.loose);
        let candidates: Vec<RegionId> = self.unwritten.iter().copied().collect();
        for region in candidates {
            let Some(peer) = self.peers.get_mut(&region) else {
                continue;
            };
            ops.extend(peer.write(flush, event));
            if peer.has_open_write() {
                self.writing.push(region);
            }
            if !peer.is_unwritten() {
                self.unwritten.remove(&region);
            }
        }
        if ops.is_empty() && self.writing.is_empty() {
            return None;
        }
        self.written = self.written.next();
        let cycle = self.written;
        ops.push(storage::put(RowKey::LastCycle, &Content::LastCycle(cycle)));
        Some(DiskWrite { cycle, ops })
    }

    /// Every peer waits for the write that a fresh disk begins with.
    pub(crate) fn wait_for_first_write(&mut self, cycle: Cycle) {
        self.written = cycle;
        self.writing = self.peers.keys().copied().collect();
        let event = self.last_event;
        for peer in self.peers.values_mut() {
            Peer::wait_for_bootstrap(peer, event);
        }
    }
}
