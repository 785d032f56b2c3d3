//! Membership changes take effect.

use types::{
    codec,
    io::Stop,
    raft::{ConfChange, Entry},
    store::ChangeContext,
    view::{FactBody, RegionChange},
};

use super::{Effect, Peer, Turn};
use crate::rows::PeerState;

impl Peer {
    /// Carries out a committed membership change. One that was made for another membership, or
    /// would put a second peer on a store, has no effect, on any peer alike.
    pub(super) fn apply_change(&mut self, entry: &Entry, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let change = raft::conf_change_of(entry).ok_or_else(|| self.no_command(entry))?;
        let Some(added) = self.agreed(&change) else {
            return Ok(());
        };
        let old = self.raft.conf_state().clone();
        let Ok(conf_state) = self.raft.apply_conf_change(&change) else {
            return Ok(());
        };
        let before = self.region.clone();
        self.region
            .peers
            .retain(|peer| conf_state.contains(peer.id));
        for peer in added {
            if conf_state.contains(peer.id) && self.region.peer(peer.id).is_none() {
                self.region.peers.push(peer);
            }
        }
        if conf_state == old {
            return Ok(());
        }
        self.region.epoch.conf_ver += 1;
        if self.region.peer(self.name.id).is_none() {
            let region = self.region.clone();
            self.region = before;
            self.is_blocked = true;
            turn.effects.push(Effect::Removed { region });
            return Ok(());
        }
        self.tell_applied(turn);
        // No Ready is taken before the barrier is over, and entries behind it may be applied first.
        for fact in self.raft.take_facts() {
            turn.fact(self.region.id, FactBody::Raft(fact));
        }
        let mut ops = self.flush_all();
        let state = self.region_state(PeerState::Normal);
        ops.push(self.storage.region_state_op(state));
        self.stage(ops, turn);
        self.duties.report_now();
        self.tell_shape(RegionChange::Membership, turn);
        let after = self.region.clone();
        turn.effects.push(Effect::Reshaped { before, after });
        Ok(())
    }

    /// The peers that the change adds; nothing when it is called off.
    fn agreed(&self, change: &ConfChange) -> Option<Vec<types::store::Peer>> {
        if change.is_leave_joint() {
            return Some(Vec::new());
        }
        let context: ChangeContext = codec::decode(&change.context).ok()?;
        let is_current = context.epoch.conf_ver == self.region.epoch.conf_ver;
        let fits = context.added.iter().all(|peer| self.can_add(*peer));
        (is_current && fits).then_some(context.added)
    }

    pub(super) fn tell_shape(&self, by: RegionChange, turn: &mut Turn<'_>) {
        let region = self.region.clone();
        let members = self.raft.conf_state().clone();
        let body = FactBody::RegionChanged {
            region,
            members,
            by,
        };
        turn.fact(self.region.id, body);
    }
}
