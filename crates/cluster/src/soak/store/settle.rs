//! The second phase: a core is healed, must come together, and must take fresh writes.

use std::collections::BTreeSet;

use bytes::Bytes;
use checker::ConvergenceInput;
use types::{
    action::{Acted, Action, OperationId},
    frame::{OperationFrame, OperationState},
    id::{MAX_SAFE, StoreId},
    io::Stop,
    raft::{LogIndex, Role},
    store::Command,
    time::{US_PER_MS, VirtualTime},
};

use super::{
    super::excuse::{Stand, excuse},
    End, Others, Reason, Stage,
};
use crate::saved::SavedLife;

/// How long a healed core may take, in shortest election timeouts: clients give up what hangs,
/// some elections may fail, and a long log must be sent again.
const PATIENCE: u64 = 120;
/// How often the operator looks, in milliseconds.
const LOOK_MS: u64 = 20;
/// How often the operator tries another write, in looks.
const WRITE_LOOKS: u64 = 25;

const FRESH_KEY: &[u8] = b"fresh";

impl Stage {
    /// Undoes every fault of the core, and leaves the others dead or cut off.
    pub(super) fn heal(&mut self) {
        let usual = self.plan.config.cluster.settings;
        self.sim.heal(&usual);
        let others = self.others();
        if !others.is_empty() {
            match self.plan.others {
                Others::Dead => {
                    for store in others {
                        self.act(Action::Kill { store });
                    }
                }
                Others::CutOff => {
                    let groups = vec![self.plan.core.clone(), others];
                    self.act(Action::Cut { groups });
                }
            }
        }
        for store in self.plan.core.clone() {
            self.act(Action::Start { store });
        }
    }

    /// The stores outside of the core, also those that came back under another name.
    fn others(&self) -> Vec<StoreId> {
        let stores = self.sim.conductor().saved().stores.into_iter();
        let ids = stores.map(|store| store.id);
        ids.filter(|id| !self.plan.core.contains(id)).collect()
    }

    /// Waits until the core came together with a fresh write, and reads every key. Where it does
    /// not, either the cluster as it stands is an excuse, or that is a violation.
    pub(super) fn settle(&mut self) -> Result<End, Reason> {
        let end = self.now().plus(PATIENCE * self.timeout_us());
        let mut written = None;
        let mut tried = BTreeSet::new();
        for look in 0.. {
            if look % WRITE_LOOKS == 0 && written.is_none() {
                tried.insert(self.write());
            }
            self.look()?;
            if written.is_none() && self.any_done(&tried) {
                written = self.commit_of_leader();
            }
            if let Some(written) = written {
                match self.demand(written) {
                    Ok(()) => break,
                    Err(reason) if self.now() >= end => return self.excused_or(reason),
                    Err(_) => {}
                }
            }
            if self.now() >= end && written.is_none() {
                return match self.demand(LogIndex::new(MAX_SAFE)) {
                    Ok(()) => unreachable!("nothing is written up to there"),
                    Err(reason) => self.excused_or(reason),
                };
            }
        }
        self.read_all(end)
    }

    /// Reads every key once more: what was acknowledged must be there. R16 judges the answers.
    fn read_all(&mut self, end: VirtualTime) -> Result<End, Reason> {
        let end = end.plus(PATIENCE * self.timeout_us());
        let keys: Vec<Bytes> = (0..self.plan.clients.keys)
            .map(|key| Bytes::from(format!("k{key:03}")))
            .collect();
        for key in keys {
            let mut tried = BTreeSet::new();
            while !self.any_done(&tried) {
                if self.now() >= end {
                    let reason = self.demand(LogIndex::new(MAX_SAFE));
                    return self.excused_or(reason.expect_err("nothing is written up to there"));
                }
                if !self.any_open(&tried) {
                    let key = key.clone();
                    tried.insert(self.submit(Command::Get { key }));
                }
                self.look()?;
            }
            for operation in self.operations(&tried) {
                self.story.add_read(operation);
            }
        }
        Ok(End::Together)
    }

    pub(super) fn look(&mut self) -> Result<(), Reason> {
        self.advance_to(self.now().plus(LOOK_MS * US_PER_MS))
    }

    /// The shortest election timeout, in microseconds.
    fn timeout_us(&self) -> u64 {
        let settings = self.sim.conductor().settings();
        settings.election_ticks * settings.tick_ms * US_PER_MS
    }

    fn write(&mut self) -> OperationId {
        self.fresh += 1;
        let key = Bytes::from_static(FRESH_KEY);
        let value = Bytes::from(format!("fresh {}", self.fresh));
        self.submit(Command::Put { key, value })
    }

    fn submit(&mut self, command: Command) -> OperationId {
        match self.sim.act(Action::Submit { command, via: None }) {
            Ok(Acted::Submitted(operation)) => operation,
            refused => unreachable!("a short command was refused: {refused:?}"),
        }
    }

    fn operations(&mut self, of: &BTreeSet<OperationId>) -> Vec<OperationFrame> {
        let mut operations = self.sim.conductor_mut().frame().operations;
        operations.retain(|operation| of.contains(&operation.id));
        operations
    }

    fn any_done(&mut self, of: &BTreeSet<OperationId>) -> bool {
        let is_done =
            |operation: &OperationFrame| matches!(operation.state, OperationState::Done { .. });
        self.operations(of).iter().any(is_done)
    }

    fn any_open(&mut self, of: &BTreeSet<OperationId>) -> bool {
        let is_open = |operation: &OperationFrame| operation.state == OperationState::Open;
        self.operations(of).iter().any(is_open)
    }

    /// Up to where the leader of the core has committed.
    fn commit_of_leader(&self) -> Option<LogIndex> {
        let views = self.plan.core.iter().filter_map(|store| {
            let view = self.sim.node(*store)?.store()?.view();
            view.peers.into_iter().next()
        });
        let leaders = views.filter(|view| view.role == Role::Leader);
        let newest = leaders.max_by_key(|view| view.hard_state.term);
        newest.map(|view| view.hard_state.commit)
    }

    fn demand(&self, written: LogIndex) -> Result<(), Reason> {
        let conductor = self.sim.conductor();
        let input = ConvergenceInput {
            region: conductor.region().id,
            stores: &self.plan.core,
            written,
        };
        let judged = self
            .watch
            .converged(conductor.now(), conductor.event(), &input);
        judged.map_err(Reason::Violation)
    }

    /// Why the cluster as it stands cannot come together; `reason` where it could.
    fn excused_or(&self, reason: Reason) -> Result<End, Reason> {
        excuse(&self.stands()).map_or(Err(reason), |excuse| Ok(End::Excused(excuse)))
    }

    /// How each voter stands, read off the cluster.
    pub(super) fn stands(&self) -> Vec<Stand> {
        let conductor = self.sim.conductor();
        let saved = conductor.saved().stores;
        let stand = |id: StoreId| {
            let Some(store) = saved.iter().find(|store| store.id == id) else {
                return Stand::Wiped;
            };
            match &store.state {
                SavedLife::Stopped(Stop::CorruptRow { .. }) => Stand::Corrupt,
                _ if !self.plan.core.contains(&id) || self.sim.node(id).is_none() => Stand::Gone,
                _ if store.is_full => Stand::Full,
                _ => Stand::Well,
            }
        };
        let stores = (1..=conductor.settings().stores).map(StoreId::new);
        stores.map(stand).collect()
    }
}
