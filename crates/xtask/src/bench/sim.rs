//! How much virtual time the simulator runs in a second, with every check on: builds
//! `tests/sim-bench`, runs its cases natively and under Node.
//!
//! The reference is the model of Raft in RaftScope, stepped at 1 ms under Node with five servers.
//! It ran 138 virtual seconds in a second, without commands and without checks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::Bench;
use super::places::{self, PLACES, Place, median, samples};
use crate::exec;
use crate::figures::Figure;
use crate::steps::Steps;
use crate::tools::{Cache, FOR_BENCHES, Ready, WASM_TARGET};

/// The package, a workspace of its own.
const MANIFEST: &str = "tests/sim-bench/Cargo.toml";
/// Virtual seconds in a second of RaftScope.
const REFERENCE: f64 = 138.0;

/// A case and what it must show.
struct Case {
    name: &'static str,
    /// How many virtual seconds one round runs.
    virtual_seconds: u64,
    /// The least that a virtual second must hold, or the case measures something else.
    messages: f64,
    acknowledged: f64,
}

const CASES: [Case; 2] = [
    Case {
        name: "idle",
        virtual_seconds: 1_000,
        messages: 160.0,
        acknowledged: 0.0,
    },
    Case {
        name: "loaded",
        virtual_seconds: 100,
        messages: 160.0,
        acknowledged: 50.0,
    },
];

/// Loads the module and prints what a case gives.
const NODE_SCRIPT: &str = "const [path, name, seconds, rounds] = process.argv.slice(1); \
    console.log(require(path).run(name, Number(seconds), Number(rounds)));";

/// One run, as the program prints it.
#[derive(Clone, Debug, Deserialize)]
struct Sample {
    virtual_seconds: u64,
    events: u64,
    messages: u64,
    acknowledged: u64,
    judged: u64,
    seconds: f64,
}

/// Builds, runs and compares.
pub(super) fn run(options: &Bench, tools: &Cache, steps: &mut Steps) -> Result<Vec<Figure>> {
    let node = places::node()?;
    let tools = tools.prepare(FOR_BENCHES, steps)?;
    let mut figures = Vec::new();
    let mut programs = Vec::new();
    for place in PLACES {
        programs.push((place, build(place, &tools, steps)?));
    }
    for case in &CASES {
        for (place, program) in &programs {
            let name = format!("{}.{}", case.name, place.name());
            let runs: Vec<Sample> = steps.run(&name, |_| {
                let mut command = match place {
                    Place::Native => exec::command(program),
                    Place::Wasm => {
                        let mut command = exec::command(&node);
                        command.args(["-e", NODE_SCRIPT]).arg(program);
                        command
                    }
                };
                let numbers = [case.virtual_seconds, options.rounds.into()];
                command
                    .arg(case.name)
                    .args(numbers.map(|number| number.to_string()));
                samples(&mut command)
            })?;
            figures.extend(figures_of(&name, case, &runs)?);
        }
    }
    Ok(figures)
}

fn build(place: Place, tools: &Ready, steps: &mut Steps) -> Result<PathBuf> {
    steps.run(&format!("build {}", place.name()), |progress| {
        let logs = exec::report_dir("logs")?;
        let log = logs.join(format!("bench-sim-{}.log", place.name()));
        exec::logged(&mut cargo(place), &log, progress)?;
        let target = exec::target_dir();
        if place == Place::Native {
            return Ok(target.join("release/sim-bench"));
        }
        let module = target.join(WASM_TARGET).join("release/sim_bench.wasm");
        let folder = target.join("sim-bench");
        bindgen(tools, &folder, &module, |command| {
            exec::logged(command, &logs.join("bench-sim-bindgen.log"), progress)
        })?;
        Ok(folder.join("sim_bench.js"))
    })
}

fn bindgen(
    tools: &Ready,
    folder: &Path,
    module: &Path,
    run: impl FnOnce(&mut Command) -> Result<()>,
) -> Result<()> {
    let mut bindgen = exec::command(tools.program("wasm-bindgen")?);
    bindgen.args(["--target", "nodejs", "--no-typescript", "--out-dir"]);
    bindgen.arg(folder).arg(module);
    run(&mut bindgen)
}

fn cargo(place: Place) -> Command {
    let mut command = exec::cargo();
    match place {
        Place::Native => command.args(["build", "--bins"]),
        // The library is a module of its own for Node only.
        Place::Wasm => command.args(["rustc", "--lib", "--crate-type", "cdylib"]),
    };
    command.args(["--release", "--manifest-path", MANIFEST]);
    if place == Place::Wasm {
        command.args(["--target", WASM_TARGET]);
    }
    command.env("CARGO_TARGET_DIR", exec::target_dir());
    command
}

/// The figures of a case in one place.
fn figures_of(name: &str, case: &Case, runs: &[Sample]) -> Result<[Figure; 2]> {
    for run in runs {
        let per_second = |count: u64| count as f64 / run.virtual_seconds as f64;
        ensure!(
            per_second(run.messages) >= case.messages
                && per_second(run.acknowledged) >= case.acknowledged,
            "{name} is not the case that it should be: {run:?}"
        );
        ensure!(run.judged > 0, "{name}: nothing was judged: {run:?}");
    }
    let speeds = |count: fn(&Sample) -> u64| {
        let speeds = runs.iter().map(|run| count(run) as f64 / run.seconds);
        median(speeds.collect())
    };
    let value = speeds(|run| run.virtual_seconds)?;
    let events = speeds(|run| run.events)?;
    Ok([
        Figure {
            name: name.to_owned(),
            value,
            unit: "virtual seconds per second".to_owned(),
            reference: Some(REFERENCE),
            ratio: Some(value / REFERENCE),
        },
        Figure {
            name: format!("{name}.events"),
            value: events,
            unit: "events per second".to_owned(),
            reference: None,
            ratio: None,
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Sample = Sample {
        virtual_seconds: 100,
        events: 40_000,
        messages: 16_000,
        acknowledged: 5_000,
        judged: 1,
        seconds: 0.5,
    };

    #[test]
    fn speeds_are_virtual_seconds_and_events_in_a_second() {
        let figures = figures_of("loaded.wasm", &CASES[1], &[RUN]).expect("it is the case");
        assert!((figures[0].value - 200.0).abs() < 1e-9);
        assert_eq!(figures[0].ratio, Some(200.0 / 138.0));
        assert!((figures[1].value - 80_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_run_with_too_little_in_it_is_no_measurement() {
        for spoil in [
            |run: &mut Sample| run.messages = 15_999,
            |run: &mut Sample| run.acknowledged = 4_999,
            |run: &mut Sample| run.judged = 0,
        ] {
            let mut run = RUN;
            spoil(&mut run);
            assert!(figures_of("loaded.wasm", &CASES[1], &[run]).is_err());
        }
    }
}
