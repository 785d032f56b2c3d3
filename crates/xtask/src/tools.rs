//! The tools that build and test the page: which versions, where they are, how they get there.
//!
//! Every tool has a folder `<name>-<version>` in a cache that all clones of a user share. An
//! install goes into a folder beside it and is then renamed, so a folder that exists is whole.
//! A program on `PATH` is used if it has exactly the pinned version, and never changed.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::exec;
use crate::steps::{Progress, Steps};

/// The target that the page is compiled for.
pub(crate) const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Where a tool is installed from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// `cargo install` of the package of this name.
    Cargo {
        /// More arguments.
        arguments: &'static [&'static str],
        /// The lowest optimisation at which the tool is still quick enough.
        opt_level: &'static str,
    },
    /// `npm install` of the package of this name.
    Npm,
}

/// One pinned tool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    source: Source,
    /// The program that we look for, and ask for its version.
    program: &'static str,
    /// How long a first install takes on two cores, for the one who waits.
    takes: &'static str,
}

/// Builds and serves the page. `Trunk.toml` names the versions of the next two again.
///
/// Without its default features, which are what it needs to fetch tools and to ask for news of
/// itself: it does neither here, and a part of its dependencies goes.
const TRUNK: Tool = Tool {
    name: "trunk",
    version: "0.21.14",
    source: Source::Cargo {
        arguments: &["--no-default-features"],
        opt_level: "0",
    },
    program: "trunk",
    takes: "four minutes",
};

/// Must be the version of the library in `Cargo.lock`; brings the test runner as well.
const WASM_BINDGEN: Tool = Tool {
    name: "wasm-bindgen-cli",
    version: "0.2.126",
    source: Source::Cargo {
        arguments: &[],
        opt_level: "1",
    },
    program: "wasm-bindgen",
    takes: "two minutes",
};

/// Brings `wasm-opt`, which trunk knows as `version_132`.
const BINARYEN: Tool = Tool {
    name: "binaryen",
    version: "132",
    source: Source::Npm,
    program: "wasm-opt",
    takes: "a few seconds",
};

/// Drives Firefox; Debian has no package of it.
const GECKODRIVER: Tool = Tool {
    name: "geckodriver",
    version: "0.37.1",
    source: Source::Cargo {
        arguments: &[],
        opt_level: "0",
    },
    program: "geckodriver",
    takes: "two minutes",
};

/// What `serve` and `build` need.
pub(crate) const FOR_THE_PAGE: &[Tool] = &[TRUNK, WASM_BINDGEN, BINARYEN];

/// What `bench` needs to run wasm under Node.
pub(crate) const FOR_BENCHES: &[Tool] = &[WASM_BINDGEN];

/// What `test` needs on top of the browsers themselves.
pub(crate) const FOR_TESTS: &[Tool] = &[TRUNK, WASM_BINDGEN, BINARYEN, GECKODRIVER];

/// The folder with the tools.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    /// Whether a program on `PATH` will do; not while a cold install is being checked.
    path_counts: bool,
}

/// The folders to put in front of `PATH`, once all tools are there.
#[derive(Debug)]
pub(crate) struct Ready {
    folders: Vec<PathBuf>,
}

impl Cache {
    /// The user's cache, or `folder` alone where one is given.
    pub(crate) fn new(folder: Option<PathBuf>) -> Result<Self> {
        if let Some(folder) = folder {
            let folder = std::path::absolute(&folder)
                .with_context(|| format!("{} is no usable folder", folder.display()))?;
            return Ok(Self {
                folder,
                path_counts: false,
            });
        }
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let base = set("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .or_else(|| set("LOCALAPPDATA").map(PathBuf::from))
            .ok_or_else(|| anyhow!("no HOME is set: name a folder with `--tools-dir DIR`"))?;
        Ok(Self {
            folder: base.join("raft-playground/tools"),
            path_counts: true,
        })
    }

    /// Where the tools are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes sure of the wasm target and of `tools`, as one step.
    pub(crate) fn prepare(&self, tools: &[Tool], steps: &mut Steps) -> Result<Ready> {
        steps.run("tools", |progress| {
            add_wasm_target(progress)?;
            let folders = tools.iter().map(|tool| self.ensure(tool, progress));
            Ok(Ready {
                folders: folders.collect::<Result<_>>()?,
            })
        })
    }

    /// The folder that holds the tool's program, after installing it where it is missing.
    fn ensure(&self, tool: &Tool, progress: &Progress) -> Result<PathBuf> {
        if self.path_counts
            && let Some(program) = exec::find(tool.program)
            && has_version(&program, tool.version)
            && let Some(folder) = program.parent()
        {
            return Ok(folder.to_path_buf());
        }
        let place = self.folder.join(format!("{}-{}", tool.name, tool.version));
        let programs = place.join(tool.source.programs());
        if programs.join(tool.program).exists() {
            return Ok(programs);
        }
        std::fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))?;
        let _lock = self.lock(progress)?;
        // Another clone may have installed it while this one waited for the lock.
        if !programs.join(tool.program).exists() {
            self.install(tool, &place, progress)?;
        }
        Ok(programs)
    }

    /// Holds off installs of other clones until the file is dropped, also by a crash.
    fn lock(&self, progress: &Progress) -> Result<File> {
        let path = self.folder.join(".lock");
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress.say("  another clone is installing tools; waiting for it");
                file.lock()
                    .with_context(|| format!("cannot lock {}", path.display()))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        Ok(file)
    }

    fn install(&self, tool: &Tool, place: &Path, progress: &Progress) -> Result<()> {
        let Tool {
            name,
            version,
            takes,
            ..
        } = tool;
        progress.say(&format!(
            "  installing {name} {version}, once; takes about {takes}"
        ));
        let partial = self.folder.join(format!("{name}-{version}.partial"));
        for stale in [partial.as_path(), place] {
            if stale.exists() {
                std::fs::remove_dir_all(stale)
                    .with_context(|| format!("cannot remove {}", stale.display()))?;
            }
        }
        std::fs::create_dir_all(&partial)
            .with_context(|| format!("cannot create {}", partial.display()))?;
        let log = exec::report_dir("logs")?.join(format!("install-{name}.log"));
        exec::logged(&mut tool.source.installer(tool, &partial)?, &log, progress)
            .with_context(|| format!("cannot install {name} {version}"))?;
        std::fs::rename(&partial, place)
            .with_context(|| format!("cannot move {name} to {}", place.display()))?;
        Ok(())
    }
}

impl Source {
    /// Where programs are inside the folder of a tool.
    fn programs(self) -> &'static str {
        match self {
            Self::Cargo { .. } => "bin",
            Self::Npm => "node_modules/.bin",
        }
    }

    fn installer(self, tool: &Tool, folder: &Path) -> Result<Command> {
        match self {
            Self::Cargo {
                arguments,
                opt_level,
            } => {
                let mut command = cargo_install(tool, folder);
                command
                    .args(arguments)
                    .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level);
                Ok(command)
            }
            Self::Npm => npm_install(tool, folder),
        }
    }
}

fn cargo_install(tool: &Tool, folder: &Path) -> Command {
    let mut command = exec::cargo();
    command.args([
        "install",
        tool.name,
        "--version",
        tool.version,
        "--locked",
        "--force",
    ]);
    command.arg("--root").arg(folder);
    // Not the clone's target folder or flags: these builds belong to no clone.
    for name in [
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
    ] {
        command.env_remove(name);
    }
    // Some of these ask for whole-program optimisation, which here only makes people wait.
    command.env("CARGO_PROFILE_RELEASE_LTO", "off");
    command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    command.env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    command
}

fn npm_install(tool: &Tool, folder: &Path) -> Result<Command> {
    let npm = exec::find("npm").ok_or_else(|| {
        anyhow!(
            "Node with npm is needed for {} and is not on PATH: install Node 20 or later \
             (https://nodejs.org, or `sudo apt-get install nodejs npm`) and run this again",
            tool.program
        )
    })?;
    let mut command = exec::command(npm);
    command.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--no-save",
        "--ignore-scripts",
    ]);
    command.arg("--prefix").arg(folder);
    command.arg(format!("{}@{}", tool.name, tool.version));
    Ok(command)
}

/// Whether a program answers `--version` with exactly this version as one of its words.
fn has_version(program: &Path, version: &str) -> bool {
    exec::output(program, &["--version"]).is_some_and(|text| names_version(&text, version))
}

fn names_version(text: &str, version: &str) -> bool {
    text.lines()
        .next()
        .is_some_and(|line| line.split_whitespace().any(|word| word == version))
}

fn add_wasm_target(progress: &Progress) -> Result<()> {
    let sysroot = exec::output("rustc", &["--print", "sysroot"]).ok_or_else(|| {
        anyhow!("`rustc` does not run: install Rust from https://rustup.rs and try again")
    })?;
    let library = Path::new(&sysroot).join("lib/rustlib").join(WASM_TARGET);
    if library.exists() {
        return Ok(());
    }
    let Some(rustup) = exec::find("rustup") else {
        bail!(
            "the target {WASM_TARGET} is missing and there is no rustup to add it: install Rust \
             from https://rustup.rs, or your system's package of that target"
        );
    };
    progress.say(&format!("  adding the target {WASM_TARGET}"));
    let log = exec::report_dir("logs")?.join("install-target.log");
    exec::logged(
        exec::command(rustup).args(["target", "add", WASM_TARGET]),
        &log,
        progress,
    )
}

impl Ready {
    /// `PATH` with the tools in front.
    pub(crate) fn path(&self) -> Result<OsString> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = self
            .folders
            .iter()
            .cloned()
            .chain(std::env::split_paths(&path));
        std::env::join_paths(folders).context("a folder of the tools has a colon in its name")
    }

    /// The full path of one of the tools' programs.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf> {
        let found = self
            .folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.exists());
        found.ok_or_else(|| anyhow!("{name} is in none of the tools' folders"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_whole_word_of_the_first_line() {
        assert!(names_version("trunk 0.21.14", "0.21.14"));
        assert!(names_version("wasm-opt version 132 (version_132)", "132"));
        assert!(names_version(
            "geckodriver 0.36.0 (abc 2025)\n\nmore",
            "0.36.0"
        ));
        assert!(!names_version("trunk 0.21.140", "0.21.14"));
        assert!(!names_version("trunk\n0.21.14", "0.21.14"));
        assert!(!names_version("", "132"));
    }

    #[test]
    fn trunk_is_told_the_same_versions() {
        let text = std::fs::read_to_string(exec::root().join("Trunk.toml")).expect("Trunk.toml");
        let bindgen = format!("wasm_bindgen = \"{}\"", WASM_BINDGEN.version);
        let opt = format!("wasm_opt = \"version_{}\"", BINARYEN.version);
        assert!(text.contains(&bindgen), "Trunk.toml lacks `{bindgen}`");
        assert!(text.contains(&opt), "Trunk.toml lacks `{opt}`");
        let text = std::fs::read_to_string(exec::root().join("Cargo.toml")).expect("Cargo.toml");
        let library = format!("wasm-bindgen = \"={}\"", WASM_BINDGEN.version);
        assert!(text.contains(&library), "Cargo.toml lacks `{library}`");
    }
}
