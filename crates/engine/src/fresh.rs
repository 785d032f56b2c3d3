//! Runs of seeds that nobody has seen before: the same natively, natively again, and in wasm. The
//! seeds come from the commit, so that each commit meets others and can be repeated.

use std::fmt::Write as _;

/// How many seeds.
pub const COUNT: u64 = 200;
/// How many of them run in each browser, too.
pub const IN_BROWSERS: usize = 20;
/// How many virtual seconds each run takes.
pub const VIRTUAL_SECONDS: u64 = 20;

/// A run's hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// Of all that happened.
    pub run: u64,
    /// Of the state at the end.
    pub state: u64,
}

impl Run {
    /// Runs a seed here and now.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let (run, state) = cluster::sim::end_hashes(seed, VIRTUAL_SECONDS);
        Self { seed, run, state }
    }
}

/// The seeds from `first` on.
#[must_use]
pub fn run(first: u64) -> Vec<Run> {
    let seeds = (0..COUNT).map(|nth| first.wrapping_add(nth));
    seeds.map(Run::of).collect()
}

/// One line for each run.
#[must_use]
pub fn text(runs: &[Run]) -> String {
    let mut text = String::new();
    for Run { seed, run, state } in runs {
        writeln!(text, "{seed} {run:016x} {state:016x}").expect("a string takes any text");
    }
    text
}

/// Reads [`text`]; nothing when a line is none of it.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<Run>> {
    let run = |line: &str| {
        let mut words = line.split(' ');
        let seed = words.next()?.parse().ok()?;
        let mut hash = || u64::from_str_radix(words.next()?, 16).ok();
        let (run, state) = (hash()?, hash()?);
        Some(Run { seed, run, state })
    };
    text.lines().map(run).collect()
}
