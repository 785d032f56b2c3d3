//! Counting tests from what the test runners print.
//!
//! Cargo's harness and `wasm-bindgen-test-runner` close each program with the same line, so the
//! counts are those of the runners and not of our own making.

use std::path::Path;

use anyhow::{Context, Result};

/// How many tests of a group ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Tests that did not run because they are marked as ignored.
    pub(crate) ignored: u64,
}

impl Counts {
    /// Adds up all closing lines in a log.
    pub(crate) fn of_log(log: &Path) -> Result<Self> {
        let bytes = std::fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
        Ok(Self::of_text(&String::from_utf8_lossy(&bytes)))
    }

    /// Adds up all closing lines in a text.
    pub(crate) fn of_text(text: &str) -> Self {
        let mut counts = Self::default();
        for line in text.lines() {
            let Some(rest) = line.trim_start().strip_prefix("test result: ") else {
                continue;
            };
            let rest = rest.split_once(". ").map_or(rest, |(_, rest)| rest);
            for part in rest.split(';') {
                let mut words = part.split_whitespace();
                let number = words.next().and_then(|word| word.parse::<u64>().ok());
                match (number, words.next()) {
                    (Some(number), Some("passed")) => counts.passed += number,
                    (Some(number), Some("failed")) => counts.failed += number,
                    (Some(number), Some("ignored")) => counts.ignored += number,
                    _ => {}
                }
            }
        }
        counts
    }

    /// The sum of two.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
        }
    }
}

/// The names of the tests that a log of cargo's harness reports as failed.
pub(crate) fn failed_tests(log: &str) -> Vec<String> {
    let name = |line: &str| {
        let line = line.trim().strip_prefix("test ")?;
        Some(line.strip_suffix(" ... FAILED")?.to_owned())
    };
    log.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_added_up() {
        let text = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
            finished in 0.00s\n\
            test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out\n\
            \u{20}   test result: ok. 7 passed; 0 failed; 0 ignored; 0 filtered out; \
            finished in 1.25s\n";
        assert_eq!(
            Counts::of_text(text),
            Counts {
                passed: 15,
                failed: 2,
                ignored: 1
            }
        );
    }

    #[test]
    fn other_lines_do_not_count() {
        let text = "test a ... ok\nsaid `test result: ok. 3 passed`\n9 passed, 0 failed\n";
        assert_eq!(Counts::of_text(text), Counts::default());
    }

    #[test]
    fn failed_tests_are_known_by_name() {
        let log =
            "test a::b ... ok\ntest a::c ... FAILED\ntest result: FAILED. 1 passed; 1 failed;";
        assert_eq!(failed_tests(log), ["a::c"]);
    }
}
