//! The role of the conductor's worker.
//!
//! * [`run`] greets the page and hears it.
//! * `open` finds out where disks can be, takes the cluster's lock, and resumes or creates it.
//! * `live` drives the open cluster in real time: rounds out, answers in, the clock, frames.
//! * `crew` holds the store workers, `vault` what survives a reload, `asks` answers questions,
//!   `clock` relates virtual to real time, `workshop` spoils and empties disks.
//!
//! Deliberately absent: every rule of the run itself, which is [`cluster::Conductor`]'s.

mod asks;
mod clock;
mod crew;
mod lab;
mod live;
mod open;
mod saver;
mod vault;
mod workshop;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use protocol::{FromConductor, Hook, Notice, OpenError, Run, ToConductor};
use types::settings::Settings;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::MessageEvent;

use crate::{
    port,
    wire::{FromLab, FromStore, ToStore},
};
use crew::{Crew, WorkerId};
use live::Live;
use open::Grounds;

thread_local! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Starts the role. `loader` is the URL of the loader script when this worker runs from a blob.
pub fn run(loader: Option<String>) {
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.set(true);
        let message = panic.to_string();
        port::log(&message);
        port::post_to_parent(&FromConductor::Fatal { message });
    }));
    let shell = Rc::new_cyclic(|weak| Shell {
        crew: RefCell::new(Crew::new(loader, weak.clone())),
        phase: RefCell::new(Phase::Waiting),
    });
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if PANICKED.get() {
            return;
        }
        match port::read(&event) {
            Ok(message) => shell.hear_page(message),
            Err(reason) => notice(Notice::Refused { reason }),
        }
    });
    port::scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    port::post_to_parent(&FromConductor::Hello {
        build: protocol::BUILD.to_owned(),
    });
}

fn notice(notice: Notice) {
    port::post_to_parent(&FromConductor::Notice(notice));
}

/// What all callbacks of this worker share.
struct Shell {
    crew: RefCell<Crew>,
    phase: RefCell<Phase>,
}

enum Phase {
    /// For the page to open a cluster.
    Waiting,
    /// A cluster is being opened; what the page says meanwhile waits.
    Opening(Vec<ToConductor>),
    /// The cluster is ours but cannot be opened; the page can have a new one.
    Shut(Rc<Grounds>),
    /// The cluster runs.
    Live(Box<Live>),
    /// Another tab has the cluster.
    Over,
}

impl Shell {
    fn hear_page(self: &Rc<Self>, message: ToConductor) {
        if matches!(message, ToConductor::Hook(Hook::PanicConductor)) {
            panic!("a test asked the conductor to panic");
        }
        let mut phase = self.phase.borrow_mut();
        match (&mut *phase, message) {
            (Phase::Opening(backlog), message) => backlog.push(message),
            (Phase::Live(live), ToConductor::Renew { settings }) => {
                let grounds = live.grounds();
                *phase = Phase::Opening(Vec::new());
                drop(phase);
                self.renew(grounds, settings);
            }
            (Phase::Live(live), message) => live.hear(message),
            (Phase::Shut(grounds), ToConductor::Renew { settings }) => {
                let grounds = Rc::clone(grounds);
                *phase = Phase::Opening(Vec::new());
                drop(phase);
                self.renew(grounds, settings);
            }
            (
                Phase::Waiting,
                ToConductor::Open {
                    build,
                    cluster,
                    settings,
                    take_over,
                },
            ) => {
                if build != protocol::BUILD {
                    let build = protocol::BUILD.to_owned();
                    port::post_to_parent(&FromConductor::WrongBuild { build });
                    return;
                }
                *phase = Phase::Opening(Vec::new());
                let shell = Rc::clone(self);
                spawn_local(async move { shell.open(cluster, settings, take_over).await });
            }
            (_, ToConductor::Credit) | (Phase::Over, _) => {}
            (Phase::Waiting | Phase::Shut(_), message) => notice(Notice::Refused {
                reason: format!("no cluster is open: {message:?}"),
            }),
        }
    }

    fn renew(self: &Rc<Self>, grounds: Rc<Grounds>, settings: Settings) {
        self.crew.borrow_mut().dismiss_all();
        let shell = Rc::clone(self);
        spawn_local(async move { shell.create_anew(grounds, settings).await });
    }

    /// The cluster is open: what the page said meanwhile is heard now.
    fn go_live(self: &Rc<Self>, live: Live) {
        let before = self.phase.replace(Phase::Live(Box::new(live)));
        self.with_live(Live::begin);
        if let Phase::Opening(backlog) = before {
            for message in backlog {
                self.hear_page(message);
            }
        }
    }

    /// The cluster is ours and cannot be opened.
    fn shut(&self, grounds: Rc<Grounds>, error: OpenError) {
        if self.is_over() {
            return;
        }
        self.phase.replace(Phase::Shut(grounds));
        notice(Notice::CannotOpen(error));
    }

    fn is_over(&self) -> bool {
        matches!(&*self.phase.borrow(), Phase::Over)
    }

    fn with_live<T>(&self, act: impl FnOnce(&mut Live) -> T) -> Option<T> {
        match &mut *self.phase.borrow_mut() {
            Phase::Live(live) => Some(act(live)),
            Phase::Waiting | Phase::Opening(_) | Phase::Shut(_) | Phase::Over => None,
        }
    }

    fn hear_worker(&self, id: WorkerId, event: &MessageEvent) {
        if PANICKED.get() {
            return;
        }
        let message = match port::read(event) {
            Ok(message) => message,
            Err(reason) => {
                port::log(&format!(
                    "a store's worker sent what is no message: {reason}"
                ));
                return;
            }
        };
        match message {
            FromStore::Announce { build } if build != protocol::BUILD => {
                port::post_to_parent(&FromConductor::WrongBuild { build });
            }
            FromStore::Announce { .. } => self.crew.borrow_mut().announced(id),
            message => {
                let store = self.crew.borrow().store_of(id);
                if let Some(store) = store {
                    self.with_live(|live| live.hear_store(store, message));
                }
            }
        }
    }

    fn hear_lab(&self, number: u32, event: &MessageEvent) {
        if PANICKED.get() {
            return;
        }
        match port::read(event) {
            Ok(FromLab::Announce { build }) if build != protocol::BUILD => {
                port::post_to_parent(&FromConductor::WrongBuild { build });
            }
            Ok(message) => drop(self.with_live(|live| live.hear_lab(number, message))),
            Err(reason) => port::log(&format!("the lab sent what is no message: {reason}")),
        }
    }

    /// The worker ended with an error that its code did not see coming.
    fn worker_failed(&self, id: WorkerId, message: String) {
        if PANICKED.get() {
            return;
        }
        let store = self.crew.borrow().store_of(id);
        match store {
            Some(store) => {
                let message = FromStore::Panicked { message };
                self.with_live(|live| live.hear_store(store, message));
            }
            None => self.crew.borrow_mut().drop_spare(id),
        }
    }
}

/// What a page's message asks of a store's worker, for tests.
fn hook_of(hook: Hook) -> Option<(types::id::StoreId, ToStore)> {
    match hook {
        Hook::BusyLoop {
            store,
            ms,
            then_write,
        } => Some((store, ToStore::BusyLoop { ms, then_write })),
        Hook::PanicStore { store } => Some((store, ToStore::Panic)),
        Hook::BusyLab { .. } | Hook::PanicLab | Hook::PanicConductor => None,
    }
}

/// Whether time passes after this, where it says so.
const fn runs(run: Run) -> Option<bool> {
    match run {
        Run::Play => Some(true),
        Run::Pause => Some(false),
        Run::Step | Run::Speed(_) => None,
    }
}
