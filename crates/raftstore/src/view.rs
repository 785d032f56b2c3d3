//! A store as people look at it.

use types::{
    raft::LogIndex,
    view::{LogEntryView, PeerView, ProgressView, StoreView},
};

use crate::{
    apply::RAW,
    peer::{Peer, read_request},
    store::Store,
};

/// How many entries and pairs a view holds at most.
const SHOWN: u64 = 1_024;

impl Store {
    /// Everything about the store. Reading it changes nothing.
    #[must_use]
    pub fn view(&self) -> StoreView {
        let heartbeat_ticks = self.options.heartbeat_ticks;
        let peers = self.peers.values();
        let peers = peers.map(|peer| peer_view(peer, heartbeat_ticks));
        StoreView {
            store: self.id,
            incarnation: self.incarnation,
            now: self.now,
            written: self.written,
            durable: self.durable,
            peers: peers.collect(),
        }
    }
}

fn peer_view(peer: &Peer, heartbeat_ticks: u32) -> PeerView {
    let raft = &peer.raft;
    let log = raft.log();
    let shown_from = LogIndex::new((log.last_index().get() + 1).saturating_sub(SHOWN));
    let newest = log.entries(shown_from.max(log.first_index()), log.last_index());
    let entry_view = |entry: &types::raft::Entry| LogEntryView {
        entry: entry.clone(),
        request: read_request(entry),
    };
    let pair = |(key, value): (&bytes::Bytes, &bytes::Bytes)| (key.clone(), value.clone());
    PeerView {
        region: peer.region.clone(),
        peer: peer.name.id,
        role: raft.role(),
        leader: raft.leader(),
        hard_state: raft.hard_state(),
        truncated: log.truncated(),
        last: log.last(),
        persisted: log.persisted(),
        applied: peer.applied,
        flushed: peer.flushed,
        election: (raft.timer().elapsed(), raft.timer().timeout()),
        heartbeat: (raft.timer().heartbeat_elapsed(), heartbeat_ticks),
        progress: raft.progress().map(progress_view).collect(),
        votes: raft.votes().collect(),
        log: newest.map(entry_view).collect(),
        data: peer
            .data
            .pairs(RAW)
            .take(SHOWN as usize)
            .map(pair)
            .collect(),
        data_len: peer.data.len(),
    }
}

fn progress_view(progress: &raft::progress::Progress) -> ProgressView {
    ProgressView {
        peer: progress.id(),
        matched: progress.matched(),
        next: progress.next(),
    }
}
