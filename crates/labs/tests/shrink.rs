//! A failing run can be made small: it keeps its verdict, and the correct rules pass it.
//!
//! The table is left in `target/shrunk.md`. `LAB=name` shrinks runs of one rule alone, `LAB_ALL=1`
//! those of every rule.

// A test may ask its environment; the crate itself may not.
#![allow(clippy::disallowed_methods)]

mod support;

use cluster::group::trial::{self, Reason, Trial, shrink_trial};
use labs::{BrokenRule, CATALOGUE};
use raft::CORRECT;

use support::{on_two_threads, write_file};

/// How many runs a shrinking may take.
const BUDGET: u32 = 1_500;
/// A run that is worth shrinking has so many events.
const LONG: u64 = 3_000;
/// Among how many seeds a long run is looked for.
const SEEDS: u64 = 100;

fn hunted(broken: &BrokenRule, seed: u64) -> Trial {
    Trial {
        rules: broken.rules,
        messages: 4_000,
        strict: false,
        ..Trial::new(seed, broken.preset)
    }
}

/// The first seed whose run breaks an invariant after many events.
fn long_failure(broken: &BrokenRule) -> Option<Trial> {
    let mut trials = (1..=SEEDS).map(|seed| hunted(broken, seed));
    trials.find(|trial| {
        let failure = trial::run(trial).err();
        failure.is_some_and(|failure| {
            matches!(failure.reason, Reason::Violation(_)) && failure.event.seq >= LONG
        })
    })
}

/// A run before and after.
struct Row {
    name: &'static str,
    seed: u64,
    invariant: u8,
    before: u64,
    after: u64,
    deeds: usize,
    tries: u32,
}

/// Nothing where no run of the rule is long.
fn shrunk(broken: &'static BrokenRule) -> Option<Row> {
    let trial = long_failure(broken)?;
    let (retrial, shrunk, failure) = shrink_trial(&trial, BUDGET)
        .unwrap_or_else(|| panic!("{}: {trial:?} cannot be shrunk", broken.name));
    let again = trial::run_again(&trial, &retrial).expect_err("it still fails");
    let (Reason::Violation(before), Reason::Violation(after)) = (&failure.reason, &again.reason)
    else {
        panic!("{}: {failure} became {again}", broken.name);
    };
    assert_eq!(before.invariant, after.invariant, "{}", broken.name);
    assert_eq!(again.event.seq, shrunk.events, "{}", broken.name);
    let correct = Trial {
        rules: &CORRECT,
        ..trial
    };
    if let Err(failure) = trial::run_again(&correct, &retrial) {
        panic!("{}: the correct rules fail too: {failure}", broken.name);
    }
    Some(Row {
        name: broken.name,
        seed: trial.seed,
        invariant: before.invariant.number(),
        before: failure.event.seq,
        after: shrunk.events,
        deeds: shrunk.run.steps.len(),
        tries: shrunk.tries,
    })
}

/// The table for people, in `target/shrunk.md`.
fn write_table(rows: &[Row]) {
    let mut table = "| broken rule | caught by | seed | events | shrunk to | deeds left | runs |\n\
                     | --- | --- | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for row in rows {
        let (name, invariant, seed) = (row.name, row.invariant, row.seed);
        let (before, after, deeds, tries) = (row.before, row.after, row.deeds, row.tries);
        table += &format!(
            "| `{name}` | R{invariant} | {seed} | {before} | {after} | {deeds} | {tries} |\n"
        );
    }
    write_file("shrunk.md", &table);
}

#[test]
fn long_failing_runs_shrink_to_a_tenth_of_their_events_and_keep_their_verdict() {
    let (only, all) = (std::env::var("LAB").ok(), std::env::var("LAB_ALL").is_ok());
    let wanted = |(nth, broken): &(usize, &BrokenRule)| match &only {
        Some(name) => name == broken.name,
        None => all || nth % 7 == 1,
    };
    let rules = CATALOGUE.iter().enumerate().filter(wanted);
    let rules: Vec<&'static BrokenRule> = rules.map(|(_, broken)| broken).collect();
    let rows: Vec<Row> = on_two_threads(rules, shrunk)
        .into_iter()
        .flatten()
        .collect();
    write_table(&rows);
    let ratios = rows.iter().map(|row| row.after * 1_000 / row.before);
    let mut permille: Vec<u64> = ratios.collect();
    permille.sort_unstable();
    let median = permille[permille.len() / 2];
    assert!(
        median <= 100,
        "the median run keeps {median} in 1,000 of its events: {permille:?}"
    );
}
