//! The operators that run, at most one for each region, and those that ended last.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use types::{
    id::{RegionId, StoreId},
    scheduler::{FromScheduler, OperatorEnd, OperatorReason, OperatorStep, OperatorView},
    time::StoreTime,
};

use crate::{
    cluster::Cluster,
    operator::{Course, Operator},
    region::RegionInfo,
    rules::Rules,
};

/// How many ended operators are remembered.
const REMEMBERED: usize = 32;

/// The operators (TinyKV: `OperatorController`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Operators {
    running: BTreeMap<RegionId, Operator>,
    ended: VecDeque<OperatorView>,
}

impl Operators {
    /// The one that runs on a region.
    #[must_use]
    pub fn get(&self, region: RegionId) -> Option<&Operator> {
        self.running.get(&region)
    }

    /// Those that run, by region.
    pub fn running(&self) -> impl Iterator<Item = &Operator> {
        self.running.values()
    }

    /// Those that ended last, oldest first.
    pub fn ended(&self) -> impl Iterator<Item = &OperatorView> {
        self.ended.iter()
    }

    /// How many run for one of `reasons`.
    #[must_use]
    pub fn count(&self, reasons: &[OperatorReason]) -> usize {
        let running = self.running.values();
        running.filter(|it| reasons.contains(&it.reason())).count()
    }

    /// The first instant at which one is to be given up.
    #[must_use]
    pub fn next_end(&self) -> Option<StoreTime> {
        self.running.values().map(Operator::ends_at).min()
    }

    /// Starts an operator in the place of whatever runs on its region.
    pub fn start(&mut self, operator: Operator) {
        self.end(operator.region(), OperatorEnd::CalledOff);
        self.running.insert(operator.region(), operator);
    }

    /// Ends what runs on a region; whether something did.
    pub fn end(&mut self, region: RegionId, end: OperatorEnd) -> bool {
        let Some(operator) = self.running.remove(&region) else {
            return false;
        };
        if self.ended.len() == REMEMBERED {
            self.ended.pop_front();
        }
        self.ended.push_back(operator.view(Some(end)));
        true
    }

    /// Looks at a region that was just heard of: what its leader is told, and by which store.
    pub fn dispatch(
        &mut self,
        info: &RegionInfo,
        rules: &Rules,
        now: StoreTime,
    ) -> Option<(StoreId, FromScheduler)> {
        let operator = self.running.get_mut(&info.id())?;
        match operator.look(info, rules, now) {
            Course::Tell(step) => {
                let word = FromScheduler::Step {
                    region: info.id(),
                    epoch: info.epoch(),
                    step,
                };
                info.leader_store().map(|store| (store, word))
            }
            Course::End(end) => {
                self.end(info.id(), end);
                None
            }
        }
    }

    /// Ends those whose time is over or whose region is gone.
    pub fn expire(&mut self, cluster: &Cluster, now: StoreTime) {
        let over = self.running.values().filter_map(|operator| {
            let region = operator.region();
            if cluster.map().get(region).is_none() {
                Some((region, OperatorEnd::RegionGone))
            } else {
                (now >= operator.ends_at()).then_some((region, OperatorEnd::TimedOut))
            }
        });
        let over: Vec<(RegionId, OperatorEnd)> = over.collect();
        for (region, end) in over {
            self.end(region, end);
        }
    }

    /// What the operators that run will still add to a store, and take from it, in bytes (PD's
    /// `OpInfluence`, which TinyKV leaves out: without it a burst of moves overshoots, since
    /// sizes change only when a move is done).
    #[must_use]
    pub fn influence(&self, cluster: &Cluster, store: StoreId) -> (u64, u64) {
        let (mut comes, mut goes) = (0_u64, 0_u64);
        for operator in self.running.values() {
            let Some(info) = cluster.map().get(operator.region()) else {
                continue;
            };
            for step in operator.left() {
                match step {
                    OperatorStep::AddPeer { peer } | OperatorStep::AddLearner { peer }
                        if peer.store == store && info.region.peer(peer.id).is_none() =>
                    {
                        comes = comes.saturating_add(info.weight());
                    }
                    OperatorStep::RemovePeer { peer }
                        if peer.store == store && info.region.peer(peer.id).is_some() =>
                    {
                        goes = goes.saturating_add(info.weight());
                    }
                    _ => {}
                }
            }
        }
        (comes, goes)
    }
}
