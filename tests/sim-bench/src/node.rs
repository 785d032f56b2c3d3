//! The same under Node.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::Case;

#[wasm_bindgen]
extern "C" {
    /// Milliseconds, with microseconds behind the point.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn milliseconds() -> f64;
}

/// See [`crate::run`]; the samples are a JSON list.
///
/// # Errors
///
/// The same, and for a name that is none.
#[wasm_bindgen]
pub fn run(name: &str, virtual_seconds: u32, rounds: u32) -> Result<String, String> {
    let case = Case::named(name).ok_or_else(|| format!("there is no case `{name}`"))?;
    let now = || milliseconds() / 1_000.0;
    let samples = crate::run(case, virtual_seconds.into(), rounds.into(), now)?;
    serde_json::to_string(&samples).map_err(|error| error.to_string())
}
