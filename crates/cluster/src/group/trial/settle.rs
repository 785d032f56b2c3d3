//! The healing: every fault is undone, and the group must come together.

use bytes::Bytes;
use checker::ConvergenceInput;
use raft::{Overseen, RawNode};
use types::{
    action::Action,
    id::{MAX_SAFE, PeerId, StoreId},
    raft::{ConfChange, EntryKind, LogIndex, Preset},
    store::{AdminCommand, Command},
    time::{US_PER_MS, VirtualTime},
};

use super::{Reason, Stage};

/// How long a healed group may take, in shortest election timeouts.
const PATIENCE: u64 = 120;
/// How long a group may take that is whole but for the dead.
const LEAN_PATIENCE: u64 = 40;
/// How often a group must do with a bare quorum in the end.
const LEAN_ROUNDS: u32 = 3;
/// How often the operator looks, in milliseconds.
const LOOK_MS: u64 = 20;
/// How often the operator acts, in looks.
const ACT_LOOKS: u64 = 10;

const FRESH_KEY: &[u8] = b"fresh";

impl Stage {
    /// Heals everything and waits until the group came together: by itself, then with a fresh
    /// write, and then with bare quorums of which only one is up to date.
    pub(super) fn settle(&mut self) -> Result<(), Reason> {
        self.heal();
        // Without a no-op, only a write commits what earlier leaders left.
        if self.trial.preset != Preset::Mit6824 {
            self.come_together(None, PATIENCE)?;
        }
        let value = self.next_value();
        self.come_together(Some(&value), PATIENCE)?;
        for _ in 0..LEAN_ROUNDS {
            self.settle_lean()?;
            let value = self.next_value();
            self.come_together(Some(&value), PATIENCE)?;
        }
        Ok(())
    }

    /// Waits until the group came together, with `fresh` written where something shall be.
    fn come_together(&mut self, fresh: Option<&Bytes>, patience: u64) -> Result<(), Reason> {
        let end = self.now().plus(patience * self.timeout_us());
        for look in 0.. {
            if look % ACT_LOOKS == 0 {
                self.operate(fresh);
            }
            let until = self.now().plus(LOOK_MS * US_PER_MS);
            self.advance_to(until)?;
            match self.converged(fresh) {
                Some(Ok(())) => break,
                _ if self.now() < end => {}
                Some(Err(reason)) => return Err(reason),
                None => return self.demand(LogIndex::new(MAX_SAFE), &self.members()),
            }
        }
        Ok(())
    }

    /// The shortest election timeout, in microseconds.
    fn timeout_us(&self) -> u64 {
        let settings = self.sim.conductor().settings();
        settings.election_ticks * settings.tick_ms * US_PER_MS
    }

    /// Some followers hear nothing of a write; then the leader dies for good, and with it all but
    /// one of those who heard of it. That one must win against those that are behind.
    fn settle_lean(&mut self) -> Result<(), Reason> {
        let Some((leader, raft)) = self.leader() else {
            return Ok(());
        };
        let voters = raft.conf_state().voters.iter();
        let mut others: Vec<StoreId> = voters.map(|peer| StoreId::new(peer.get())).collect();
        let spare = others.len().div_ceil(2) - 1;
        others.retain(|store| *store != leader);
        if spare == 0 || others.len() <= spare {
            return Ok(());
        }
        let behind = others.split_off(spare);
        let ahead = self
            .stores()
            .into_iter()
            .filter(|store| !behind.contains(store));
        let ways = ahead.flat_map(|one| behind.iter().map(move |other| (one, *other)));
        let ways = ways.collect();
        self.act(Action::Block { ways });
        let value = self.next_value();
        self.operate(Some(&value));
        self.wait(self.timeout_us() / 2 / US_PER_MS)?;
        others.pop();
        others.push(leader);
        for store in &others {
            self.act(Action::Kill { store: *store });
        }
        self.act(Action::Block { ways: Vec::new() });
        self.lost = others;
        let value = self.next_value();
        self.come_together(Some(&value), LEAN_PATIENCE)?;
        self.lost.clear();
        Ok(())
    }

    fn heal(&mut self) {
        let usual = self.plan.config.cluster.settings;
        self.sim.heal(&usual);
        self.start_all();
    }

    fn start_all(&mut self) {
        for store in self.stores() {
            if self.lost.contains(&store) {
                continue;
            }
            self.act(Action::Start { store });
        }
    }

    /// What an operator does meanwhile: ends a joint phase that does not end by itself, stops the
    /// stores that are not of the group any more and may not know it (TinyKV's destroy them),
    /// starts those that a last change brought in, and writes something.
    fn operate(&mut self, fresh: Option<&Bytes>) {
        // Once is not enough: without a no-op a new leader commits what it found with the next
        // write only.
        if let Some(value) = fresh.cloned() {
            let key = Bytes::from_static(FRESH_KEY);
            let command = Command::Put { key, value };
            self.act(Action::Submit { command, via: None });
        }
        let Some((leader, raft)) = self.leader() else {
            return self.start_all();
        };
        let conf_state = raft.conf_state().clone();
        let knows_all = raft.log().term(raft.applied_index()) == Some(raft.term())
            && !has_unapplied_change(raft);
        if conf_state.is_joint() && !conf_state.auto_leave {
            let change = ConfChange::leave_joint();
            self.admin(leader, AdminCommand::ChangePeers { change });
        }
        for store in self.stores() {
            if self.lost.contains(&store) {
                continue;
            }
            if conf_state.contains(PeerId::new(store.get())) {
                self.act(Action::Start { store });
            } else if knows_all && !conf_state.is_joint() {
                self.act(Action::Kill { store });
            }
        }
    }

    /// Up to where the leader applied once it holds the fresh value.
    fn is_written(&self, value: &Bytes) -> Option<LogIndex> {
        let (store, raft) = self.leader()?;
        let data = self.sim.node(store)?.data();
        let found = data.get(FRESH_KEY) == Some(value);
        found.then(|| raft.applied_index())
    }

    /// Whether the members came together; nothing while the fresh write is not everywhere.
    fn converged(&mut self, fresh: Option<&Bytes>) -> Option<Result<(), Reason>> {
        let written = match fresh {
            Some(value) => self.is_written(value)?,
            None => self.leader()?.1.commit(),
        };
        Some(self.demand(written, &self.members()))
    }

    /// The stores of the group as its leader has it; all of them while nobody leads.
    fn members(&self) -> Vec<StoreId> {
        let mut stores = self.stores();
        stores.retain(|store| !self.lost.contains(store));
        if let Some((_, raft)) = self.leader() {
            let conf_state = raft.conf_state();
            stores.retain(|store| conf_state.contains(PeerId::new(store.get())));
        }
        stores
    }

    fn demand(&self, written: LogIndex, stores: &[StoreId]) -> Result<(), Reason> {
        let input = ConvergenceInput {
            region: self.sim.conductor().region().id,
            stores,
            written,
        };
        let (at, event): (VirtualTime, _) = (self.now(), self.sim.conductor().event());
        let judged = self.watch.converged(at, event, &input);
        judged.map_err(Reason::Violation)
    }
}

fn has_unapplied_change(raft: &RawNode<Overseen>) -> bool {
    let (from, to) = (raft.applied_index().next(), raft.log().last_index());
    let mut entries = raft.log().entries(from, to);
    entries.any(|entry| entry.kind == EntryKind::ConfChange)
}
