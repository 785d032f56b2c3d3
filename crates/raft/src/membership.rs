//! Who belongs to the group, and how one membership becomes the next (paper, section 6; thesis,
//! chapter 4; etcd: `confchange`).
//!
//! A change takes effect when its entry is applied, as in etcd and TinyKV, and at most one is on
//! its way. Then two memberships that follow each other have no two majorities apart.

use serde::Serialize;
use types::id::PeerId;
use types::raft::{ConfChange, ConfState, SingleChange, Transition};

use crate::error::{ConfChangeError, ConfigError};

/// The membership in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Membership {
    state: ConfState,
}

/// In which halves of the quorum a peer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) incoming: bool,
    pub(crate) outgoing: bool,
}

impl Membership {
    /// A membership as found on a disk or in a snapshot.
    ///
    /// # Errors
    ///
    /// The [`ConfigError`] that says what contradicts itself.
    pub(crate) fn new(mut state: ConfState) -> Result<Self, ConfigError> {
        for list in lists(&mut state) {
            list.sort_unstable();
            if let Some(pair) = list.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(ConfigError::RepeatedVoter { voter: pair[0] });
            }
            if list.first() == Some(&PeerId::ZERO) {
                return Err(ConfigError::ZeroPeer);
            }
        }
        let twice = |peer: &&PeerId| state.is_voter(**peer);
        if let Some(&peer) = state.learners.iter().find(twice) {
            return Err(ConfigError::VotingLearner { peer });
        }
        let stray = |peer: &&PeerId| !state.outgoing.contains(peer);
        if let Some(&peer) = state.learners_next.iter().find(stray) {
            return Err(ConfigError::VotingLearner { peer });
        }
        let demoted_twice = |peer: &&PeerId| state.voters.contains(peer);
        if let Some(&peer) = state.learners_next.iter().find(demoted_twice) {
            return Err(ConfigError::VotingLearner { peer });
        }
        if state.auto_leave && !state.is_joint() {
            return Err(ConfigError::AutoLeaveWithoutJoint);
        }
        Ok(Self { state })
    }

    pub(crate) fn state(&self) -> &ConfState {
        &self.state
    }

    pub(crate) fn is_joint(&self) -> bool {
        self.state.is_joint()
    }

    pub(crate) fn is_voter(&self, peer: PeerId) -> bool {
        self.counts(peer)
            != Counts {
                incoming: false,
                outgoing: false,
            }
    }

    pub(crate) fn contains(&self, peer: PeerId) -> bool {
        // Nearly always a voter, and of few: the first search that finds it is the last.
        let state = &self.state;
        state.voters.contains(&peer)
            || state.outgoing.contains(&peer)
            || state.learners.contains(&peer)
    }

    /// In which halves `peer` votes.
    pub(crate) fn counts(&self, peer: PeerId) -> Counts {
        Counts {
            incoming: self.state.voters.binary_search(&peer).is_ok(),
            outgoing: self.state.outgoing.binary_search(&peer).is_ok(),
        }
    }

    /// Everybody who is replicated to, each once, in the order of ids.
    pub(crate) fn members(&self) -> Vec<PeerId> {
        let state = &self.state;
        let mut members = [&state.voters[..], &state.outgoing, &state.learners].concat();
        members.sort_unstable();
        members.dedup();
        members
    }

    /// Everybody who votes in either half, each once, in the order of ids.
    pub(crate) fn voters(&self) -> Vec<PeerId> {
        let mut voters = [&self.state.voters[..], &self.state.outgoing].concat();
        voters.sort_unstable();
        voters.dedup();
        voters
    }

    /// The membership after `change`.
    ///
    /// # Errors
    ///
    /// [`ConfChangeError`] when the change does not start from this membership.
    pub(crate) fn after(&self, change: &ConfChange) -> Result<Self, ConfChangeError> {
        if change.is_leave_joint() {
            return self.leave_joint();
        }
        if self.is_joint() {
            return Err(ConfChangeError::StillJoint);
        }
        let mut next = self.clone();
        if change.enters_joint() {
            next.state.outgoing.clone_from(&self.state.voters);
            next.state.auto_leave = change.transition != Transition::JointExplicit;
        }
        for &single in &change.changes {
            next.take_step(single);
        }
        if next.is_joint() && next.state.voters.is_empty() {
            return Err(ConfChangeError::NoVoters);
        }
        Ok(next)
    }

    fn leave_joint(&self) -> Result<Self, ConfChangeError> {
        if !self.is_joint() {
            return Err(ConfChangeError::NotJoint);
        }
        let mut next = self.clone();
        next.state.outgoing.clear();
        next.state.auto_leave = false;
        for peer in std::mem::take(&mut next.state.learners_next) {
            insert(&mut next.state.learners, peer);
        }
        Ok(next)
    }

    /// One step. Peer 0 stands for a change that was called off (TinyKV, etcd). Who votes in the
    /// outgoing half cannot be a learner before that half is gone.
    fn take_step(&mut self, change: SingleChange) {
        let state = &mut self.state;
        match change {
            _ if change.peer() == PeerId::ZERO => {}
            SingleChange::AddVoter(peer) => {
                remove(&mut state.learners, peer);
                remove(&mut state.learners_next, peer);
                insert(&mut state.voters, peer);
            }
            SingleChange::AddLearner(peer) => {
                remove(&mut state.voters, peer);
                if state.outgoing.contains(&peer) {
                    insert(&mut state.learners_next, peer);
                } else {
                    insert(&mut state.learners, peer);
                }
            }
            SingleChange::Remove(peer) => {
                remove(&mut state.voters, peer);
                remove(&mut state.learners, peer);
                remove(&mut state.learners_next, peer);
            }
        }
    }
}

fn lists(state: &mut ConfState) -> [&mut Vec<PeerId>; 4] {
    [
        &mut state.voters,
        &mut state.learners,
        &mut state.outgoing,
        &mut state.learners_next,
    ]
}

fn insert(list: &mut Vec<PeerId>, peer: PeerId) {
    if let Err(at) = list.binary_search(&peer) {
        list.insert(at, peer);
    }
}

fn remove(list: &mut Vec<PeerId>, peer: PeerId) {
    list.retain(|&other| other != peer);
}

#[cfg(test)]
#[path = "membership/tests.rs"]
mod tests;
