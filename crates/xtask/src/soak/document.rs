//! Totals as a file for machines and as a table for people.

use std::path::Path;

use anyhow::{Context, Result};
use cluster::ClientFeature;
use cluster::sim::{FaultKind, Presence};
use cluster::soak::{RareEvent, Totals};
use serde_json::{Value, json};

/// Writes the totals, with what follows from them.
pub(super) fn write(totals: &Totals, rule: Option<&str>, file: &Path) -> Result<()> {
    let text = serde_json::to_string_pretty(&value(totals, rule)?);
    let text = text.context("cannot write the totals")? + "\n";
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Reads what [`write()`] wrote. What follows from the totals is not looked at.
pub(super) fn read(file: &Path) -> Result<Totals> {
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{shown} holds no totals of a soak"))
}

pub(super) fn value(totals: &Totals, rule: Option<&str>) -> Result<Value> {
    let mut value = serde_json::to_value(totals).context("cannot write the totals")?;
    value["virtual_seconds"] = json!(totals.virtual_us / 1_000_000);
    value["median_acknowledged"] = json!(totals.median_acknowledged());
    value["leader_permille"] = json!(totals.leader_permille());
    value["absent"] = json!(absent(totals));
    value["rule"] = json!(rule);
    for (place, failure) in totals.failures.iter().enumerate() {
        value["failures"][place]["command"] = json!(failure.command(rule));
    }
    Ok(value)
}

/// Every kind that no run can meet, or none of this profile, and what it waits for.
fn absent(totals: &Totals) -> Vec<String> {
    let profile = totals.profile;
    let elsewhere = format!("not in the profile `{profile}`");
    let words = |what: &str, presence: Presence, is_met: bool| match presence {
        Presence::Absent(with) => Some(format!("{what}: comes with {with}")),
        Presence::Present if is_met => None,
        Presence::Present => Some(format!("{what}: {elsewhere}")),
    };
    let faults = FaultKind::ALL
        .into_iter()
        .filter_map(|kind| words(kind.name(), kind.presence(), profile.meets(kind)));
    let rare = RareEvent::ALL
        .into_iter()
        .filter_map(|event| words(event.name(), event.presence(), event.is_of(profile)));
    let sessions = ClientFeature::Sessions.name();
    let sessions = format!("{sessions}: comes with the multi-raft store");
    faults.chain(rare).chain([sessions]).collect()
}

/// The totals for people.
pub(super) fn table(totals: &Totals) -> String {
    let ranges: Vec<String> = totals.ranges.iter().map(ToString::to_string).collect();
    let mut lines = vec![format!(
        "profile {}, engine version {}, seeds {}",
        totals.profile,
        totals.engine_version,
        ranges.join(" ")
    )];
    let mut row = |number: u64, what: &str| lines.push(format!("{number:>14}  {what}"));
    row(totals.seeds, "seeds");
    row(totals.events, "events");
    row(totals.virtual_us / 1_000_000, "virtual seconds");
    row(totals.leader_permille(), "thousandths of it with a leader");
    row(totals.operations, "operations carried out");
    row(
        totals.median_acknowledged(),
        "operations of the median seed",
    );
    row(totals.violations, "violations");
    row(totals.unknown, "histories without a verdict");
    for seed in &totals.unknown_seeds {
        row(*seed, "is the seed of one");
    }
    row(totals.excused_seeds, "seeds excused");
    for (excuse, times) in &totals.excused {
        row(*times, &format!("excused: {excuse}"));
    }
    if !totals.clients.is_empty() {
        lines.push("what clients did: operations, and seeds for each habit".to_owned());
        lines.extend(rows(totals.clients.iter()));
    }
    lines.push("faults that changed something".to_owned());
    lines.extend(rows(totals.faults.iter()));
    lines.push("rare events".to_owned());
    lines.extend(rows(totals.rare.iter()));
    lines.push("absent".to_owned());
    lines.extend(
        absent(totals)
            .iter()
            .map(|line| format!("                {line}")),
    );
    lines.join("\n")
}

fn rows<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> Vec<String> {
    let row = |(what, number): (&String, &u64)| format!("{number:>14}  {what}");
    counts.map(row).collect()
}
