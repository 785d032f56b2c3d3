//! `?hooks=1`: lets tests speak with the conductor from page script. JSON text goes in and out,
//! so that 64-bit hashes stay exact.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use js_sys::{Function, Object, Promise, Reflect};
use protocol::{AskId, BUILD, FromConductor, ToConductor};
use serde::{Serialize, de::DeserializeOwned};
use types::frame::Frame;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use yew::Callback;

use super::browser;

/// Names of questions of the hooks start here; those of the page end before.
const FIRST: AskId = 0x8000_0000;

#[derive(Default)]
struct Waiting {
    next: AskId,
    resolvers: BTreeMap<AskId, Function>,
    frame: Option<Rc<Frame>>,
}

/// The hooks.
#[derive(Clone, Default)]
pub struct Hooks {
    waiting: Rc<RefCell<Waiting>>,
}

impl Hooks {
    /// Puts `window.playground` in place; what it sends goes to `send`.
    pub fn install(&self, send: &Callback<ToConductor>) {
        let object = Object::new();
        self.method(&object, "act", send, |ask, action| ToConductor::Act {
            ask,
            action,
        });
        self.method(&object, "query", send, |ask, query| ToConductor::Query {
            ask,
            query,
        });
        self.method(&object, "lab", send, |ask, job| ToConductor::Lab {
            ask,
            job,
        });
        order(&object, "endLab", send, |()| ToConductor::EndLab);
        order(&object, "run", send, ToConductor::Run);
        order(&object, "hook", send, ToConductor::Hook);
        let waiting = self.waiting.clone();
        let frame =
            Closure::<dyn Fn() -> String>::new(move || json(&waiting.borrow().frame.as_deref()));
        put(&object, "frame", &frame.into_js_value());
        put(&object, "build", &JsValue::from_str(BUILD));
        put(&browser::window(), "playground", &object);
    }

    /// Keeps the newest frame for `frame()`.
    pub fn take_frame(&self, frame: &Rc<Frame>) {
        self.waiting.borrow_mut().frame = Some(frame.clone());
    }

    /// Takes a message that answers a hook; false when it is the page's.
    #[must_use]
    pub fn take(&self, message: &FromConductor) -> bool {
        match message {
            FromConductor::Acted { ask, result } => self.resolve(*ask, result),
            FromConductor::Answer { ask, result } => self.resolve(*ask, result),
            FromConductor::Lab { ask, result } => self.resolve(*ask, result),
            _ => false,
        }
    }

    fn resolve<T: Serialize>(&self, ask: AskId, result: &T) -> bool {
        if ask < FIRST {
            return false;
        }
        let resolver = self.waiting.borrow_mut().resolvers.remove(&ask);
        if let Some(resolver) = resolver {
            let _ = resolver.call1(&JsValue::NULL, &JsValue::from_str(&json(result)));
        }
        true
    }

    fn method<T: DeserializeOwned + 'static>(
        &self,
        object: &Object,
        name: &str,
        send: &Callback<ToConductor>,
        message: fn(AskId, T) -> ToConductor,
    ) {
        let (waiting, send) = (self.waiting.clone(), send.clone());
        let method = Closure::<dyn Fn(String) -> Promise>::new(move |text: String| {
            let content = match serde_json::from_str(&text) {
                Ok(content) => content,
                Err(error) => return Promise::reject(&JsValue::from_str(&error.to_string())),
            };
            let ask = {
                let mut waiting = waiting.borrow_mut();
                waiting.next = (waiting.next + 1) & !FIRST;
                FIRST | waiting.next
            };
            let promise = Promise::new(&mut |resolve, _| {
                waiting.borrow_mut().resolvers.insert(ask, resolve);
            });
            send.emit(message(ask, content));
            promise
        });
        put(object, name, &method.into_js_value());
    }
}

/// A method that is done once its message was sent.
fn order<T: DeserializeOwned + 'static>(
    object: &Object,
    name: &str,
    send: &Callback<ToConductor>,
    message: fn(T) -> ToConductor,
) {
    let send = send.clone();
    let method = Closure::<dyn Fn(String) -> Promise>::new(move |text: String| {
        match serde_json::from_str(&text) {
            Ok(content) => {
                send.emit(message(content));
                Promise::resolve(&JsValue::from_str("null"))
            }
            Err(error) => Promise::reject(&JsValue::from_str(&error.to_string())),
        }
    });
    put(object, name, &method.into_js_value());
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("{{\"json\":\"{error}\"}}"))
}

fn put<T: AsRef<JsValue>>(object: &T, name: &str, value: &JsValue) {
    let object: &JsValue = object.as_ref();
    let _ = Reflect::set(
        object.unchecked_ref::<Object>(),
        &JsValue::from_str(name),
        value,
    );
}
