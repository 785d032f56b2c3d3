//! The mutation check: every broken rule is caught by a numbered invariant within 300 fresh seeds,
//! and the correct rules never are. The seeds come from the commit, so that each commit meets new
//! ones and can be repeated.
//!
//! `LAB=name cargo test -p labs --test mutation -- --nocapture` hunts one rule alone;
//! `LAB_SEED=n` starts at another seed.

// A test may ask its environment; the crate itself may not.
#![allow(clippy::disallowed_methods)]

mod support;

use std::process::Command;

use cluster::group::trial::{self, Reason, Trial};
use labs::{BrokenRule, CATALOGUE};
use types::raft::Preset;

use support::{on_two_threads, write_file};

/// Seeds within which a broken rule must be caught.
const SEEDS: u64 = 300;

/// Messages that a hunted group exchanges before it is healed, if nothing caught it before.
const HUNT_MESSAGES: u64 = 4_000;

/// The first seed: what `LAB_SEED` says, else the beginning of the commit's hash.
fn first_seed() -> u64 {
    if let Some(seed) = std::env::var("LAB_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
    {
        return seed;
    }
    let head = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let hash = head.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let digits = hash
        .unwrap_or_default()
        .chars()
        .take(12)
        .collect::<String>();
    // Without a repository there is no commit to be fresh for.
    u64::from_str_radix(&digits, 16).unwrap_or(1)
}

/// How a hunt ended.
struct Caught {
    broken: &'static BrokenRule,
    /// The invariant, and after how many seeds.
    by: Option<(String, u64)>,
    /// Runs that ended otherwise: a store stopped, or a message was refused as impossible.
    otherwise: u64,
    line: String,
}

fn hunt(broken: &'static BrokenRule, first: u64) -> Caught {
    let mut caught = Caught {
        broken,
        by: None,
        otherwise: 0,
        line: String::new(),
    };
    for nth in 0..SEEDS {
        let trial = Trial {
            rules: broken.rules,
            messages: HUNT_MESSAGES,
            strict: false,
            ..Trial::new(first + nth, broken.preset)
        };
        let Err(failure) = trial::run(&trial) else {
            continue;
        };
        caught.line = failure.to_string();
        if let Reason::Violation(violation) = &failure.reason {
            caught.by = Some((format!("R{}", violation.invariant.number()), nth + 1));
            return caught;
        }
        caught.otherwise += 1;
    }
    caught
}

/// The table for people, in `target/mutations.md`.
fn write_table(caught: &[Caught], first: u64) {
    let mut table = format!(
        "First seed {first}.\n\n\
         | broken rule | in the place of | pitfall | preset | symptom | caught by | seeds |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for Caught { broken, by, .. } in caught {
        let (invariant, seeds) = by.clone().unwrap_or(("nothing".to_owned(), SEEDS));
        table += &format!(
            "| `{}` | `{}` | {} | {} | {} | {invariant} | {seeds} |\n",
            broken.name,
            broken.of,
            broken.pitfalls.join(", "),
            broken.preset.name(),
            broken.symptom,
        );
    }
    write_file("mutations.md", &table);
}

#[test]
fn every_broken_rule_is_caught_by_an_invariant_within_three_hundred_seeds() {
    let (first, only) = (first_seed(), std::env::var("LAB").ok());
    let wanted = |broken: &&BrokenRule| only.as_ref().is_none_or(|name| name == broken.name);
    let todo: Vec<&'static BrokenRule> = CATALOGUE.iter().filter(wanted).collect();
    assert!(!todo.is_empty(), "no broken rule is called {only:?}");
    let caught = on_two_threads(todo, |broken| hunt(broken, first));
    write_table(&caught, first);
    let missed: Vec<String> = caught
        .iter()
        .filter(|caught| caught.by.is_none())
        .map(|caught| {
            let (name, otherwise) = (caught.broken.name, caught.otherwise);
            format!(
                "{name} (ended otherwise {otherwise} times; last: {})",
                caught.line
            )
        })
        .collect();
    assert!(missed.is_empty(), "from seed {first}: {missed:#?}");
}

#[test]
fn the_correct_rules_are_never_caught() {
    let first = first_seed();
    let todo = (0..SEEDS)
        .flat_map(|nth| Preset::ALL.map(|preset| (nth, preset)))
        .collect();
    let failures = on_two_threads(todo, |(nth, preset)| {
        trial::run(&Trial::new(first + nth, preset))
            .err()
            .map(|failure| failure.to_string())
    });
    let failures: Vec<String> = failures.into_iter().flatten().collect();
    assert!(failures.is_empty(), "from seed {first}: {failures:#?}");
}
