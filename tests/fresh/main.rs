//! The fresh seeds of this commit in WebAssembly under Node: the hashes are those of the native
//! run.

#![cfg(target_arch = "wasm32")]

use engine::fresh::{self, COUNT, Run};
use wasm_bindgen_test::wasm_bindgen_test;

const FILE: &str = include_str!(concat!(env!("OUT_DIR"), "/fresh-seeds.txt"));

/// Runs a quarter of the seeds, so that a slow one shows where it is.
fn compare(part: usize) {
    let runs = fresh::parse(FILE).expect("the file can be read");
    let count = usize::try_from(COUNT).expect("few");
    assert_eq!(
        runs.len(),
        count,
        "run `cargo test -p engine --test fresh` before this suite is built"
    );
    for run in &runs[part * count / 4..(part + 1) * count / 4] {
        assert_eq!(Run::of(run.seed), *run);
    }
}

#[wasm_bindgen_test]
fn the_first_quarter_ends_as_it_did_natively() {
    compare(0);
}

#[wasm_bindgen_test]
fn the_second_quarter_ends_as_it_did_natively() {
    compare(1);
}

#[wasm_bindgen_test]
fn the_third_quarter_ends_as_it_did_natively() {
    compare(2);
}

#[wasm_bindgen_test]
fn the_fourth_quarter_ends_as_it_did_natively() {
    compare(3);
}
