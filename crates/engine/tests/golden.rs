//! Equal seeds give equal runs, on this machine as on every other.

use engine::golden::{FILE, Golden, SEEDS};

/// Writes the file anew instead of comparing.
const UPDATE: &str = "UPDATE_GOLDEN";

#[test]
fn a_hundred_runs_with_faults_end_in_the_hashes_of_the_golden_file() {
    let here = Golden::run(SEEDS);
    if std::env::var_os(UPDATE).is_some() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/run-hashes.txt"
        );
        std::fs::write(path, here.text()).expect("the golden file can be written");
        return;
    }
    let golden = Golden::parse(FILE).expect("the golden file can be read");
    assert!(
        golden.version == here.version || golden.runs != here.runs,
        "ENGINE_VERSION went from {} to {} and no run changed",
        golden.version,
        here.version
    );
    assert!(
        golden == here,
        "runs end in other hashes than those of version {}. When that is meant, raise \
         ENGINE_VERSION (now {}) once per release and run this test with {UPDATE}=1",
        golden.version,
        here.version
    );
}

#[test]
fn a_file_that_is_not_one_of_hashes_is_not_read() {
    for bad in [
        "",
        "engine version x\n",
        "1 ff\n",
        "engine version 1\n1 xyz\n",
        "engine version 1\n1\n",
    ] {
        assert_eq!(Golden::parse(bad), None, "{bad:?}");
    }
}
