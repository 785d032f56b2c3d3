//! Messages of peers: to whom they go, whom they make, and which are refused.
//!
//! The checks and their order are TinyKV's (`onRaftMsg` for peers that are there, `onRaftMessage`
//! of the store for those that are not).

use types::{
    codec,
    id::RegionId,
    io::{Output, Stop},
    raft::{EntryKind, Message, MessageBody, Snapshot},
    store::{ChangeContext, PeerMessage, RegionEpoch, StoreMessage},
    view::FIRST_TERM,
};

use super::Store;
use crate::{
    peer::{can_create, read_proposal},
    refused::Refused,
    rows::{PeerState, RegionState},
    snapshot::Payload,
};

/// How many first questions for votes are kept for peers that a split will make.
const PARKED_MAX: usize = 1_024;

/// Whether `epoch` is older than `other` in either part (TinyKV: `IsEpochStale`).
pub(crate) const fn is_stale(epoch: RegionEpoch, other: RegionEpoch) -> bool {
    epoch.version < other.version || epoch.conf_ver < other.conf_ver
}

impl Store {
    pub(crate) fn message(
        &mut self,
        message: &StoreMessage,
        output: &mut Output,
    ) -> Result<(), Stop> {
        match self.admit(message, output) {
            Ok(true) => self.step(message, output),
            Ok(false) => Ok(()),
            Err(refused) => {
                self.refuse(refused);
                Ok(())
            }
        }
    }

    /// Whether a message may be given to the peer that it names, which it may have made.
    fn admit(&mut self, message: &StoreMessage, output: &mut Output) -> Result<bool, Refused> {
        if message.to.store != self.id {
            return Err(Refused::WrongStore);
        }
        if let PeerMessage::Raft(inner) = &message.body {
            if inner.to != message.to.id {
                return Err(Refused::WrongPeer);
            }
            if inner.from != message.from.id {
                return Err(Refused::UnknownSender);
            }
            check_entries(inner)?;
        }
        if self.peers.contains_key(&message.region) && !self.meets_present(message, output)? {
            return Ok(false);
        }
        if !self.peers.contains_key(&message.region) && !self.meets_absent(message, output)? {
            return Ok(false);
        }
        if let PeerMessage::Raft(inner) = &message.body
            && let MessageBody::Snapshot { snapshot } = &inner.body
        {
            self.check_snapshot(message.region, snapshot)?;
        }
        Ok(true)
    }

    /// The checks of a peer that is there. A peer that is outdated is gone afterwards.
    fn meets_present(
        &mut self,
        message: &StoreMessage,
        output: &mut Output,
    ) -> Result<bool, Refused> {
        let peer = &self.peers[&message.region];
        let (own, epoch) = (peer.name, peer.region.epoch);
        if message.body == PeerMessage::Tombstone {
            if message.to == own && is_stale(epoch, message.epoch) {
                let mut region = peer.region.clone();
                region.epoch = message.epoch;
                region.peers.retain(|peer| *peer != own);
                self.bury(message.region, region, output);
            }
            return Ok(false);
        }
        let is_outsider = peer.is_initialised()
            && is_stale(message.epoch, epoch)
            && peer.region.peer_on(message.from.store).is_none();
        if is_outsider {
            send_tombstone(message, epoch, output);
            return Err(Refused::UnknownSender);
        }
        let known = peer.region.peer(message.from.id);
        if known.is_some_and(|known| known != message.from) {
            return Err(Refused::UnknownSender);
        }
        if message.to.id < own.id {
            return Err(Refused::WrongPeer);
        }
        if message.to.id > own.id {
            // The group has a newer peer on this store: the one here was removed.
            let mut region = peer.region.clone();
            region.epoch.conf_ver = region.epoch.conf_ver.max(message.epoch.conf_ver).max(1) - 1;
            region.peers.retain(|peer| *peer != own);
            self.bury(message.region, region, output);
        }
        Ok(true)
    }

    /// The checks where no peer is. Returns whether one was made.
    fn meets_absent(
        &mut self,
        message: &StoreMessage,
        output: &mut Output,
    ) -> Result<bool, Refused> {
        let PeerMessage::Raft(inner) = &message.body else {
            return Ok(false);
        };
        if let Some(tombstone) = self.tombstones.get(&message.region) {
            let (gone, members) = (tombstone.region.epoch, &tombstone.region);
            if is_stale(message.epoch, gone) {
                if members.peer_on(message.from.store).is_none() {
                    send_tombstone(message, gone, output);
                }
                return Err(Refused::Tombstone);
            }
            if message.epoch.conf_ver == gone.conf_ver {
                return Err(Refused::Tombstone);
            }
        }
        if !can_create(&inner.body) {
            return Err(Refused::UnknownRegion);
        }
        let (start, end) = message.range.as_ref().ok_or(Refused::UnknownRegion)?;
        if self.ranges.overlapping(start, end).next().is_some() {
            self.park(message, inner);
            return Err(Refused::Overlap);
        }
        self.create(message.region, message.to, output);
        Ok(true)
    }

    /// Keeps the first question for a vote that comes before the split that makes its receiver.
    fn park(&mut self, message: &StoreMessage, inner: &Message) {
        let is_vote = matches!(inner.body, MessageBody::RequestVote { .. });
        let is_known = self.parked.contains_key(&message.region);
        if is_vote && inner.term == FIRST_TERM && (is_known || self.parked.len() < PARKED_MAX) {
            self.parked.insert(message.region, message.clone());
        }
    }

    /// Whether a snapshot can take the place of a peer's region: undamaged, with the peer in it,
    /// and beside every other region of this store.
    fn check_snapshot(&self, region: RegionId, snapshot: &Snapshot) -> Result<(), Refused> {
        let payload = Payload::decode(&snapshot.data).ok_or(Refused::BadSnapshot)?;
        let peer = &self.peers[&region];
        if peer.is_blocked() && peer.claims().is_some() {
            return Err(Refused::Blocked);
        }
        let is_ours = payload.region.id == region && payload.fits(snapshot, peer.name.id);
        if !is_ours || payload.region.peer_on(self.id) != Some(peer.name) {
            return Err(Refused::BadSnapshot);
        }
        let (start, end) = (&payload.region.start, &payload.region.end);
        let mut others = self.ranges.overlapping(start, end);
        if others.any(|other| other != region) {
            // Usually the parent here has not applied its split yet.
            return Err(Refused::Overlap);
        }
        Ok(())
    }

    fn step(&mut self, message: &StoreMessage, output: &mut Output) -> Result<(), Stop> {
        let PeerMessage::Raft(inner) = &message.body else {
            return Ok(());
        };
        let (region, from, inner) = (message.region, message.from, inner.clone());
        let mut refused = None;
        self.with_peer(region, output, |peer, turn| {
            peer.hear_of(from);
            match peer.raft.step(inner) {
                Ok(()) => peer.drain(turn),
                Err(error) => {
                    refused = Refused::of_step(&error);
                    refused.map_or_else(|| Err(stop_of_step(region, &error)), |_| Ok(()))
                }
            }
        })?;
        if let Some(refused) = refused {
            self.refuse(refused);
        }
        Ok(())
    }

    /// What a peer that comes back under this region's id must keep to.
    pub(super) fn promised(&self, region: RegionId) -> types::raft::HardState {
        match self.tombstones.get(&region) {
            Some(RegionState {
                state: PeerState::Tombstone { promised },
                ..
            }) => *promised,
            _ => types::raft::HardState::default(),
        }
    }
}

/// Tells a peer that asks for a vote and does not belong to its group any more.
fn send_tombstone(message: &StoreMessage, epoch: RegionEpoch, output: &mut Output) {
    let PeerMessage::Raft(inner) = &message.body else {
        return;
    };
    let asks = matches!(
        inner.body,
        MessageBody::RequestVote { .. } | MessageBody::PreVote { .. }
    );
    if asks {
        output.messages.push(StoreMessage {
            region: message.region,
            epoch,
            from: message.to,
            to: message.from,
            range: None,
            body: PeerMessage::Tombstone,
        });
    }
}

/// Whether every entry of an append holds what its kind says.
fn check_entries(message: &Message) -> Result<(), Refused> {
    let MessageBody::Append { entries, .. } = &message.body else {
        return Ok(());
    };
    let is_sound = entries.iter().all(|entry| match entry.kind {
        EntryKind::NoOp => entry.data.is_empty(),
        EntryKind::Normal => read_proposal(entry).is_some(),
        EntryKind::ConfChange => raft::conf_change_of(entry).is_some_and(|change| {
            change.is_leave_joint() || codec::decode::<ChangeContext>(&change.context).is_ok()
        }),
    });
    if is_sound {
        Ok(())
    } else {
        Err(Refused::MalformedEntry)
    }
}

/// The stop for a message that proves a disk wrong.
fn stop_of_step(region: RegionId, error: &raft::StepError) -> Stop {
    match error {
        raft::StepError::CommittedOverwritten { index, theirs, .. } => Stop::CommittedOverwritten {
            region,
            index: *index,
            term: *theirs,
        },
        _ => Stop::InconsistentDisk {
            region,
            reason: error.to_string(),
        },
    }
}
