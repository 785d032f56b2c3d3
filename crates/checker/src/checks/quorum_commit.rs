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
        let message = format!("{}, a {:?}, committed {to} by counting", leader.peer, leader.role);
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
/// its last words. A quorum must hold the entry all the same; a disk not heard of yet may.
pub(crate) fn restarted(
    replica: &Replica,
    to: LogIndex,
    ledger: &Ledger,
    disks: Disks<'_>,
) -> Judgement {
    let (Some(membership), Some(term)) = (replica.seat.membership(), replica.log.term(to)) else {
        return Ok(());
    };
    let at = LogPosition { index: to, term };
    let is_held = |peer| disks.holds(peer, at).unwrap_or(true);
    if to <= ledger.commit() || decides(membership, is_held) {
        Ok(())
    } else {
        Err(lacking(replica, at, membership, disks))
    }
}

fn lacking(replica: &Replica, at: LogPosition, membership: &ConfState, disks: Disks<'_>) -> Fault {
    let names = |peers: &[PeerId]| {
        let durable = peers.iter().filter(|peer| disks.holds(**peer, at) == Some(true));
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
