//! The run hashes that every platform must come to: one file, read by a native test and by a test
//! in a browser's worker.

use std::fmt::Write as _;

/// The file.
pub const FILE: &str = include_str!("../../../tests/golden/run-hashes.txt");
/// How many virtual seconds each run takes.
pub const VIRTUAL_SECONDS: u64 = 30;
/// The seeds.
pub const SEEDS: std::ops::RangeInclusive<u64> = 1..=100;

const HEAD: &str = "engine version";

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Golden {
    /// The [`cluster::ENGINE_VERSION`] that the hashes belong to.
    pub version: u32,
    /// Seed and run hash.
    pub runs: Vec<(u64, u64)>,
}

impl Golden {
    /// Reads the file: a line with the version, then a line for each seed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let version = lines.next()?.strip_prefix(HEAD)?.trim().parse().ok()?;
        let run = |line: &str| {
            let (seed, hash) = line.split_once(' ')?;
            Some((seed.parse().ok()?, u64::from_str_radix(hash, 16).ok()?))
        };
        let runs = lines.map(run).collect::<Option<_>>()?;
        Some(Self { version, runs })
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{HEAD} {}\n", self.version);
        for (seed, hash) in &self.runs {
            writeln!(text, "{seed} {hash:016x}").expect("a string takes any text");
        }
        text
    }

    /// Runs the seeds here and now.
    #[must_use]
    pub fn run(seeds: impl Iterator<Item = u64>) -> Self {
        let run = |seed| (seed, cluster::sim::run_hash(seed, VIRTUAL_SECONDS));
        Self {
            version: cluster::ENGINE_VERSION,
            runs: seeds.map(run).collect(),
        }
    }
}
