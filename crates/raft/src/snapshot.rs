//! A snapshot in the place of entries that the leader no longer has (paper, section 7).

use types::id::PeerId;
use types::raft::{AppendResult, CommitEvidence, LogPosition, MessageBody, RaftFact, Snapshot};

use crate::error::{CompactError, SnapshotError};
use crate::membership::Membership;
use crate::oversight::Oversight;
use crate::peer::Peer;
use crate::progress::ProgressState;
use crate::rules::{SnapshotCheck, SnapshotVerdict};

// The leader.

impl<O: Oversight> Peer<O> {
    /// The log no longer holds what follower `at` needs: the host is asked for a snapshot.
    pub(crate) fn want_snapshot(&mut self, at: usize) {
        self.followers[at].needs_snapshot();
        let to = self.followers[at].id();
        self.tell_progress(at);
        if !self.snapshots_wanted.contains(&to) {
            self.snapshots_wanted.push(to);
        }
    }

    /// The host wants a follower to get a snapshot, whether it needs one or not. One that waits for
    /// one already is left alone.
    pub(crate) fn force_snapshot(&mut self, to: PeerId) {
        let at = self.follower(to);
        let waits = |at: &usize| {
            let state = self.followers[*at].state();
            matches!(state, ProgressState::Snapshot { .. })
        };
        if let Some(at) = at.filter(|at| !waits(at)) {
            self.want_snapshot(at);
        }
    }

    /// Asks the host again for a snapshot that it did not give yet.
    pub(crate) fn want_snapshot_again(&mut self, at: usize) {
        let follower = &self.followers[at];
        let to = follower.id();
        let is_missing = follower.state() == ProgressState::Snapshot { last: None };
        if is_missing && !self.snapshots_wanted.contains(&to) {
            self.snapshots_wanted.push(to);
        }
    }

    /// Sends a snapshot that the host made for a follower.
    pub(crate) fn send_snapshot(
        &mut self,
        to: PeerId,
        snapshot: Snapshot,
    ) -> Result<(), SnapshotError> {
        let wanted = ProgressState::Snapshot { last: None };
        let at = self.follower(to);
        let Some(at) = at.filter(|&at| self.followers[at].state() == wanted) else {
            return Err(SnapshotError::NotWanted { to });
        };
        let (last, truncated) = (snapshot.last, self.log.truncated());
        if last.index < truncated.index {
            return Err(SnapshotError::TooOld { last, truncated });
        }
        if last.index > self.applied || self.log.term(last.index) != Some(last.term) {
            return Err(SnapshotError::NotOurs { last });
        }
        self.followers[at].snapshot_sent(last.index);
        self.snapshots_wanted.retain(|&other| other != to);
        self.tell(|_| RaftFact::SnapshotSent { to, last });
        self.tell_progress(at);
        let snapshot = Box::new(snapshot);
        self.send(to, MessageBody::Snapshot { snapshot }, false);
        Ok(())
    }

    /// What became of a snapshot, or that there is none to be had.
    pub(crate) fn report_snapshot(&mut self, to: PeerId, arrived: bool) {
        if let Some(at) = self.follower(to) {
            self.followers[at].snapshot_over(arrived);
            self.snapshots_wanted.retain(|&other| other != to);
            self.tell_progress(at);
        }
    }

    /// Drops the log up to `to`.
    pub(crate) fn compact(&mut self, to: types::raft::LogIndex) -> Result<(), CompactError> {
        let applied = self.applied.min(self.log.persisted());
        if to > applied {
            return Err(CompactError::NotApplied { to, applied });
        }
        if to > self.log.truncated().index {
            self.log.compact(to);
            let to = self.log.truncated();
            self.tell(|_| RaftFact::Compacted { to });
        }
        Ok(())
    }
}

// The follower.

impl<O: Oversight> Peer<O> {
    /// Takes a leader's snapshot in and answers how far the logs match.
    pub(crate) fn handle_snapshot(&mut self, from: PeerId, snapshot: Box<Snapshot>) {
        self.hear_leader();
        let last = snapshot.last;
        let verdict = rule!(
            self.oversight,
            decide_snapshot(&SnapshotCheck {
                last,
                commit: self.hard_state.commit,
                own_term: self.log.term(last.index),
            })
        );
        match verdict {
            SnapshotVerdict::Stale => {}
            SnapshotVerdict::FastForward => self.commit_to(last),
            SnapshotVerdict::Restore => self.restore(snapshot),
        }
        let result = AppendResult::Matched {
            index: self.hard_state.commit,
        };
        self.send(from, MessageBody::AppendResponse { result }, true);
    }

    fn commit_to(&mut self, last: LogPosition) {
        self.hard_state.commit = self.hard_state.commit.max(last.index);
        self.tell_commit(|_| CommitEvidence::Leader {
            leader_commit: last.index,
            matched: last.index,
        });
    }

    /// The snapshot takes the place of the log and of the membership. What is not committed here
    /// is gone; what is, the snapshot holds too.
    fn restore(&mut self, snapshot: Box<Snapshot>) {
        let equal = self.hard_state.commit;
        let (last, prefix_hash) = (snapshot.last, snapshot.prefix_hash);
        self.writes.cut(equal.next());
        self.log.reset(last, prefix_hash, equal);
        self.handed = last.index;
        self.tell(|_| RaftFact::SnapshotRestored { last, prefix_hash });
        let own = self.membership.state();
        let members = rule!(
            self.oversight,
            members_after_snapshot(own, &snapshot.conf_state)
        );
        if let Ok(membership) = Membership::new(members) {
            self.set_membership(membership);
        }
        self.snapshot = Some(snapshot);
        self.commit_to(last);
    }
}
