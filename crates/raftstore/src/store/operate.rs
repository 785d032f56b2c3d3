//! What operators and the scheduler ask for.

use types::{
    id::RegionId,
    io::{Output, Stop},
    raft::Role,
    scheduler::{FromScheduler, OperatorStep},
    store::{AdminCommand, AdminRequest, Split},
};

use super::Store;
use crate::{
    peer::{Peer, Turn},
    refused::Refused,
};

impl Store {
    /// Carries out an operator's command. What cannot be done now is not done.
    pub(super) fn operate(
        &mut self,
        request: &AdminRequest,
        output: &mut Output,
    ) -> Result<(), Stop> {
        let is_known = self.peers.contains_key(&request.region);
        if !is_known || matches!(request.command, AdminCommand::ChangePeers { .. }) {
            self.refuse(Refused::AdminCommand);
            return Ok(());
        }
        self.with_peer(request.region, output, |peer, turn| {
            command(peer, &request.command, turn);
            peer.drain(turn)
        })
    }

    /// Does what the scheduler asks of a leader, if it still fits.
    pub(super) fn obey(&mut self, word: &FromScheduler, output: &mut Output) -> Result<(), Stop> {
        let (region, epoch) = match word {
            FromScheduler::Step { region, epoch, .. }
            | FromScheduler::SplitIds { region, epoch, .. } => (*region, *epoch),
        };
        let is_current = |peer: &&Peer| {
            peer.raft.role() == Role::Leader && peer.region.epoch == epoch && !peer.is_blocked()
        };
        if self.peers.get(&region).filter(is_current).is_none() {
            self.refuse(Refused::StaleOrder);
            return Ok(());
        }
        self.with_peer(region, output, |peer, turn| {
            match word {
                FromScheduler::Step { step, .. } => do_step(peer, step, turn),
                FromScheduler::SplitIds {
                    key,
                    new_region,
                    new_peers,
                    ..
                } => {
                    peer.propose_split(Split {
                        epoch,
                        key: key.clone(),
                        new_region: *new_region,
                        new_peers: new_peers.clone(),
                    });
                }
            }
            peer.drain(turn)
        })
    }

    /// Whether a region of this store leads itself from here.
    #[must_use]
    pub fn leads(&self, region: RegionId) -> bool {
        let peer = self.peers.get(&region);
        peer.is_some_and(|peer| peer.raft.role() == Role::Leader)
    }
}

fn command(peer: &mut Peer, command: &AdminCommand, turn: &mut Turn<'_>) {
    match command {
        AdminCommand::TransferLeader { to } => {
            let _ = peer.transfer_leader(*to);
        }
        AdminCommand::ChangePeers { .. } => {}
        AdminCommand::CompactLog { keep } => {
            peer.propose_compaction(*keep);
        }
        AdminCommand::Campaign => peer.raft.campaign(),
        AdminCommand::ForgetLeader => peer.raft.forget_leader(),
        AdminCommand::Step(step) => do_step(peer, step, turn),
        AdminCommand::ChangeJointly(steps) => {
            peer.propose_change(steps, true);
        }
        AdminCommand::Split {
            key,
            new_region,
            new_peers,
        } => {
            peer.propose_split(Split {
                epoch: peer.region.epoch,
                key: key.clone(),
                new_region: *new_region,
                new_peers: new_peers.clone(),
            });
        }
        AdminCommand::SendSnapshot { to } => peer.raft.want_snapshot(*to),
    }
}

fn do_step(peer: &mut Peer, step: &OperatorStep, turn: &mut Turn<'_>) {
    match step {
        OperatorStep::AddPeer { .. }
        | OperatorStep::AddLearner { .. }
        | OperatorStep::PromoteLearner { .. }
        | OperatorStep::RemovePeer { .. } => {
            peer.propose_change(std::slice::from_ref(step), false);
        }
        OperatorStep::TransferLeader { to } => {
            let _ = peer.transfer_leader(to.id);
        }
        OperatorStep::Split { key: Some(key) } => peer.ask_split_at(key.clone(), turn),
        OperatorStep::Split { key: None } => peer.ask_split_in_halves(turn),
    }
}
