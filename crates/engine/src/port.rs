//! Messages between workers: postcard bytes in transferred buffers.

use js_sys::{Array, ArrayBuffer, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use types::codec;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, Worker};

use crate::js;

/// The scope of the worker that this runs in.
///
/// # Panics
///
/// When this does not run in a dedicated worker.
#[must_use]
pub fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global()
        .dyn_into()
        .expect("the engine runs in a dedicated worker")
}

/// Posts `message` to whoever started this worker.
pub fn post_to_parent<T: Serialize>(message: &T) {
    let (buffer, transfer) = packed(message);
    // Only a value that cannot be cloned is refused, which a buffer is not.
    if let Err(error) = scope().post_message_with_transfer(&buffer, &transfer) {
        log(&format!("a message was not posted: {}", js::reason(&error)));
    }
}

/// Posts `message` to a worker.
pub fn post_to_worker<T: Serialize>(worker: &Worker, message: &T) {
    let (buffer, transfer) = packed(message);
    if let Err(error) = worker.post_message_with_transfer(&buffer, &transfer) {
        log(&format!("a message was not posted: {}", js::reason(&error)));
    }
}

fn packed<T: Serialize>(message: &T) -> (ArrayBuffer, Array) {
    let buffer = Uint8Array::from(codec::encode(message).as_slice()).buffer();
    let transfer = Array::of1(&buffer);
    (buffer, transfer)
}

/// Reads a message.
///
/// # Errors
///
/// What is wrong with it.
pub fn read<T: DeserializeOwned>(event: &MessageEvent) -> Result<T, String> {
    let data = event.data();
    let buffer: &ArrayBuffer = data
        .dyn_ref()
        .ok_or_else(|| "not an ArrayBuffer".to_owned())?;
    codec::decode(&Uint8Array::new(buffer).to_vec()).map_err(|error| error.to_string())
}

/// Writes a line to the browser's console, as an error.
pub fn log(line: &str) {
    web_sys::console::error_1(&JsValue::from_str(line));
}

/// Microseconds of real time since this worker started. Only drivers look at it.
#[must_use]
pub fn real_us() -> u64 {
    let ms = scope().performance().map_or(0.0, |clock| clock.now());
    // Far below 2^53 and never negative.
    (ms * 1_000.0) as u64
}
