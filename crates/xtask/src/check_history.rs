//! `cargo xtask check-history FILE`: is this recorded history of a key-value store linearizable?
//!
//! Reads JSON lines, which any system can write (`docs/histories.md`), and judges them with
//! `checker::history`. The exit code is the verdict: 0 linearizable, 1 not, 2 unknown or malformed.

mod lines;

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use checker::history::{Action, Budget, Operation, Report, Verdict, check};
use clap::Args;

use self::lines::Lines;

/// Options of `check-history`.
#[derive(Debug, Args)]
pub(crate) struct CheckHistory {
    /// The history, one JSON object per line.
    file: PathBuf,
    /// How many steps may be spent before the verdict is "unknown".
    #[arg(long, value_name = "COUNT", default_value_t = Budget::default().steps)]
    steps: u64,
    /// How many situations may be remembered, at up to 64 bytes each.
    #[arg(long, value_name = "COUNT", default_value_t = Budget::default().remembered)]
    remember: usize,
}

/// The exit codes.
const LINEARIZABLE: u8 = 0;
const NOT_LINEARIZABLE: u8 = 1;
const NO_VERDICT: u8 = 2;

/// So many operations of a prefix are printed, its last ones.
const SHOWN_MAX: usize = 20;
/// So many characters of a key or a value are printed.
const CHARACTERS_MAX: usize = 60;

/// Judges the file and prints the verdict.
pub(crate) fn run(options: &CheckHistory) -> ExitCode {
    let (code, text) = judge(options);
    if code == NO_VERDICT {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
    ExitCode::from(code)
}

/// The exit code and what to print.
fn judge(options: &CheckHistory) -> (u8, String) {
    match read(&options.file) {
        Err(error) => (NO_VERDICT, format!("{}: {error}", options.file.display())),
        Ok(lines) => {
            let budget = Budget {
                steps: options.steps,
                remembered: options.remember,
            };
            tell(&lines, &check(&lines.history, budget))
        }
    }
}

fn read(file: &Path) -> Result<Lines, lines::LinesError> {
    Lines::read(BufReader::new(File::open(file)?))
}

fn tell(lines: &Lines, report: &Report) -> (u8, String) {
    let operations = lines.history.operations().len();
    let mut text = String::new();
    let code = match &report.verdict {
        Verdict::Linearizable { witness } => {
            let keys = witness.len();
            add(
                &mut text,
                &format!("linearizable: {operations} operations on {keys} keys"),
            );
            LINEARIZABLE
        }
        Verdict::NotLinearizable {
            key,
            prefix,
            blocked,
            longest,
        } => {
            add(&mut text, &format!("not linearizable: key {}", quoted(key)));
            tell_why(&mut text, lines, prefix, (*blocked, *longest));
            NOT_LINEARIZABLE
        }
        Verdict::Unknown { key, budget } => {
            let (key, steps) = (quoted(key), budget.steps);
            add(
                &mut text,
                &format!("unknown: key {key} is not decided after {steps} steps; try more --steps"),
            );
            NO_VERDICT
        }
    };
    let Report {
        steps, remembered, ..
    } = report;
    let _ = write!(text, "steps: {steps}, situations remembered: {remembered}");
    (code, text)
}

fn tell_why(text: &mut String, lines: &Lines, prefix: &[usize], (blocked, longest): (usize, bool)) {
    if longest {
        add(text, "this operation cannot be placed:");
    } else {
        add(
            text,
            "with this operation, or one that returned before it, no order is left:",
        );
    }
    add(text, &lines.describe(blocked));
    let left_out = prefix.len().saturating_sub(SHOWN_MAX);
    let what = if longest { "the longest" } else { "a" };
    add(
        text,
        &format!(
            "{what} linearizable prefix has {} operations, in this order:",
            prefix.len()
        ),
    );
    if left_out > 0 {
        add(text, &format!("  ({left_out} more before these)"));
    }
    for &position in &prefix[left_out..] {
        add(text, &lines.describe(position));
    }
}

fn add(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

impl Lines {
    /// One operation with its line.
    fn describe(&self, position: usize) -> String {
        let Operation {
            client,
            key,
            action,
            invoked,
            returned,
        } = &self.history.operations()[position];
        let known = returned.is_some();
        let value = |value: &Option<Vec<u8>>| match value {
            Some(bytes) => quoted(bytes),
            None => "absent".to_owned(),
        };
        let what = match action {
            Action::Get { value: answer } if known => format!("is {}", value(answer)),
            Action::Get { .. } => "is asked for".to_owned(),
            Action::Put { value } => format!("becomes {}", quoted(value)),
            Action::Append { value } => format!("gets {} at its end", quoted(value)),
            Action::Delete => "is deleted".to_owned(),
            Action::CompareAndSet {
                expected,
                value: to,
                ok,
            } => {
                let answer = match (known, ok) {
                    (false, _) => "",
                    (true, true) => ", done",
                    (true, false) => ", refused",
                };
                format!("swaps {} for {}{answer}", value(expected), quoted(to))
            }
        };
        let end = returned.map_or("unknown".to_owned(), |instant| instant.to_string());
        format!(
            "  line {}: client {client}, {invoked} to {end}: {} {what}",
            self.numbers[position],
            quoted(key)
        )
    }
}

/// A key or a value, shortened and without control characters.
fn quoted(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.chars().count() <= CHARACTERS_MAX {
        return format!("{text:?}");
    }
    let begin: String = text.chars().take(CHARACTERS_MAX).collect();
    format!("{begin:?}… ({} bytes)", bytes.len())
}

#[cfg(test)]
mod tests;
