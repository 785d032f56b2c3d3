//! Seeds that nobody has seen before come out alike, natively and natively again. Their hashes are
//! left in `target/fresh-seeds.txt` for the suites that run the same seeds in wasm.

// A test may ask its environment.
#![allow(clippy::disallowed_methods)]

use std::process::Command;

use engine::fresh;

/// The beginning of the commit's hash; `FRESH_SEED=n` repeats a run.
fn first_seed() -> u64 {
    let wanted = std::env::var("FRESH_SEED").ok();
    if let Some(seed) = wanted.and_then(|seed| seed.parse().ok()) {
        return seed;
    }
    let head = Command::new("git").args(["rev-parse", "HEAD"]).output();
    let hash = head.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let digits: String = hash.unwrap_or_default().chars().take(12).collect();
    // Without a repository there is no commit to be fresh for.
    u64::from_str_radix(&digits, 16).unwrap_or(1)
}

#[test]
fn two_hundred_fresh_seeds_end_alike_twice() {
    let first = first_seed();
    let runs = fresh::run(first);
    assert_eq!(runs, fresh::run(first), "from seed {first}");
    let text = fresh::text(&runs);
    assert_eq!(fresh::parse(&text), Some(runs));
    let target = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target");
    std::fs::create_dir_all(target).expect("a target folder");
    let path = format!("{target}/fresh-seeds.txt");
    // Who has them already need not be built again.
    if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
        std::fs::write(path, text).expect("a file");
    }
}

#[test]
fn what_is_no_list_of_runs_is_not_read() {
    for bad in ["x", "1", "1 ff", "1 ff xyz", "x 1 1"] {
        assert_eq!(fresh::parse(bad), None, "{bad:?}");
    }
}
