//! Debian's packages, for what cannot be installed into a folder of our own.
//!
//! Where the system is Debian-like and we may, its package manager installs them; else the error
//! names the exact command.

use anyhow::{Result, bail};

use crate::exec;
use crate::steps::Progress;

/// Installs `packages`, since the programs `missing` are; `hint` ends the sentence for those who
/// have to do it themselves.
pub(crate) fn install(
    packages: &[&str],
    missing: &[&str],
    hint: &str,
    progress: &Progress,
) -> Result<()> {
    let names = missing.join(", ");
    let Some(apt) = exec::find("apt-get") else {
        bail!(
            "missing: {names}. Install them with your system's package manager (on Debian: `{}`) \
             and run this again{hint}",
            command(packages)
        );
    };
    let root = exec::output("id", &["-u"]).is_some_and(|id| id == "0");
    if !root && exec::output("sudo", &["-n", "true"]).is_none() {
        bail!("missing: {names}. Install them: `{}`", command(packages));
    }
    progress.say(&format!("  installing, missing: {names}"));
    let apt_get = |arguments: &[&str]| {
        let mut command = if root {
            exec::command(&apt)
        } else {
            exec::command("sudo")
        };
        if !root {
            command
                .args(["-n", "DEBIAN_FRONTEND=noninteractive"])
                .arg(&apt);
        }
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(arguments);
        command
    };
    let logs = exec::report_dir("logs")?;
    // Stale lists are no reason to stop: what is wanted may still be found with them.
    let log = logs.join("install-lists.log");
    if let Err(error) = exec::logged(&mut apt_get(&["update"]), &log, progress) {
        progress.say(&format!(
            "  going on with the package lists as they are: {error:#}"
        ));
    }
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    exec::logged(
        &mut apt_get(&arguments),
        &logs.join("install-packages.log"),
        progress,
    )
}

/// What a person types to install them.
pub(crate) fn command(packages: &[&str]) -> String {
    format!(
        "sudo apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}
