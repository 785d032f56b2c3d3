//! The engine's behaviour has a number. A run that comes out differently under the same number is
//! either a mistake or a reason to raise it.

use cluster::{ENGINE_VERSION, sim::run_hash};

/// The runs that every platform must come to; `crates/engine/tests/golden.rs` checks all of them
/// and writes the file.
const FILE: &str = include_str!("../../../../tests/golden/run-hashes.txt");

#[test]
fn runs_come_out_as_they_did_when_this_engine_version_was_named() {
    let mut lines = FILE.lines();
    assert_eq!(
        lines.next(),
        Some(format!("engine version {ENGINE_VERSION}").as_str())
    );
    for line in lines.take(10) {
        let seed = line.split(' ').next().and_then(|seed| seed.parse().ok());
        let seed = seed.expect("a line starts with a seed");
        assert_eq!(format!("{seed} {:016x}", run_hash(seed, 30)), line);
    }
}
