//! The checker of all groups.

use std::collections::BTreeMap;

use types::id::{RegionId, StoreId};
use types::raft::{ConfState, LogIndex};

use crate::counts::Counts;
use crate::group::Group;
use crate::observation::{Moment, Observation};
use crate::violation::{Fault, Violation};

/// What a healed group is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvergenceInput<'a> {
    /// The group.
    pub region: RegionId,
    /// The stores that live and reach each other, learners among them.
    pub stores: &'a [StoreId],
    /// Where a write stands that was asked for after the healing.
    pub written: LogIndex,
}

/// Judges any number of groups while they run.
///
/// The cost of an observation grows with the entries that it brings and with the number of voters,
/// not with the length of a log; a start costs its whole log. What every log and disk has dropped
/// is forgotten.
///
/// After a [`Violation`] the checker may have taken in a part of the observation. The first one
/// counts; what later ones say may follow from it.
#[derive(Debug, Clone, Default)]
pub struct Checker {
    groups: BTreeMap<RegionId, Group>,
}

impl Checker {
    /// A checker that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the membership that a group starts with, before anything else of it. Without that the
    /// first peer that tells a membership is believed.
    pub fn bootstrap(&mut self, region: RegionId, membership: &ConfState) {
        self.groups.entry(region).or_default().bootstrap(membership);
    }

    /// Judges one observation and takes it in.
    ///
    /// # Errors
    ///
    /// The [`Violation`] that it shows.
    pub fn observe(
        &mut self,
        moment: Moment,
        store: StoreId,
        observation: Observation<'_>,
    ) -> Result<(), Box<Violation>> {
        let region = match observation {
            Observation::Fact(fact) => fact.region,
            Observation::Disk(change) => change.region,
            Observation::Sent(message) => message.region,
            Observation::Progress(told) => told.region,
            Observation::Down => return self.down(moment, store),
        };
        let group = self.groups.entry(region).or_default();
        let judgement = group.observe(moment, store, observation);
        judgement.map_err(|fault| violation(region, group, moment, store, fault))
    }

    /// Whether a healed group came together (R17), and left its joint phase (R13). Call it when it
    /// had time enough.
    ///
    /// # Errors
    ///
    /// A [`Violation`] that says what is missing.
    pub fn converged(
        &self,
        moment: Moment,
        input: &ConvergenceInput<'_>,
    ) -> Result<(), Box<Violation>> {
        let Some(group) = self.groups.get(&input.region) else {
            return Ok(());
        };
        let store = input.stores.first().copied().unwrap_or_default();
        let judgement = group.converged(input.stores, input.written);
        judgement.map_err(|fault| violation(input.region, group, moment, store, fault))
    }

    /// What was seen, over all groups.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for group in self.groups.values() {
            counts.add(&group.counts());
        }
        counts
    }

    fn down(&mut self, moment: Moment, store: StoreId) -> Result<(), Box<Violation>> {
        for (region, group) in &mut self.groups {
            let judgement = group.observe(moment, store, Observation::Down);
            judgement.map_err(|fault| violation(*region, group, moment, store, fault))?;
        }
        Ok(())
    }
}

fn violation(
    region: RegionId,
    group: &Group,
    moment: Moment,
    store: StoreId,
    fault: Fault,
) -> Box<Violation> {
    Box::new(Violation {
        invariant: fault.invariant,
        store,
        region,
        term: fault.term,
        index: fault.index,
        moment,
        message: fault.message,
        trace: group.trace().steps(),
    })
}
