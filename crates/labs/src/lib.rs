//! Broken rules of raft: what each one changes, what a person would see of it, and what catches it.
//!
//! Every rule of [`raft::Rules`] is a small function behind a pointer. A broken one takes its
//! place in a table of its own and runs on peers that are otherwise the real thing. The names are
//! stable: links, recordings and tables use them. "X1" and "S0-4" name pitfalls that students of
//! TinyKV and MIT 6.824 fell into.

#![deny(missing_docs)]
#![deny(clippy::float_arithmetic)]

use raft::Rules;
use types::raft::Preset;

mod broken;

pub use broken::CATALOGUE;

/// One rule of raft, broken.
#[derive(Debug, Clone, Copy)]
pub struct BrokenRule {
    /// Its stable name.
    pub name: &'static str,
    /// The rule whose place it takes, by its name in [`raft::Rules`].
    pub of: &'static str,
    /// The pitfalls that it stands for; empty where nobody wrote one down.
    pub pitfalls: &'static [&'static str],
    /// What goes wrong, in a sentence.
    pub symptom: &'static str,
    /// The invariants that were seen to name it, "R1" to "R17"; which comes first is up to the run.
    pub caught_by: &'static [&'static str],
    /// The dialect in which it shows.
    pub preset: Preset,
    /// The table with the broken rule in it.
    pub rules: &'static Rules,
}

/// The broken rule of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static BrokenRule> {
    CATALOGUE.iter().find(|broken| broken.name == name)
}

/// The table of the broken rule of that name.
#[must_use]
pub fn rules(name: &str) -> Option<&'static Rules> {
    find(name).map(|broken| broken.rules)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_there_once_and_can_be_found() {
        let names: BTreeSet<&str> = CATALOGUE.iter().map(|broken| broken.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        for name in names {
            assert_eq!(find(name).map(|broken| broken.name), Some(name));
        }
        assert!(find("no such rule").is_none());
    }

    #[test]
    fn every_broken_rule_has_a_symptom_and_an_invariant_that_names_it() {
        for broken in CATALOGUE {
            assert!(broken.symptom.ends_with('.'), "{}", broken.name);
            assert!(!broken.caught_by.is_empty(), "{}", broken.name);
        }
    }

    #[test]
    fn the_pitfalls_of_the_core_that_a_rule_can_have_are_all_there() {
        let all: BTreeSet<&str> = CATALOGUE
            .iter()
            .flat_map(|broken| broken.pitfalls.iter().copied())
            .collect();
        let wanted =
            "X1 X2 X3 X4 X5 X6 X7 X8 X9 X13 X25 S0-2 S0-4 S0-9 S0-10 S2-5 S3-4 S3-9 S4-1 S4-8";
        for pitfall in wanted.split(' ') {
            assert!(all.contains(pitfall), "{pitfall} has no broken rule");
        }
    }
}
