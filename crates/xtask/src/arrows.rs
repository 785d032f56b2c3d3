//! The direction of dependencies between our crates.
//!
//! Crates lie in layers and an arrow points only to a crate further down in `LAYERS`, which is
//! the order of `ARCHITECTURE.md`. Some crates may use less than that, and few may name a crate
//! that exists for browsers. `check` is a pure function over a graph, so that a test can plant
//! a wrong arrow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;

use crate::exec;

/// Our crates, from the ground up.
const LAYERS: [&str; 13] = [
    "types",
    "raft",
    "raftstore",
    "scheduler",
    "checker",
    "cluster",
    "labs",
    "scenario",
    "protocol",
    "engine",
    "app",
    "xtask",
    "tests",
];

/// Crates that may use these of ours and no others, whatever the layers would allow.
const ONLY: [(&str, &[&str]); 4] = [
    ("raft", &["types"]),
    ("protocol", &["types"]),
    ("app", &["types", "protocol"]),
    // The task runner calls the libraries that read recordings and disks, and the rules that
    // recorded stores may have had.
    (
        "xtask",
        &[
            "types",
            "raft",
            "raftstore",
            "scheduler",
            "checker",
            "cluster",
            "labs",
        ],
    ),
];

/// The crates that may name a browser crate.
const IN_BROWSERS: [&str; 3] = ["engine", "app", "tests"];

/// Browser crates, by name and by the beginning of a name.
const BROWSER_CRATES: [&str; 6] = [
    "js-sys",
    "web-sys",
    "yew",
    "idb",
    "serde-wasm-bindgen",
    "console_error_panic_hook",
];
const BROWSER_FAMILIES: [&str; 3] = ["wasm-bindgen", "gloo", "yew-"];

/// What each of our crates names in its manifest, in any section.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// A dependency that should not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongArrow {
    /// The crate that has the dependency.
    pub(crate) from: String,
    /// What it depends on.
    pub(crate) to: String,
    /// Which rule that breaks.
    pub(crate) why: &'static str,
}

impl fmt::Display for WrongArrow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} -> {}: {}", self.from, self.to, self.why)
    }
}

/// Finds all wrong arrows of a graph.
pub(crate) fn check(graph: &Graph) -> Vec<WrongArrow> {
    let mut wrong = Vec::new();
    for (from, targets) in graph {
        let mut add = |to: &str, why: &'static str| {
            wrong.push(WrongArrow {
                from: from.clone(),
                to: to.to_owned(),
                why,
            });
        };
        if layer(from).is_none() {
            add(
                from,
                "this crate has no layer yet: give it one in xtask's `arrows`",
            );
        }
        for to in targets {
            if let Some(why) = objection(from, to) {
                add(to, why);
            }
        }
    }
    wrong
}

/// Why one dependency is wrong, if it is.
fn objection(from: &str, to: &str) -> Option<&'static str> {
    if is_for_browsers(to) && !IN_BROWSERS.contains(&from) {
        return Some("only engine, app and tests may name a browser crate");
    }
    let to_layer = layer(to)?;
    let only = ONLY.iter().find(|(name, _)| *name == from);
    if let Some((_, allowed)) = only {
        return (!allowed.contains(&to)).then_some("this crate may use fewer of ours");
    }
    match layer(from) {
        Some(from_layer) if to_layer < from_layer => None,
        _ => Some("an arrow may only point down"),
    }
}

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == name)
}

fn is_for_browsers(name: &str) -> bool {
    BROWSER_CRATES.contains(&name)
        || BROWSER_FAMILIES
            .iter()
            .any(|family| name.starts_with(family))
}

/// The graph of this workspace as cargo sees it.
pub(crate) fn workspace() -> Result<Graph> {
    let metadata = MetadataCommand::new()
        .current_dir(exec::root())
        .no_deps()
        .exec()
        .context("cannot ask cargo about this workspace")?;
    let names = |package: &cargo_metadata::Package| {
        package
            .dependencies
            .iter()
            .map(|dependency| dependency.name.clone())
            .collect()
    };
    let packages = metadata.packages.iter();
    Ok(packages
        .map(|package| (package.name.to_string(), names(package)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(arrows: &[(&str, &[&str])]) -> Graph {
        let set = |targets: &[&str]| targets.iter().map(|&target| target.to_owned()).collect();
        arrows
            .iter()
            .map(|(from, targets)| ((*from).to_owned(), set(targets)))
            .collect()
    }

    fn found(arrows: &[(&str, &[&str])]) -> Vec<String> {
        let wrong = check(&graph(arrows));
        wrong
            .iter()
            .map(|arrow| format!("{} -> {}", arrow.from, arrow.to))
            .collect()
    }

    #[test]
    fn this_workspace_has_no_wrong_arrow() {
        let wrong = check(&workspace().expect("cargo metadata"));
        assert!(wrong.is_empty(), "{}", lines(&wrong));
    }

    fn lines(wrong: &[WrongArrow]) -> String {
        wrong
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn a_planted_wrong_arrow_is_named() {
        let mut graph = workspace().expect("cargo metadata");
        graph
            .entry("raftstore".to_owned())
            .or_default()
            .insert("cluster".to_owned());
        let wrong = check(&graph);
        assert_eq!(
            lines(&wrong),
            "raftstore -> cluster: an arrow may only point down"
        );
    }

    #[test]
    fn every_kind_of_wrong_arrow_is_seen() {
        assert_eq!(found(&[("types", &["raft"])]), ["types -> raft"]);
        assert_eq!(found(&[("raft", &["raft"])]), ["raft -> raft"]);
        assert_eq!(
            found(&[("cluster", &["protocol", "raft"])]),
            ["cluster -> protocol"]
        );
        assert_eq!(found(&[("cluster", &["engine"])]), ["cluster -> engine"]);
        assert_eq!(
            found(&[("protocol", &["raft", "types"])]),
            ["protocol -> raft"]
        );
        assert_eq!(
            found(&[("app", &["cluster", "protocol"])]),
            ["app -> cluster"]
        );
        assert_eq!(found(&[("xtask", &["engine"])]), ["xtask -> engine"]);
        assert_eq!(found(&[("cluster", &["wasm-bindgen-futures"])]).len(), 1);
        assert_eq!(
            found(&[("raft", &["js-sys"]), ("xtask", &["gloo-timers"])]).len(),
            2
        );
        assert_eq!(found(&[("newcomer", &["types"])]).len(), 2);
    }

    #[test]
    fn right_arrows_are_left_alone() {
        let right: [(&str, &[&str]); 5] = [
            ("raft", &["types", "serde"]),
            ("engine", &["cluster", "protocol", "idb", "web-sys"]),
            ("app", &["types", "protocol", "yew", "gloo-timers"]),
            (
                "tests",
                &["engine", "cluster", "thirtyfour", "wasm-bindgen-test"],
            ),
            ("xtask", &["cluster", "raftstore", "clap"]),
        ];
        assert_eq!(check(&graph(&right)), []);
    }
}
