//! Snapshots: what a leader sends, and what a follower puts in the place of its region.

use serde::Serialize;
use types::{
    disk::RowOp,
    id::PeerId,
    io::Stop,
    raft::{LogIndex, LogPosition, Snapshot},
    store::Region,
    view::RegionChange,
};

use super::{Effect, Peer, Turn};
use crate::{
    data::Data,
    rows::{PeerState, RegionState},
    sessions::Sessions,
    snapshot::Payload,
};

/// After how many shortest election timeouts a snapshot that nobody acknowledged counts as lost.
const LOST_AFTER: u64 = 2;

// The leader.

impl Peer {
    /// Sends the snapshots that raft wants, each of the state as it is now.
    pub(super) fn provide_snapshots(&mut self, turn: &Turn<'_>) {
        for to in std::mem::take(&mut self.snapshots_wanted) {
            let Some(snapshot) = self.make_snapshot() else {
                self.raft.report_snapshot(to, false);
                continue;
            };
            if self.raft.send_snapshot(to, snapshot).is_ok() {
                self.snapshots_sent.insert(to, turn.ticks);
            }
        }
    }

    fn make_snapshot(&self) -> Option<Snapshot> {
        let log = self.raft.log();
        let index = self.applied;
        Some(Snapshot {
            last: LogPosition {
                index,
                term: log.term(index)?,
            },
            conf_state: self.raft.conf_state().clone(),
            prefix_hash: log.prefix_hash(index)?,
            data: Payload::of(&self.region, &self.data, &self.sessions).encode(),
        })
    }

    /// Reports the snapshots that nobody acknowledged in time.
    pub(super) fn give_up_snapshots(&mut self, turn: &Turn<'_>) {
        if self.snapshots_sent.is_empty() {
            return;
        }
        let is_sent = |follower: &&raft::progress::Progress| {
            let state = follower.state();
            matches!(
                state,
                raft::progress::ProgressState::Snapshot { last: Some(_) }
            )
        };
        let sent = self.raft.progress().filter(is_sent);
        let open: Vec<PeerId> = sent.map(raft::progress::Progress::id).collect();
        self.snapshots_sent.retain(|to, _| open.contains(to));
        let patience = LOST_AFTER * u64::from(turn.options.election_ticks);
        let is_lost = |since: &u64| turn.ticks.saturating_sub(*since) >= patience;
        for to in open {
            if self.snapshots_sent.get(&to).is_some_and(is_lost) {
                self.snapshots_sent.remove(&to);
                self.raft.report_snapshot(to, false);
            }
        }
    }
}

// The follower.

/// A snapshot on its way to the disk.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Installing {
    region: Region,
    data: Data,
    sessions: Sessions,
    applied: LogIndex,
}

impl Peer {
    /// A leader's snapshot takes the place of log, data, sessions and shape on the disk in one
    /// transaction. The range is taken at once, everything else once that is durable; until then
    /// nothing of the region goes on.
    pub(super) fn install(&mut self, snapshot: &Snapshot, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let payload = Payload::decode(&snapshot.data).ok_or_else(|| Stop::InconsistentDisk {
            region: self.region.id,
            reason: "a snapshot that was checked cannot be read".to_owned(),
        })?;
        let applied = snapshot.last.index;
        self.waiting.clear();
        self.give_up_requests(applied, turn);
        let mut ops = self.removal();
        let (region, mut data, mut sessions) = payload.unpack();
        self.storage.reset(snapshot.last, snapshot.prefix_hash);
        ops.extend(self.storage.reset_ops());
        ops.extend(data.rows());
        ops.extend(sessions.rows(region.id));
        ops.push(self.storage.region_state_op(RegionState {
            state: PeerState::Normal,
            region: region.clone(),
            peer: self.name.id,
            conf_state: snapshot.conf_state.clone(),
        }));
        self.storage.stage(applied, ops, turn.cause);
        self.is_blocked = true;
        turn.effects.push(Effect::Reshaped {
            before: self.region.clone(),
            after: region.clone(),
        });
        self.installing = Some(Box::new(Installing {
            region,
            data,
            sessions,
            applied,
        }));
        Ok(())
    }

    /// The snapshot is durable: it is the state of the region.
    pub(super) fn finish_install(&mut self, turn: &mut Turn<'_>) {
        let Some(installing) = self.installing.take() else {
            return;
        };
        self.region = installing.region;
        self.data = installing.data;
        self.sessions = installing.sessions;
        self.applied = installing.applied;
        self.tell_applied(turn);
        self.tell_shape(RegionChange::Snapshot, turn);
    }

    /// The range that is this peer's: of a snapshot on its way, where there is one.
    pub(crate) fn claims(&self) -> Option<&Region> {
        let installing = self.installing.as_ref();
        let region = installing.map_or(&self.region, |installing| &installing.region);
        (!region.peers.is_empty()).then_some(region)
    }

    /// What removes all data of this peer from the disk, that of a snapshot on its way too. An
    /// uninitialised peer has no range: what lies on the disk belongs to others.
    pub(crate) fn removal(&self) -> Vec<RowOp> {
        let mut ops = Vec::new();
        if self.is_initialised() {
            ops = self.data.removal(&self.region.start, &self.region.end);
        }
        if let Some(installing) = &self.installing {
            let Region { start, end, .. } = &installing.region;
            ops.extend(installing.data.removal(start, end));
        }
        ops
    }
}
