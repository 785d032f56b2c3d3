//! `cargo xtask check-disk FILE`: are these disks those of a correct cluster?
//!
//! Reads the file that the page exports and judges it offline, with `raftstore`'s own audit:
//! rows and checksums, the continuity of logs, and agreement between stores.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use raftstore::audit::{self, Acknowledged, Report, StoreSummary};

use crate::steps::Steps;

/// Options of `check-disk`.
#[derive(Debug, Args)]
pub(crate) struct CheckDisk {
    /// The file with the exported disks.
    file: PathBuf,
    /// A JSON list of `{"key": […], "value": […] or null}`: writes that clients were told of, the
    /// last one of each key, which a majority must hold.
    #[arg(long, value_name = "FILE")]
    acknowledged: Option<PathBuf>,
    /// Print the whole report as JSON and nothing else.
    #[arg(long)]
    json: bool,
}

/// Checks the disks; an error if anything is wrong with them.
pub(crate) fn run(options: &CheckDisk, steps: &mut Steps) -> Result<()> {
    let report = if options.json {
        check(options)?
    } else {
        steps.run("check", |_| check(options))?
    };
    if options.json {
        let text = serde_json::to_string_pretty(&report).context("cannot write the report")?;
        println!("{text}");
    } else {
        print(&report);
    }
    if report.is_clean() {
        return Ok(());
    }
    bail!(
        "{} has {} findings",
        options.file.display(),
        report.findings.len()
    );
}

fn check(options: &CheckDisk) -> Result<Report> {
    let bytes = read(&options.file)?;
    let disks = types::export::decode(&bytes)
        .with_context(|| format!("cannot read {}", options.file.display()))?;
    if disks.is_empty() {
        bail!(
            "{} holds no disk, so there is nothing to be content with",
            options.file.display()
        );
    }
    let acknowledged: Vec<Acknowledged> = match &options.acknowledged {
        None => Vec::new(),
        Some(file) => serde_json::from_slice(&read(file)?)
            .with_context(|| format!("{} is no list of writes", file.display()))?,
    };
    Ok(audit::check_acknowledged(&disks, &acknowledged))
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn print(report: &Report) {
    println!("{} disks", report.stores.len());
    for store in &report.stores {
        print_store(store);
    }
    if report.is_clean() {
        println!("all rows are whole, all logs are continuous, and the disks agree");
    }
    for finding in &report.findings {
        println!("finding: {finding}");
    }
}

fn print_store(summary: &StoreSummary) {
    let StoreSummary {
        store,
        rows,
        cycle,
        pairs,
        ..
    } = summary;
    println!("  {store}: {rows} rows after cycle {cycle}, {pairs} pairs");
    for region in &summary.regions {
        let (hard, last) = (&region.hard_state, &region.last);
        println!(
            "      {}: term {}, commit {}, last {}, applied {}; {} entries in {} runs",
            region.region,
            hard.term.get(),
            hard.commit.get(),
            last.index.get(),
            region.applied.get(),
            region.entries,
            region.runs
        );
    }
}

#[cfg(test)]
mod tests {
    use cluster::Server;
    use cluster::sim::{Simulation, SimulationConfig};
    use types::disk::{DiskImage, Row, RowKey, RowValue};
    use types::id::StoreId;

    use super::*;

    fn file(name: &str, bytes: &[u8]) -> PathBuf {
        let file = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        std::fs::write(&file, bytes).expect("the temporary folder takes files");
        file
    }

    fn result_of(name: &str, bytes: &[u8]) -> Result<()> {
        let file = file(name, bytes);
        let options = CheckDisk {
            file: file.clone(),
            acknowledged: None,
            json: false,
        };
        let result = run(&options, &mut Steps::new());
        std::fs::remove_file(file).expect("it was just written");
        result
    }

    fn disks_of_a_story() -> Vec<(StoreId, DiskImage)> {
        let mut story = Simulation::<Server>::new(SimulationConfig::quiet(5));
        story.run_ms(3_000);
        let stores = (1..=9).map(StoreId::new);
        let disk = |store| story.disk(store).map(|disk| (store, disk.image()));
        stores.filter_map(disk).collect()
    }

    #[test]
    fn the_disks_of_a_correct_cluster_are_content() {
        let disks = disks_of_a_story();
        assert!(disks.len() >= 3, "{} disks", disks.len());
        result_of("correct", &types::export::encode(&disks)).expect("nothing is wrong");
    }

    #[test]
    fn a_lost_row_is_an_error() {
        let mut disks = disks_of_a_story();
        let rows = &mut disks[0].1.rows;
        let log = rows
            .iter()
            .position(|row| matches!(row.key, RowKey::RaftLog { .. }));
        rows.remove(log.expect("a log has rows"));
        assert!(result_of("lost", &types::export::encode(&disks)).is_err());
    }

    #[test]
    fn a_damaged_row_is_an_error() {
        let row = Row {
            key: RowKey::LastCycle,
            value: RowValue {
                fields: Vec::new(),
                bytes: vec![1].into(),
                crc: 7,
            },
        };
        let disks = [(StoreId::new(1), DiskImage { rows: vec![row] })];
        let error = result_of("damaged", &types::export::encode(&disks)).expect_err("bad sum");
        assert!(error.to_string().contains("findings"), "{error:#}");
    }

    #[test]
    fn what_holds_no_disks_is_an_error() {
        let error = result_of("empty", &types::export::encode(&[])).expect_err("no disks");
        assert!(error.to_string().contains("no disk"), "{error:#}");
        let error = result_of("other", b"not an export").expect_err("no export");
        assert!(
            format!("{error:#}").contains("not a file of exported disks"),
            "{error:#}"
        );
    }
}
