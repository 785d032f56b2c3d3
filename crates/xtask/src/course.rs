//! `cargo xtask course`: the tests of the courses, with as many seeds as asked for.

use std::num::NonZeroU64;

use anyhow::{Result, bail};
use clap::Args;

use crate::counts::Counts;
use crate::exec;
use crate::steps::Steps;

/// Options of `course`.
#[derive(Debug, Args)]
pub(crate) struct Course {
    /// How many seeds each test runs.
    #[arg(long, value_name = "COUNT", default_value = "50")]
    seeds: NonZeroU64,
    /// Run only the tests whose name holds this: `figure8`, `mit6824::persist`, `2d`.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// Runs the tests; an error where one failed, or none was meant.
pub(crate) fn run(options: &Course, steps: &mut Steps) -> Result<()> {
    let log = exec::report_dir("logs")?.join("course.log");
    let mut command = exec::cargo();
    command
        .args(["test", "--package", "labs", "--test", "course", "--"])
        .args(&options.only)
        .env("COURSE_SEEDS", options.seeds.to_string());
    steps.run("course", |progress| {
        exec::logged(&mut command, &log, progress)
    })?;
    let passed = Counts::of_log(&log)?.passed;
    if passed == 0 {
        let wanted = options.only.as_deref().unwrap_or_default();
        bail!("no test has `{wanted}` in its name");
    }
    println!("\n{passed} tests passed, {} seeds each", options.seeds);
    Ok(())
}
