//! What the scheduler does by itself, and when.

use serde::Serialize;
use types::{
    id::{MAX_SAFE, PeerId, RegionId},
    io::Output,
    scheduler::{OperatorReason, OperatorStep},
    store::Peer,
    time::StoreTime,
};

use crate::{
    balance_leader, balance_region,
    region::RegionInfo,
    repair::{self, Need},
    scheduler::Scheduler,
    steps,
};

/// The time between two looks of a balancer that found something (TinyKV:
/// `MinScheduleInterval`).
pub const INTERVAL_MIN_US: u64 = 10_000;
/// The longest time between two looks of one that finds nothing (TinyKV: `MaxScheduleInterval`).
pub const INTERVAL_MAX_US: u64 = 5_000_000;
/// How often a balancer tries in one go; it draws anew each time (TinyKV: `maxScheduleRetries`).
pub const TRIES: u32 = 10;
/// After this time the scheduler acts by itself even if too few regions have reported (TinyKV:
/// `collectTimeout`).
pub const PREPARE_US: u64 = 300_000_000;

/// When a balancer looks next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Pace {
    at: StoreTime,
    interval_us: u64,
}

impl Pace {
    /// Looks again soon when something was found, else 1.3 times as late as before.
    fn looked(&mut self, found: bool, now: StoreTime) {
        self.interval_us = if found {
            INTERVAL_MIN_US
        } else {
            (self.interval_us * 13 / 10).min(INTERVAL_MAX_US)
        };
        self.at = later(now, self.interval_us);
    }
}

/// When which part of the patrol comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Paces {
    regions: Pace,
    leaders: Pace,
    repair_at: StoreTime,
    /// The last region that repair has looked at.
    looked_at: RegionId,
}

impl Paces {
    /// Everything at once.
    pub(crate) const fn starting_at(now: StoreTime) -> Self {
        let pace = Pace {
            at: now,
            interval_us: INTERVAL_MIN_US,
        };
        Self {
            regions: pace,
            leaders: pace,
            repair_at: now,
            looked_at: RegionId::ZERO,
        }
    }
}

/// `us` after `now`, at most the end of time.
fn later(now: StoreTime, us: u64) -> StoreTime {
    StoreTime::new(now.get().saturating_add(us).min(MAX_SAFE))
}

impl Scheduler {
    /// Does what is due.
    pub(crate) fn patrol(&mut self, output: &mut Output) {
        self.operators.expire(&self.cluster, self.now);
        let waited = self.now >= later(self.started, PREPARE_US);
        self.is_prepared = self.is_prepared || waited || self.cluster.is_reported();
        if !self.is_prepared {
            return;
        }
        if self.options.repair && self.now >= self.paces.repair_at {
            self.paces.repair_at = later(self.now, self.options.patrol_us);
            self.repair(output);
        }
        if self.options.balance_leader && self.now >= self.paces.leaders.at {
            let found = (0..TRIES).any(|_| self.balance_leader(output));
            self.paces.leaders.looked(found, self.now);
        }
        if self.options.balance_region && self.now >= self.paces.regions.at {
            let found = (0..TRIES).any(|_| self.balance_region(output));
            self.paces.regions.looked(found, self.now);
        }
    }

    /// When something is due next.
    pub(crate) fn wake_at(&self) -> Option<StoreTime> {
        let options = &self.options;
        let by_itself = if self.is_prepared {
            let dues = [
                (options.repair, self.paces.repair_at),
                (options.balance_leader, self.paces.leaders.at),
                (options.balance_region, self.paces.regions.at),
            ];
            let on = dues.iter().filter(|(is_on, _)| *is_on);
            on.map(|(_, at)| *at).min()
        } else {
            Some(later(self.started, PREPARE_US))
        };
        by_itself.into_iter().chain(self.operators.next_end()).min()
    }

    /// Looks at some regions, and goes on with the next ones the next time.
    fn repair(&mut self, output: &mut Output) {
        let map = self.cluster.map();
        let looked_at = map.after(self.paces.looked_at).take(repair::SCAN);
        let mut regions: Vec<RegionId> = looked_at.map(RegionInfo::id).collect();
        if regions.len() < repair::SCAN {
            let again = map.iter().map(RegionInfo::id);
            let again = again.take_while(|id| *id <= self.paces.looked_at);
            regions.extend(again.take(repair::SCAN - regions.len()));
        }
        self.paces.looked_at = regions.last().copied().unwrap_or(RegionId::ZERO);
        for region in regions {
            if self.operators.count(&repair::REASONS) >= repair::LIMIT {
                return;
            }
            self.repair_region(region, output);
        }
    }

    fn repair_region(&mut self, region: RegionId, output: &mut Output) {
        let is_free = self.cluster.is_heard(region) && self.operators.get(region).is_none();
        let Some(info) = self.cluster.map().get(region).filter(|_| is_free) else {
            return;
        };
        let look = self.look();
        let Some(need) = repair::check(&look, info) else {
            return;
        };
        let info = info.clone();
        let steps = match need {
            Need::Replace { from, to, .. } => {
                let new = self.new_peer_id();
                new.and_then(|new| steps::move_peer(&self.look(), &info, from, to, new))
            }
            Need::Add { to: store } => self
                .new_peer_id()
                .map(|id| steps::add_peer(&self.options, Peer { id, store })),
            Need::Remove { from, .. } => steps::remove_peer(&look, &info, from, None),
            Need::Promote { peer } => Some(vec![OperatorStep::PromoteLearner { peer }]),
        };
        if let Some(steps) = steps {
            self.start_operator(&info, need.reason(), steps, output);
        }
    }

    fn balance_leader(&mut self, output: &mut Output) -> bool {
        let mut dice = self.dice.clone();
        let plan = balance_leader::plan(&self.look(), self.table, &self.operators, &mut dice);
        self.dice = dice;
        let info = plan.and_then(|it| self.cluster.map().get(it.region));
        let Some((plan, info)) = plan.zip(info.cloned()) else {
            return false;
        };
        let steps = vec![OperatorStep::TransferLeader { to: plan.to }];
        self.start_operator(&info, OperatorReason::BalanceLeader, steps, output);
        true
    }

    fn balance_region(&mut self, output: &mut Output) -> bool {
        let mut dice = self.dice.clone();
        let plan = balance_region::plan(&self.look(), self.table, &self.operators, &mut dice);
        self.dice = dice;
        let info = plan.and_then(|it| self.cluster.map().get(it.region));
        let Some((plan, info)) = plan.zip(info.cloned()) else {
            return false;
        };
        let new = self.new_peer_id();
        let steps =
            new.and_then(|new| steps::move_peer(&self.look(), &info, plan.from, plan.to, new));
        let Some(steps) = steps else {
            return false;
        };
        self.start_operator(&info, OperatorReason::BalanceRegion, steps, output);
        true
    }

    /// An id for a new peer, where one can be named.
    pub(crate) fn new_peer_id(&mut self) -> Option<PeerId> {
        self.ids.take(self.table, 1).map(PeerId::new)
    }
}
