//! One operator: what it does, how far it is, and when it is over.

use serde::Serialize;
use types::{
    id::RegionId,
    scheduler::{OperatorEnd, OperatorReason, OperatorStep, OperatorView, SchedulerOptions},
    store::RegionEpoch,
    time::StoreTime,
};

use crate::{
    region::RegionInfo,
    rules::{ChangeCheck, Rules},
};

/// A few steps that change one region, one after the other (TinyKV: `operator.Operator`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operator {
    region: RegionId,
    /// The region's epoch when it was made.
    epoch: RegionEpoch,
    reason: OperatorReason,
    steps: Vec<OperatorStep>,
    /// How many steps are done; they are not looked at again.
    done: u32,
    made_at: StoreTime,
    ends_at: StoreTime,
}

/// What is to be done about an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// Its region's leader is told this step, again if it was told before.
    Tell(OperatorStep),
    /// It is over.
    End(OperatorEnd),
}

impl Operator {
    /// An operator for a region as it is known at `now`.
    #[must_use]
    pub fn new(
        info: &RegionInfo,
        reason: OperatorReason,
        steps: Vec<OperatorStep>,
        options: &SchedulerOptions,
        now: StoreTime,
    ) -> Self {
        let moves_lead = |step: &OperatorStep| matches!(step, OperatorStep::TransferLeader { .. });
        let allowed_us = if steps.iter().all(moves_lead) {
            options.leader_operator_us
        } else {
            options.region_operator_us
        };
        let ends_at = now.get().saturating_add(allowed_us);
        Self {
            region: info.id(),
            epoch: info.epoch(),
            reason,
            steps,
            done: 0,
            made_at: now,
            ends_at: StoreTime::try_from(ends_at).unwrap_or(StoreTime::new(types::id::MAX_SAFE)),
        }
    }

    /// The region.
    #[must_use]
    pub const fn region(&self) -> RegionId {
        self.region
    }

    /// Why it was made.
    #[must_use]
    pub const fn reason(&self) -> OperatorReason {
        self.reason
    }

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[OperatorStep] {
        &self.steps
    }

    /// When it is given up.
    #[must_use]
    pub const fn ends_at(&self) -> StoreTime {
        self.ends_at
    }

    /// The steps that are not done.
    #[must_use]
    pub fn left(&self) -> &[OperatorStep] {
        self.steps.get(self.done as usize..).unwrap_or_default()
    }

    /// Looks at the region as it is now, and says what to do next.
    pub fn look(&mut self, info: &RegionInfo, rules: &Rules, now: StoreTime) -> Course {
        while self.left().first().is_some_and(|it| self.is_done(it, info)) {
            self.done += 1;
        }
        let Some(step) = self.left().first().cloned() else {
            return Course::End(OperatorEnd::Finished);
        };
        if now >= self.ends_at {
            return Course::End(OperatorEnd::TimedOut);
        }
        let check = ChangeCheck {
            made_at: self.epoch.conf_ver,
            now: info.epoch().conf_ver,
            own: self.own_changes(info),
        };
        if (rules.is_overtaken)(&check) {
            return Course::End(OperatorEnd::Overtaken);
        }
        Course::Tell(step)
    }

    fn is_done(&self, step: &OperatorStep, info: &RegionInfo) -> bool {
        let is_here = |id| info.region.peer(id).is_some();
        match step {
            OperatorStep::AddPeer { peer } | OperatorStep::PromoteLearner { peer } => {
                is_here(peer.id) && !info.is_pending(peer.id) && !info.is_learner(peer.id)
            }
            OperatorStep::AddLearner { peer } => is_here(peer.id) && !info.is_pending(peer.id),
            OperatorStep::RemovePeer { peer } => !is_here(peer.id),
            OperatorStep::TransferLeader { to } => info.leader == Some(*to),
            OperatorStep::Split { .. } => info.epoch().version > self.epoch.version,
        }
    }

    /// How many changes of membership its steps up to the current one explain.
    fn own_changes(&self, info: &RegionInfo) -> u64 {
        let is_here = |id| info.region.peer(id).is_some();
        let steps = self.steps.iter().take(self.done as usize + 1);
        let changed = steps.filter(|step| match step {
            OperatorStep::AddPeer { peer } | OperatorStep::AddLearner { peer } => is_here(peer.id),
            OperatorStep::PromoteLearner { peer } => is_here(peer.id) && !info.is_learner(peer.id),
            OperatorStep::RemovePeer { peer } => !is_here(peer.id),
            OperatorStep::TransferLeader { .. } | OperatorStep::Split { .. } => false,
        });
        changed.count() as u64
    }

    /// The operator as people look at it.
    #[must_use]
    pub fn view(&self, end: Option<OperatorEnd>) -> OperatorView {
        OperatorView {
            region: self.region,
            reason: self.reason,
            steps: self.steps.clone(),
            current: self.done,
            made_at: self.made_at,
            ends_at: self.ends_at,
            end,
        }
    }
}
