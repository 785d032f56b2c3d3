//! `cargo xtask shots`: screenshots of the built page, taken by the suite `shots`.

use anyhow::Result;
use clap::Args;

use crate::browsers::{Browser, Browsers};
use crate::steps::Steps;
use crate::tools::{Cache, FOR_TESTS};
use crate::{build, exec, test};

/// Options of `shots`.
#[derive(Debug, Args)]
pub(crate) struct Shots {
    /// Take them of the page that is in `dist/` already.
    #[arg(long)]
    no_build: bool,
}

/// Builds the page and drives it in Chromium through the scenes of the suite.
pub(crate) fn run(options: &Shots, tools: &Cache, steps: &mut Steps) -> Result<()> {
    let tools = tools.prepare(FOR_TESTS, steps)?;
    let browsers = Browsers::prepare(&tools, steps)?;
    if !options.no_build {
        build::build(true, &tools, steps)?;
    }
    let folder = exec::report_dir("shots")?;
    let log = exec::report_dir("logs")?.join("shots.log");
    let mut command = test::e2e("shots")?;
    browsers.tell(Browser::Chromium, &mut command);
    command.env("E2E_SHOTS", &folder);
    steps.run("shots", |progress| {
        exec::logged(&mut command, &log, progress)
    })?;
    println!("the screenshots are in {}", folder.display());
    Ok(())
}
