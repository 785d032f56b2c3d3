//! A short soak of seeds that nobody has seen, and of those that once failed. `cargo xtask soak`
//! runs as many as one likes.

use std::process::Command;
use std::thread;

use cluster::soak::{Profile, Range, Totals, listed, run};

/// How many fresh seeds.
const SEEDS: u64 = 40;
const THREADS: u64 = 2;

/// The beginning of the commit's hash: each commit meets new seeds, and can be repeated.
fn first_seed() -> u64 {
    let head = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let hash = head.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let hash = hash.unwrap_or_default();
    let digits: String = hash.chars().take(12).collect();
    // Without a repository there is no commit to be fresh for.
    u64::from_str_radix(&digits, 16).unwrap_or(1)
}

fn totals(range: Range) -> Totals {
    let mut totals = Totals::new(Profile::All, range);
    for seed in range.from..range.to {
        totals.add(&run(seed, Profile::All, None));
    }
    totals
}

/// What broke, each with the command that shows it again.
fn words(totals: &Totals) -> Vec<String> {
    let failures = totals.failures.iter();
    let words = failures.map(|failure| format!("{failure}\n  {}", failure.command(None)));
    words.collect()
}

#[test]
fn fresh_seeds_of_stores_and_groups_break_nothing() {
    let from = first_seed();
    let to = from + SEEDS;
    let range = Range { from, to };
    let mut all = Totals::new(Profile::All, Range { from, to: from });
    thread::scope(|scope| {
        let part = |nth| scope.spawn(move || totals(range.shard(nth, THREADS)));
        let parts: Vec<_> = (0..THREADS).map(part).collect();
        for part in parts {
            let part = part.join().expect("a run does not panic");
            all.merge(part).expect("parts of one soak");
        }
    });
    let words = words(&all);
    assert!(words.is_empty(), "{}", words.join("\n"));
    assert_eq!((all.seeds, all.ranges.as_slice()), (SEEDS, &[range][..]));
    assert_eq!(all.unknown, 0, "histories without a verdict");
    assert!(all.median_acknowledged() >= 300, "{:?}", all.acknowledged);
    assert!(all.leader_permille() >= 500, "{}", all.leader_permille());
}

#[test]
fn seeds_that_once_failed_do_so_no_more() {
    let list = listed(include_str!("../failed-seeds.txt")).expect("every line says something");
    let mut failed = Vec::new();
    for line in list {
        let report = run(line.seed, line.profile, None);
        let failures = report.failures.iter();
        failed.extend(failures.map(|failure| format!("{failure}, once {}", line.why)));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
