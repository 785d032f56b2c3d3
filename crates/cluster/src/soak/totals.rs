//! Many seeds together, in any split: the same totals come out of one machine and of a hundred.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Excuse, Failure, Profile, RareEvent, SeedReport};
use crate::{recording::ENGINE_VERSION, sim::FaultKind};

/// Seeds `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range {
    /// The first seed.
    pub from: u64,
    /// The first seed that is not in it.
    pub to: u64,
}

impl Range {
    /// How many seeds.
    #[must_use]
    pub const fn len(self) -> u64 {
        self.to.saturating_sub(self.from)
    }

    /// Whether there is no seed in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The part that falls to machine `nth` of `of`, counted from 0. The parts of all machines are
    /// disjoint, complete and in order; their lengths differ by one at most.
    ///
    /// # Panics
    ///
    /// Unless `nth < of`.
    #[must_use]
    pub fn shard(self, nth: u64, of: u64) -> Self {
        assert!(nth < of, "there is no part {nth} of {of}");
        let cut = |nth: u64| {
            let before = u128::from(self.len()) * u128::from(nth) / u128::from(of);
            let before = u64::try_from(before).unwrap_or(u64::MAX);
            self.from.saturating_add(before)
        };
        Self {
            from: cut(nth),
            to: cut(nth + 1),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

/// Why two totals do not add up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// They are of different engines.
    #[error("engine version {one} does not add up with {other}")]
    Engine {
        /// One version.
        one: u32,
        /// The other.
        other: u32,
    },
    /// They are of different profiles.
    #[error("profile `{one}` does not add up with `{other}`")]
    Profile {
        /// One profile.
        one: Profile,
        /// The other.
        other: Profile,
    },
    /// Some seeds would count twice.
    #[error("the seeds {one} and {other} overlap")]
    Overlap {
        /// One range.
        one: Range,
        /// The other.
        other: Range,
    },
}

/// What many seeds came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many seeds.
    pub seeds: u64,
    /// Events that were taken.
    pub events: u64,
    /// Operations of clients that were carried out.
    pub operations: u64,
    /// What the clients of stores did, by its name: operations that were carried out by kind, and
    /// seeds for each habit.
    pub clients: BTreeMap<String, u64>,
    /// How often each kind of fault changed something, by its name.
    pub faults: BTreeMap<String, u64>,
    /// Runs that broke something.
    pub violations: u64,
    /// Histories without a verdict.
    pub unknown: u64,
    /// Their seeds, in order.
    pub unknown_seeds: Vec<u64>,
    /// How often each rare event happened, by its name.
    pub rare: BTreeMap<String, u64>,
    /// How often each excuse held, by its name.
    pub excused: BTreeMap<String, u64>,
    /// Seeds of which a run was excused.
    pub excused_seeds: u64,
    /// Virtual time, in microseconds.
    pub virtual_us: u64,
    /// The part of it in which somebody led.
    pub leader_us: u64,
    /// How many seeds had how many operations carried out.
    pub acknowledged: BTreeMap<u64, u64>,
    /// The runs that broke something, in order of their seeds.
    pub failures: Vec<Failure>,
    /// Which seeds, in order; ranges that touch are one.
    pub ranges: Vec<Range>,
    /// Which runs each seed stands for.
    pub profile: Profile,
    /// The engine that ran them.
    pub engine_version: u32,
}

impl Totals {
    /// Nothing yet, of the seeds in `range`.
    #[must_use]
    pub fn new(profile: Profile, range: Range) -> Self {
        let met = FaultKind::ALL
            .into_iter()
            .filter(|kind| profile.meets(*kind));
        let rare = RareEvent::ALL
            .into_iter()
            .filter(|event| event.is_of(profile));
        let zero = |name: &str| (name.to_owned(), 0);
        Self {
            seeds: 0,
            events: 0,
            operations: 0,
            clients: BTreeMap::new(),
            faults: met.map(|kind| zero(kind.name())).collect(),
            violations: 0,
            unknown: 0,
            unknown_seeds: Vec::new(),
            rare: rare.map(|event| zero(event.name())).collect(),
            excused: Excuse::ALL.map(|excuse| zero(excuse.name())).into(),
            excused_seeds: 0,
            virtual_us: 0,
            leader_us: 0,
            acknowledged: BTreeMap::new(),
            failures: Vec::new(),
            ranges: if range.is_empty() {
                Vec::new()
            } else {
                vec![range]
            },
            profile,
            engine_version: ENGINE_VERSION,
        }
    }

    /// Adds a seed of its range.
    pub fn add(&mut self, report: &SeedReport) {
        self.seeds += 1;
        self.events += report.events;
        self.operations += report.acknowledged;
        self.violations += as_u64(report.failures.len());
        self.unknown += report.unknown;
        if report.unknown > 0 {
            self.unknown_seeds.push(report.seed);
        }
        self.excused_seeds += u64::from(!report.excused.is_empty());
        self.virtual_us += report.virtual_us;
        self.leader_us += report.leader_us;
        *self.acknowledged.entry(report.acknowledged).or_default() += 1;
        for (feature, times) in &report.clients {
            *self.clients.entry(feature.name().to_owned()).or_default() += times;
        }
        for (kind, times) in &report.faults {
            // What a profile cannot meet is no part of its totals.
            if *times == 0 {
                continue;
            }
            *self.faults.entry(kind.name().to_owned()).or_default() += times;
        }
        for (event, times) in &report.rare {
            *self.rare.entry(event.name().to_owned()).or_default() += times;
        }
        for excuse in &report.excused {
            *self.excused.entry(excuse.name().to_owned()).or_default() += 1;
        }
        self.failures.extend(report.failures.iter().cloned());
    }

    /// Adds what another machine came to.
    ///
    /// # Errors
    ///
    /// [`MergeError`]; nothing has changed.
    pub fn merge(&mut self, other: Self) -> Result<(), MergeError> {
        self.check(&other)?;
        self.seeds += other.seeds;
        self.events += other.events;
        self.operations += other.operations;
        self.violations += other.violations;
        self.unknown += other.unknown;
        self.unknown_seeds.extend(other.unknown_seeds);
        self.unknown_seeds.sort_unstable();
        self.excused_seeds += other.excused_seeds;
        self.virtual_us += other.virtual_us;
        self.leader_us += other.leader_us;
        add_all(&mut self.clients, other.clients);
        add_all(&mut self.faults, other.faults);
        add_all(&mut self.rare, other.rare);
        add_all(&mut self.excused, other.excused);
        add_all(&mut self.acknowledged, other.acknowledged);
        self.failures.extend(other.failures);
        self.failures
            .sort_by_key(|failure| (failure.seed, failure.profile));
        self.ranges.extend(other.ranges);
        self.ranges = joined(std::mem::take(&mut self.ranges));
        Ok(())
    }

    fn check(&self, other: &Self) -> Result<(), MergeError> {
        if self.engine_version != other.engine_version {
            let (one, other) = (self.engine_version, other.engine_version);
            return Err(MergeError::Engine { one, other });
        }
        if self.profile != other.profile {
            let (one, other) = (self.profile, other.profile);
            return Err(MergeError::Profile { one, other });
        }
        for &one in &self.ranges {
            for &other in &other.ranges {
                if one.from < other.to && other.from < one.to {
                    return Err(MergeError::Overlap { one, other });
                }
            }
        }
        Ok(())
    }

    /// The operations that the median seed had carried out; the lower of two.
    #[must_use]
    pub fn median_acknowledged(&self) -> u64 {
        let half = self.seeds.div_ceil(2);
        let mut so_far = 0;
        for (operations, seeds) in &self.acknowledged {
            so_far += seeds;
            if so_far >= half {
                return *operations;
            }
        }
        0
    }

    /// The share of virtual time in which somebody led, in thousandths.
    #[must_use]
    pub fn leader_permille(&self) -> u64 {
        let permille = u128::from(self.leader_us) * 1_000 / u128::from(self.virtual_us.max(1));
        u64::try_from(permille).unwrap_or(u64::MAX)
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn add_all<K: Ord>(to: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, times) in from {
        *to.entry(key).or_default() += times;
    }
}

fn joined(mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut joined: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.to == range.from => last.to = range.to,
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: u64, to: u64) -> Range {
        Range { from, to }
    }

    fn totals(from: u64, to: u64, acknowledged: impl Fn(u64) -> u64) -> Totals {
        let mut totals = Totals::new(Profile::All, range(from, to));
        for seed in from..to {
            let mut report = SeedReport::new(seed);
            report.acknowledged = acknowledged(seed);
            report.events = seed * 10;
            report.faults.insert(FaultKind::Kill, seed);
            report.rare.insert(RareEvent::Restart, 1);
            totals.add(&report);
        }
        totals
    }

    #[test]
    fn the_parts_of_all_machines_are_disjoint_and_complete() {
        for (from, to) in [
            (0, 2_000),
            (7, 8),
            (5, 5),
            (1_000, 1_013),
            (u64::MAX - 9, u64::MAX),
        ] {
            for of in 1..=40 {
                let all = range(from, to);
                let parts: Vec<Range> = (0..of).map(|nth| all.shard(nth, of)).collect();
                assert_eq!(parts[0].from, from);
                assert_eq!(parts.last().map(|part| part.to), Some(to));
                for pair in parts.windows(2) {
                    assert_eq!(pair[0].to, pair[1].from, "{all} by {of}");
                }
                let (least, most) = (all.len() / of, all.len().div_ceil(of));
                assert!(
                    parts
                        .iter()
                        .all(|part| (least..=most).contains(&part.len()))
                );
            }
        }
    }

    #[test]
    fn parts_add_up_to_what_one_machine_would_say() {
        let acknowledged = |seed| seed * 37 % 101;
        let whole = totals(0, 90, acknowledged);
        let mut merged = totals(60, 90, acknowledged);
        merged.merge(totals(0, 25, acknowledged)).expect("apart");
        merged.merge(totals(25, 60, acknowledged)).expect("apart");
        assert_eq!(merged, whole);
        assert_eq!(merged.ranges, [range(0, 90)]);
        let mut all: Vec<u64> = (0..90).map(acknowledged).collect();
        all.sort_unstable();
        assert_eq!(merged.median_acknowledged(), all[44]);
    }

    #[test]
    fn seeds_do_not_count_twice() {
        let mut one = totals(0, 10, |_| 1);
        let before = one.clone();
        let error = one
            .merge(totals(9, 12, |_| 1))
            .expect_err("seed 9 is in both");
        assert_eq!(error.to_string(), "the seeds 0..10 and 9..12 overlap");
        assert_eq!(one, before);
    }

    #[test]
    fn other_engines_and_profiles_do_not_add_up() {
        let mut one = totals(0, 10, |_| 1);
        let mut other = totals(10, 20, |_| 1);
        other.engine_version += 1;
        assert!(matches!(one.merge(other), Err(MergeError::Engine { .. })));
        let other = Totals::new(Profile::Raft, range(10, 20));
        assert!(matches!(one.merge(other), Err(MergeError::Profile { .. })));
    }
}
