//! The browsers and their drivers, which only the tests need.
//!
//! A missing browser or driver is an error and never a reason to skip a test. Where the system
//! is Debian-like and we may, they are installed by its package manager; else the error names
//! the exact command.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::apt;
use crate::exec;
use crate::steps::{Progress, Steps};
use crate::tools::Ready;

/// Debian's packages: both browsers, Chromium's driver, and a font for the Chinese page.
const PACKAGES: &[&str] = &[
    "chromium",
    "chromium-driver",
    "firefox-esr",
    "fonts-noto-cjk",
];

/// What to say to those who have to install them.
const HINT: &str = "; `cargo xtask serve` needs none of them";

/// The two browsers that every browser test runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    /// Chromium, or Chrome.
    Chromium,
    /// Firefox, or its long-term release.
    Firefox,
}

/// Where the browsers and drivers are.
#[derive(Debug)]
pub(crate) struct Browsers {
    chromium: PathBuf,
    chromedriver: PathBuf,
    firefox: PathBuf,
    geckodriver: PathBuf,
}

impl Browser {
    /// The name as it is used in options, stages and the environment.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

impl Browsers {
    /// Finds both browsers and both drivers, as one step, installing where that is possible.
    pub(crate) fn prepare(tools: &Ready, steps: &mut Steps) -> Result<Self> {
        let geckodriver = tools.program("geckodriver")?;
        steps.run("browsers", |progress| {
            let (chromium, chromedriver, firefox) = match find() {
                Ok(found) => found,
                Err(missing) => {
                    apt::install(PACKAGES, &missing, HINT, progress)?;
                    match find() {
                        Ok(found) => found,
                        Err(still) => bail!("still missing after installing: {}", list(&still)),
                    }
                }
            };
            let browsers = Self {
                chromium,
                chromedriver,
                firefox,
                geckodriver,
            };
            browsers.check_versions(progress)?;
            Ok(browsers)
        })
    }

    /// Tells a test command which browser to drive, and how.
    pub(crate) fn tell(&self, browser: Browser, command: &mut Command) {
        // The test runner takes the first driver that it is told of: leave one.
        command.env_remove("CHROMEDRIVER").env_remove("GECKODRIVER");
        command
            .env_remove("CHROMEDRIVER_REMOTE")
            .env_remove("GECKODRIVER_REMOTE");
        match browser {
            Browser::Chromium => command.env("CHROMEDRIVER", &self.chromedriver),
            Browser::Firefox => command.env("GECKODRIVER", &self.geckodriver),
        };
        command
            .env("CHROMIUM", &self.chromium)
            .env("FIREFOX", &self.firefox);
        command.env("E2E_BROWSER", browser.name());
    }

    /// A Chromium and a driver of different major versions refuse each other: say it first.
    fn check_versions(&self, progress: &Progress) -> Result<()> {
        let chromium = exec::output(&self.chromium, &["--version"]).unwrap_or_default();
        let driver = exec::output(&self.chromedriver, &["--version"]).unwrap_or_default();
        let firefox = exec::output(&self.firefox, &["--version"]).unwrap_or_default();
        let (Some(ours), Some(theirs)) = (major(&chromium), major(&driver)) else {
            bail!("chromium or chromedriver does not say its version: `{chromium}`, `{driver}`");
        };
        if ours != theirs {
            bail!(
                "chromium is version {ours} and chromedriver {theirs}: install both from the \
                 same source (`{}`)",
                apt::command(PACKAGES)
            );
        }
        progress.say(&format!("  {chromium}; {firefox}"));
        Ok(())
    }
}

/// The three programs that come with the system, or the names of those that are missing.
fn find() -> Result<(PathBuf, PathBuf, PathBuf), Vec<&'static str>> {
    let first = |names: &[&str]| names.iter().find_map(|name| exec::find(name));
    let chromium = first(&["chromium", "chromium-browser", "google-chrome"]);
    let driver = first(&["chromedriver"]);
    let firefox = first(&["firefox-esr", "firefox"]);
    match (chromium, driver, firefox) {
        (Some(chromium), Some(driver), Some(firefox)) => Ok((chromium, driver, firefox)),
        (chromium, driver, firefox) => {
            let all = [
                ("chromium", chromium.is_none()),
                ("chromedriver", driver.is_none()),
                ("firefox", firefox.is_none()),
            ];
            Err(all
                .iter()
                .filter(|(_, missing)| *missing)
                .map(|(name, _)| *name)
                .collect())
        }
    }
}

fn list(names: &[&str]) -> String {
    names.join(", ")
}

/// The first number with a dot behind it: `156` of `Chromium 156.0.8078.73 built on …`.
fn major(text: &str) -> Option<u32> {
    text.split_whitespace()
        .find_map(|word| word.split_once('.')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_browsers_print() {
        assert_eq!(
            major("Chromium 156.0.8078.73 built on Debian GNU/Linux 12"),
            Some(156)
        );
        assert_eq!(major("ChromeDriver 156.0.8078.73 (abc)"), Some(156));
        assert_eq!(major("Mozilla Firefox 153.1.0esr"), Some(153));
        assert_eq!(major("no version here"), None);
    }
}
