//! Membership changes on their way: proposed, applied, and what follows for a leader (thesis,
//! chapter 4; etcd: effective when applied).

use types::codec;
use types::id::PeerId;
use types::raft::{
    ConfChange, ConfState, Entry, EntryKind, LogIndex, LogPosition, RaftFact, Role, RoleReason,
    TransferEnd,
};

use crate::error::{ConfChangeError, ProposeError};
use crate::membership::{Counts, Membership};
use crate::oversight::Oversight;
use crate::peer::Peer;
use crate::progress::Progress;
use crate::rules::{ChangeCheck, MemberKind};

/// The membership change that an entry carries; nothing when it carries none.
#[must_use]
pub fn conf_change_of(entry: &Entry) -> Option<ConfChange> {
    match entry.kind {
        EntryKind::ConfChange => codec::decode(&entry.data).ok(),
        EntryKind::Normal | EntryKind::NoOp => None,
    }
}

impl<O: Oversight> Peer<O> {
    /// Appends a membership change, when none is on its way and it can follow the one in force.
    pub(crate) fn propose_conf_change(
        &mut self,
        change: &ConfChange,
    ) -> Result<LogPosition, ProposeError> {
        self.check_leads()?;
        let check = ChangeCheck {
            pending: self.pending_change,
            applied: self.applied,
        };
        if !rule!(self.oversight, may_propose_change(&check)) {
            return Err(ProposeError::ChangePending {
                index: check.pending,
            });
        }
        self.membership.after(change)?;
        Ok(self.append_change(change))
    }

    fn append_change(&mut self, change: &ConfChange) -> LogPosition {
        let data = codec::encode(change).into();
        let position = self.append_own(EntryKind::ConfChange, data);
        self.pending_change = position.index;
        position
    }

    /// A membership change was applied.
    pub(crate) fn apply_conf_change(
        &mut self,
        change: &ConfChange,
    ) -> Result<ConfState, ConfChangeError> {
        if self.applied < self.log.truncated().index {
            return Err(ConfChangeError::BehindSnapshot);
        }
        let membership = self.membership.after(change)?;
        self.set_membership(membership);
        Ok(self.membership.state().clone())
    }

    pub(crate) fn set_membership(&mut self, membership: Membership) {
        self.membership = membership;
        self.counts = self.counts_of(self.id);
        self.tell_membership();
        match self.role {
            Role::Leader => self.follow_membership(),
            Role::Candidate | Role::PreCandidate if !self.membership.is_voter(self.id) => {
                self.become_follower(self.term(), None, RoleReason::Removed);
            }
            Role::Candidate | Role::PreCandidate | Role::Follower => {}
        }
    }

    /// In which halves of the quorum a member counts.
    pub(crate) fn counts_of(&self, member: PeerId) -> Counts {
        let counts = self.membership.counts(member);
        let is_voter = counts.incoming || counts.outgoing;
        let is_learner = !is_voter && self.membership.contains(member);
        Counts {
            incoming: counts.incoming
                || is_learner && rule!(self.oversight, is_counted(MemberKind::Learner)),
            ..counts
        }
    }

    pub(crate) fn new_progress(&self, member: PeerId, next: LogIndex) -> Progress {
        Progress::new(member, next, self.counts_of(member))
    }

    /// A leader's followers become those of the new membership; the commit index may move, since
    /// fewer may be a quorum now.
    fn follow_membership(&mut self) {
        let next = self.log.last_index().next();
        let members = self.membership.members();
        self.followers
            .retain(|follower| members.binary_search(&follower.id()).is_ok());
        for member in members.into_iter().filter(|&member| member != self.id) {
            let counts = self.counts_of(member);
            let found = self.followers.binary_search_by_key(&member, Progress::id);
            match found {
                Ok(at) => self.followers[at].counts = counts,
                Err(at) => self
                    .followers
                    .insert(at, Progress::new(member, next, counts)),
            }
        }
        self.snapshots_wanted
            .retain(|to| self.membership.contains(*to));
        self.reads.doubt_lease();
        let lost = self
            .transfer
            .filter(|transfer| !self.membership.is_voter(transfer.to));
        if lost.is_some() {
            self.end_transfer(TransferEnd::Removed);
        }
        self.count_matches();
        self.confirm_rounds();
        if self.config.step_down_on_removal && !self.membership.is_voter(self.id) {
            self.become_follower(self.term(), None, RoleReason::Removed);
        }
    }

    /// Ends a joint phase that ends by itself, once nothing of the change is left to be applied.
    pub(crate) fn leave_joint_when_due(&mut self) {
        let is_due = self.leads()
            && self.membership.state().auto_leave
            && self.applied >= self.pending_change;
        if is_due {
            self.append_change(&ConfChange::leave_joint());
        }
    }

    /// Tells how follower `at` is sent to.
    pub(crate) fn tell_progress(&mut self, at: usize) {
        self.tell(|peer| {
            let follower = &peer.followers[at];
            RaftFact::Progressed {
                peer: follower.id(),
                matched: follower.matched(),
                next: follower.next(),
                kind: follower.kind(),
            }
        });
    }
}
