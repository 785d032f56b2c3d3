//! `cargo xtask lint`: formatting, clippy for both targets, documentation, our own rules.

use anyhow::{Result, bail};
use clap::Args;

use crate::exec;
use crate::steps::Steps;
use crate::suites::{self, Place};
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
    for (name, arguments) in checks() {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        if check(name, &arguments, steps).is_err() {
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

/// The calls of cargo, by name. The native ones turn the same features on, so that they share
/// what they compile.
fn checks() -> [(&'static str, String); 4] {
    let packages = FOR_BROWSERS
        .map(|package| format!("-p {package}"))
        .join(" ");
    let features = [Place::Browser, Place::Node].map(|place| {
        let all = suites::of(place).unwrap_or_default();
        suites::features(&all, place).join(" ")
    });
    let features = features.join(" ");
    let native = "--workspace --features tests/e2e";
    [
        ("fmt", "fmt --all --check".to_owned()),
        (
            "clippy",
            format!("clippy {native} --all-targets --keep-going -- -D warnings"),
        ),
        (
            "clippy-wasm",
            format!(
                "clippy --target {WASM_TARGET} {packages} {features} --all-targets --keep-going -- \
                 -D warnings"
            ),
        ),
        (
            "doc",
            format!("doc {native} --no-deps --document-private-items"),
        ),
    ]
}

fn check(name: &str, arguments: &[&str], steps: &mut Steps) -> Result<()> {
    let log = exec::report_dir("logs")?.join(format!("lint-{name}.log"));
    let mut command = exec::cargo();
    command.args(arguments).env("RUSTDOCFLAGS", "-D warnings");
    steps.run(name, |progress| exec::logged(&mut command, &log, progress))
}
