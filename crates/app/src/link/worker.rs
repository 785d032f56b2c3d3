//! The conductor's worker.

use js_sys::{Array, ArrayBuffer, Uint8Array};
use protocol::{FromConductor, ToConductor};
use types::codec;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{
    Blob, BlobPropertyBag, ErrorEvent, MessageEvent, Url, Worker, WorkerOptions, WorkerType,
};
use yew::Callback;

use super::browser;
use crate::model::ui::Event;

/// The worker's name; the loader in a blob finds the true address behind the bar.
const NAME: &str = "conductor";
const LOADER: &str = "engine_loader.js";

struct Running {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

/// The way to the conductor.
pub struct Link {
    running: Option<Running>,
    events: Callback<Event>,
}

impl Link {
    /// A way that is not open yet; what comes back goes to `events`.
    #[must_use]
    pub const fn new(events: Callback<Event>) -> Self {
        Self {
            running: None,
            events,
        }
    }

    /// Starts the worker. An older one ends first.
    pub fn start(&mut self) {
        self.stop();
        match spawn() {
            Ok(worker) => self.running = Some(self.listen(worker)),
            Err(error) => self.events.emit(Event::NoWorker(browser::words(&error))),
        }
    }

    /// Ends the worker; its stores end with it.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.worker.set_onmessage(None);
            running.worker.set_onerror(None);
            running.worker.terminate();
        }
    }

    /// Sends a message, where the worker runs.
    pub fn send(&self, message: &ToConductor) {
        let Some(running) = &self.running else { return };
        let buffer = Uint8Array::from(codec::encode(message).as_slice()).buffer();
        let transfer = Array::of1(&buffer);
        if let Err(error) = running
            .worker
            .post_message_with_transfer(&buffer, &transfer)
        {
            self.events.emit(Event::Died(browser::words(&error)));
        }
    }

    fn listen(&self, worker: Worker) -> Running {
        let events = self.events.clone();
        let on_message = Closure::new(move |message: MessageEvent| {
            events.emit(read(&message.data()));
        });
        let events = self.events.clone();
        let on_error = Closure::new(move |error: ErrorEvent| {
            error.prevent_default();
            let words = match error.message() {
                text if text.is_empty() => format!("{LOADER} could not be loaded"),
                text => text,
            };
            events.emit(Event::Died(words));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Running {
            worker,
            _on_message: on_message,
            _on_error: on_error,
        }
    }
}

fn read(data: &JsValue) -> Event {
    if let Some(buffer) = data.dyn_ref::<ArrayBuffer>() {
        let bytes = Uint8Array::new(buffer).to_vec();
        return match codec::decode::<FromConductor>(&bytes) {
            Ok(message) => Event::Conductor(Box::new(message)),
            Err(error) => Event::Unreadable(error.to_string()),
        };
    }
    // The loader in a blob says in words why the engine did not load.
    match data.as_string() {
        Some(words) => Event::Died(words),
        None => Event::Unreadable("not a buffer".to_owned()),
    }
}

fn spawn() -> Result<Worker, JsValue> {
    let loader = browser::address_of(LOADER)?;
    if !browser::is_opaque() {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(NAME);
        if let Ok(worker) = Worker::new_with_options(&loader, &options) {
            return Ok(worker);
        }
    }
    from_blob(&loader)
}

/// A frame with an opaque origin may not start a worker by address, but a classic one from a blob
/// may import the loader, where the host allows it.
fn from_blob(loader: &str) -> Result<Worker, JsValue> {
    let quoted = serde_json::to_string(loader).map_err(|error| error.to_string())?;
    let code = format!("import({quoted}).catch((error) => postMessage(String(error)));");
    let parts = Array::of1(&JsValue::from_str(&code));
    let kind = BlobPropertyBag::new();
    kind.set_type("text/javascript");
    let blob = Blob::new_with_str_sequence_and_options(&parts, &kind)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let options = WorkerOptions::new();
    options.set_name(&format!("{NAME}|{loader}"));
    // The address stays valid: some browsers read it only once the worker has started.
    Worker::new_with_options(&url, &options)
}
