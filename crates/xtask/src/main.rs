//! `cargo xtask`: everything a person or a machine does with this repository, in one program.
//!
//! A flat list of commands, one module each. Commands that check (`lint`, `test`) never change
//! a tracked file; `lint --fix` does. Tools are installed at pinned versions into a cache
//! folder of the user's, so nothing that the user has is touched. There is no async runtime
//! here and as few dependencies as possible: this program is compiled before a page can open.

#![allow(clippy::print_stdout, reason = "printing is what a task runner is for")]

mod apt;
mod arrows;
mod bench;
mod browsers;
mod build;
mod check_disk;
mod check_history;
mod clean;
mod counts;
mod course;
mod exec;
mod figures;
mod lint;
mod protoc;
mod replay;
mod serve;
mod shots;
mod soak;
mod steps;
mod suites;
mod test;
mod tidy;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::steps::Steps;

/// Build, serve and check the playground.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about)]
struct Options {
    /// Install the tools into this folder, and look for them nowhere else.
    #[arg(long, global = true, value_name = "DIR")]
    tools_dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// The commands, flat, one module each.
#[derive(Debug, Subcommand)]
enum Command {
    /// Build the page and serve it on this machine.
    Serve(serve::Serve),
    /// Run every test: native, in Chromium and Firefox, and end to end.
    Test(test::Test),
    /// Build the page for release into `dist/`.
    Build(build::Build),
    /// Check formatting, clippy, documentation and the rules of this repository.
    Lint(lint::Lint),
    /// Run a recording again and compare every hash.
    Replay(replay::Replay),
    /// Check exported disks offline.
    CheckDisk(check_disk::CheckDisk),
    /// Judge a recorded history: is it linearizable? Ends with 0 yes, 1 no, 2 unknown or malformed.
    CheckHistory(check_history::CheckHistory),
    /// Run seeds of the simulator on all cores, judge each, and count what was seen.
    Soak(soak::Soak),
    /// Run the tests of the courses, with as many seeds as asked for.
    Course(course::Course),
    /// Remove what was built.
    Clean(clean::Clean),
    /// Take the screenshots into `target/shots/`.
    Shots(shots::Shots),
    /// Measure, and compare with others.
    Bench(bench::Bench),
    /// Print the sizes of the built page and whatever the tests measured.
    Figures(figures::Figures),
}

fn main() -> ExitCode {
    exec::remember_program();
    let options = Options::parse();
    // Its exit code is a verdict and no success or failure.
    if let Command::CheckHistory(command) = &options.command {
        return check_history::run(command);
    }
    let mut steps = Steps::new();
    let result = run(options, &mut steps);
    steps.print_times();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options, steps: &mut Steps) -> Result<()> {
    let tools = tools::Cache::new(options.tools_dir)?;
    match options.command {
        Command::Serve(command) => serve::run(&command, &tools, steps),
        Command::Test(command) => test::run(&command, &tools, steps),
        Command::Build(command) => build::run(&command, &tools, steps),
        Command::Lint(command) => lint::run(&command, &tools, steps),
        Command::Replay(command) => replay::run(&command, steps),
        Command::CheckDisk(command) => check_disk::run(&command, steps),
        Command::Soak(command) => soak::run(&command, steps),
        Command::Course(command) => course::run(&command, steps),
        Command::CheckHistory(_) => unreachable!("it ends before"),
        Command::Clean(command) => clean::run(&command, &tools, steps),
        Command::Shots(command) => shots::run(&command, &tools, steps),
        Command::Bench(command) => bench::run(&command, &tools, steps),
        Command::Figures(command) => figures::run(&command, &tools, steps),
    }
}
