//! What an operator does to a group, and what its clients want. Unlike the faults of the script
//! these look at the group as it is.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft::{Overseen, RawNode};
use types::{
    action::Action,
    id::{PeerId, StoreId},
    raft::{ConfChange, ConfState, Role, SingleChange, Transition},
    store::{AdminCommand, AdminRequest, Command},
    time::{US_PER_MS, VirtualTime},
};

use super::{Stage, plan::DeedKind};

/// How the peer fares that shall lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transferee {
    /// It hears and is heard.
    Well,
    /// It hears nothing.
    Deaf,
    /// Nobody hears it.
    Mute,
}

/// What deeds leave behind.
#[derive(Default)]
pub(super) struct Deeds {
    /// Values written so far.
    values: u64,
    /// Stores that a deed killed, and when they come back.
    killed: BTreeMap<StoreId, VirtualTime>,
    /// Until when a deed blocks the ways to a store.
    blocked_until: Option<VirtualTime>,
}

impl Stage {
    /// The node that leads in the highest term, and where it lives.
    pub(super) fn leader(&self) -> Option<(StoreId, &RawNode<Overseen>)> {
        let stores = self.stores().into_iter();
        let nodes = stores.filter_map(|store| Some((store, self.sim.node(store)?.raft())));
        let leaders = nodes.filter(|(_, raft)| raft.role() == Role::Leader);
        leaders.max_by_key(|(_, raft)| raft.term())
    }

    pub(super) fn stores(&self) -> Vec<StoreId> {
        let stores = self.sim.conductor().settings().stores;
        (1..=stores).map(StoreId::new).collect()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let bound = u64::try_from(from.len()).ok().filter(|bound| *bound > 0)?;
        let nth = usize::try_from(self.dice.below(bound)).ok()?;
        from.get(nth).copied()
    }

    pub(super) fn admin(&mut self, store: StoreId, command: AdminCommand) {
        let region = self.sim.conductor().region().id;
        let request = AdminRequest { region, command };
        self.act(Action::Admin { store, request });
    }

    /// Undoes what is due, and does one more thing.
    pub(super) fn deed(&mut self) {
        self.undo();
        let kinds = std::mem::take(&mut self.plan.deeds);
        let kind = self.pick(&kinds);
        self.plan.deeds = kinds;
        let stores = self.stores();
        let some_store = self.pick(&stores);
        let (Some(kind), Some(store)) = (kind, some_store) else {
            return;
        };
        match kind {
            DeedKind::Change => self.change(),
            DeedKind::Transfer => self.transfer(Transferee::Well),
            DeedKind::TransferInVain => {
                let is_deaf = self.dice.happens(500);
                self.transfer(if is_deaf {
                    Transferee::Deaf
                } else {
                    Transferee::Mute
                });
            }
            DeedKind::Compact => self.compact(store),
            DeedKind::Campaign => self.admin(store, AdminCommand::Campaign),
            DeedKind::Forget => self.admin(store, AdminCommand::ForgetLeader),
            DeedKind::KillLeader => self.kill_leader(),
            DeedKind::Estrange => self.estrange(store),
        }
    }

    fn undo(&mut self) {
        let now = self.now();
        let due = self.deeds.killed.extract_if(.., |_, at| *at <= now);
        let due: Vec<StoreId> = due.map(|(store, _)| store).collect();
        for store in due {
            self.act(Action::Start { store });
        }
        if self.deeds.blocked_until.is_some_and(|at| at <= now) {
            self.deeds.blocked_until = None;
            self.act(Action::Block { ways: Vec::new() });
        }
    }

    fn kill_leader(&mut self) {
        if let Some(store) = self.leader().map(|(store, _)| store) {
            let back = self.pause((5, 400));
            self.act(Action::Kill { store });
            self.deeds.killed.insert(store, back);
        }
    }

    /// The leader's log and, now and then, all others', so that who lags needs a snapshot.
    fn compact(&mut self, store: StoreId) {
        let keep = self.dice.below(6);
        let all = self.dice.happens(300);
        let leader = self.leader().map(|(store, _)| store);
        let stores = if all { self.stores() } else { vec![store] };
        for store in stores.into_iter().chain(leader) {
            self.admin(store, AdminCommand::CompactLog { keep });
        }
    }

    /// To a voter, that may be cut off in one direction.
    pub(super) fn transfer(&mut self, transferee: Transferee) {
        let Some((store, raft)) = self.leader() else {
            return;
        };
        let own = raft.id();
        let others: Vec<PeerId> = raft.voters().into_iter().filter(|id| *id != own).collect();
        let Some(to) = self.pick(&others) else {
            return;
        };
        let one = StoreId::new(to.get());
        let others = self.stores().into_iter().filter(|other| *other != one);
        match transferee {
            Transferee::Well => {}
            Transferee::Deaf => self.block(others.map(|other| (other, one)).collect(), 2),
            Transferee::Mute => self.block(others.map(|other| (one, other)).collect(), 2),
        }
        self.admin(store, AdminCommand::TransferLeader { to });
    }

    /// Two stores that do not hear each other, while everybody else hears both.
    fn estrange(&mut self, other: StoreId) {
        if let Some(leader) = self.leader().map(|(store, _)| store) {
            self.block(vec![(leader, other), (other, leader)], 4);
            // It need not wait for its timer: a host may ask it to campaign.
            if self.dice.happens(500) {
                self.admin(other, AdminCommand::Campaign);
            }
        }
    }

    /// Blocks these ways, and no others, for so many shortest election timeouts.
    fn block(&mut self, ways: Vec<(StoreId, StoreId)>, timeouts: u64) {
        self.act(Action::Block { ways });
        let settings = self.sim.conductor().settings();
        let ms = settings.election_ticks * settings.tick_ms * timeouts;
        self.deeds.blocked_until = Some(self.now().plus(ms * US_PER_MS));
    }

    fn change(&mut self) {
        let Some((store, raft)) = self.leader() else {
            return;
        };
        let conf_state = raft.conf_state().clone();
        let change = if conf_state.is_joint() {
            ConfChange::leave_joint()
        } else {
            self.draw_change(&conf_state)
        };
        self.admin(store, AdminCommand::ChangePeers { change });
    }

    /// One to three steps that leave at least two voters.
    fn draw_change(&mut self, conf_state: &ConfState) -> ConfChange {
        let transition = match self.dice.below(10) {
            0..=4 => Transition::Auto,
            5..=7 => Transition::JointExplicit,
            _ => Transition::JointImplicit,
        };
        let steps = if self.dice.happens(600) {
            1
        } else {
            self.dice.between(2, 3)
        };
        let mut rest: Vec<PeerId> = self
            .stores()
            .iter()
            .map(|id| PeerId::new(id.get()))
            .collect();
        let mut voters = conf_state.voters.len();
        let mut change = ConfChange {
            transition,
            ..ConfChange::default()
        };
        for _ in 0..steps {
            let Some(peer) = self.pick(&rest) else {
                break;
            };
            rest.retain(|other| *other != peer);
            let is_first = self.dice.happens(600);
            let step = if conf_state.is_voter(peer) {
                if voters <= 2 {
                    continue;
                }
                voters -= 1;
                if is_first {
                    SingleChange::Remove(peer)
                } else {
                    SingleChange::AddLearner(peer)
                }
            } else if is_first || conf_state.contains(peer) {
                voters += 1;
                SingleChange::AddVoter(peer)
            } else {
                SingleChange::AddLearner(peer)
            };
            change.changes.push(step);
        }
        change
    }

    /// A command of the page's client, which finds the leader by itself.
    pub(super) fn submit(&mut self) {
        let key = Bytes::from(format!("k{}", self.dice.below(4)));
        let writes = self.dice.happens(self.plan.write_permille);
        let command = match self.dice.below(7) {
            _ if !writes => Command::Get { key },
            0 => Command::Delete { key },
            _ => Command::Put {
                key,
                value: self.next_value(),
            },
        };
        // Gets go anywhere, since followers may answer them.
        let stores = self.stores();
        let somewhere = self.pick(&stores);
        let via = somewhere.filter(|_| matches!(command, Command::Get { .. }));
        self.act(Action::Submit { command, via });
    }

    /// A value that was never written before.
    pub(super) fn next_value(&mut self) -> Bytes {
        self.deeds.values += 1;
        Bytes::from(format!("v{}", self.deeds.values))
    }
}
