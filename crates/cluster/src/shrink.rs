//! Makes a failing run small: fewer deeds, shorter pauses, fewer stores, until nothing that is
//! tried makes it smaller and it still fails in the same way.

use std::mem::{Discriminant, discriminant};

use types::{action::Action, id::StoreId, time::US_PER_MS};

use crate::{dice::Dice, sim::Deed};

/// What can be made smaller of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reproduction {
    /// The seed of the cluster: its latencies, its timeouts.
    pub seed: u64,
    /// How many stores it has.
    pub stores: u64,
    /// What is done to it, in order.
    pub steps: Vec<Step>,
    /// How long the run goes on after the last step, in microseconds.
    pub rest_us: u64,
}

/// Something that is done, and how long after the step before, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The pause before it.
    pub pause_us: u64,
    /// What is done.
    pub deed: Deed,
}

/// A run that was made small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The run.
    pub run: Reproduction,
    /// Its events until it failed.
    pub events: u64,
    /// How many runs were tried.
    pub tries: u32,
}

/// The fewest stores of a cluster.
const STORES_MIN: u64 = 3;
/// How many other seeds are tried for a run that is small already.
const SEEDS: u64 = 24;
/// How many leaps in a row are in vain before they end.
const LEAPS: u32 = 60;

/// Makes `start` small. `fails` carries a run out and says after how many events it failed in the
/// same way as the one that is looked for, or that it did not; it is called at most `budget` times.
///
/// Nothing when `start` itself does not fail so, nor any of its neighbours with another seed.
pub fn shrink(
    start: Reproduction,
    budget: u32,
    fails: impl FnMut(&Reproduction) -> Option<u64>,
) -> Option<Shrunk> {
    let mut search = Search {
        best: start.clone(),
        events: u64::MAX,
        tries: 0,
        budget,
        fails,
    };
    if !search.accepts(start) {
        search.other_seeds();
    }
    if search.events == u64::MAX {
        return None;
    }
    let mut in_vain = 0;
    loop {
        let before = search.events;
        search.fewer_stores();
        search.fewer_kinds();
        search.leap();
        search.fewer_steps();
        search.shorter_pauses();
        search.other_seeds();
        // Leaps are others each time: one loop in vain need not be the last.
        in_vain = if search.events < before {
            0
        } else {
            in_vain + 1
        };
        if in_vain == 2 || search.tries >= search.budget {
            break;
        }
    }
    Some(Shrunk {
        run: search.best,
        events: search.events,
        tries: search.tries,
    })
}

struct Search<F> {
    best: Reproduction,
    events: u64,
    tries: u32,
    budget: u32,
    fails: F,
}

impl<F: FnMut(&Reproduction) -> Option<u64>> Search<F> {
    /// Tries a run, and goes on from it when it fails sooner, or as soon with fewer steps.
    fn accepts(&mut self, run: Reproduction) -> bool {
        if self.tries >= self.budget {
            return false;
        }
        self.tries += 1;
        let Some(events) = (self.fails)(&run) else {
            return false;
        };
        let is_smaller = events < self.events
            || events == self.events && run.steps.len() < self.best.steps.len();
        if is_smaller {
            self.best = run;
            self.events = events;
        }
        is_smaller
    }

    /// Takes steps out at random, with other seeds: where every step draws chance, taking one out
    /// makes another run of all that follows, and piece by piece the search gets stuck.
    fn leap(&mut self) {
        let mut misses = 0;
        while misses < LEAPS && !self.best.steps.is_empty() && self.tries < self.budget {
            let mut dice = Dice::new(&("leap", self.tries, self.events));
            let mut run = self.best.clone();
            run.seed = dice.below(types::id::MAX_SAFE);
            if dice.happens(500) {
                run.steps = a_piece(&run.steps, &mut dice);
            } else {
                let permille = dice.between(200, 950);
                run.steps.retain(|_| dice.happens(permille));
            }
            for step in &mut run.steps {
                if dice.happens(200) {
                    step.pause_us = half(step.pause_us);
                }
            }
            misses = if self.accepts(run) { 0 } else { misses + 1 };
        }
    }

    /// Takes steps out: halves first, then smaller and smaller pieces (delta debugging).
    fn fewer_steps(&mut self) {
        let mut size = self.best.steps.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.best.steps.len() {
                let to = (from + size).min(self.best.steps.len());
                let mut run = self.best.clone();
                run.steps.drain(from..to);
                if !self.accepts(run) {
                    from = to;
                }
            }
            size /= 2;
        }
    }

    /// Halves all pauses together, then tries to leave each out, or else to halve it.
    fn shorter_pauses(&mut self) {
        loop {
            let mut run = self.best.clone();
            for step in &mut run.steps {
                step.pause_us = half(step.pause_us);
            }
            if !self.accepts(run) {
                break;
            }
        }
        for nth in 0..self.best.steps.len() {
            for shorter in [|_| 0, half] {
                let mut run = self.best.clone();
                let Some(step) = run.steps.get_mut(nth) else {
                    return;
                };
                if step.pause_us == 0 {
                    break;
                }
                step.pause_us = shorter(step.pause_us);
                if self.accepts(run) {
                    break;
                }
            }
        }
    }

    /// Takes all deeds of one kind out, whichever it is.
    fn fewer_kinds(&mut self) {
        let mut nth = 0;
        while let Some(step) = self.best.steps.get(nth) {
            let kind = kind(&step.deed);
            let is_first = !self.best.steps[..nth]
                .iter()
                .any(|step| self::kind(&step.deed) == kind);
            let mut run = self.best.clone();
            run.steps.retain(|step| self::kind(&step.deed) != kind);
            if !is_first || !self.accepts(run) {
                nth += 1;
            }
        }
    }

    fn fewer_stores(&mut self) {
        for stores in STORES_MIN..self.best.stores {
            let mut run = self.best.clone();
            run.stores = stores;
            run.steps.retain(|step| is_among(&step.deed, stores));
            if self.accepts(run) {
                break;
            }
        }
    }

    fn other_seeds(&mut self) {
        let first = self.best.seed;
        for nth in 1..=SEEDS {
            let mut run = self.best.clone();
            run.seed = first.wrapping_add(nth) & types::id::MAX_SAFE;
            self.accepts(run);
        }
    }
}

/// Some steps in a row: a half of them to a sixteenth.
fn a_piece(steps: &[Step], dice: &mut Dice) -> Vec<Step> {
    let size = (steps.len() >> dice.between(1, 4)).max(1);
    let starts = u64::try_from(steps.len() - size).unwrap_or_default() + 1;
    let from = usize::try_from(dice.below(starts)).unwrap_or_default();
    steps[from..from + size].to_vec()
}

/// What deeds of one kind have in common.
fn kind(deed: &Deed) -> (Discriminant<Deed>, Option<Discriminant<Action>>) {
    let action = match deed {
        Deed::Act(action) => Some(discriminant(action)),
        Deed::CrashAt { .. } => None,
    };
    (discriminant(deed), action)
}

/// Half of a pause in whole milliseconds.
const fn half(us: u64) -> u64 {
    us / 2 / US_PER_MS * US_PER_MS
}

/// Whether a deed means none but the stores from 1 to `stores`.
fn is_among(deed: &Deed, stores: u64) -> bool {
    let there = |store: &StoreId| store.get() <= stores;
    match deed {
        Deed::CrashAt { store, .. } => there(store),
        Deed::Act(action) => match action {
            Action::Cut { groups } => groups.iter().flatten().all(there),
            Action::Block { ways } => ways.iter().all(|(from, to)| there(from) && there(to)),
            Action::Submit { via, .. } => via.as_ref().is_none_or(there),
            // What names a store that is not there is refused and changes nothing.
            _ => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of so many steps; the ones that matter heal, the others set something.
    fn run(steps: usize, matter: &[usize]) -> Reproduction {
        let step = |nth: usize| Step {
            pause_us: 8 * US_PER_MS,
            deed: Deed::Act(if matter.contains(&nth) {
                Action::Heal
            } else {
                Action::Set {
                    name: format!("{nth}"),
                    value: 0,
                }
            }),
        };
        Reproduction {
            seed: 1,
            stores: 5,
            steps: (0..steps).map(step).collect(),
            rest_us: 0,
        }
    }

    fn cost(run: &Reproduction) -> u64 {
        let pauses: u64 = run.steps.iter().map(|step| step.pause_us / US_PER_MS).sum();
        let steps = u64::try_from(run.steps.len()).expect("few");
        100 + steps + pauses + run.stores
    }

    fn heals(run: &Reproduction) -> usize {
        let heals = |step: &&Step| step.deed == Deed::Act(Action::Heal);
        run.steps.iter().filter(heals).count()
    }

    #[test]
    fn only_what_the_failure_needs_is_left() {
        let start = run(100, &[13, 57, 90]);
        let shrunk = shrink(start, 2_000, |run| (heals(run) == 3).then(|| cost(run)));
        let shrunk = shrunk.expect("it fails");
        assert_eq!(shrunk.run.steps.len(), 3);
        assert_eq!((shrunk.events, shrunk.run.stores), (106, 3));
        assert!(shrunk.tries < 1_000, "{}", shrunk.tries);
    }

    #[test]
    fn the_budget_is_kept_and_what_does_not_fail_is_not_shrunk() {
        let start = run(100, &[13, 57, 90]);
        let mut tries = 0;
        let shrunk = shrink(start.clone(), 50, |run| {
            tries += 1;
            (heals(run) == 3).then(|| cost(run))
        });
        assert_eq!(shrunk.map(|shrunk| shrunk.tries), Some(tries));
        assert!(tries <= 50);
        assert_eq!(shrink(start, 50, |_| None), None);
    }

    #[test]
    fn a_run_that_fails_under_another_seed_only_is_found() {
        let start = run(10, &[3]);
        let fails =
            |run: &Reproduction| (run.seed.is_multiple_of(7) && heals(run) == 1).then(|| cost(run));
        let shrunk = shrink(start, 500, fails).expect("a neighbour fails");
        assert_eq!(shrunk.run.steps.len(), 1);
    }
}
