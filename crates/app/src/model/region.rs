//! What a person can ask of the region that is shown, and of whom it is asked.
//!
//! With a scheduler that runs, the scheduler is asked: it hands out the ids that new peers and new
//! regions need, and it takes the steps in a safe order. Without one, a peer is asked directly
//! where that needs no new id.

use bytes::Bytes;
use types::{
    action::Action,
    frame::Life,
    id::{PeerId, RegionId, StoreId},
    scheduler::{OperatorRequest, OperatorStep},
    store::{AdminCommand, AdminRequest, Peer, Region},
};

use super::state::{State, is_alive};

/// The class that wears a region's colour, by its place among the ids of `all`: a split takes a
/// higher id, so that no other region changes its colour.
#[must_use]
pub fn region_class(all: impl Iterator<Item = RegionId>, region: RegionId) -> &'static str {
    const CLASSES: [&str; 8] = ["g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7"];
    CLASSES[all.filter(|other| *other < region).count() % CLASSES.len()]
}

/// Something that a person wants of the region that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegionDeed {
    /// A peer joins on this store.
    Add(StoreId),
    /// The peer on this store leaves.
    Remove(StoreId),
    /// The peer on the first store moves to the second.
    Move(StoreId, StoreId),
    /// The peer on this store takes the lead.
    Lead(StoreId),
    /// The region is cut in two at this key; an empty one means halves.
    Split(String),
    /// The log is compacted: all that is applied goes.
    Compact,
    /// The leader sends this store a snapshot.
    Snapshot(StoreId),
    /// The peer on this store campaigns at once.
    Campaign(StoreId),
    /// The scheduler stops what it does to the region.
    Cancel,
}

/// Why a deed is not possible now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Nothing is shown yet.
    NotOpen,
    /// The cluster has no scheduler.
    NoScheduler,
    /// The scheduler is down.
    SchedulerDown,
    /// Nobody leads the region.
    NoLeader,
    /// The store has no peer of the region.
    NoPeer,
    /// The store has a peer of the region.
    HasPeer,
    /// The store leads the region.
    Leads,
    /// It is the only peer.
    OnlyPeer,
    /// The store is down.
    Down,
    /// The key is not inside of the region.
    KeyOutside,
}

impl Hindrance {
    /// The locale key of its words.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::NotOpen => "menu-not-open",
            Self::NoScheduler => "why-no-scheduler",
            Self::SchedulerDown => "why-scheduler-down",
            Self::NoLeader => "why-no-leader",
            Self::NoPeer => "why-no-peer",
            Self::HasPeer => "why-has-peer",
            Self::Leads => "why-leads",
            Self::OnlyPeer => "why-only-peer",
            Self::Down => "menu-is-down",
            Self::KeyOutside => "why-key-outside",
        }
    }
}

/// Who takes orders about membership.
enum Through {
    Scheduler,
    Leader(StoreId),
}

impl State {
    /// The region that is shown.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        Some(&self.frame.as_ref()?.region)
    }

    /// The class that wears the colour of a region.
    #[must_use]
    pub fn region_class(&self, region: RegionId) -> &'static str {
        let all = self.frame.iter().flat_map(|frame| &frame.regions);
        region_class(all.map(|one| one.region.id), region)
    }

    /// The region before or behind the one that is shown, in the order of keys.
    #[must_use]
    pub fn region_beside(&self, behind: bool) -> Option<RegionId> {
        let frame = self.frame.as_ref()?;
        let is_shown = |id: RegionId| id == frame.region.id;
        let at = frame.regions.iter().position(|one| is_shown(one.region.id));
        let at = at?;
        let beside = if behind {
            at.checked_add(1)
        } else {
            at.checked_sub(1)
        };
        frame.regions.get(beside?).map(|one| one.region.id)
    }

    /// The scheduler's life; nothing where there is none.
    #[must_use]
    pub fn scheduler(&self) -> Option<&Life> {
        self.frame.as_ref()?.scheduler.as_ref()
    }

    /// The action that carries out `deed`.
    ///
    /// # Errors
    ///
    /// Why it is not possible now.
    pub fn region_action(&self, deed: &RegionDeed) -> Result<Action, Hindrance> {
        let region = self.region().ok_or(Hindrance::NotOpen)?;
        let id = region.id;
        match deed {
            RegionDeed::Add(store) => self.can_add(region, *store, || OperatorRequest::AddPeer {
                region: id,
                store: *store,
            }),
            RegionDeed::Move(from, to) => {
                peer_on(region, *from)?;
                self.can_add(region, *to, || OperatorRequest::MovePeer {
                    region: id,
                    from: *from,
                    to: *to,
                })
            }
            RegionDeed::Remove(store) => self.remove(region, *store),
            RegionDeed::Lead(store) => self.lead(region, *store),
            RegionDeed::Split(text) => self.split(region, text),
            RegionDeed::Compact => {
                let leader = self.region_leader()?;
                Ok(admin(leader, id, AdminCommand::CompactLog { keep: 0 }))
            }
            RegionDeed::Snapshot(store) => {
                let to = peer_on(region, *store)?.id;
                let leader = self.other_leader(*store)?;
                Ok(admin(leader, id, AdminCommand::SendSnapshot { to }))
            }
            RegionDeed::Campaign(store) => {
                peer_on(region, *store)?;
                self.up(*store)?;
                match self.other_leader(*store) {
                    Err(Hindrance::Leads) => Err(Hindrance::Leads),
                    _ => Ok(admin(*store, id, AdminCommand::Campaign)),
                }
            }
            RegionDeed::Cancel => {
                self.scheduler_up()?;
                let request = OperatorRequest::Cancel { region: id };
                Ok(Action::Operator { request })
            }
        }
    }

    fn can_add(
        &self,
        region: &Region,
        store: StoreId,
        request: impl Fn() -> OperatorRequest,
    ) -> Result<Action, Hindrance> {
        if region.peer_on(store).is_some() {
            return Err(Hindrance::HasPeer);
        }
        self.scheduler_up()?;
        self.up(store)?;
        Ok(Action::Operator { request: request() })
    }

    fn remove(&self, region: &Region, store: StoreId) -> Result<Action, Hindrance> {
        let peer = peer_on(region, store)?;
        if region.peers.len() < 2 {
            return Err(Hindrance::OnlyPeer);
        }
        let id = region.id;
        match self.through()? {
            Through::Scheduler => {
                let request = OperatorRequest::RemovePeer { region: id, store };
                Ok(Action::Operator { request })
            }
            // A leader that removes itself leaves the others without one for a while.
            Through::Leader(leader) if leader == store => Err(Hindrance::Leads),
            Through::Leader(leader) => {
                let step = OperatorStep::RemovePeer { peer };
                Ok(admin(leader, id, AdminCommand::Step(step)))
            }
        }
    }

    fn lead(&self, region: &Region, to: StoreId) -> Result<Action, Hindrance> {
        let peer: PeerId = peer_on(region, to)?.id;
        self.up(to)?;
        self.other_leader(to)?;
        let id = region.id;
        match self.through()? {
            Through::Scheduler => {
                let request = OperatorRequest::TransferLeader { region: id, to };
                Ok(Action::Operator { request })
            }
            Through::Leader(leader) => {
                let command = AdminCommand::TransferLeader { to: peer };
                Ok(admin(leader, id, command))
            }
        }
    }

    fn split(&self, region: &Region, text: &str) -> Result<Action, Hindrance> {
        self.scheduler_up()?;
        let key = (!text.is_empty()).then(|| Bytes::copy_from_slice(text.as_bytes()));
        if let Some(key) = &key
            && (!region.contains(key) || *key == region.start)
        {
            return Err(Hindrance::KeyOutside);
        }
        let request = OperatorRequest::Split {
            region: region.id,
            key,
        };
        Ok(Action::Operator { request })
    }

    fn through(&self) -> Result<Through, Hindrance> {
        match self.scheduler() {
            Some(life) if is_alive(life) => Ok(Through::Scheduler),
            Some(_) | None => Ok(Through::Leader(self.region_leader()?)),
        }
    }

    fn scheduler_up(&self) -> Result<(), Hindrance> {
        match self.scheduler() {
            None => Err(Hindrance::NoScheduler),
            Some(life) if is_alive(life) => Ok(()),
            Some(_) => Err(Hindrance::SchedulerDown),
        }
    }

    fn up(&self, store: StoreId) -> Result<(), Hindrance> {
        match self.store(store) {
            Some(store) if is_alive(&store.life) => Ok(()),
            Some(_) | None => Err(Hindrance::Down),
        }
    }

    fn region_leader(&self) -> Result<StoreId, Hindrance> {
        let leader = self.leader().map(|leader| leader.id);
        leader.ok_or(Hindrance::NoLeader)
    }

    /// The leader, where it is not on `store`.
    fn other_leader(&self, store: StoreId) -> Result<StoreId, Hindrance> {
        let leader = self.region_leader()?;
        if leader == store {
            return Err(Hindrance::Leads);
        }
        Ok(leader)
    }
}

fn peer_on(region: &Region, store: StoreId) -> Result<Peer, Hindrance> {
    region.peer_on(store).ok_or(Hindrance::NoPeer)
}

fn admin(store: StoreId, region: RegionId, command: AdminCommand) -> Action {
    let request = AdminRequest { region, command };
    Action::Admin { store, request }
}
