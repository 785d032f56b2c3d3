//! A row of the table, and what becomes of it.

use std::collections::BTreeMap;

use raft::{CORRECT, Rules};

use crate::rig::{self, Count, Outcome, Rig, Setup};

/// Seeds that each test runs unless `COURSE_SEEDS` says otherwise.
const SEEDS: u64 = 10;
/// Seeds within which what is broken must turn a row red.
const RED_SEEDS: u64 = 50;
/// How long a test may take, in virtual milliseconds.
const TEST_MS: u64 = 120_000;

/// What the network does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Network {
    Reliable,
    Unreliable,
}

impl Network {
    const fn name(self) -> &'static str {
        match self {
            Self::Reliable => "reliable",
            Self::Unreliable => "unreliable",
        }
    }
}

/// What becomes of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Log {
    /// It stays.
    Whole,
    /// A snapshot takes its place after every tenth command.
    Snapshots,
}

/// What is broken to turn a test red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breakage {
    /// A rule of the catalogue, by its name.
    Rule(&'static str),
    /// The host, where a test checks what no rule of raft can break.
    Host(rig::Host),
}

/// One test of the course.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The name of our test.
    pub(super) name: &'static str,
    /// The course's, without `Test`.
    pub(super) course: &'static str,
    pub(super) servers: usize,
    pub(super) network: Network,
    pub(super) log: Log,
    pub(super) script: fn(&mut Rig) -> Outcome,
    /// What it does, for people.
    pub(super) does: &'static str,
    /// What must have happened at least, for each seed on average.
    pub(super) floors: &'static [(Count, u64)],
    /// What turns it red, a rule first.
    pub(super) red_under: &'static [Breakage],
}

/// How one run went.
pub(super) struct Run {
    pub(super) outcome: Outcome,
    pub(super) counts: BTreeMap<Count, u64>,
}

/// What turned a row red: seed and symptom, where anything did.
pub(super) struct Report {
    row: &'static Row,
    reds: Vec<(Breakage, Option<(u64, String)>)>,
}

impl Breakage {
    fn rules(self) -> &'static Rules {
        match self {
            Self::Rule(name) => labs::rules(name).expect("a rule of the catalogue"),
            Self::Host(_) => &CORRECT,
        }
    }

    const fn host(self) -> rig::Host {
        match self {
            Self::Rule(_) => rig::Host::Correct,
            Self::Host(host) => host,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Rule(name) => format!("`{name}`"),
            Self::Host(host) => format!("a host that {}", host.does()),
        }
    }
}

impl Row {
    /// Runs one seed.
    pub(super) fn run(&self, seed: u64, breakage: Option<Breakage>) -> Run {
        let setup = Setup {
            servers: self.servers,
            is_unreliable: self.network == Network::Unreliable,
            has_snapshots: self.log == Log::Snapshots,
            rules: breakage.map_or(&CORRECT, Breakage::rules),
            host: breakage.map_or(rig::Host::Correct, Breakage::host),
        };
        let mut rig = Rig::new(setup, seed);
        let mut outcome = (self.script)(&mut rig);
        if outcome.is_ok() && rig.now > TEST_MS {
            outcome = Err(rig.failure("the test took too long"));
        }
        Run {
            outcome,
            counts: rig.counts,
        }
    }

    /// Looks for a seed that turns this row red, for each thing that it names.
    pub(super) fn redden(&'static self) -> Report {
        let red = |breakage: Breakage| {
            (1..=RED_SEEDS).find_map(|seed| {
                let failure = self.run(seed, Some(breakage)).outcome.err()?;
                Some((seed, failure.to_string()))
            })
        };
        let reds = self.red_under.iter();
        Report {
            row: self,
            reds: reds.map(|&breakage| (breakage, red(breakage))).collect(),
        }
    }
}

/// Runs the row of that name with the correct rules.
pub(super) fn judge(rows: &[Row], name: &str) {
    let row = rows.iter().find(|row| row.name == name).expect("a row");
    let asked = std::env::var("COURSE_SEEDS").ok();
    let seeds = asked.map_or(SEEDS, |seeds| seeds.parse().expect("a number of seeds"));
    let mut counts: BTreeMap<Count, u64> = BTreeMap::new();
    for seed in 1..=seeds {
        let run = row.run(seed, None);
        if let Err(failure) = run.outcome {
            panic!("{name}, seed {seed}: {failure}");
        }
        let refused = run.counts.get(&Count::Refused);
        assert_eq!(
            refused, None,
            "{name}, seed {seed}: messages of no correct peer"
        );
        for (what, count) in run.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    for &(what, least) in row.floors {
        let count = counts.get(&what).copied().unwrap_or_default();
        let wanted = least * seeds;
        assert!(
            count >= wanted,
            "{name}: {what:?} happened {count} times in {seeds} seeds, fewer than {wanted}"
        );
    }
}

impl Report {
    /// The row's name, for everything that did not turn it red.
    pub(super) fn pale(&self) -> impl Iterator<Item = String> {
        let pale = self.reds.iter().filter(|(_, red)| red.is_none());
        pale.map(|(breakage, _)| format!("{}: {}", self.row.name, breakage.name()))
    }

    fn lines(&self) -> String {
        let row = self.row;
        let line = |(breakage, red): &(Breakage, Option<(u64, String)>)| {
            let (seed, symptom) = match red {
                Some((seed, symptom)) => (seed.to_string(), symptom.as_str()),
                None => (format!("none of {RED_SEEDS}"), "nothing"),
            };
            format!(
                "| Test{} | `mit6824::{}` | {} | {seed} | {symptom} |\n",
                row.course,
                row.name,
                breakage.name()
            )
        };
        self.reds.iter().map(line).collect()
    }
}

/// The table for people: of each row what turned it red.
pub(super) fn table(reports: &[Report]) -> String {
    let lines: String = reports.iter().map(Report::lines).collect();
    format!(
        "# MIT 6.824, lab 2\n\n\
         | course test | our test | broken | red at seed | symptom |\n\
         | --- | --- | --- | ---: | --- |\n{lines}"
    )
}

impl Row {
    /// The row as `docs/course-tests.md` has it.
    pub(super) fn line(&self) -> String {
        let floor = |(what, least): &(Count, u64)| format!("{}: {least}", what.name());
        let floors: Vec<String> = self.floors.iter().map(floor).collect();
        let red_under: Vec<String> = self.red_under.iter().map(|each| each.name()).collect();
        format!(
            "| {} | `mit6824::{}` | {} | {} | {} | {} | {} |",
            self.course,
            self.name,
            self.servers,
            self.network.name(),
            self.does,
            floors.join(", "),
            red_under.join(", ")
        )
    }
}
