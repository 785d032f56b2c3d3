//! `cargo xtask clean`: removes what was built.

use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;

use crate::exec;
use crate::steps::Steps;
use crate::tools::Cache;

/// Options of `clean`.
#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Remove the installed tools too, which all clones of this user share.
    #[arg(long)]
    tools: bool,
}

/// Removes `target/`, `dist/` and, when asked, the tools.
pub(crate) fn run(options: &Clean, tools: &Cache, steps: &mut Steps) -> Result<()> {
    let mut folders = vec![exec::root().join("dist"), exec::target_dir()];
    folders.push(exec::root().join("target"));
    if options.tools {
        folders.push(tools.folder().to_path_buf());
    }
    steps.run("clean", |progress| {
        for folder in folders.iter().filter(|folder| folder.exists()) {
            remove(folder)?;
            progress.say(&format!("  removed {}", folder.display()));
        }
        Ok(())
    })
}

fn remove(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder).with_context(|| {
        format!(
            "cannot remove {}; is something running there?",
            folder.display()
        )
    })
}
