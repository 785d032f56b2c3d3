//! Browser calls that `web-sys` offers only behind a compiler flag.

use js_sys::{Array, Function, Object, Promise};
use wasm_bindgen::prelude::*;
use web_sys::IdbTransaction;

#[wasm_bindgen]
extern "C" {
    /// `navigator.locks`.
    #[derive(Debug, Clone)]
    pub type LockManager;

    /// Calls `callback` with the lock, or with null; the lock is held until the promise that
    /// `callback` returned settles. The promise returned here settles when the lock is gone.
    #[wasm_bindgen(method, catch)]
    pub fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        callback: &Function,
    ) -> Result<Promise, JsValue>;

    /// An `IDBDatabase`, whose transactions can be told how durable to be.
    #[derive(Debug, Clone)]
    pub type DurableDatabase;

    /// Opens a transaction over `tables`.
    #[wasm_bindgen(method, catch)]
    pub fn transaction(
        this: &DurableDatabase,
        tables: &Array,
        mode: &str,
        options: &Object,
    ) -> Result<IdbTransaction, JsValue>;

    /// `indexedDB`, seen from the call that `web-sys` does not know.
    #[derive(Debug, Clone)]
    pub type ListingFactory;

    /// Resolves to an array of `{ name, version }`.
    #[wasm_bindgen(method, catch)]
    pub fn databases(this: &ListingFactory) -> Result<Promise, JsValue>;
}

/// A plain object with these properties.
#[must_use]
pub fn object(properties: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in properties {
        let set = js_sys::Reflect::set(&object, &JsValue::from_str(name), value);
        assert!(set.is_ok(), "a fresh object takes the property {name}");
    }
    object
}

/// What a thrown or rejected value says, for logs and people.
#[must_use]
pub fn reason(value: &JsValue) -> String {
    if let Some(exception) = value.dyn_ref::<web_sys::DomException>() {
        return format!("{}: {}", exception.name(), exception.message());
    }
    if let Some(error) = value.dyn_ref::<js_sys::Error>() {
        return format!("{}: {}", error.name(), error.message());
    }
    value.as_string().unwrap_or_else(|| format!("{value:?}"))
}

/// The `name` of a thrown exception, where it is one: `VersionError`, `AbortError`…
#[must_use]
pub fn error_name(value: &JsValue) -> Option<String> {
    if let Some(exception) = value.dyn_ref::<web_sys::DomException>() {
        return Some(exception.name());
    }
    let error = value.dyn_ref::<js_sys::Error>()?;
    Some(error.name().into())
}
