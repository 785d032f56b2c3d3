//! `core-bench CASE REFERENCE ROUNDS` prints its samples as a JSON list; the reference is
//! `raft_rs`, `raft_rs_lean` or `overseen`. `cargo xtask bench core` calls it.

use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Instant;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.as_slice() {
        [name, reference, rounds] => run(name, reference, rounds),
        _ => Err("call it as `core-bench CASE REFERENCE ROUNDS`".to_owned()),
    };
    match result {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str, reference: &str, rounds: &str) -> Result<String, String> {
    let rounds = rounds
        .parse()
        .map_err(|error| format!("`{rounds}` rounds: {error}"))?;
    let now = || BEGAN.elapsed().as_secs_f64();
    let samples = core_bench::sample::run(name, reference, rounds, now)?;
    serde_json::to_string(&samples).map_err(|error| error.to_string())
}
