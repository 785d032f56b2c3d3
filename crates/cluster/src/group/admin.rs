//! What an operator asks for. A peer that cannot do it now does nothing.

use types::{raft::LogIndex, store::AdminCommand};

use super::GroupNode;

impl GroupNode {
    pub(super) fn admin(&mut self, command: &AdminCommand) {
        // Facts tell of what was done; who is refused asks again or does not care.
        match command {
            AdminCommand::TransferLeader { to } => drop(self.raft.transfer_leader(*to)),
            AdminCommand::ChangePeers { change } => drop(self.raft.propose_conf_change(change)),
            AdminCommand::CompactLog { keep } => self.compact(*keep),
            AdminCommand::Campaign => self.raft.campaign(),
            AdminCommand::ForgetLeader => self.raft.forget_leader(),
            AdminCommand::SendSnapshot { to } => self.raft.want_snapshot(*to),
            // A raw group has no ranges, and its peers live nowhere else.
            AdminCommand::Step(_) | AdminCommand::ChangeJointly(_) | AdminCommand::Split { .. } => {
            }
        }
    }

    /// Drops the log but for the last `keep` applied entries. The disk follows with the next
    /// write, which has the state machine that stands for what goes.
    fn compact(&mut self, keep: u64) {
        let applied = self.state.index();
        let to = LogIndex::new(applied.get().saturating_sub(keep));
        if self.is_replaced() || to <= self.raft.log().truncated().index {
            return;
        }
        if self.raft.compact(to).is_ok() {
            let log = self.raft.log();
            self.begins.truncated = log.truncated();
            self.begins.hash = log.prefix_hash(to).unwrap_or_default();
            self.next.flush = true;
            self.next.wanted = true;
        }
    }
}
