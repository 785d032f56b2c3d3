//! Peers come, change their ranges, and go. Regions and ranges change together, always.

use types::{
    id::RegionId,
    io::{Output, Stop},
    raft::HardState,
    store::{Peer as PeerName, Region},
    view::{Fact, FactBody, RegionChange},
};

use super::Store;
use crate::{
    boot,
    data::Data,
    peer::{Child, Peer, State},
    rows::{PeerState, RegionState},
    sessions::Sessions,
    storage::PeerStorage,
};

impl Store {
    /// Makes a peer that waits for its first snapshot. It holds no range.
    pub(super) fn create(&mut self, region: RegionId, name: PeerName, output: &mut Output) {
        let storage = PeerStorage::uninitialised(region, self.promised(region));
        let state = State {
            region: nothing(region),
            storage,
            data: Data::default(),
            sessions: Sessions::default(),
        };
        let made = boot::make_peer(self, name, state, Vec::new(), None);
        let mut peer = made.expect("nothing contradicts a peer without a log");
        let row = peer.region_state(PeerState::Uninitialised);
        let ops = vec![peer.storage.region_state_op(row)];
        peer.stage(ops, &self.turn(output));
        self.tombstones.remove(&region);
        self.peers.insert(region, peer);
        self.announce_peer(region, output);
        self.touched(region);
    }

    /// A region of this store has another range, or the first one.
    pub(super) fn reshape(&mut self, before: &Region, after: &Region) {
        if !before.peers.is_empty() {
            self.ranges.remove(before);
        }
        self.ranges.insert(after);
    }

    /// A split of `parent` made a region. Its rows go out in the write of its parent's.
    pub(super) fn bear(
        &mut self,
        parent: RegionId,
        child: Child,
        output: &mut Output,
    ) -> Result<(), Stop> {
        let id = child.region.id;
        let name = child
            .region
            .peer_on(self.id)
            .ok_or_else(|| boot::not_here(id, self.id))?;
        let Some(promised) = self.room_for(&child, name) else {
            // The peer was removed before this store came to its making. What it would have held
            // is nobody's here, and goes behind the rows that the split flushed.
            let removal = child.data.removal(&child.region.start, &child.region.end);
            if let Some(parent) = self.peers.get_mut(&parent) {
                parent.storage.extend_barrier(removal);
            }
            return Ok(());
        };
        let campaigns = child.campaigns;
        let mut peer = self.child_peer(child, name, promised)?;
        if campaigns {
            peer.raft.campaign();
        }
        self.ranges.insert(&peer.region);
        self.tombstones.remove(&id);
        self.peers.insert(id, peer);
        self.tell_change(id, RegionChange::Split, output);
        self.announce_peer(id, output);
        self.touched(id);
        match self.parked.remove(&id) {
            Some(vote) => self.message(&vote, output),
            None => Ok(()),
        }
    }

    fn child_peer(&self, child: Child, name: PeerName, promised: HardState) -> Result<Peer, Stop> {
        let id = child.region.id;
        let state = State {
            region: child.region,
            storage: PeerStorage::first(id, promised),
            data: child.data,
            sessions: child.sessions,
        };
        let mut peer = boot::make_peer(self, name, state, Vec::new(), Some(child.conf_state))?;
        let row = peer.region_state(PeerState::Normal);
        let mut ops = peer.storage.bootstrap_ops(row);
        ops.extend(peer.sessions.rows(id));
        let mut output = Output::default();
        peer.stage(ops, &self.turn(&mut output));
        Ok(peer)
    }

    /// Makes room for a split's peer where a message made one before. Returns what that one has
    /// promised, or nothing when the split's own is outdated.
    fn room_for(&mut self, child: &Child, name: PeerName) -> Option<HardState> {
        let id = child.region.id;
        if let Some(tombstone) = self.tombstones.get(&id)
            && tombstone.region.epoch.conf_ver > child.region.epoch.conf_ver
        {
            return None;
        }
        let Some(there) = self.peers.get(&id) else {
            return Some(self.promised(id));
        };
        assert!(
            !there.is_initialised(),
            "{id} has a range on {} before the split that makes it",
            self.id
        );
        if there.name.id > name.id {
            return None;
        }
        let promised = there.promised();
        self.peers.remove(&id);
        self.touched(id);
        Some(promised)
    }

    /// A peer leaves this store for good; `without` is its region as of then.
    pub(crate) fn bury(&mut self, id: RegionId, without: Region, output: &mut Output) {
        let Some(mut peer) = self.peers.remove(&id) else {
            return;
        };
        self.touched(id);
        self.writing.retain(|region| *region != id);
        let mut turn = self.turn(output);
        peer.leave(&mut turn);
        let tombstone = RegionState {
            state: PeerState::Tombstone {
                promised: peer.promised(),
            },
            region: without,
            peer: peer.name.id,
            conf_state: peer.raft.conf_state().clone(),
        };
        // What a split still had to write belongs to the other part too.
        let mut ops = peer.storage.take_barrier();
        if let Some(region) = peer.claims() {
            self.ranges.remove(region);
        }
        ops.extend(peer.removal());
        ops.extend(peer.storage.removal(tombstone.clone()));
        self.loose.extend(ops);
        self.tombstones.insert(id, tombstone);
        output.facts.push(Fact {
            cause: self.last_event,
            waited_for: None,
            region: id,
            body: FactBody::PeerRemoved { peer: peer.name.id },
        });
    }

    fn tell_change(&self, id: RegionId, by: RegionChange, output: &mut Output) {
        let peer = &self.peers[&id];
        let body = FactBody::RegionChanged {
            region: peer.region.clone(),
            members: peer.raft.conf_state().clone(),
            by,
        };
        output.facts.push(Fact {
            cause: self.last_event,
            waited_for: None,
            region: id,
            body,
        });
    }
}

/// The region of a peer that knows nothing of it.
fn nothing(id: RegionId) -> Region {
    Region {
        id,
        start: bytes::Bytes::new(),
        end: bytes::Bytes::new(),
        epoch: types::store::RegionEpoch::default(),
        peers: Vec::new(),
    }
}
