//! The command that a failed seed prints shows that failure again.

use std::process::{Command, Output};

/// Runs `cargo xtask …` as a person would, in the root of this tree.
fn shell(line: &str) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    // The program was built for this test; cargo would build another one, with the same code.
    let line = line.replacen("cargo xtask", env!("CARGO_BIN_EXE_xtask"), 1);
    let out = std::env::temp_dir().join(format!("xtask-soak-{}.json", std::process::id()));
    let line = format!("{line} --out {}", out.display());
    let output = Command::new("sh")
        .current_dir(root)
        .args(["-c", &line])
        .output();
    std::fs::remove_file(out).expect("a soak writes its file");
    output.expect("a shell")
}

#[test]
fn the_command_that_a_failure_prints_shows_the_same_failure_with_its_trace() {
    let rule = "reads_without_a_lease";
    let hunt = format!("cargo xtask soak --seeds 0..40 --profile raft --rule {rule}");
    let found = shell(&hunt);
    assert!(!found.status.success(), "the broken rule was not found");
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    let mut lines = text.lines();
    let failure = lines.find(|line| line.starts_with("seed ") && line.contains(": R"));
    let failure = failure.unwrap_or_else(|| panic!("no failure in one line:\n{text}"));
    let command = lines.next().expect("a command follows").trim().to_owned();
    assert!(
        command.starts_with("cargo xtask soak --seeds "),
        "{command}"
    );
    let again = shell(&command);
    assert!(!again.status.success());
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    let mut lines = text.lines().skip_while(|line| *line != failure);
    assert_eq!(lines.next(), Some(failure), "{text}");
    assert_eq!(lines.next().map(str::trim), Some(command.as_str()));
    let steps = lines
        .take_while(|line| line.starts_with("    event "))
        .count();
    assert!(steps > 10, "only {steps} steps lead there:\n{text}");
}

#[test]
fn a_profile_that_comes_later_is_refused_with_words() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["soak", "--seeds", "0..1", "--profile", "multiraft"])
        .output()
        .expect("the program runs");
    assert!(!output.status.success());
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        words.contains("it comes with the multi-raft store"),
        "{words}"
    );
}
