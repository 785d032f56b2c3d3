//! Two thousand raft groups, each with its own size, timings and troubles, judged after every step.
//!
//! `GROUP_SEED=17 GROUP_PRESET=etcd cargo test -p cluster many_seeds -- --nocapture` runs one of
//! them alone. `GROUP_SEEDS` sets another number of seeds.

use std::thread;

use cluster::group::trial::{Failure, Outcome, Reason, Trial, run};
use types::raft::Preset;

/// How many seeds, over all presets.
const SEEDS: u64 = 2_000;
const THREADS: u64 = 2;

fn preset_of(seed: u64) -> Preset {
    let presets = Preset::ALL;
    presets[usize::try_from(seed).expect("a small number") % presets.len()]
}

fn wanted(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Which trials to run.
fn trials() -> Vec<Trial> {
    let number = |name| wanted(name).map(|text| text.parse().expect("a number"));
    let named = |name: &str| Preset::ALL.into_iter().find(|preset| preset.name() == name);
    let preset = wanted("GROUP_PRESET").map(|name| named(&name).expect("a preset's name"));
    let seeds = match number("GROUP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("GROUP_SEEDS").unwrap_or(SEEDS),
    };
    seeds
        .map(|seed| Trial::new(seed, preset.unwrap_or_else(|| preset_of(seed))))
        .collect()
}

/// What to say about a failure: one line, how to see it again, and what led there.
fn words(failure: &Failure) -> String {
    let (seed, preset) = (failure.seed, failure.preset.name());
    let mut words = format!(
        "{failure}\n  GROUP_SEED={seed} GROUP_PRESET={preset} cargo test -p cluster many_seeds"
    );
    if let Reason::Violation(violation) = &failure.reason
        && wanted("GROUP_SEED").is_some()
    {
        for step in &violation.trace {
            words.push_str(&format!("\n    {step}"));
        }
    }
    words
}

fn run_all(trials: &[Trial]) -> (Vec<Outcome>, Vec<String>) {
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let share = |nth| trials.iter().skip(nth).step_by(THREADS as usize);
        let handles: Vec<_> = (0..THREADS as usize)
            .map(|nth| scope.spawn(move || share(nth).map(run).collect::<Vec<_>>()))
            .collect();
        for handle in handles {
            for result in handle.join().expect("a trial does not panic") {
                match result {
                    Ok(outcome) => outcomes.push(outcome),
                    Err(failure) => failures.push(words(&failure)),
                }
            }
        }
    });
    (outcomes, failures)
}

fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers[numbers.len() / 2]
}

#[test]
fn many_groups_break_no_invariant_and_come_together() {
    let trials = trials();
    let (outcomes, failures) = run_all(&trials);
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    let counters: [(&str, u64); 8] = [
        ("leader changes", sum(|o| o.counts.leader_changes)),
        ("truncations", sum(|o| o.counts.truncations)),
        ("snapshot installs", sum(|o| o.counts.snapshots)),
        (
            "joint phases with an election",
            sum(|o| o.counts.joint_leader_changes),
        ),
        ("crashes that lost entries", sum(|o| o.entries_lost)),
        ("transfers completed", sum(|o| o.counts.transfers_completed)),
        ("transfers aborted", sum(|o| o.counts.transfers_aborted)),
        (
            "reads confirmed",
            sum(|o| o.counts.reads_by_round + o.counts.reads_by_lease),
        ),
    ];
    if outcomes.is_empty() {
        panic!("{}", failures.join("\n"));
    }
    let commits = median(
        outcomes
            .iter()
            .map(|outcome| outcome.counts.commits)
            .collect(),
    );
    let messages = outcomes
        .iter()
        .map(|outcome| outcome.messages)
        .min()
        .unwrap_or(0);
    println!("{counters:#?}, median commits {commits}, least messages {messages}");
    println!(
        "messages {}, observations {}, troubled s {}, settled s {}, max {}",
        sum(|o| o.messages),
        sum(|o| o.counts.observations),
        sum(|o| o.troubled_us) / 1_000_000,
        sum(|o| o.settled_us) / 1_000_000,
        outcomes.iter().map(|o| o.settled_us).max().unwrap()
    );
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        trials.len(),
        failures.join("\n")
    );
    if trials.len() == usize::try_from(SEEDS).expect("a small number") {
        assert!(messages >= 1_000, "a group had {messages} messages only");
        assert!(commits >= 50, "the median is {commits} commits only");
        for (name, count) in counters {
            assert!(count >= 200, "{count} {name} only");
        }
    }
}
