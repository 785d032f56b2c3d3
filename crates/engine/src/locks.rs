//! Web Locks: who may touch a cluster and its disks.
//!
//! A lock lives with the worker that holds it. A worker that was terminated inside a long task
//! lives on for a while, in Chromium up to 2 s, and so does its lock: whoever waits for it cannot
//! meet a write of the dead.

use std::{cell::Cell, rc::Rc};

use js_sys::{Function, Promise, Reflect};
use protocol::ClusterName;
use types::id::StoreId;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::js::{self, LockManager};

/// The lock of a whole cluster; its conductor holds it. Its database has the same name.
#[must_use]
pub fn cluster_name(cluster: &ClusterName) -> String {
    format!("rp/{}", cluster.as_str())
}

/// The lock of one store; its worker holds it. Its database has the same name.
#[must_use]
pub fn store_name(cluster: &ClusterName, store: StoreId) -> String {
    format!("rp/{}/{}", cluster.as_str(), store.get())
}

/// How to ask for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Wait until it is free.
    Wait,
    /// Wait until it is free, but no longer than so many milliseconds.
    WaitFor(u32),
    /// Only if it is free now.
    IfFree,
    /// Take it from whoever holds it.
    Steal,
}

/// Locks cannot be had here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Web Locks: {reason}")]
pub struct LockError {
    /// What the browser said.
    pub reason: String,
}

/// A lock that is held; dropping it releases it.
#[derive(Debug)]
pub struct Lock {
    release: Function,
    released: Rc<Cell<bool>>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.released.set(true);
        // Resolving a promise does not throw.
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}

/// Asks for a lock. `None` when it could not be had in the way asked for. When another tab steals
/// it, `on_stolen` is called.
///
/// # Errors
///
/// [`LockError`] when there are no locks, or they are refused (opaque origins).
pub async fn hold(
    name: &str,
    how: How,
    on_stolen: impl FnOnce() + 'static,
) -> Result<Option<Lock>, LockError> {
    let refused = |error: &JsValue| LockError {
        reason: js::reason(error),
    };
    let manager = manager()?;
    let (held, release, _) = pending();
    let (granted, grant, deny) = pending();
    let callback = Closure::once_into_js(move |lock: JsValue| -> JsValue {
        let free = lock.is_null();
        let _ = grant.call1(&JsValue::UNDEFINED, &JsValue::from_bool(!free));
        if free {
            JsValue::UNDEFINED
        } else {
            held.into()
        }
    });
    let ended = manager
        .request(name, &options(how), callback.unchecked_ref())
        .map_err(|error| refused(&error))?;
    let released = Rc::new(Cell::new(false));
    watch(ended, deny, Rc::clone(&released), on_stolen);
    match JsFuture::from(granted).await {
        Ok(granted) if granted.is_truthy() => Ok(Some(Lock { release, released })),
        Ok(_) => Ok(None),
        Err(error) if gave_up_waiting(how, &error) => Ok(None),
        Err(error) => Err(refused(&error)),
    }
}

fn manager() -> Result<LockManager, LockError> {
    let get = |target: &JsValue, name: &str| {
        Reflect::get(target, &JsValue::from_str(name)).map_err(|error| LockError {
            reason: js::reason(&error),
        })
    };
    let manager = get(&get(&js_sys::global(), "navigator")?, "locks")?;
    if manager.is_object() {
        Ok(manager.unchecked_into())
    } else {
        Err(LockError {
            reason: "this browser or this page has none".to_owned(),
        })
    }
}

fn options(how: How) -> js_sys::Object {
    match how {
        How::Wait => js::object(&[]),
        How::WaitFor(ms) => {
            let signal = web_sys::AbortSignal::timeout_with_u32(ms);
            js::object(&[("signal", signal.into())])
        }
        How::IfFree => js::object(&[("ifAvailable", JsValue::TRUE)]),
        How::Steal => js::object(&[("steal", JsValue::TRUE)]),
    }
}

fn gave_up_waiting(how: How, error: &JsValue) -> bool {
    let name = js::error_name(error);
    matches!(how, How::WaitFor(_)) && matches!(name.as_deref(), Some("TimeoutError" | "AbortError"))
}

/// A promise, what resolves it and what rejects it.
fn pending() -> (Promise, Function, Function) {
    let mut ends = None;
    let promise = Promise::new(&mut |resolve, reject| ends = Some((resolve, reject)));
    let (resolve, reject) = ends.expect("a promise calls its executor at once");
    (promise, resolve, reject)
}

/// Sees the lock's end: a refusal before it was granted, or a theft after.
fn watch(
    ended: Promise,
    deny: Function,
    released: Rc<Cell<bool>>,
    on_stolen: impl FnOnce() + 'static,
) {
    spawn_local(async move {
        if let Err(error) = JsFuture::from(ended).await {
            // Without effect once the lock was granted.
            let _ = deny.call1(&JsValue::UNDEFINED, &error);
            if !released.get() && js::error_name(&error).as_deref() == Some("AbortError") {
                on_stolen();
            }
        }
    });
}
