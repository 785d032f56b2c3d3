//! The engine's behaviour has a number. A run that comes out differently under the same number is
//! either a mistake or a reason to raise it.

use cluster::{ENGINE_VERSION, sim::run_hash};

/// The engine that made [`RUNS`].
const VERSION: u32 = 1;
/// Seeds, and the hashes of their runs of 30 virtual seconds with faults.
const RUNS: [(u64, u64); 8] = [
    (0, 0xb2f59a1fdef89c35),
    (1, 0x659f60fd538c42e4),
    (2, 0xf7d207a0a577a980),
    (3, 0xf35fabb162ca41f3),
    (4, 0xf539c034ff2b855a),
    (5, 0x3c5d368e33332297),
    (6, 0x22175402171d8e2b),
    (7, 0xd8161eb47179287c),
];

#[test]
fn runs_come_out_as_they_did_when_this_engine_version_was_named() {
    let found = RUNS.map(|(seed, _)| (seed, run_hash(seed, 30)));
    let lines = found.map(|(seed, hash)| format!("    ({seed}, {hash:#018x}),"));
    let lines = lines.join("\n");
    assert_eq!(
        VERSION, ENGINE_VERSION,
        "a new version has runs of its own:\n{lines}"
    );
    assert!(
        found == RUNS,
        "the engine behaves differently; if that is meant, raise ENGINE_VERSION and put in:\n{lines}"
    );
}
