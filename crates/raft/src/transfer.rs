//! Handing leadership over (thesis, section 3.10).

use serde::Serialize;
use types::id::PeerId;
use types::raft::{MessageBody, RaftFact, TransferEnd};

use crate::error::TransferError;
use crate::oversight::Oversight;
use crate::peer::Peer;

/// A transfer that is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Transfer {
    pub(crate) to: PeerId,
    /// Whether the transferee was told to campaign.
    pub(crate) is_asked: bool,
}

impl<O: Oversight> Peer<O> {
    /// Sets out to hand the leadership over, or asks the leader to. To ask for the leader itself
    /// calls a transfer off.
    pub(crate) fn transfer_to(&mut self, to: PeerId) -> Result<(), TransferError> {
        if !self.leads() {
            let leader = self.leader.ok_or(TransferError::NoLeader)?;
            self.send(
                leader,
                MessageBody::TransferLeader { transferee: to },
                false,
            );
            return Ok(());
        }
        if to == self.id {
            self.end_transfer(TransferEnd::Cancelled);
            return Ok(());
        }
        if !self.membership.is_voter(to) {
            return Err(TransferError::NotAVoter { to });
        }
        if self.transfer.is_some_and(|transfer| transfer.to == to) {
            return Ok(());
        }
        self.end_transfer(TransferEnd::Cancelled);
        self.transfer = Some(Transfer {
            to,
            is_asked: false,
        });
        self.timer.reset();
        self.tell(|_| RaftFact::TransferStarted { to });
        if let Some(at) = self.follower(to) {
            self.followers[at].want();
        }
        self.hand_over_when_caught_up();
        Ok(())
    }

    /// Tells the transferee to campaign once it holds the whole log. It does not wait for leases
    /// to run out, so this leader gives its own up for the rest of its term.
    pub(crate) fn hand_over_when_caught_up(&mut self) {
        let Some(Transfer {
            to,
            is_asked: false,
        }) = self.transfer
        else {
            return;
        };
        let Some(at) = self.follower(to) else {
            return;
        };
        let matched = self.followers[at].matched();
        if rule!(
            self.oversight,
            may_hand_over(matched, self.log.last_index())
        ) {
            self.reads.give_lease_up();
            self.send(to, MessageBody::TimeoutNow, false);
            self.transfer = Some(Transfer { to, is_asked: true });
        }
    }

    /// Ends a transfer, if there is one.
    pub(crate) fn end_transfer(&mut self, end: TransferEnd) {
        if let Some(Transfer { to, .. }) = self.transfer.take() {
            self.tell(|_| RaftFact::TransferEnded { to, end });
        }
    }
}
