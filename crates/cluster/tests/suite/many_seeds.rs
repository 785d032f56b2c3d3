//! Two thousand raft groups, each with its own size, timings and troubles, judged after every step.
//!
//! `GROUP_SEED=17 GROUP_PRESET=etcd cargo test -p cluster many_seeds -- --nocapture` runs one of
//! them alone. `GROUP_SEEDS` sets another number of seeds.

use std::thread;

use cluster::group::trial::{Failure, Outcome, Reason, Trial, run};
use types::raft::Preset;

/// How many seeds, over all presets.
const SEEDS: u64 = 2_000;
const THREADS: usize = 2;

/// What whoever runs the test wants.
#[expect(
    clippy::disallowed_methods,
    reason = "a person chooses which seeds to run; a seed determines everything else"
)]
fn wanted(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Which trials to run: the dialects take turns.
fn trials() -> Vec<Trial> {
    let number = |name| wanted(name).map(|text| text.parse().expect("a number"));
    let preset = wanted("GROUP_PRESET").map(|name| {
        let mut presets = Preset::ALL.into_iter();
        let found = presets.find(|preset| preset.name() == name);
        found.expect("a preset's name")
    });
    let seeds = match number("GROUP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("GROUP_SEEDS").unwrap_or(SEEDS),
    };
    let presets = Preset::ALL.into_iter().cycle();
    seeds
        .zip(presets)
        .map(|(seed, next)| Trial::new(seed, preset.unwrap_or(next)))
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
            words += &format!("\n    {step}");
        }
    }
    words
}

fn run_all(trials: &[Trial]) -> (Vec<Outcome>, Vec<String>) {
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let share = |nth| trials.iter().skip(nth).step_by(THREADS);
        let start = |nth| scope.spawn(move || share(nth).map(run).collect::<Vec<_>>());
        let handles: Vec<_> = (0..THREADS).map(start).collect();
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

/// What happened how often, over all trials.
fn counters(outcomes: &[Outcome]) -> [(&'static str, u64); 8] {
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum();
    [
        ("leader changes", sum(|o| o.counts.leader_changes)),
        ("truncations", sum(|o| o.counts.truncations)),
        ("snapshot installs", sum(|o| o.counts.snapshots)),
        (
            "joint phases with a leader change",
            sum(|o| o.counts.joint_leader_changes),
        ),
        ("crashes that lost entries", sum(|o| o.entries_lost)),
        ("transfers completed", sum(|o| o.counts.transfers_completed)),
        ("transfers aborted", sum(|o| o.counts.transfers_aborted)),
        (
            "reads confirmed",
            sum(|o| o.counts.reads_by_round + o.counts.reads_by_lease),
        ),
    ]
}

#[expect(
    clippy::print_stdout,
    reason = "shown to those who ask with --nocapture"
)]
fn show(outcomes: &[Outcome], counters: &[(&str, u64)], commits: u64) {
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    println!("{} groups, median {commits} commits", outcomes.len());
    for (name, count) in counters {
        println!("{count:>10} {name}");
    }
    println!("{:>10} messages", sum(|o| o.messages));
    println!("{:>10} observations", sum(|o| o.counts.observations));
    let longest = outcomes.iter().map(|o| o.settled_us).max();
    let longest = longest.unwrap_or_default() / 1_000;
    println!("{longest:>10} ms at most to come together");
}

#[test]
fn many_groups_break_no_invariant_and_come_together() {
    let trials = trials();
    let (outcomes, failures) = run_all(&trials);
    let counters = counters(&outcomes);
    let mut commits: Vec<u64> = outcomes.iter().map(|o| o.counts.commits).collect();
    commits.sort_unstable();
    let commits = commits.get(commits.len() / 2).copied().unwrap_or_default();
    show(&outcomes, &counters, commits);
    let (failed, all) = (failures.len(), trials.len());
    assert!(
        failures.is_empty(),
        "{failed} of {all}:\n{}",
        failures.join("\n")
    );
    let messages = outcomes.iter().map(|outcome| outcome.messages).min();
    assert!(messages >= Some(1_000), "a group had {messages:?} messages");
    // Whoever runs other seeds wants to see them, not to prove that they suffice.
    if wanted("GROUP_SEED").is_none() && wanted("GROUP_SEEDS").is_none() {
        assert!(commits >= 50, "the median is {commits} commits");
        for (name, count) in counters {
            assert!(count >= 200, "{count} {name}");
        }
    }
}
