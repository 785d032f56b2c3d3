//! `cargo xtask bench NAME`: measures, compares with others, prints a table and keeps the figures.
//!
//! Each name has a module that makes its figures; they go to `target/bench/NAME.json`, where
//! `cargo xtask figures` finds them. With `--lean-reference` it is `target/bench/NAME-lean.json`.

mod core;
mod places;
mod sim;

use anyhow::{Result, anyhow};
use clap::Args;

use crate::figures::{self, Figure};
use crate::steps::Steps;
use crate::tools::Cache;

/// Options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure: `core` or `sim`.
    name: String,
    /// Rounds of each case; what is reported is the median.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(5..))]
    rounds: u32,
    /// Compare `core` with the strongest setup of raft-rs, not with the documented one.
    #[arg(long)]
    lean_reference: bool,
}

impl Bench {
    /// The name under which the figures are kept: those of another reference have a file of their
    /// own.
    fn file(&self) -> String {
        let suffix = if self.lean_reference { "-lean" } else { "" };
        format!("{}{suffix}", self.name)
    }
}

/// How the figures of a name are made.
type Make = fn(&Bench, &Cache, &mut Steps) -> Result<Vec<Figure>>;

/// Everything that can be measured.
const BENCHES: [(&str, Make); 2] = [("core", core::run), ("sim", sim::run)];

/// Measures, prints and keeps.
pub(crate) fn run(options: &Bench, tools: &Cache, steps: &mut Steps) -> Result<()> {
    let make = find(&options.name)?;
    let figures = make(options, tools, steps)?;
    let path = figures::write(&options.file(), &figures)?;
    println!("\n{}", table(&figures));
    println!("written to {}", path.display());
    Ok(())
}

fn find(name: &str) -> Result<Make> {
    let found = BENCHES.iter().find(|(known, _)| *known == name);
    found.map(|(_, make)| *make).ok_or_else(|| {
        let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        anyhow!("there is no bench `{name}`; there is: {}", names.join(", "))
    })
}

/// The figures for people: ours, the other's, how many times better.
fn table(figures: &[Figure]) -> String {
    let width = figures.iter().map(|figure| figure.name.len()).max();
    let width = width.unwrap_or_default();
    let optional = |value: Option<f64>| value.map_or_else(String::new, number);
    let mut lines = vec![format!(
        "{:width$}  {:>12}  {:>12}  {:>7}  unit",
        "", "ours", "reference", "ratio"
    )];
    for figure in figures {
        let ratio = figure.ratio.map(|ratio| format!("{ratio:.2} x"));
        lines.push(format!(
            "{:width$}  {:>12}  {:>12}  {:>7}  {}",
            figure.name,
            number(figure.value),
            optional(figure.reference),
            ratio.unwrap_or_default(),
            figure.unit
        ));
    }
    lines.join("\n")
}

/// A number with as many digits as mean something: `1 234 567`, `12.34`.
fn number(value: f64) -> String {
    if value.abs() < 1_000.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_an_error_that_lists_the_names() {
        let error = find("cores").expect_err("there is none").to_string();
        assert!(
            error.contains("`cores`") && error.ends_with("core, sim"),
            "{error}"
        );
        assert!(find("core").is_ok());
    }

    #[test]
    fn figures_of_the_lean_reference_have_a_file_of_their_own() {
        let file = |lean_reference| {
            let name = "core".to_owned();
            let rounds = 5;
            Bench {
                name,
                rounds,
                lean_reference,
            }
            .file()
        };
        assert_eq!(
            (file(false), file(true)),
            ("core".into(), "core-lean".into())
        );
    }

    #[test]
    fn large_numbers_are_grouped_and_small_ones_keep_two_digits() {
        assert_eq!(number(1_234_567.8), "1 234 568");
        assert_eq!(number(1_000.0), "1 000");
        assert_eq!(number(7.126), "7.13");
    }
}
