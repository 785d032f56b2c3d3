//! `cargo xtask lint`: formatting, clippy for both targets, documentation, our own rules.

use anyhow::{Result, bail};
use clap::Args;

use crate::exec;
use crate::steps::Steps;
use crate::suites;
use crate::tidy;
use crate::tools::{Cache, WASM_TARGET};

/// The packages that are compiled for a browser, with all that they use.
const FOR_BROWSERS: [&str; 3] = ["engine", "app", "tests"];

/// Options of `lint`.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Format the sources first; without this nothing is changed.
    #[arg(long)]
    fix: bool,
}

/// Runs all checks and tells of all that failed.
pub(crate) fn run(options: &Lint, tools: &Cache, steps: &mut Steps) -> Result<()> {
    tools.prepare(&[], steps)?;
    let mut failed = Vec::new();
    if options.fix && check("format", &["fmt", "--all"], steps).is_err() {
        failed.push("format");
    }
    let suites = suites::in_browsers()
        .map(|all| suites::features(&all))
        .unwrap_or_default();
    let mut wasm = vec!["clippy", "--target", WASM_TARGET, "--all-targets"];
    for package in FOR_BROWSERS {
        wasm.extend(["-p", package]);
    }
    wasm.extend(suites.iter().map(String::as_str));
    wasm.extend(["--", "-D", "warnings"]);
    let native = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    let documents = [
        "doc",
        "--no-deps",
        "--workspace",
        "--document-private-items",
    ];
    let checks: [(&'static str, &[&str]); 4] = [
        ("fmt", &["fmt", "--all", "--check"]),
        ("clippy", &native),
        ("clippy-wasm", &wasm),
        ("doc", &documents),
    ];
    for (name, arguments) in checks {
        if check(name, arguments, steps).is_err() {
            failed.push(name);
        }
    }
    if steps.run("tidy", tidy::run).is_err() {
        failed.push("tidy");
    }
    if failed.is_empty() {
        Ok(())
    } else {
        bail!("failed: {}", failed.join(", "))
    }
}

fn check(name: &str, arguments: &[&str], steps: &mut Steps) -> Result<()> {
    let log = exec::report_dir("logs")?.join(format!("lint-{name}.log"));
    let mut command = exec::cargo();
    command.args(arguments).env("RUSTDOCFLAGS", "-D warnings");
    steps.run(name, |progress| exec::logged(&mut command, &log, progress))
}
