//! `cargo xtask replay FILE`: does this recording come out again, natively, hash for hash?

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use cluster::Recording;
use cluster::Server;
use cluster::replay::{Replayed, SegmentEnd, replay_nodes};
use raftstore::RuleBook;
use serde_json::{Value, json};

use crate::steps::Steps;

/// Options of `replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The recording, as the page downloads it.
    file: PathBuf,
    /// Print the hashes at the ends of the segments as JSON and nothing else.
    #[arg(long)]
    json: bool,
}

/// Runs a recording again; an error at its first difference.
pub(crate) fn run(options: &Replay, steps: &mut Steps) -> Result<()> {
    if options.json {
        let replayed = again(options)?;
        let text = serde_json::to_string_pretty(&as_json(&replayed));
        println!("{}", text.context("cannot write the hashes")?);
        return Ok(());
    }
    let replayed = steps.run("replay", |_| again(options))?;
    for end in &replayed.segments {
        print(end);
    }
    println!("every answer of every store came out as it was recorded");
    Ok(())
}

fn again(options: &Replay) -> Result<Replayed> {
    let file = options.file.display();
    let bytes = std::fs::read(&options.file).with_context(|| format!("cannot read {file}"))?;
    let recording = Recording::decode(&bytes).with_context(|| format!("cannot read {file}"))?;
    let book = RuleBook::new(labs::rules);
    replay_nodes::<Server>(&recording, &book)
        .with_context(|| format!("{file} does not come out again"))
}

fn print(end: &SegmentEnd) {
    println!(
        "segment {}: {} events, clock at {}, run {:016x}, conductor {:016x}",
        end.event.segment, end.event.seq, end.now, end.run, end.conductor
    );
    for store in &end.stores {
        println!(
            "  {} (life {}): state {:016x}",
            store.store, store.incarnation, store.state
        );
    }
}

/// Hashes as whole numbers, as in the page's own answer to a query for them.
fn as_json(replayed: &Replayed) -> Value {
    let segment = |end: &SegmentEnd| {
        let stores = end.stores.iter().map(|store| {
            json!({
                "store": store.store,
                "incarnation": store.incarnation,
                "state": store.state,
            })
        });
        json!({
            "event": end.event,
            "now": end.now,
            "run": end.run,
            "conductor": end.conductor,
            "stores": stores.collect::<Vec<_>>(),
        })
    };
    json!({ "segments": replayed.segments.iter().map(segment).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use cluster::Server;
    use cluster::sim::{Simulation, SimulationConfig};
    use types::time::VirtualTime;

    use super::*;

    fn with_file<T>(name: &str, bytes: &[u8], use_it: impl FnOnce(Replay) -> T) -> T {
        let file = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        std::fs::write(&file, bytes).expect("the temporary folder takes files");
        let used = use_it(Replay {
            file: file.clone(),
            json: true,
        });
        std::fs::remove_file(file).expect("it was just written");
        used
    }

    fn story() -> Simulation<Server> {
        let until = VirtualTime::new(8_000_000);
        let mut story = Simulation::new(SimulationConfig::from_seed(11, until));
        story.run_ms(5_000);
        story.reload();
        story.run_ms(5_000);
        story
    }

    #[test]
    fn a_story_with_faults_and_a_reload_comes_out_again() {
        let mut story = story();
        let end = story.end();
        let bytes = story.recording().to_vec();
        let replayed = with_file("story", &bytes, |options| again(&options)).expect("equal");
        assert_eq!(replayed.segments.len(), 2);
        assert_eq!(replayed.segments.last(), Some(&end));
        let value = as_json(&replayed);
        assert_eq!(value["segments"][1]["run"], json!(end.run));
        assert_eq!(
            value["segments"][1]["stores"][0]["state"],
            json!(end.stores[0].state)
        );
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let mut bytes = story().recording().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let result = with_file("changed", &bytes, |options| {
            run(&options, &mut Steps::new())
        });
        assert!(result.is_err());
    }

    #[test]
    fn what_is_no_recording_is_an_error() {
        let result = with_file("other", b"not one", |options| {
            run(&options, &mut Steps::new())
        });
        let error = result.expect_err("no recording");
        assert!(
            format!("{error:#}").contains("not a recording"),
            "{error:#}"
        );
    }
}
