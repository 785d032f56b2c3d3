//! The checker of all groups.

use std::collections::BTreeMap;

use types::id::{RegionId, StoreId};
use types::raft::{ConfState, LogIndex};
use types::view::{FactBody, RegionChange};

use crate::counts::Counts;
use crate::group::Group;
use crate::observation::{Moment, Observation};
use crate::shapes::Shapes;
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
    shapes: Shapes,
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
        if let Observation::Fact(fact) = observation
            && let FactBody::RegionChanged {
                members,
                by: RegionChange::Split,
                ..
            } = &fact.body
            && !self.groups.contains_key(&region)
        {
            // A region that a split made begins with the members that the split gave it.
            self.bootstrap(region, members);
        }
        let group = self.groups.entry(region).or_default();
        if let Observation::Fact(fact) = observation {
            let judgement = self.shapes.fact(store, fact);
            judgement.map_err(|fault| violation(region, group, moment, store, fault))?;
        }
        let judgement = group.observe(moment, store, observation);
        judgement.map_err(|fault| violation(region, group, moment, store, fault))
    }

    /// Forgets what was told of a store's disk and memory, because its disk changed in a way that
    /// nobody told. It is judged anew from its next `Started` on, which must follow at once.
    pub fn lose_sight(&mut self, store: StoreId) {
        self.shapes.down(store);
        for group in self.groups.values_mut() {
            group.lose_sight(store);
        }
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
        self.shapes.down(store);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::{REGION, Stage, at, brief, index, peer};
    use crate::trace::Seen;
    use crate::violation::Invariant;
    use types::event::EventId;
    use types::raft::{EntryKind, RaftFact, Role, RoleReason, Term, TransferEnd};
    use types::view::{Fact, FactBody};

    #[test]
    fn groups_are_judged_apart() {
        let mut stage = Stage::settled();
        let leads = |region| Fact {
            cause: EventId::default(),
            waited_for: None,
            region,
            body: FactBody::Raft(RaftFact::RoleChanged {
                role: Role::Leader,
                leader: Some(peer(2)),
                term: Term::new(1),
                reason: RoleReason::Won,
            }),
        };
        let elsewhere = leads(RegionId::new(2));
        stage
            .observe(2, Observation::Fact(&elsewhere))
            .expect("a group that never started");
        let here = leads(REGION);
        let violation = stage
            .observe(2, Observation::Fact(&here))
            .expect_err("1 leads it");
        assert_eq!(
            (violation.region, violation.store),
            (REGION, StoreId::new(2))
        );
    }

    #[test]
    fn a_violation_carries_the_steps_that_led_there_and_the_moment() {
        let mut stage = Stage::settled();
        let planted = RaftFact::Truncated { from: index(2) };
        let violation = stage.raft(2, planted).expect_err("it is committed");
        assert_eq!(violation.moment, stage.moment());
        let last = violation.trace.last().expect("there are steps");
        assert_eq!(
            (last.store, last.seen),
            (StoreId::new(2), Seen::Truncated(index(2)))
        );
        let led = Seen::Appended(at(3, 1));
        assert_eq!(
            violation
                .trace
                .iter()
                .filter(|step| step.seen == led)
                .count(),
            3
        );
        assert_eq!(violation.to_string().lines().count(), 1);
    }

    fn transfer(stage: &mut Stage, end: Option<TransferEnd>) {
        let to = peer(2);
        let fact = end.map_or(RaftFact::TransferStarted { to }, |end| {
            RaftFact::TransferEnded { to, end }
        });
        stage.raft(1, fact).expect("transfers break nothing");
    }

    #[test]
    fn a_transfer_is_counted_by_how_it_ends() {
        let mut stage = Stage::settled();
        transfer(&mut stage, None);
        transfer(&mut stage, Some(TransferEnd::TimedOut));
        transfer(&mut stage, None);
        transfer(&mut stage, Some(TransferEnd::Cancelled));
        transfer(&mut stage, None);
        transfer(&mut stage, Some(TransferEnd::Deposed));
        assert_eq!(
            stage.checker.counts().transfers_completed,
            0,
            "it has not won yet"
        );
        stage.elect(2, 2, &[1, 3]);
        let counts = stage.checker.counts();
        assert_eq!(
            (counts.transfers_aborted, counts.transfers_cancelled),
            (1, 1)
        );
        assert_eq!(counts.transfers_completed, 1);
    }

    #[test]
    fn a_leader_deposed_by_another_than_the_transferee_completes_no_transfer() {
        let mut stage = Stage::settled();
        transfer(&mut stage, None);
        transfer(&mut stage, Some(TransferEnd::Deposed));
        stage.elect(3, 2, &[1, 2]);
        assert_eq!(stage.checker.counts().transfers_completed, 0);
    }

    #[test]
    fn a_long_honest_run_is_never_objected_to() {
        let mut stage = Stage::settled();
        let (mut leader, mut term) = (1, 1);
        for round in 0..2_000_u64 {
            let others: Vec<u64> = (1..=3).filter(|id| *id != leader).collect();
            stage.write(leader, &others, EntryKind::Normal);
            if round % 10 == 9 {
                stage.append(leader, EntryKind::Normal);
                stage.persist(leader);
                let next = others[(round / 10 % 2) as usize];
                let voter = 6 - leader - next;
                term += 1;
                stage.elect(next, term, &[voter]);
                stage.append(next, EntryKind::NoOp);
                stage.persist(next);
                stage.restart(leader);
                stage.hear(leader, next, term);
                leader = next;
            }
            if round % 50 == 48 {
                (1..=3).for_each(|id| stage.compact(id));
            }
        }
        let counts = stage.checker.counts();
        assert!(
            counts.observations > 30_000 && counts.truncations > 150,
            "{counts:?}"
        );
        assert_eq!((counts.leader_changes, counts.compactions), (200, 120));
        let input = ConvergenceInput {
            region: REGION,
            stores: &[1, 2, 3].map(StoreId::new),
            written: index(2_000),
        };
        let stuck = stage
            .checker
            .converged(stage.moment(), &input)
            .expect_err("a tail is left");
        assert_eq!(stuck.invariant, Invariant::Liveness);
        let others: Vec<u64> = (1..=3).filter(|id| *id != leader).collect();
        stage.write(leader, &others, EntryKind::Normal);
        stage
            .checker
            .converged(stage.moment(), &input)
            .expect("all is written");
        let planted = brief(1, 1, EntryKind::Normal);
        stage
            .appended(leader, &[planted], 0)
            .expect_err("a leader overwrites nothing");
    }
}
