//! `sim-bench CASE VIRTUAL_SECONDS ROUNDS` prints its samples as a JSON list. `cargo xtask bench
//! sim` calls it.

use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Instant;

use sim_bench::Case;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.as_slice() {
        [name, seconds, rounds] => run(name, seconds, rounds),
        _ => Err("call it as `sim-bench CASE VIRTUAL_SECONDS ROUNDS`".to_owned()),
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

fn run(name: &str, seconds: &str, rounds: &str) -> Result<String, String> {
    let number = |word: &str| {
        let number = word.parse();
        number.map_err(|error| format!("`{word}` is no number: {error}"))
    };
    let case = Case::named(name).ok_or_else(|| format!("there is no case `{name}`"))?;
    let now = || BEGAN.elapsed().as_secs_f64();
    let samples = sim_bench::run(case, number(seconds)?, number(rounds)?, now)?;
    serde_json::to_string(&samples).map_err(|error| error.to_string())
}
