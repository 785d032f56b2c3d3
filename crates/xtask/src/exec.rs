//! Running other programs: with their output in a log file, or straight on the screen.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::steps::Progress;

/// A step that writes to a pipe only shows that it lives this often.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// How much of a failed step's log is printed.
const LOG_LINES_MAX: usize = 60;

/// The root of this working tree.
pub(crate) fn root() -> PathBuf {
    // Cargo tells a program that it runs where its package is; asked at run time because a
    // target folder may be shared by several clones.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where cargo puts what it builds, for this working tree.
pub(crate) fn target_dir() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(folder)
}

/// Where reports go, always inside the working tree: logs, screenshots, figures.
pub(crate) fn report_dir(name: &str) -> Result<PathBuf> {
    let folder = root().join("target").join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// A command that runs in the root of the tree and knows nothing of the cargo that runs us.
///
/// `cargo run` describes the running package in the environment; a nested cargo would hand
/// these on to build scripts, and rebuild what has not changed.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// The cargo that runs us, for the nested runs.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// How a command is shown in messages.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = vec![
        Path::new(command.get_program())
            .file_name()
            .unwrap_or_default(),
    ];
    words.extend(command.get_args());
    words
        .iter()
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command with both of its outputs in `log`; a failure prints the log's end.
pub(crate) fn logged(command: &mut Command, log: &Path, progress: &Progress) -> Result<()> {
    let words = shown(command);
    let mut file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    let errors = writer.try_clone().context("cannot share a pipe")?;
    command.stdout(writer).stderr(errors);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{words}`"))?;
    // The command holds the writing ends until it is changed: let go, or the pipe never ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut last = VecDeque::with_capacity(LOG_LINES_MAX);
    let mut spoke = Instant::now();
    let mut traced = false;
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("cannot read the command's output")?;
        file.write_all(&line)
            .and_then(|()| file.write_all(b"\n"))
            .context("cannot write log")?;
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        progress.detail(&text);
        if spoke.elapsed() > HEARTBEAT {
            spoke = Instant::now();
            progress.say(&format!("  … {}", text.trim()));
        }
        traced = in_trace(&text, traced);
        if !traced && !is_browser_frame(&text) {
            last.push_back(text);
        }
        if last.len() > LOG_LINES_MAX {
            last.pop_front();
        }
    }
    let status = child.wait().with_context(|| format!("lost `{words}`"))?;
    if status.success() {
        return Ok(());
    }
    progress.say(&format!("--- the last lines of {}", log.display()));
    for line in last {
        progress.say(&format!("  {line}"));
    }
    progress.say("---");
    bail!(
        "`{words}` failed ({status}); all of its output is in {}",
        log.display()
    );
}

/// Whether a line belongs to a native stack trace, given whether the line before did. Traces stay
/// in the log alone: on the screen they push the message out of sight.
fn in_trace(line: &str, before: bool) -> bool {
    let line = line.trim();
    if line.eq_ignore_ascii_case("stack backtrace:") {
        return true;
    }
    let numbered = line
        .split_once(": ")
        .is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    before && (numbered || line.starts_with("at "))
}

/// Whether a line is a frame of a stack trace as browsers print it.
fn is_browser_frame(line: &str) -> bool {
    line.contains("wasm-function[") || line.contains("@http://127.0.0.1")
}

/// What a command prints, trimmed, or nothing where it is missing or fails.
pub(crate) fn output(program: impl AsRef<OsStr>, arguments: &[&str]) -> Option<String> {
    let output = command(program)
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// The full path of a program on `PATH`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| is_executable(candidate))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// Where this program is, as it was when it began: cargo builds it anew when the tests of the
/// workspace unite other features, and from then on the system calls the old file deleted.
static PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::current_exe().ok());

/// Finds out where this program is. Call it before anything is built.
pub(crate) fn remember_program() {
    LazyLock::force(&PROGRAM);
}

/// Where this program is.
pub(crate) fn program() -> Result<&'static Path> {
    PROGRAM
        .as_deref()
        .context("cannot tell where this program is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_from_messages() {
        let mut traced = false;
        let mut left = Vec::new();
        for line in [
            "Caused by:",
            "  0: no such file",
            "stack backtrace:",
            "  12: core::panicking::panic_fmt",
            "             at ./src/tidy.rs:191:48",
            "note: and more",
            "  1: a list",
        ] {
            traced = in_trace(line, traced);
            if !traced {
                left.push(line);
            }
        }
        assert_eq!(
            left,
            [
                "Caused by:",
                "  0: no such file",
                "note: and more",
                "  1: a list"
            ]
        );
        assert!(is_browser_frame(
            "f@http://127.0.0.1:1/a.wasm:wasm-function[21]:0x1"
        ));
        assert!(is_browser_frame(
            "cb0@http://127.0.0.1:42761/wasm-bindgen-test:220:32"
        ));
        assert!(!is_browser_frame("panicked at src/lib.rs:5:3:"));
    }

    #[test]
    fn a_command_is_shown_as_it_is_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["test", "--workspace"]);
        assert_eq!(shown(&command), "cargo test --workspace");
    }
}
