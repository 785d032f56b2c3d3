//! `cargo xtask build`: the page for release, in `dist/`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::exec;
use crate::steps::Steps;
use crate::tools::{Cache, FOR_THE_PAGE, Ready};

/// Options of `build`.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Build without optimisation: quicker to build, too slow to use for long.
    #[arg(long)]
    dev: bool,
}

/// Builds the page.
pub(crate) fn run(options: &Build, tools: &Cache, steps: &mut Steps) -> Result<()> {
    let tools = tools.prepare(FOR_THE_PAGE, steps)?;
    build(!options.dev, &tools, steps)?;
    println!(
        "the page is in {}; serve that folder from any path",
        dist().display()
    );
    Ok(())
}

/// Where the built page is.
pub(crate) fn dist() -> PathBuf {
    exec::root().join("dist")
}

/// Runs trunk once, as one step.
pub(crate) fn build(release: bool, tools: &Ready, steps: &mut Steps) -> Result<()> {
    let name = if release {
        "page (release)"
    } else {
        "page (debug)"
    };
    steps.run(name, |progress| {
        let mut command = trunk(tools)?;
        command.arg("build");
        if release {
            command.arg("--release");
        }
        exec::logged(
            &mut command,
            &exec::report_dir("logs")?.join("page.log"),
            progress,
        )
    })
}

/// Trunk, with its tools on `PATH` and nothing to look for in the network.
pub(crate) fn trunk(tools: &Ready) -> Result<Command> {
    let mut command = exec::command(tools.program("trunk")?);
    command
        .env("PATH", tools.path()?)
        .env("TRUNK_SKIP_VERSION_CHECK", "true");
    // By convention any value of NO_COLOR counts; trunk takes `true` and `false` alone.
    if std::env::var_os("NO_COLOR").is_some() {
        command.env("NO_COLOR", "true");
    }
    Ok(command)
}
