//! Rules of this repository that no other tool checks: sizes of files, functions and lines, the
//! core's bans, locale files with the same keys, and the direction of dependencies.
//!
//! Each rule is a pure function over text with tests of its own; one test runs them all over
//! the working tree, so `cargo test` is enough to see a breach.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::arrows;
use crate::exec;
use crate::steps::Progress;

/// A file has fewer lines than this.
const FILE_LINES_MAX: usize = 800;
/// A function has fewer lines than this, from its `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;
/// A line has at most this many columns.
const COLUMNS_MAX: usize = 100;

/// The crates that are functions of their inputs.
const CORE: [&str; 7] = [
    "types",
    "raft",
    "raftstore",
    "scheduler",
    "checker",
    "cluster",
    "labs",
];
/// What such a crate says at its root.
const NO_FLOATS: &str = "#![deny(clippy::float_arithmetic)]";
/// What such a crate's `clippy.toml` names at least.
const BANNED: [&str; 4] = [
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// The languages of the page; the first is the one that the others are compared with.
const LOCALES: [&str; 2] = ["en", "zh-CN"];

/// Checks everything and prints what is wrong.
pub(crate) fn run(progress: &Progress) -> Result<()> {
    let problems = problems(&exec::root())?;
    for problem in &problems {
        progress.say(&format!("  {problem}"));
    }
    if problems.is_empty() {
        Ok(())
    } else {
        bail!("{} breaches of our rules", problems.len())
    }
}

/// All breaches in a working tree.
fn problems(root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for file in sources(root)? {
        let name = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .display()
            .to_string();
        let text = read(&file)?;
        problems.extend(
            sizes(&text)
                .into_iter()
                .map(|problem| format!("{name}:{problem}")),
        );
    }
    let wrong = arrows::check(&arrows::workspace()?);
    problems.extend(wrong.iter().map(|arrow| format!("wrong arrow {arrow}")));
    for name in CORE {
        let folder = root.join("crates").join(name);
        let bans = std::fs::read_to_string(folder.join("clippy.toml")).unwrap_or_default();
        let missing = BANNED
            .iter()
            .filter(|banned| !bans.contains(&format!("\"{banned}\"")));
        problems.extend(
            missing.map(|banned| format!("crates/{name}/clippy.toml does not ban {banned}")),
        );
        let crate_root = std::fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default();
        if !crate_root.contains(NO_FLOATS) {
            problems.push(format!("crates/{name}/src/lib.rs lacks `{NO_FLOATS}`"));
        }
    }
    problems.extend(locales(&root.join("www/locales"))?);
    Ok(problems)
}

/// All our Rust files.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![root.join("crates"), root.join("tests")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry.context("cannot read a folder")?.path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// What is too long in a source file, each with its line in front.
fn sizes(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines >= FILE_LINES_MAX {
        problems.push(format!(
            "1: {lines} lines, a file has fewer than {FILE_LINES_MAX}"
        ));
    }
    for (index, line) in text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            problems.push(format!(
                "{}: {columns} columns, at most {COLUMNS_MAX}",
                index + 1
            ));
        }
    }
    for (line, length) in functions(text) {
        if length >= FUNCTION_LINES_MAX {
            problems.push(format!(
                "{line}: a function of {length} lines, fewer than {FUNCTION_LINES_MAX} are allowed"
            ));
        }
    }
    problems
}

/// The functions of a formatted source file: the line of each and its number of lines.
///
/// The sources are formatted, so a function ends at the first line after it that is a closing
/// brace with the function's own indentation.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if !opens_function(line) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let end = lines[index..].iter().position(|line| {
            let closes = line.trim_end() == format!("{}}}", " ".repeat(indent));
            let has_no_body = line.len() - line.trim_start().len() == indent
                && (line.trim_end().ends_with(';') || line.trim_end().ends_with("{}"));
            closes || has_no_body
        });
        if let Some(end) = end {
            found.push((index + 1, end + 1));
        }
    }
    found
}

fn opens_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        matches!(
            *word,
            "pub" | "const" | "async" | "unsafe" | "extern" | "\"C\""
        ) || word.starts_with("pub(")
            || (word.ends_with(')') && !word.contains('('))
    });
    words.next() == Some("fn")
}

/// Keys that one language has and another has not.
fn locales(folder: &Path) -> Result<Vec<String>> {
    if let Some(name) = LOCALES
        .iter()
        .map(|language| format!("{language}.ftl"))
        .find(|name| !folder.join(name).exists())
    {
        return Ok(vec![format!("www/locales/{name} is missing")]);
    }
    let first = keys(&read(&folder.join(format!("{}.ftl", LOCALES[0])))?);
    let mut problems = Vec::new();
    for language in &LOCALES[1..] {
        let other = keys(&read(&folder.join(format!("{language}.ftl")))?);
        let missing = first.difference(&other);
        problems.extend(missing.map(|key| format!("{language}.ftl lacks the key `{key}`")));
        let extra = other.difference(&first);
        problems.extend(extra.map(|key| format!("{}.ftl lacks the key `{key}`", LOCALES[0])));
    }
    Ok(problems)
}

/// The message keys of a Fluent file, with their attributes as `key.attribute`.
fn keys(text: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    let mut message = String::new();
    for line in text.lines() {
        let Some((key, _)) = line.split_once('=') else {
            continue;
        };
        if let Some(attribute) = key.trim().strip_prefix('.') {
            keys.insert(format!("{message}.{}", attribute.trim()));
        } else if line.starts_with(|first: char| first.is_ascii_alphabetic() || first == '-') {
            message = key.trim().to_owned();
            keys.insert(message.clone());
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_tree_keeps_our_rules() {
        let problems = problems(&exec::root()).expect("the working tree can be read");
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn what_is_too_long_is_found() {
        let long_file = "\n".repeat(FILE_LINES_MAX);
        assert_eq!(sizes(&long_file).len(), 1);
        assert_eq!(
            sizes(&"\n".repeat(FILE_LINES_MAX - 1)),
            Vec::<String>::new()
        );
        assert_eq!(sizes(&"ä".repeat(COLUMNS_MAX)), Vec::<String>::new());
        assert_eq!(sizes(&"ä".repeat(COLUMNS_MAX + 1)).len(), 1);
        let body = "        call();\n".repeat(FUNCTION_LINES_MAX - 2);
        let source = format!("impl A {{\n    pub(crate) async fn f() {{\n{body}    }}\n}}\n");
        let problems = sizes(&source);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].starts_with("2: a function of 70 lines"),
            "{problems:?}"
        );
    }

    #[test]
    fn functions_without_a_body_end_where_they_are() {
        let source = "trait A {\n    fn a();\n    fn b() {}\n    fn c(\n        x: u8,\n    );\n\
            \u{20}   fn d() {\n        if x {\n        }\n    }\n}\n";
        assert_eq!(functions(source), [(2, 1), (3, 1), (4, 3), (7, 4)]);
        assert!(!opens_function("// fn in words"));
        assert!(!opens_function("type F = fn(u8);"));
        assert!(opens_function(
            "pub(in crate::a) const unsafe extern \"C\" fn f() {"
        ));
    }

    #[test]
    fn a_missing_locale_key_is_named() {
        let english =
            "# words = none\nstart = Start\n    .title = Starts\nterm-{ x }\n-brand = R\n";
        let wanted: Vec<_> = keys(english).into_iter().collect();
        assert_eq!(wanted, ["-brand", "start", "start.title"]);
    }
}
