//! R6, committed on quorum: at the moment of a commit a majority of each half of the leader's
//! membership durably holds the entry (paper, section 5.3; etcd TLA+: `CommittedIsDurable`).
//!
//! Judged on the disks that the hosts tell of and by an arithmetic of its own. What the leader
//! says about its followers is not asked.

use std::collections::BTreeMap;

use types::id::{PeerId, StoreId};
use types::raft::{ConfState, LogIndex, LogPosition};

use crate::ledger::Ledger;
use crate::quorum::decides;
use crate::replica::Replica;
use crate::violation::{Fault, Invariant, Judgement};

/// The replicas of a group, and where each peer lives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disks<'a> {
    pub(crate) replicas: &'a BTreeMap<StoreId, Replica>,
    pub(crate) homes: &'a BTreeMap<PeerId, StoreId>,
}

impl Disks<'_> {
    /// Whether the disk of `peer` durably holds an entry; `None` for a peer never heard of.
    fn holds(&self, peer: PeerId, at: LogPosition) -> Option<bool> {
        let replica = self.replicas.get(self.homes.get(&peer)?)?;
        Some(replica.peer == peer && replica.disk.log.holds(at))
    }
}

/// A leader committed up to `to` by counting.
pub(crate) fn counted(leader: &Replica, to: LogIndex, disks: Disks<'_>) -> Judgement {
    if !leader.leads() {
        let message = format!(
            "{}, a {:?}, committed {to} by counting",
            leader.peer, leader.role
        );
        return Err(leader.fault(Invariant::CommittedOnQuorum, to, message));
    }
    let Some(membership) = leader.seat.membership() else {
        let message = "nobody told the membership by which it counts";
        return Err(leader.fault(Invariant::CommittedOnQuorum, to, message));
    };
    let Some(term) = leader.log.term(to) else {
        let message = format!("{} committed {to}, which its log lacks", leader.peer);
        return Err(leader.fault(Invariant::CommittedOnQuorum, to, message));
    };
    let at = LogPosition { index: to, term };
    if decides(membership, |peer| disks.holds(peer, at) == Some(true)) {
        Ok(())
    } else {
        Err(lacking(leader, at, membership, disks))
    }
}

/// A peer follows a leader's word up to `to`: some leader committed that before.
pub(crate) fn followed(replica: &Replica, to: LogIndex, ledger: &Ledger) -> Judgement {
    if to <= ledger.commit() {
        return Ok(());
    }
    let message = format!(
        "{} committed {to} by its leader's word, and no leader committed beyond {}",
        replica.peer,
        ledger.commit()
    );
    Err(replica.fault(Invariant::CommittedOnQuorum, to, message))
}

/// A peer came up with a commit index that nobody was seen to reach: the leader may have died with
/// its last words. A quorum must hold the entry all the same, of the membership that the peer
/// knows or of the `newest`. A disk that nobody told of yet may hold it.
pub(crate) fn restarted(
    replica: &Replica,
    to: LogIndex,
    newest: Option<&ConfState>,
    ledger: &Ledger,
    disks: Disks<'_>,
) -> Judgement {
    let (Some(membership), Some(term)) = (replica.seat.membership(), replica.log.term(to)) else {
        return Ok(());
    };
    let at = LogPosition { index: to, term };
    let is_held = |peer| disks.holds(peer, at).unwrap_or(true);
    let mut either = [Some(membership), newest].into_iter().flatten();
    if to <= ledger.commit() || either.any(|membership| decides(membership, is_held)) {
        Ok(())
    } else {
        Err(lacking(replica, at, membership, disks))
    }
}

fn lacking(replica: &Replica, at: LogPosition, membership: &ConfState, disks: Disks<'_>) -> Fault {
    let names = |peers: &[PeerId]| {
        let durable = peers
            .iter()
            .filter(|peer| disks.holds(**peer, at) == Some(true));
        let names: Vec<String> = durable.map(ToString::to_string).collect();
        format!("[{}] of {}", names.join(" "), peers.len())
    };
    let mut message = format!(
        "{} committed {at}, durable on {}",
        replica.peer,
        names(&membership.voters)
    );
    if membership.is_joint() {
        message.push_str(" and, of the outgoing half, on ");
        message.push_str(&names(&membership.outgoing));
    }
    replica.fault(Invariant::CommittedOnQuorum, at.index, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{Stage, broken, index, peer, voters};
    use types::raft::{CommitEvidence, EntryKind, Role};
    use types::view::FactBody;

    #[test]
    fn what_a_majority_durably_holds_is_committed_whoever_is_down() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 3);
        stage.restart(3);
        stage.commit(1);
        assert_eq!(stage.checker.counts().commits, 4);
    }

    #[test]
    fn a_commit_that_a_follower_holds_in_memory_only_is_found() {
        let mut stage = Stage::settled();
        let last = stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.copy(1, 2);
        stage.copy(1, 3);
        let violation = stage.counted(1, last).expect_err("planted");
        assert_eq!(violation.invariant, Invariant::CommittedOnQuorum);
        assert!(
            violation.message.contains("durable on [P1] of 3"),
            "{violation}"
        );
    }

    #[test]
    fn a_commit_counts_by_each_half_of_a_joint_membership() {
        let mut stage = Stage::settled();
        stage.start(4).expect("a new peer");
        stage.start(5).expect("a new peer");
        let joint = ConfState {
            outgoing: stage.conf.voters.clone(),
            ..voters(&[1, 4, 5])
        };
        stage.change(1, &[2, 3], &joint);
        let last = stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.hear(4, 1, 1);
        stage.replicate(1, 2);
        stage.replicate(1, 3);
        let outcome = stage.clone().counted(1, last);
        assert_eq!(broken(outcome), Invariant::CommittedOnQuorum);
        stage.replicate(1, 4);
        stage.counted(1, last).expect("two of each half hold it");
    }

    #[test]
    fn a_learner_is_not_a_part_of_the_majority() {
        let mut stage = Stage::settled();
        stage.start(4).expect("a new peer");
        let with_learner = ConfState {
            learners: vec![peer(4)],
            ..stage.conf.clone()
        };
        stage.change(1, &[2, 3], &with_learner);
        let last = stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.hear(4, 1, 1);
        stage.replicate(1, 4);
        assert_eq!(broken(stage.counted(1, last)), Invariant::CommittedOnQuorum);
    }

    #[test]
    fn who_does_not_lead_cannot_commit_by_counting() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.role(1, Role::Follower, 1).expect("it gave way");
        assert_eq!(broken(stage.counted(1, 4)), Invariant::CommittedOnQuorum);
    }

    #[test]
    fn a_follower_ahead_of_every_leader_is_found() {
        let mut stage = Stage::settled();
        let last = stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        assert_eq!(
            broken(stage.clone().followed(2, last)),
            Invariant::CommittedOnQuorum
        );
        stage.commit(1);
        stage.follow(2, last);
    }

    #[test]
    fn a_commit_that_only_the_disk_of_a_dead_leader_tells_is_believed_when_a_quorum_holds_it() {
        let mut stage = Stage::settled();
        let last = stage.append(1, EntryKind::Normal);
        stage.persist(1);
        let mut alone = stage.clone();
        stage.replicate(1, 2);
        for (stage, is_held) in [(&mut stage, true), (&mut alone, false)] {
            stage.actor(1).hard_state.commit = index(last);
            stage.persist(1);
            stage.observe(1, crate::Observation::Down).expect("it died");
            let started: FactBody = stage.started(1);
            assert_eq!(stage.fact(1, started).is_ok(), is_held);
        }
        stage
            .committed(1, last, CommitEvidence::Restart)
            .expect("a quorum holds it");
    }
}
