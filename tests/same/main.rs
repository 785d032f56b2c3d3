//! The same runs as natively, inside a dedicated worker of a real browser. Split in parts, so
//! that a slow browser shows where it is.

#![cfg(target_arch = "wasm32")]

use engine::{
    cost::Cost,
    fresh::{self, IN_BROWSERS, Run},
    golden::{FILE, Golden, SEEDS},
};
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Compares the seeds of one part.
fn compare(part: usize) {
    let golden = Golden::parse(FILE).expect("the golden file can be read");
    assert_eq!(golden.version, cluster::ENGINE_VERSION);
    assert!(golden.runs.iter().map(|(seed, _)| *seed).eq(SEEDS));
    let expected = &golden.runs[part * 25..(part + 1) * 25];
    let here = Golden::run(expected.iter().map(|(seed, _)| *seed));
    assert_eq!(here.runs, expected);
}

#[wasm_bindgen_test]
fn seeds_1_to_25_end_in_the_hashes_of_the_golden_file() {
    compare(0);
}

#[wasm_bindgen_test]
fn seeds_26_to_50_end_in_the_hashes_of_the_golden_file() {
    compare(1);
}

#[wasm_bindgen_test]
fn seeds_51_to_75_end_in_the_hashes_of_the_golden_file() {
    compare(2);
}

#[wasm_bindgen_test]
fn seeds_76_to_100_end_in_the_hashes_of_the_golden_file() {
    compare(3);
}

#[wasm_bindgen_test]
fn twenty_fresh_seeds_end_as_they_did_natively() {
    let file = include_str!(concat!(env!("OUT_DIR"), "/fresh-seeds.txt"));
    let runs = fresh::parse(file).expect("the file can be read");
    assert!(
        runs.len() > IN_BROWSERS,
        "run `cargo test -p engine --test fresh` before this suite is built"
    );
    for run in &runs[..IN_BROWSERS] {
        assert_eq!(Run::of(run.seed), *run);
    }
}

#[wasm_bindgen_test]
fn what_judging_the_invariants_costs_a_conductor_is_printed() {
    let cost = Cost::measure(engine::port::real_us);
    console_log!("{cost}");
    assert!(cost.events > 50_000, "only {} events", cost.events);
}
