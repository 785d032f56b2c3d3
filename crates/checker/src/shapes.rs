//! The shapes of regions, over all groups and stores: M2, M4, M6 and M8 of the multi-raft
//! invariants.

use std::collections::{BTreeMap, BTreeSet};

use types::id::{PeerId, RegionId, StoreId};
use types::raft::{LogIndex, Term};
use types::store::{Region, RegionEpoch};
use types::view::{Fact, FactBody, RegionChange};

use crate::violation::{Fault, Invariant, Judgement, fault};

/// What stores said of their regions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shapes {
    /// The regions that each store holds now.
    held: BTreeMap<StoreId, BTreeMap<RegionId, Region>>,
    /// Every shape that a region ever had.
    ever: BTreeMap<(RegionId, RegionEpoch), Region>,
    /// The membership at which a region's peer left a store.
    left: BTreeMap<(StoreId, RegionId), u64>,
    /// Whose id each peer is.
    homes: BTreeMap<PeerId, (RegionId, StoreId)>,
}

fn broken(invariant: Invariant, message: String) -> Fault {
    fault(invariant, Term::ZERO, LogIndex::ZERO, message)
}

fn share_keys(one: &Region, other: &Region) -> bool {
    let reaches = |region: &Region, key: &[u8]| region.end.is_empty() || region.end.as_ref() > key;
    reaches(one, &other.start) && reaches(other, &one.start)
}

fn stores(region: &Region) -> BTreeSet<StoreId> {
    region.peers.iter().map(|peer| peer.store).collect()
}

impl Shapes {
    /// Judges what a store tells of its regions, and takes it in.
    pub(crate) fn fact(&mut self, store: StoreId, fact: &Fact) -> Judgement {
        match &fact.body {
            FactBody::Started { region, .. } => self.shape(store, region, None),
            FactBody::RegionChanged { region, by, .. } => self.shape(store, region, Some(*by)),
            FactBody::PeerRemoved { .. } => {
                let held = self.held.entry(store).or_default().remove(&fact.region);
                if let Some(region) = held {
                    let key = (store, fact.region);
                    self.left.insert(key, region.epoch.conf_ver);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A store's process ended: what it holds, its next start tells.
    pub(crate) fn down(&mut self, store: StoreId) {
        self.held.remove(&store);
    }

    fn shape(&mut self, store: StoreId, region: &Region, by: Option<RegionChange>) -> Judgement {
        // A peer without a snapshot holds no range.
        if region.peers.is_empty() {
            return Ok(());
        }
        if by.is_none() {
            // Its disk still holds what was to leave: the store died before that was durable.
            self.left.remove(&(store, region.id));
        }
        self.never_back(store, region)?;
        self.as_ever(region)?;
        self.own_ids(region)?;
        let before = self.held.entry(store).or_default().remove(&region.id);
        if let Some(before) = &before {
            forwards(before, region)?;
        }
        self.apart(store, region)?;
        if by == Some(RegionChange::Split) && before.is_none() {
            self.beside_its_parent(store, region)?;
        }
        let held = self.held.entry(store).or_default();
        held.insert(region.id, region.clone());
        Ok(())
    }

    /// M8: what left a store comes back by a later membership only.
    fn never_back(&self, store: StoreId, region: &Region) -> Judgement {
        match self.left.get(&(store, region.id)) {
            Some(left) if region.epoch.conf_ver <= *left => {
                let (id, epoch) = (region.id, region.epoch);
                let message = format!("{id} is back at {epoch}, it had left at conf_ver {left}");
                Err(broken(Invariant::GoneForGood, message))
            }
            _ => Ok(()),
        }
    }

    /// M4: one epoch, one shape.
    fn as_ever(&mut self, region: &Region) -> Judgement {
        let key = (region.id, region.epoch);
        let known = self.ever.entry(key).or_insert_with(|| region.clone());
        let same = known.start == region.start
            && known.end == region.end
            && stores(known) == stores(region)
            && known.peers.len() == region.peers.len();
        if same {
            return Ok(());
        }
        let message = format!("two shapes at one epoch: {region:?}, before {known:?}");
        Err(broken(Invariant::EpochNamesShape, message))
    }

    /// M8: a peer's id is never given away again.
    fn own_ids(&mut self, region: &Region) -> Judgement {
        for peer in &region.peers {
            let home = (region.id, peer.store);
            let known = *self.homes.entry(peer.id).or_insert(home);
            if known != home {
                let message = format!("{} is {home:?}, it was {known:?}", peer.id);
                return Err(broken(Invariant::GoneForGood, message));
            }
        }
        Ok(())
    }

    /// M2: no two regions of a store share a key.
    fn apart(&self, store: StoreId, region: &Region) -> Judgement {
        let held = self.held.get(&store).into_iter().flatten();
        for (_, other) in held {
            if share_keys(other, region) {
                let message = format!("{region:?} overlaps {other:?}");
                return Err(broken(Invariant::RangesApart, message));
            }
        }
        Ok(())
    }

    /// M6: a region that a split made begins where another of the same epoch and the same stores
    /// ends.
    fn beside_its_parent(&self, store: StoreId, child: &Region) -> Judgement {
        let mut held = self.held.get(&store).into_iter().flatten();
        let is_parent = |(_, other): &(&RegionId, &Region)| {
            other.end == child.start && other.epoch == child.epoch && stores(other) == stores(child)
        };
        if held.any(|other| is_parent(&other)) {
            return Ok(());
        }
        let message = format!("no region ends where its child begins: {child:?}");
        Err(broken(Invariant::SplitTiles, message))
    }
}

/// M4: an epoch never falls.
fn forwards(before: &Region, after: &Region) -> Judgement {
    let (old, new) = (before.epoch, after.epoch);
    if new.version >= old.version && new.conf_ver >= old.conf_ver {
        return Ok(());
    }
    let message = format!("the epoch of {} falls from {old} to {new}", after.id);
    Err(broken(Invariant::EpochNamesShape, message))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use types::event::EventId;
    use types::raft::ConfState;
    use types::store::Peer;

    use super::*;

    const S1: StoreId = StoreId::new(1);

    fn region(id: u64, start: &'static str, end: &'static str, epoch: (u64, u64)) -> Region {
        let peer = |n| Peer {
            id: PeerId::new(10 * id + n),
            store: StoreId::new(n),
        };
        Region {
            id: RegionId::new(id),
            start: Bytes::from_static(start.as_bytes()),
            end: Bytes::from_static(end.as_bytes()),
            epoch: RegionEpoch {
                conf_ver: epoch.0,
                version: epoch.1,
            },
            peers: (1..=3).map(peer).collect(),
        }
    }

    fn told(region: &Region, by: RegionChange) -> Fact {
        Fact {
            cause: EventId::default(),
            waited_for: None,
            region: region.id,
            body: FactBody::RegionChanged {
                region: region.clone(),
                members: ConfState::default(),
                by,
            },
        }
    }

    fn tell(shapes: &mut Shapes, region: &Region, by: RegionChange) -> Option<Invariant> {
        let judgement = shapes.fact(S1, &told(region, by));
        judgement.err().map(|fault| fault.invariant)
    }

    /// A store that holds one region, and has split it at "m" where wanted.
    fn store(is_split: bool) -> Shapes {
        let mut shapes = Shapes::default();
        let whole = region(1, "", "", (1, 1));
        assert_eq!(tell(&mut shapes, &whole, RegionChange::Snapshot), None);
        if is_split {
            let (left, right) = (region(1, "", "m", (1, 2)), region(2, "m", "", (1, 2)));
            assert_eq!(tell(&mut shapes, &left, RegionChange::Split), None);
            assert_eq!(tell(&mut shapes, &right, RegionChange::Split), None);
        }
        shapes
    }

    #[test]
    fn regions_of_a_store_that_share_a_key_are_found() {
        let overlapping = region(3, "x", "", (1, 1));
        let found = tell(&mut store(true), &overlapping, RegionChange::Snapshot);
        assert_eq!(found, Some(Invariant::RangesApart));
    }

    #[test]
    fn an_epoch_that_falls_and_one_with_two_shapes_are_found() {
        let older = region(1, "", "", (1, 1));
        let found = tell(&mut store(true), &older, RegionChange::Snapshot);
        assert_eq!(found, Some(Invariant::EpochNamesShape));
        let mut other = region(1, "", "", (1, 1));
        other.end = Bytes::from_static(b"z");
        let found = tell(&mut store(false), &other, RegionChange::Snapshot);
        assert_eq!(found, Some(Invariant::EpochNamesShape));
    }

    #[test]
    fn a_child_that_leaves_a_hole_is_found() {
        let mut shapes = store(false);
        let left = region(1, "", "m", (1, 2));
        assert_eq!(tell(&mut shapes, &left, RegionChange::Split), None);
        let child = region(2, "n", "", (1, 2));
        let found = tell(&mut shapes, &child, RegionChange::Split);
        assert_eq!(found, Some(Invariant::SplitTiles));
    }

    #[test]
    fn a_peer_that_left_comes_back_by_a_later_membership_only() {
        let mut shapes = store(false);
        let gone = Fact {
            body: FactBody::PeerRemoved {
                peer: PeerId::new(11),
            },
            ..told(&region(1, "", "", (1, 1)), RegionChange::Membership)
        };
        assert_eq!(shapes.fact(S1, &gone), Ok(()));
        let same = region(1, "", "", (1, 1));
        let found = tell(&mut shapes.clone(), &same, RegionChange::Snapshot);
        assert_eq!(found, Some(Invariant::GoneForGood));
        let later = region(1, "", "", (3, 1));
        assert_eq!(tell(&mut shapes, &later, RegionChange::Snapshot), None);
    }

    #[test]
    fn a_peers_id_that_is_given_away_again_is_found() {
        let mut shapes = store(true);
        let mut other = region(1, "", "m", (2, 2));
        other.peers[0].id = PeerId::new(21);
        let found = tell(&mut shapes, &other, RegionChange::Membership);
        assert_eq!(found, Some(Invariant::GoneForGood));
    }
}
