//! The store workers: starting them, talking to them, ending them.

use std::{collections::BTreeMap, rc::Weak};

use js_sys::Array;
use types::id::{Incarnation, StoreId};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{
    Blob, BlobPropertyBag, ErrorEvent, Event, MessageEvent, Url, Worker, WorkerOptions, WorkerType,
};

use super::Shell;
use crate::{js, port, wire::ToStore};

/// Names a worker for as long as this conductor lives.
pub(super) type WorkerId = u32;

/// All store workers. A worker is started before it is known whose it will be, since that takes
/// longest; it is somebody's from [`Crew::employ`] on, and for life.
pub(super) struct Crew {
    loader: Option<String>,
    shell: Weak<Shell>,
    last: WorkerId,
    spare: BTreeMap<WorkerId, Member>,
    employed: BTreeMap<StoreId, (WorkerId, Incarnation, Member)>,
    /// The error handler of workers that are gone: a late error of theirs is nobody's any more.
    deaf: Closure<dyn FnMut(Event)>,
}

struct Member {
    worker: Worker,
    announced: bool,
    /// What was said to it before it announced itself; it would be lost.
    outbox: Vec<ToStore>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl Crew {
    pub(super) fn new(loader: Option<String>, shell: Weak<Shell>) -> Self {
        Self {
            loader,
            shell,
            last: 0,
            spare: BTreeMap::new(),
            employed: BTreeMap::new(),
            deaf: Closure::new(|event: Event| event.prevent_default()),
        }
    }

    /// The loader script, when this worker runs from a blob.
    pub(super) fn loader(&self) -> Option<String> {
        self.loader.clone()
    }

    /// Starts workers until `count` wait for a store.
    pub(super) fn warm_up(&mut self, count: usize) {
        while self.spare.len() < count {
            if let Err(error) = self.start() {
                // Employing one tells of it.
                port::log(&format!("a worker did not start: {}", js::reason(&error)));
                return;
            }
        }
    }

    fn start(&mut self) -> Result<WorkerId, JsValue> {
        self.last += 1;
        let id = self.last;
        let worker = new_worker("store", self.loader.as_deref())?;
        let shell = self.shell.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(shell) = shell.upgrade() {
                shell.hear_worker(id, &event);
            }
        });
        let shell = self.shell.clone();
        let on_error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            // It would go on to the page as an error of the conductor.
            event.prevent_default();
            if let Some(shell) = shell.upgrade() {
                shell.worker_failed(id, error_message(&event));
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let member = Member {
            worker,
            announced: false,
            outbox: Vec::new(),
            _on_message: on_message,
            _on_error: on_error,
        };
        self.spare.insert(id, member);
        Ok(id)
    }

    /// Gives a store a worker, and the worker its first message.
    ///
    /// # Errors
    ///
    /// What the browser said when it started none.
    pub(super) fn employ(
        &mut self,
        store: StoreId,
        incarnation: Incarnation,
        open: ToStore,
    ) -> Result<(), String> {
        self.dismiss(store);
        let id = match self.spare.keys().next() {
            Some(&id) => id,
            None => self.start().map_err(|error| js::reason(&error))?,
        };
        let mut member = self.spare.remove(&id).expect("it is spare");
        member.say(open);
        self.employed.insert(store, (id, incarnation, member));
        Ok(())
    }

    /// Ends a store's worker. Nothing that it said and we did not hear will come.
    pub(super) fn dismiss(&mut self, store: StoreId) {
        if let Some((_, _, member)) = self.employed.remove(&store) {
            self.end(&member);
        }
    }

    /// Ends every worker.
    pub(super) fn dismiss_all(&mut self) {
        let employed = std::mem::take(&mut self.employed);
        let spare = std::mem::take(&mut self.spare);
        let employed = employed.into_values().map(|(_, _, member)| member);
        for member in employed.chain(spare.into_values()) {
            self.end(&member);
        }
    }

    fn end(&self, member: &Member) {
        self.bury(&member.worker);
    }

    /// Ends a worker, whose late errors are nobody's any more.
    pub(super) fn bury(&self, worker: &Worker) {
        worker.terminate();
        worker.set_onmessage(None);
        worker.set_onerror(Some(self.deaf.as_ref().unchecked_ref()));
    }

    /// Says something to a store's worker. Whether it has one.
    pub(super) fn say(&mut self, store: StoreId, message: ToStore) -> bool {
        let employed = self.employed.get_mut(&store);
        employed.map(|(_, _, member)| member.say(message)).is_some()
    }

    /// The worker announced itself.
    pub(super) fn announced(&mut self, id: WorkerId) {
        let employed = self.employed.values_mut();
        let mut employed = employed.filter(|(worker, _, _)| *worker == id);
        let employed = employed.next().map(|(_, _, member)| member);
        if let Some(member) = employed.or_else(|| self.spare.get_mut(&id)) {
            member.announced = true;
            for message in std::mem::take(&mut member.outbox) {
                port::post_to_worker(&member.worker, &message);
            }
        }
    }

    /// Forgets a worker that never got a store.
    pub(super) fn drop_spare(&mut self, id: WorkerId) {
        if let Some(member) = self.spare.remove(&id) {
            self.end(&member);
        }
    }

    /// Whose worker this is.
    pub(super) fn store_of(&self, id: WorkerId) -> Option<StoreId> {
        let mut employed = self.employed.iter();
        let found = employed.find(|(_, (worker, _, _))| *worker == id);
        found.map(|(store, _)| *store)
    }

    /// Which life a store's worker has; `None` when it has no worker.
    pub(super) fn incarnation(&self, store: StoreId) -> Option<Incarnation> {
        let employed = self.employed.get(&store);
        employed.map(|(_, incarnation, _)| *incarnation)
    }
}

impl Member {
    fn say(&mut self, message: ToStore) {
        if self.announced {
            port::post_to_worker(&self.worker, &message);
        } else {
            self.outbox.push(message);
        }
    }
}

/// Starts a worker of a role from our own script; from a blob where that is where we came from.
pub(super) fn new_worker(role: &str, loader: Option<&str>) -> Result<Worker, JsValue> {
    let options = WorkerOptions::new();
    let Some(loader) = loader else {
        options.set_type(WorkerType::Module);
        options.set_name(role);
        return Worker::new_with_options(&port::scope().location().href(), &options);
    };
    options.set_name(&format!("{role}|{loader}"));
    let quoted: String = js_sys::JSON::stringify(&JsValue::from_str(loader))?.into();
    let script = Array::of1(&JsValue::from_str(&format!("import({quoted});")));
    let kind = BlobPropertyBag::new();
    kind.set_type("text/javascript");
    let blob = Blob::new_with_str_sequence_and_options(&script, &kind)?;
    // Not revoked: the worker may fetch it later, and there are few.
    let url = Url::create_object_url_with_blob(&blob)?;
    Worker::new_with_options(&url, &options)
}

pub(super) fn error_message(event: &Event) -> String {
    let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
    let message = message.filter(|message| !message.is_empty());
    message.unwrap_or_else(|| "the worker's script did not load".to_owned())
}
