//! What judging the invariants costs, natively: `cargo test -p engine --test cost -- --nocapture`.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::time::Instant;

use engine::cost::Cost;

#[test]
fn what_judging_the_invariants_costs_a_conductor_is_printed() {
    let begun = Instant::now();
    let now_us = || u64::try_from(begun.elapsed().as_micros()).expect("a short test");
    let cost = Cost::measure(now_us);
    println!("{cost}");
    assert!(cost.events > 50_000, "only {} events", cost.events);
}
