//! Splits take effect.

use types::{
    id::PeerId,
    raft::ConfState,
    store::{Peer as PeerName, Region, Split},
    view::RegionChange,
};

use super::{Child, Effect, Peer, Turn};
use crate::rows::PeerState;

impl Peer {
    /// Whether a split fits the region as it stands: made for this shape, with a key inside of it
    /// (a split at its start would leave an empty region), and an id for each peer.
    pub(super) fn can_split(&self, split: &Split) -> bool {
        let region = &self.region;
        let has_ids = split.new_peers.len() == region.peers.len();
        let mut ids = split.new_peers.clone();
        ids.sort_unstable();
        ids.dedup();
        let are_proper = ids.len() == split.new_peers.len() && !ids.contains(&PeerId::ZERO);
        split.epoch == region.epoch
            && split.key > region.start
            && region.contains(&split.key)
            && has_ids
            && are_proper
            && split.new_region.get() != 0
            && split.new_region != region.id
            && !self.raft.conf_state().is_joint()
    }

    /// Carries out a committed split: what lies below the key stays, the rest becomes a region of
    /// its own, with the same sessions, whose peers live where those of this one do.
    pub(super) fn apply_split(&mut self, split: &Split, turn: &mut Turn<'_>) {
        if !self.can_split(split) {
            return;
        }
        let before = self.region.clone();
        let mut ops = self.flush_all();
        let right = self.right_part(split);
        let conf_state = self.right_members(split);
        self.region.end = split.key.clone();
        self.region.epoch.version += 1;
        let child = Child {
            region: right,
            conf_state,
            data: self.data.split_off(&split.key),
            sessions: self.sessions.clone(),
            campaigns: self.raft.role() == types::raft::Role::Leader,
        };
        let state = self.region_state(PeerState::Normal);
        ops.push(self.storage.region_state_op(state));
        self.stage(ops, turn);
        self.tell_applied(turn);
        self.tell_shape(RegionChange::Split, turn);
        self.duties.report_now();
        let after = self.region.clone();
        turn.effects.push(Effect::Reshaped { before, after });
        turn.effects.push(Effect::Split(Box::new(child)));
    }

    /// The region that the split makes.
    fn right_part(&self, split: &Split) -> Region {
        let mut epoch = self.region.epoch;
        epoch.version += 1;
        // The order of peers in the region is the same on every replica; that of any map is not
        // promised.
        let pairs = split.new_peers.iter().zip(&self.region.peers);
        let peers = pairs.map(|(id, old)| PeerName {
            id: *id,
            store: old.store,
        });
        Region {
            id: split.new_region,
            start: split.key.clone(),
            end: self.region.end.clone(),
            epoch,
            peers: peers.collect(),
        }
    }

    fn right_members(&self, split: &Split) -> ConfState {
        let own = self.raft.conf_state();
        let new_id = |old: &PeerId| {
            let mut pairs = self.region.peers.iter().zip(&split.new_peers);
            pairs.find(|(peer, _)| peer.id == *old).map(|(_, id)| *id)
        };
        let renamed = |ids: &[PeerId]| {
            let mut ids: Vec<PeerId> = ids.iter().filter_map(new_id).collect();
            ids.sort_unstable();
            ids
        };
        ConfState {
            learners: renamed(&own.learners),
            ..ConfState::of_voters(renamed(&own.voters))
        }
    }
}
