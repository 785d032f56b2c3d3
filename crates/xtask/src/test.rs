//! `cargo xtask test`: every test, in stages that are timed and logged.
//!
//! A stage goes on after an earlier one failed where it can, so that one run tells all. A group
//! that ran no test is a failure, and so is a test that is ignored: both would look green.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::browsers::{Browser, Browsers};
use crate::build;
use crate::counts::{self, Counts};
use crate::exec;
use crate::steps::Steps;
use crate::suites::{self, Place};
use crate::tools::{Cache, FOR_TESTS, Ready, WASM_TARGET};

/// How long a suite in a browser may take, and its driver to start, in seconds.
const BROWSER_SECONDS_MAX: &str = "600";
const DRIVER_SECONDS_MAX: &str = "60";

/// Options of `test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Run these groups alone.
    #[arg(long, value_delimiter = ',', value_name = "GROUP")]
    only: Vec<Group>,
    /// Test the page that is in `dist/` already, as it is.
    #[arg(long)]
    no_build: bool,
    /// Handed to every test program: a filter on test names, for example.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// The groups of tests, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Group {
    /// Unit, integration and documentation tests, without a browser.
    Native,
    /// What runs in WebAssembly under Node.
    Node,
    /// What runs inside a worker of Chromium.
    Chromium,
    /// What runs inside a worker of Firefox.
    Firefox,
    /// The built page, driven in Chromium.
    E2eChromium,
    /// The built page, driven in Firefox.
    E2eFirefox,
}

const ALL: [Group; 6] = [
    Group::Native,
    Group::Node,
    Group::Chromium,
    Group::Firefox,
    Group::E2eChromium,
    Group::E2eFirefox,
];

/// How many failed tests of one browser get a second try.
const SECOND_TRIES_MAX: usize = 3;

/// How one group ended.
#[derive(Debug)]
struct Outcome {
    group: Group,
    counts: Counts,
    error: Option<String>,
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Node => "node",
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::E2eChromium => "e2e-chromium",
            Self::E2eFirefox => "e2e-firefox",
        }
    }

    fn browser(self) -> Option<Browser> {
        match self {
            Self::Native | Self::Node => None,
            Self::Chromium | Self::E2eChromium => Some(Browser::Chromium),
            Self::Firefox | Self::E2eFirefox => Some(Browser::Firefox),
        }
    }

    fn wants_page(self) -> bool {
        matches!(self, Self::E2eChromium | Self::E2eFirefox)
    }
}

/// Runs the groups that were asked for, or all.
pub(crate) fn run(options: &Test, cache: &Cache, steps: &mut Steps) -> Result<()> {
    let groups: BTreeSet<Group> = match options.only.as_slice() {
        [] => ALL.into(),
        only => only.iter().copied().collect(),
    };
    let wants_tools = groups.iter().any(|group| *group != Group::Native);
    let tools = if wants_tools {
        Some(cache.prepare(FOR_TESTS, steps)?)
    } else {
        None
    };
    let wants_browsers = groups.iter().any(|group| group.browser().is_some());
    let browsers = match &tools {
        Some(tools) if wants_browsers => Some(Browsers::prepare(tools, steps)?),
        _ => None,
    };
    let mut outcomes = Vec::new();
    if groups.contains(&Group::Native) {
        outcomes.push(native(options, steps)?);
    } else if wants_tools {
        fresh_seeds(steps)?;
    }
    if let Some(tools) = tools.as_ref().filter(|_| groups.contains(&Group::Node)) {
        let mut command = in_wasm(tools, Place::Node)?;
        outcomes.push(stage(Group::Node, &mut command, options, steps)?);
    }
    if let (Some(tools), Some(browsers)) = (&tools, &browsers) {
        in_browsers(options, &groups, tools, browsers, steps, &mut outcomes)?;
    }
    conclude(&outcomes, steps)
}

fn in_browsers(
    options: &Test,
    groups: &BTreeSet<Group>,
    tools: &Ready,
    browsers: &Browsers,
    steps: &mut Steps,
    outcomes: &mut Vec<Outcome>,
) -> Result<()> {
    let mut page = Ok(());
    if groups.iter().any(|group| group.wants_page()) && !options.no_build {
        page = build::build(true, tools, steps);
    }
    for group in groups {
        let Some(browser) = group.browser() else {
            continue;
        };
        if group.wants_page()
            && let Err(error) = &page
        {
            let error = Some(format!("the page was not built: {error:#}"));
            outcomes.push(Outcome {
                group: *group,
                counts: Counts::default(),
                error,
            });
            continue;
        }
        let mut command = if group.wants_page() {
            e2e("e2e")?
        } else {
            in_wasm(tools, Place::Browser)?
        };
        browsers.tell(browser, &mut command);
        let mut outcome = stage(*group, &mut command, options, steps)?;
        if group.wants_page() {
            let mut command = e2e("e2e")?;
            browsers.tell(browser, &mut command);
            second_try(&mut outcome, &mut command, steps)?;
        }
        outcomes.push(outcome);
    }
    Ok(())
}

/// Gives the few tests that failed in a real browser one more try, alone: on a busy machine a
/// browser can stall for longer than a test is patient. It is said which needed it, and a test
/// that fails twice has failed. Where more failed, or nothing was counted, nothing is tried again.
fn second_try(outcome: &mut Outcome, command: &mut Command, steps: &mut Steps) -> Result<()> {
    let log = exec::report_dir("logs")?.join(format!("{}.log", outcome.group.name()));
    let failed = counts::failed_tests(&std::fs::read_to_string(&log).unwrap_or_default());
    if failed.is_empty() || failed.len() > SECOND_TRIES_MAX || outcome.error.is_none() {
        return Ok(());
    }
    let again = format!("{}-again", outcome.group.name());
    let log = log.with_file_name(format!("{again}.log"));
    command.args(["--", "--exact"]).args(&failed);
    command.env("RUST_BACKTRACE", "0");
    let ran = steps.run(&again, |progress| exec::logged(command, &log, progress));
    let counts = Counts::of_log(&log)?;
    outcome.counts.passed += counts.passed;
    outcome.counts.failed = outcome.counts.failed.saturating_sub(counts.passed);
    if ran.is_ok() && outcome.counts.failed == 0 {
        outcome.error = None;
        println!("passed on the second try: {}", failed.join(", "));
    }
    Ok(())
}

fn native(options: &Test, steps: &mut Steps) -> Result<Outcome> {
    let mut command = exec::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    stage(Group::Native, &mut command, options, steps)
}

/// What the suites in WebAssembly are compared with: the hashes of this commit's seeds, which the
/// native tests leave behind.
fn fresh_seeds(steps: &mut Steps) -> Result<()> {
    let mut command = exec::cargo();
    command.args(["test", "-p", "engine", "--test", "fresh"]);
    let log = exec::report_dir("logs")?.join("fresh-seeds.log");
    steps.run("fresh seeds", |progress| {
        exec::logged(&mut command, &log, progress)
    })
}

/// The suites that run in WebAssembly, in a browser's worker or under Node.
fn in_wasm(tools: &Ready, place: Place) -> Result<Command> {
    let all = suites::of(place)?;
    let mut command = exec::cargo();
    command.args(["test", "--target", WASM_TARGET, "--no-fail-fast"]);
    command.args(suites::features(&all, place));
    for suites in all {
        command.args(["-p", &suites.package]);
        for name in &suites.names {
            command.args(["--test", name]);
        }
    }
    let runner = tools.program("wasm-bindgen-test-runner")?;
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    if place == Place::Browser {
        command.env("WASM_BINDGEN_TEST_ONLY_WEB", "1");
    }
    command.env("WASM_BINDGEN_TEST_TIMEOUT", BROWSER_SECONDS_MAX);
    command.env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", DRIVER_SECONDS_MAX);
    let capabilities = exec::root().join("tests/webdriver.json");
    command.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities);
    Ok(command)
}

/// A suite that drives the built page from outside.
///
/// Selected from the whole workspace, like the native tests, so that what both need is
/// compiled once: cargo unites features over the packages that are selected.
pub(crate) fn e2e(suite: &str) -> Result<Command> {
    let mut command = exec::cargo();
    command.args([
        "test",
        "--workspace",
        "--features",
        "tests/e2e",
        "--test",
        suite,
    ]);
    command
        .env("E2E_DIST", build::dist())
        .env("E2E_BENCH", exec::report_dir("bench")?);
    // The suites judge recordings and disks with this very program.
    command.env("XTASK", exec::program()?);
    Ok(command)
}

/// Runs one group and counts, whatever happens.
fn stage(
    group: Group,
    command: &mut Command,
    options: &Test,
    steps: &mut Steps,
) -> Result<Outcome> {
    let log = exec::report_dir("logs")?.join(format!("{}.log", group.name()));
    if !options.rest.is_empty() {
        command.arg("--").args(&options.rest);
    }
    // The log's end should hold the message of a failure, not a page of frames.
    command.env("RUST_BACKTRACE", "0");
    let ran = steps.run(group.name(), |progress| {
        exec::logged(command, &log, progress)
    });
    let counts = Counts::of_log(&log)?;
    Ok(Outcome {
        group,
        counts,
        error: ran.err().map(|error| format!("{error:#}")),
    })
}

/// Prints the table and the closing line.
fn conclude(outcomes: &[Outcome], steps: &mut Steps) -> Result<()> {
    steps.print_times();
    println!(
        "\n{:14}{:>8}{:>8}{:>9}",
        "group", "passed", "failed", "ignored"
    );
    let mut sum = Counts::default();
    let mut wrong = Vec::new();
    for outcome in outcomes {
        let (counts, problem) = judge(outcome);
        let name = outcome.group.name();
        println!(
            "{name:14}{:>8}{:>8}{:>9}",
            counts.passed, counts.failed, counts.ignored
        );
        sum = sum.plus(counts);
        wrong.extend(problem.map(|problem| format!("{name}: {problem}")));
    }
    println!("\n{} passed, {} failed", sum.passed, sum.failed);
    if wrong.is_empty() {
        Ok(())
    } else {
        bail!("{}", wrong.join("\n       "))
    }
}

/// What counts as a failure: also a stage that broke off, ran nothing, or left something out.
fn judge(outcome: &Outcome) -> (Counts, Option<String>) {
    let mut counts = outcome.counts;
    let problem = if let Some(error) = &outcome.error {
        Some(error.clone())
    } else if counts.failed > 0 {
        Some(format!("{} failed", counts.failed))
    } else if counts.passed == 0 {
        Some("no test ran".to_owned())
    } else if counts.ignored > 0 {
        Some(format!(
            "{} ignored; a test runs or is deleted",
            counts.ignored
        ))
    } else {
        None
    };
    if problem.is_some() && counts.failed == 0 {
        counts.failed = 1;
    }
    (counts, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(passed: u64, failed: u64, ignored: u64, error: Option<&str>) -> Outcome {
        let counts = Counts {
            passed,
            failed,
            ignored,
        };
        Outcome {
            group: Group::Native,
            counts,
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn only_a_whole_group_that_passed_is_well() {
        assert_eq!(judge(&outcome(3, 0, 0, None)).1, None);
        for bad in [
            outcome(0, 0, 0, None),
            outcome(3, 1, 0, Some("failed")),
            outcome(3, 1, 0, None),
            outcome(3, 0, 1, None),
            outcome(0, 0, 0, Some("does not compile")),
            outcome(3, 0, 0, Some("a driver died")),
        ] {
            let (counts, problem) = judge(&bad);
            assert!(problem.is_some(), "{bad:?} passed");
            assert!(counts.failed > 0, "{bad:?} counts no failure");
        }
    }
}
