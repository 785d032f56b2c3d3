//! What one seed came to.

use std::collections::BTreeMap;
use std::fmt;

use checker::Counts;
use serde::{Deserialize, Serialize};

use super::{Excuse, Profile, RareEvent};
use crate::{
    group::trial::{self, Outcome},
    sim::FaultKind,
    workload::{ClientFeature, OperationKind, Presence, WorkloadPlan},
};

/// A run that broke something. It prints as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// Which of the seed's runs: [`Profile::Store`] or [`Profile::Raft`].
    pub profile: Profile,
    /// Invariant, store, region, term, index, event and what was seen, in one line.
    pub what: String,
    /// The slice of the trace that leads there, oldest step first.
    #[serde(skip)]
    pub trace: Vec<String>,
}

impl Failure {
    pub(super) fn of_group(failure: &trial::Failure) -> Self {
        let (preset, event) = (failure.preset.name(), failure.event);
        let (what, trace) = match &failure.reason {
            trial::Reason::Violation(violation) => (
                violation.to_string(),
                violation.trace.iter().map(ToString::to_string).collect(),
            ),
            reason => (format!("event {event}: {reason}"), Vec::new()),
        };
        Self {
            seed: failure.seed,
            profile: Profile::Raft,
            what: format!("{what} (preset {preset})"),
            trace,
        }
    }

    /// The command that runs the seed again and prints the trace.
    #[must_use]
    pub fn command(&self, rule: Option<&str>) -> String {
        let (seed, next, profile) = (self.seed, self.seed.saturating_add(1), self.profile);
        let mut command =
            format!("cargo xtask soak --seeds {seed}..{next} --profile {profile} --trace");
        if let Some(rule) = rule {
            command += &format!(" --rule {rule}");
        }
        command
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, {}: {}", self.seed, self.profile, self.what)
    }
}

/// What one seed came to, over all of its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedReport {
    /// The seed.
    pub seed: u64,
    /// Events that were taken.
    pub events: u64,
    /// Virtual time, in microseconds.
    pub virtual_us: u64,
    /// The part of it in which somebody led.
    pub leader_us: u64,
    /// Operations of clients that were carried out.
    pub acknowledged: u64,
    /// How often clients did what: operations that were carried out, and runs for the rest.
    pub clients: BTreeMap<ClientFeature, u64>,
    /// How often each kind of fault changed something.
    pub faults: BTreeMap<FaultKind, u64>,
    /// How often each rare event happened.
    pub rare: BTreeMap<RareEvent, u64>,
    /// Why runs need not have come together.
    pub excused: Vec<Excuse>,
    /// Histories whose budget was spent before there was a verdict.
    pub unknown: u64,
    /// What was broken.
    pub failures: Vec<Failure>,
    /// The hash of the last run.
    pub run_hash: u64,
}

impl SeedReport {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            seed,
            events: 0,
            virtual_us: 0,
            leader_us: 0,
            acknowledged: 0,
            clients: BTreeMap::new(),
            faults: BTreeMap::new(),
            rare: BTreeMap::new(),
            excused: Vec::new(),
            unknown: 0,
            failures: Vec::new(),
            run_hash: 0,
        }
    }

    /// A seed whose run panicked outside of its stores: a bug of the simulator.
    #[must_use]
    pub fn panicked(seed: u64, profile: Profile, words: &str) -> Self {
        let mut report = Self::new(seed);
        report.fail(Failure {
            seed,
            profile,
            what: format!("the simulator panicked: {words}"),
            trace: Vec::new(),
        });
        report
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    pub(super) fn saw(&mut self, event: RareEvent, times: u64) {
        *self.rare.entry(event).or_default() += times;
    }

    /// Counts what the clients of a run did: their operations one by one, their habits once.
    pub(super) fn used(
        &mut self,
        plan: &WorkloadPlan,
        acknowledged: &BTreeMap<OperationKind, u64>,
    ) {
        for feature in ClientFeature::ALL {
            let times = match feature {
                ClientFeature::Operation(kind) => {
                    acknowledged.get(&kind).copied().unwrap_or_default()
                }
                _ if plan.presence(feature) == Presence::Absent => continue,
                _ => u64::from(plan.presence(feature) == Presence::Used),
            };
            *self.clients.entry(feature).or_default() += times;
        }
    }

    pub(super) fn felt(&mut self, faults: &BTreeMap<FaultKind, u64>) {
        for (kind, times) in faults {
            *self.faults.entry(*kind).or_default() += times;
        }
    }

    /// What happens in stores and raw groups alike.
    pub(super) fn add_counts(&mut self, counts: &Counts, split_votes: u64, entries_lost: u64) {
        for (event, times) in [
            (RareEvent::LeaderChange, counts.leader_changes),
            (RareEvent::Truncation, counts.truncations),
            (RareEvent::Restart, counts.restarts),
            (RareEvent::SplitVote, split_votes),
            (RareEvent::EntriesLost, entries_lost),
        ] {
            self.saw(event, times);
        }
    }

    pub(super) fn add_group(&mut self, outcome: &Outcome) {
        let counts = &outcome.counts;
        self.events += outcome.events;
        self.virtual_us += outcome.troubled_us + outcome.settled_us;
        self.leader_us += outcome.led_us;
        self.acknowledged += outcome.requests_done;
        self.felt(&outcome.felt);
        self.add_counts(counts, outcome.split_votes, outcome.entries_lost);
        for (event, times) in [
            (RareEvent::SnapshotInstall, counts.snapshots),
            (RareEvent::JointPhase, counts.joint_phases),
            (RareEvent::JointLeaderChange, counts.joint_leader_changes),
            (RareEvent::TransferCompleted, counts.transfers_completed),
            (RareEvent::TransferAborted, counts.transfers_aborted),
            (RareEvent::ReadByRound, counts.reads_by_round),
            (RareEvent::ReadByLease, counts.reads_by_lease),
        ] {
            self.saw(event, times);
        }
        self.run_hash = outcome.run_hash;
    }
}
