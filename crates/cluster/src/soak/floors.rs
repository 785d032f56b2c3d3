//! What a long soak must reach: where little happens, little is shown.

use std::fmt;

use super::Totals;

/// Shorter soaks are not held to the floors.
pub const SEEDS_JUDGED: u64 = 1_000;
/// Operations that the median seed has carried out.
pub const ACKNOWLEDGED_MIN: u64 = 300;
/// The share of virtual time in which somebody leads, in thousandths.
pub const LEADER_PERMILLE_MIN: u64 = 500;
/// How often each kind of fault changes something.
pub const FAULT_MIN: u64 = 100;
/// Seeds that may be excused, in thousandths.
pub const EXCUSED_PERMILLE_MAX: u64 = 20;

/// A floor that was missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The median seed had too few operations carried out.
    Acknowledged {
        /// How many.
        median: u64,
    },
    /// Nobody led for too long.
    LeaderTime {
        /// The share with a leader, in thousandths.
        permille: u64,
    },
    /// A kind of fault hardly ever changed anything.
    Fault {
        /// The kind.
        kind: String,
        /// How often it did.
        times: u64,
    },
    /// Too many seeds were excused.
    Excused {
        /// How many.
        excused: u64,
        /// Of how many.
        seeds: u64,
    },
    /// A rare event never happened.
    Rare {
        /// Which.
        event: String,
    },
    /// Histories without a verdict.
    Unknown {
        /// How many.
        histories: u64,
    },
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acknowledged { median } => write!(
                f,
                "the median seed had {median} operations carried out, at least \
                 {ACKNOWLEDGED_MIN} are wanted"
            ),
            Self::LeaderTime { permille } => write!(
                f,
                "somebody led for {permille} thousandths of the time, at least \
                 {LEADER_PERMILLE_MIN} are wanted"
            ),
            Self::Fault { kind, times } => write!(
                f,
                "the fault \"{kind}\" changed something {times} times, at least {FAULT_MIN} are \
                 wanted"
            ),
            Self::Excused { excused, seeds } => write!(
                f,
                "{excused} of {seeds} seeds were excused, at most {EXCUSED_PERMILLE_MAX} \
                 thousandths may be"
            ),
            Self::Rare { event } => write!(f, "there were no {event}"),
            Self::Unknown { histories } => {
                write!(f, "{histories} histories have no verdict")
            }
        }
    }
}

/// The floors that were missed; none for a soak of fewer than [`SEEDS_JUDGED`] seeds. Raw groups
/// alone are not asked for operations and leaders: they have no clients of their own, and are
/// troubled all the time.
#[must_use]
pub fn missed(totals: &Totals) -> Vec<Miss> {
    let mut missed = Vec::new();
    if totals.seeds < SEEDS_JUDGED {
        return missed;
    }
    let median = totals.median_acknowledged();
    if totals.profile.has_stores() && median < ACKNOWLEDGED_MIN {
        missed.push(Miss::Acknowledged { median });
    }
    let permille = totals.leader_permille();
    if totals.profile.has_stores() && permille < LEADER_PERMILLE_MIN {
        missed.push(Miss::LeaderTime { permille });
    }
    for (kind, times) in &totals.faults {
        if *times < FAULT_MIN {
            let (kind, times) = (kind.clone(), *times);
            missed.push(Miss::Fault { kind, times });
        }
    }
    let (excused, seeds) = (totals.excused_seeds, totals.seeds);
    if u128::from(excused) * 1_000 > u128::from(seeds) * u128::from(EXCUSED_PERMILLE_MAX) {
        missed.push(Miss::Excused { excused, seeds });
    }
    for (event, times) in &totals.rare {
        if *times == 0 {
            let event = event.clone();
            missed.push(Miss::Rare { event });
        }
    }
    if totals.unknown > 0 {
        let histories = totals.unknown;
        missed.push(Miss::Unknown { histories });
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::{Profile, Range};

    /// A soak that reaches every floor, barely.
    fn enough() -> Totals {
        let seeds = 1_000;
        let mut totals = Totals::new(Profile::All, Range { from: 0, to: seeds });
        totals.seeds = seeds;
        (totals.virtual_us, totals.leader_us) = (10_000_000, 5_000_000);
        totals.acknowledged = [(10, 499), (300, 501)].into();
        totals.faults.values_mut().for_each(|times| *times = 100);
        totals.rare.values_mut().for_each(|times| *times = 1);
        totals.excused_seeds = 20;
        totals
    }

    fn only_miss(spoil: impl FnOnce(&mut Totals)) -> Miss {
        let mut totals = enough();
        spoil(&mut totals);
        let mut missed = missed(&totals);
        assert_eq!(missed.len(), 1, "{missed:?}");
        missed.remove(0)
    }

    #[test]
    fn a_soak_that_reaches_every_floor_misses_none() {
        assert_eq!(missed(&enough()), []);
    }

    #[test]
    fn a_median_of_fewer_than_three_hundred_operations_is_a_miss() {
        let miss = only_miss(|totals| totals.acknowledged = [(299, 501), (900, 499)].into());
        assert_eq!(miss, Miss::Acknowledged { median: 299 });
    }

    #[test]
    fn a_leader_for_less_than_half_of_the_time_is_a_miss() {
        let miss = only_miss(|totals| totals.leader_us -= 10_000);
        assert_eq!(miss, Miss::LeaderTime { permille: 499 });
    }

    #[test]
    fn each_kind_of_fault_that_changed_too_little_is_a_miss() {
        for name in enough().faults.keys() {
            let miss = only_miss(|totals| {
                totals.faults.insert(name.clone(), 99);
            });
            let (kind, times) = (name.clone(), 99);
            assert_eq!(miss, Miss::Fault { kind, times });
        }
    }

    #[test]
    fn more_than_two_in_a_hundred_seeds_excused_are_a_miss() {
        let miss = only_miss(|totals| totals.excused_seeds = 21);
        let (excused, seeds) = (21, 1_000);
        assert_eq!(miss, Miss::Excused { excused, seeds });
    }

    #[test]
    fn each_rare_event_that_never_happened_is_a_miss() {
        for name in enough().rare.keys() {
            let miss = only_miss(|totals| {
                totals.rare.insert(name.clone(), 0);
            });
            let event = name.clone();
            assert_eq!(miss, Miss::Rare { event });
        }
    }

    #[test]
    fn one_history_without_a_verdict_is_a_miss() {
        let miss = only_miss(|totals| totals.unknown = 1);
        assert_eq!(miss, Miss::Unknown { histories: 1 });
    }

    #[test]
    fn a_short_soak_is_held_to_no_floor() {
        let mut totals = Totals::new(Profile::All, Range { from: 0, to: 999 });
        totals.seeds = 999;
        assert_eq!(missed(&totals), []);
        totals.seeds += 1;
        assert!(!missed(&totals).is_empty());
    }

    #[test]
    fn raw_groups_are_not_asked_for_operations_and_leaders() {
        let mut totals = Totals::new(Profile::Raft, Range { from: 0, to: 1_000 });
        totals.seeds = 1_000;
        let asked =
            |miss: &Miss| matches!(miss, Miss::Acknowledged { .. } | Miss::LeaderTime { .. });
        assert!(!missed(&totals).iter().any(asked));
    }
}
