//! Our raft core against raft-rs: builds `tests/core-bench`, runs its cases natively and under
//! Node, and compares.
//!
//! Times and allocations come from two builds, since counting costs the one more who allocates
//! more. The program runs a case in rounds of ours, raft-rs, raft-rs, ours; a ratio is that of
//! the times of one round, and the median of all rounds is what is reported.
//!
//! The reference is raft-rs as its documentation shows it, or, with `--lean-reference`, in the
//! strongest setup that we found; the names of those rows end in `.lean`. The rows `oversight`
//! compare our core with itself: unwatched peers, which everything else is measured with, and
//! overseen ones that decide by the correct rules and trace nothing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

use super::Bench;
use super::places::{self, PLACES, Place, median, samples};
use crate::exec;
use crate::figures::Figure;
use crate::protoc;
use crate::steps::Steps;
use crate::tools::{Cache, FOR_BENCHES, Ready, WASM_TARGET};

/// The package, a workspace of its own.
const MANIFEST: &str = "tests/core-bench/Cargo.toml";

/// Every case, with what is counted. One that is missing is an error.
const CASES: [(&str, &str); 5] = [
    ("singles3", "proposal"),
    ("batch3", "proposal"),
    ("batch5", "proposal"),
    ("groups1000", "proposal"),
    // Every peer of a group ticks: heartbeats to two followers, and their answers.
    ("idle1000", "group tick"),
];

/// The case that tells what it costs to be overseen: single commands, the most steps for each.
const OVERSIGHT: (&str, &str) = CASES[0];

/// Loads the module and prints what a case gives.
const NODE_SCRIPT: &str = "const [path, name, reference, rounds] = process.argv.slice(1); \
    console.log(require(path).run(name, reference, Number(rounds)));";

/// A core, as the program names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Who {
    Ours,
    Overseen,
    RaftRs,
    RaftRsLean,
}

/// With what ours is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reference {
    /// raft-rs as its documentation shows it.
    Documented,
    /// raft-rs with the leanest host.
    Lean,
    /// Our own core, overseen.
    Overseen,
}

impl Reference {
    /// As the program is asked for it.
    fn name(self) -> &'static str {
        match self {
            Self::Documented => "raft_rs",
            Self::Lean => "raft_rs_lean",
            Self::Overseen => "overseen",
        }
    }

    fn who(self) -> Who {
        match self {
            Self::Documented => Who::RaftRs,
            Self::Lean => Who::RaftRsLean,
            Self::Overseen => Who::Overseen,
        }
    }

    /// What the names of its rows end in.
    fn suffix(self) -> &'static str {
        match self {
            Self::Documented | Self::Overseen => "",
            Self::Lean => ".lean",
        }
    }

    /// The cores of a round, in order.
    fn round(self) -> [Who; 4] {
        [Who::Ours, self.who(), self.who(), Who::Ours]
    }
}

/// A row of the table in each place, and the row of its allocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    name: &'static str,
    case: &'static str,
    /// What is counted.
    operation: &'static str,
    reference: Reference,
}

/// Every row against `reference`, and with the documented one what oversight costs.
fn rows(reference: Reference) -> Vec<Row> {
    let cases = CASES.map(|(case, operation)| Row {
        name: case,
        case,
        operation,
        reference,
    });
    let (case, operation) = OVERSIGHT;
    let oversight = Row {
        name: "oversight",
        case,
        operation,
        reference: Reference::Overseen,
    };
    let with_oversight = (reference == Reference::Documented).then_some(oversight);
    cases.into_iter().chain(with_oversight).collect()
}

/// One run of one case by one core, as the program prints it.
#[derive(Clone, Debug, Deserialize)]
struct Sample {
    who: Who,
    operations: u64,
    seconds: f64,
    allocations: Option<u64>,
    applied: u64,
    hash: String,
}

/// What a row's runs gave in one place.
#[derive(Debug)]
struct Outcome {
    row: Row,
    place: Place,
    timed: Vec<Sample>,
    counted: Vec<Sample>,
}

/// Builds, runs and compares.
pub(super) fn run(options: &Bench, tools: &Cache, steps: &mut Steps) -> Result<Vec<Figure>> {
    let node = places::node()?;
    let tools = tools.prepare(FOR_BENCHES, steps)?;
    let protoc = protoc::prepare(steps)?;
    let reference = if options.lean_reference {
        Reference::Lean
    } else {
        Reference::Documented
    };
    let rows = rows(reference);
    let mut outcomes = Vec::new();
    for place in PLACES {
        let builder = Builder {
            place,
            rows: &rows,
            protoc: &protoc,
            tools: &tools,
            node: &node,
        };
        let timed = builder.measure(false, options.rounds, steps)?;
        // Allocations do not vary: one round tells them.
        let counted = builder.measure(true, 1, steps)?;
        for ((&row, timed), counted) in rows.iter().zip(timed).zip(counted) {
            outcomes.push(Outcome {
                row,
                place,
                timed,
                counted,
            });
        }
    }
    figures(&outcomes, &rows)
}

/// What it takes to build and run the program in one place.
struct Builder<'a> {
    place: Place,
    rows: &'a [Row],
    protoc: &'a Path,
    tools: &'a Ready,
    node: &'a Path,
}

impl Builder<'_> {
    /// The samples of every row.
    fn measure(&self, count: bool, rounds: u32, steps: &mut Steps) -> Result<Vec<Vec<Sample>>> {
        let name = format!(
            "{}, {}",
            self.place.name(),
            if count { "allocations" } else { "times" }
        );
        let program = steps.run(&format!("build {name}"), |progress| {
            let logs = exec::report_dir("logs")?;
            let log = logs.join(format!("bench-core-{}.log", self.place.name()));
            exec::logged(&mut self.cargo(count), &log, progress)?;
            let target = exec::target_dir();
            if self.place == Place::Native {
                return Ok(target.join("release/core-bench"));
            }
            let module = target.join(WASM_TARGET).join("release/core_bench.wasm");
            let folder = target.join(if count {
                "core-bench-count"
            } else {
                "core-bench"
            });
            let mut bindgen = exec::command(self.tools.program("wasm-bindgen")?);
            bindgen.args(["--target", "nodejs", "--no-typescript", "--out-dir"]);
            bindgen.arg(&folder).arg(module);
            exec::logged(&mut bindgen, &logs.join("bench-core-bindgen.log"), progress)?;
            Ok(folder.join("core_bench.js"))
        })?;
        steps.run(&name, |progress| {
            let mut all = Vec::new();
            for row in self.rows {
                progress.detail(row.name);
                let mut command = self.runner(&program);
                let samples =
                    samples(command.args([row.case, row.reference.name(), &rounds.to_string()]))
                        .with_context(|| {
                            format!("{}.{} did not run", row.name, self.place.name())
                        })?;
                all.push(samples);
            }
            Ok(all)
        })
    }

    fn cargo(&self, count: bool) -> Command {
        let mut command = exec::cargo();
        match self.place {
            Place::Native => command.args(["build", "--bins"]),
            // The library is a module of its own for Node only.
            Place::Wasm => command.args(["rustc", "--lib", "--crate-type", "cdylib"]),
        };
        command.args(["--release", "--manifest-path", MANIFEST]);
        if self.place == Place::Wasm {
            command.args(["--target", WASM_TARGET]);
        }
        if count {
            command.args(["--features", "count"]);
        }
        command
            .env("PROTOC", self.protoc)
            .env("CARGO_TARGET_DIR", exec::target_dir());
        command
    }

    fn runner(&self, program: &Path) -> Command {
        match self.place {
            Place::Native => exec::command(program),
            Place::Wasm => {
                let mut command = exec::command(self.node);
                command.args(["-e", NODE_SCRIPT]).arg(program);
                command
            }
        }
    }
}

/// The figures of all rows in all places, in the order of the lists; all of them or an error.
fn figures(outcomes: &[Outcome], rows: &[Row]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for row in rows {
        for place in PLACES {
            let name = format!("{}.{}", row.name, place.name());
            let outcome = outcomes
                .iter()
                .find(|outcome| outcome.row == *row && outcome.place == place)
                .ok_or_else(|| anyhow!("the row {name} is missing"))?;
            let figures_of_row = figures_of(&name, outcome);
            figures.extend(figures_of_row.with_context(|| format!("{name} cannot be compared"))?);
        }
    }
    Ok(figures)
}

fn figures_of(name: &str, outcome: &Outcome) -> Result<[Figure; 2]> {
    let Row {
        operation,
        reference,
        ..
    } = outcome.row;
    let (round, suffix) = (reference.round(), reference.suffix());
    check(&outcome.timed, &round)?;
    check(&outcome.counted, &round)?;
    let speed = |who: Who| {
        let speeds =
            of(&outcome.timed, who).map(|sample| sample.operations as f64 / sample.seconds);
        median(speeds.collect())
    };
    let allocations = |who: Who| {
        let sample = of(&outcome.counted, who).next();
        let counted = sample.and_then(|sample| Some((sample.allocations?, sample.operations)));
        let (allocations, operations) = counted.context("no allocations were counted")?;
        anyhow::Ok(allocations as f64 / operations as f64)
    };
    let ratios = outcome.timed.chunks(round.len()).map(ratio_of_round);
    let (ours, theirs) = (allocations(Who::Ours)?, allocations(reference.who())?);
    Ok([
        Figure {
            name: format!("{name}{suffix}"),
            value: speed(Who::Ours)?,
            unit: format!("{operation}s per second"),
            reference: Some(speed(reference.who())?),
            ratio: Some(median(ratios.collect())?),
        },
        Figure {
            name: format!("{name}.allocations{suffix}"),
            value: ours,
            unit: format!("allocations per {operation}"),
            reference: Some(theirs),
            // What nobody can divide by is infinitely better, which JSON has no number for.
            ratio: (ours > 0.0).then_some(theirs / ours),
        },
    ])
}

fn of(samples: &[Sample], who: Who) -> impl Iterator<Item = &Sample> {
    samples.iter().filter(move |sample| sample.who == who)
}

/// Whether the samples are whole rounds in which everybody did and applied the same.
fn check(samples: &[Sample], expected: &[Who]) -> Result<()> {
    let first = samples.first().context("there are no samples")?;
    let whole = samples.chunks(expected.len()).all(|round| {
        let order: Vec<Who> = round.iter().map(|sample| sample.who).collect();
        order == expected
    });
    ensure!(whole, "the samples are no rounds of {expected:?}");
    for sample in samples {
        ensure!(
            (sample.applied, &sample.hash) == (first.applied, &first.hash),
            "the applied entries differ: {first:?}, {sample:?}"
        );
        ensure!(
            sample.operations == first.operations && sample.seconds > 0.0,
            "not the same work: {first:?}, {sample:?}"
        );
    }
    Ok(())
}

/// How many times quicker ours was in a round.
fn ratio_of_round(round: &[Sample]) -> f64 {
    let seconds = |ours: bool| {
        let samples = round
            .iter()
            .filter(|sample| (sample.who == Who::Ours) == ours);
        samples.map(|sample| sample.seconds).sum::<f64>()
    };
    seconds(false) / seconds(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(who: Who, seconds: f64) -> Sample {
        Sample {
            who,
            operations: 1_000,
            seconds,
            allocations: Some(if who == Who::Ours { 2_000 } else { 9_000 }),
            applied: 1_125,
            hash: "00ff".to_owned(),
        }
    }

    /// One round for each pair of times of ours and of the reference.
    fn rounds(reference: Reference, times: &[(f64, f64)]) -> Vec<Sample> {
        let round = |&(ours, theirs): &(f64, f64)| {
            reference
                .round()
                .map(|who| sample(who, if who == Who::Ours { ours } else { theirs }))
        };
        times.iter().flat_map(round).collect()
    }

    fn outcomes(reference: Reference) -> Vec<Outcome> {
        let times = [(1.0, 3.0), (1.0, 30.0), (2.0, 8.0), (1.0, 1.0), (1.0, 5.0)];
        let rows = rows(reference);
        let places = rows
            .iter()
            .flat_map(|row| PLACES.map(|place| (*row, place)));
        places
            .map(|(row, place)| Outcome {
                row,
                place,
                timed: rounds(row.reference, &times),
                counted: rounds(row.reference, &[(9.0, 9.0)]),
            })
            .collect()
    }

    fn figures_against(reference: Reference, outcomes: &[Outcome]) -> Result<Vec<Figure>> {
        figures(outcomes, &rows(reference))
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_ratios() {
        let reference = Reference::Documented;
        let figures = figures_against(reference, &outcomes(reference)).expect("all is there");
        let row = &figures[0];
        assert_eq!(
            (row.name.as_str(), row.ratio),
            ("singles3.native", Some(4.0))
        );
        assert_eq!((row.value, row.reference), (1_000.0, Some(200.0)));
    }

    #[test]
    fn fewer_allocations_are_better() {
        let reference = Reference::Documented;
        let figures = figures_against(reference, &outcomes(reference)).expect("all is there");
        let row = &figures[1];
        assert_eq!(row.name, "singles3.native.allocations");
        assert_eq!(
            (row.value, row.reference, row.ratio),
            (2.0, Some(9.0), Some(4.5))
        );
    }

    #[test]
    fn a_missing_case_is_an_error() {
        let mut outcomes = outcomes(Reference::Documented);
        outcomes.retain(|outcome| outcome.row.name != "batch5" || outcome.place != Place::Wasm);
        let error = figures_against(Reference::Documented, &outcomes)
            .expect_err("one is missing")
            .to_string();
        assert_eq!(error, "the row batch5.wasm is missing");
    }

    #[test]
    fn what_applied_something_else_is_not_compared() {
        let mut outcomes = outcomes(Reference::Documented);
        outcomes[0].timed[2].hash = "00fe".to_owned();
        assert!(figures_against(Reference::Documented, &outcomes).is_err());
        outcomes[0].timed[2].hash = "00ff".to_owned();
        outcomes[0].timed[2].applied -= 1;
        assert!(figures_against(Reference::Documented, &outcomes).is_err());
    }

    #[test]
    fn a_round_that_is_not_whole_is_an_error() {
        let mut outcomes = outcomes(Reference::Documented);
        outcomes[0].timed.pop();
        assert!(figures_against(Reference::Documented, &outcomes).is_err());
        outcomes[0].timed.clear();
        assert!(figures_against(Reference::Documented, &outcomes).is_err());
    }

    #[test]
    fn the_figures_are_a_list_of_five_fields_each() {
        let reference = Reference::Documented;
        let figures = figures_against(reference, &outcomes(reference)).expect("all is there");
        assert_eq!(figures.len(), 2 * (CASES.len() + 1) * PLACES.len());
        let json = serde_json::to_value(&figures[0]).expect("JSON");
        let expected = serde_json::json!({
            "name": "singles3.native",
            "value": 1_000.0,
            "unit": "proposals per second",
            "reference": 200.0,
            "ratio": 4.0,
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn rows_of_the_lean_reference_have_names_of_their_own() {
        let outcomes = outcomes(Reference::Lean);
        let figures = figures_against(Reference::Lean, &outcomes).expect("all is there");
        let names: Vec<&str> = figures.iter().map(|row| row.name.as_str()).collect();
        assert!(names.iter().all(|name| name.ends_with(".lean")));
        assert_eq!(
            names[..2],
            ["singles3.native.lean", "singles3.native.allocations.lean"]
        );
        assert_eq!(figures[0].ratio, Some(4.0));
    }

    #[test]
    fn what_oversight_costs_is_the_last_row_of_the_documented_reference() {
        let reference = Reference::Documented;
        let figures = figures_against(reference, &outcomes(reference)).expect("all is there");
        let names: Vec<&str> = figures.iter().map(|row| row.name.as_str()).collect();
        assert!(names.ends_with(&[
            "oversight.native",
            "oversight.native.allocations",
            "oversight.wasm",
            "oversight.wasm.allocations"
        ]));
    }

    #[test]
    fn samples_of_another_reference_are_an_error() {
        let mut outcomes = outcomes(Reference::Documented);
        outcomes[0].timed = rounds(Reference::Lean, &[(1.0, 3.0)]);
        assert!(figures_against(Reference::Documented, &outcomes).is_err());
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]).ok(), Some(3.0));
        assert_eq!(median(vec![7.0]).ok(), Some(7.0));
        assert!(median(Vec::new()).is_err());
    }

    #[test]
    fn what_the_program_prints_is_understood() {
        let text = r#"[{"who":"raft_rs","operations":5,"seconds":0.5,"allocations":null,
            "applied":6,"hash":"0a"}]"#;
        let samples: Vec<Sample> = serde_json::from_str(text).expect("samples");
        assert_eq!(
            (samples[0].who, samples[0].allocations),
            (Who::RaftRs, None)
        );
    }

    #[test]
    fn samples_have_the_name_that_the_reference_is_asked_by() {
        for reference in [Reference::Documented, Reference::Lean, Reference::Overseen] {
            let name = serde_json::json!(reference.name());
            let who: Who = serde_json::from_value(name).expect("a core");
            assert_eq!(who, reference.who());
        }
    }

    #[test]
    fn the_program_has_the_same_cases() {
        let path = exec::root().join("tests/core-bench/src/cases.rs");
        let text = std::fs::read_to_string(path).expect("the program's cases");
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("name: \"")?.strip_suffix("\","))
            .collect();
        assert_eq!(names, CASES.map(|(name, _)| name));
    }
}
