//! Where benches run, and what they have in common.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::de::DeserializeOwned;

use crate::exec;

/// Where the cases run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Native,
    Wasm,
}

/// The places, in the order of the table.
pub(super) const PLACES: [Place; 2] = [Place::Native, Place::Wasm];

impl Place {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Wasm => "wasm",
        }
    }
}

/// The program that runs the wasm half.
pub(super) fn node() -> Result<PathBuf> {
    exec::find("node").ok_or_else(|| {
        anyhow!(
            "Node is needed for the wasm half and is not on PATH: install Node 20 or later \
             (https://nodejs.org, or `sudo apt-get install nodejs`) and run this again"
        )
    })
}

/// What a program measured, which it prints as JSON.
pub(super) fn samples<T: DeserializeOwned>(command: &mut Command) -> Result<Vec<T>> {
    let words = exec::shown(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{words}`"))?;
    if !output.status.success() {
        bail!("`{words}` failed ({})", output.status);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("`{words}` printed no samples"))
}

/// The middle one, or the mean of the two.
pub(super) fn median(mut values: Vec<f64>) -> Result<f64> {
    ensure!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
    Ok(f64::midpoint(values[low], values[high]))
}
