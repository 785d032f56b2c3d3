//! What the suites share that drive the built page from outside.

#![deny(missing_docs)]

#[cfg(all(feature = "e2e", not(target_arch = "wasm32")))]
pub mod harness;
