//! The same under Node.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Milliseconds, with microseconds behind the point.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn milliseconds() -> f64;
}

/// See [`crate::sample::run`]; the samples are a JSON list.
///
/// # Errors
///
/// The same.
#[wasm_bindgen]
pub fn run(name: &str, reference: &str, rounds: usize) -> Result<String, String> {
    let now = || milliseconds() / 1_000.0;
    let samples = crate::sample::run(name, reference, rounds, now)?;
    serde_json::to_string(&samples).map_err(|error| error.to_string())
}
