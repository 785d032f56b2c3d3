//! The role of a store's worker: one [`raftstore::Store`] behind a message port, and its disk. The
//! scheduler is such a worker too.
//!
//! Calls are handled as they come, also while a transaction is open. The worker never hears of
//! the page.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use cluster::StoreRequest;
use cluster::{Node as _, Server};
use gloo_timers::future::TimeoutFuture;
use raftstore::{RuleBook, rows};
use types::{
    disk::{DiskImage, DiskWrite},
    id::Cycle,
    io::{Output, Stop},
};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::MessageEvent;

use crate::{
    disk::{Disk, DiskError, Durability},
    locks::{self, How, Lock},
    port,
    wire::{FromStore, Open, StoreDisk, ToStore},
};

/// How long a refused transaction waits for its next try, in milliseconds: at first, and at most.
const RETRY_MS_FIRST: u32 = 50;
const RETRY_MS_MAX: u32 = 2_000;

/// Starts the role.
pub(crate) fn run() {
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.set(true);
        let message = panic.to_string();
        port::log(&message);
        port::post_to_parent(&FromStore::Panicked { message });
    }));
    let worker = Rc::new(StoreWorker::default());
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if PANICKED.get() {
            return;
        }
        match port::read(&event) {
            Ok(message) => worker.hear(message),
            Err(reason) => port::log(&format!("the conductor sent what is no message: {reason}")),
        }
    });
    port::scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    port::post_to_parent(&FromStore::Announce {
        build: protocol::BUILD.to_owned(),
    });
}

thread_local! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

#[derive(Default)]
struct StoreWorker {
    life: RefCell<Life>,
    disk: RefCell<Option<Rc<OpenDisk>>>,
    queue: RefCell<VecDeque<DiskWrite>>,
    writing: Cell<bool>,
    /// Whether the disk shall refuse what is written.
    is_full: Cell<bool>,
    marks: Cell<u32>,
}

#[derive(Default)]
enum Life {
    #[default]
    Empty,
    Loaded(DiskImage),
    Booted(Server),
    Over,
}

/// The disk and the lock under which it is open.
struct OpenDisk {
    name: String,
    durability: Durability,
    disk: RefCell<Rc<Disk>>,
    _lock: Lock,
}

impl StoreWorker {
    fn hear(self: &Rc<Self>, message: ToStore) {
        match message {
            ToStore::Open(open) => {
                let worker = Rc::clone(self);
                spawn_local(async move { worker.open(open).await });
            }
            ToStore::Call(request) => self.call(request),
            ToStore::View(question) => {
                let view = self.server(|server| server.store().map(|store| Box::new(store.view())));
                let view = view.flatten();
                port::post_to_parent(&FromStore::View(question, view));
            }
            ToStore::Hash(question) => {
                let hash = self.server(Server::state_hash);
                port::post_to_parent(&FromStore::Hash(question, hash));
            }
            ToStore::Fill(full) => self.is_full.set(full),
            ToStore::BusyLoop { ms, then_write } => self.busy_loop(ms, then_write),
            ToStore::Panic => panic!("a test asked this store to panic"),
        }
    }

    fn server<T>(&self, look: impl FnOnce(&Server) -> T) -> Option<T> {
        match &*self.life.borrow() {
            Life::Booted(server) => Some(look(server)),
            Life::Empty | Life::Loaded(_) | Life::Over => None,
        }
    }

    async fn open(&self, open: Open) {
        let image = match open.disk {
            StoreDisk::Memory(image) => Ok(image),
            StoreDisk::IndexedDb(durability) => {
                let name = locks::store_name(&open.cluster, open.store);
                self.open_database(name, durability).await
            }
        };
        let loaded = image.and_then(|image| Ok((rows::last_cycle(&image)?, image)));
        match loaded {
            Ok((cycle, image)) => {
                let told = open.wants_image.then(|| image.clone());
                self.life.replace(Life::Loaded(image));
                port::post_to_parent(&FromStore::Loaded { cycle, image: told });
            }
            Err(stop) => {
                self.life.replace(Life::Over);
                port::post_to_parent(&FromStore::LoadFailed(stop));
            }
        }
    }

    async fn open_database(&self, name: String, durability: Durability) -> Result<DiskImage, Stop> {
        let mut patience = Patience::default();
        loop {
            match try_open(&name, durability).await {
                Ok((disk, lock, image)) => {
                    let disk = RefCell::new(Rc::new(disk));
                    let open = OpenDisk {
                        name,
                        durability,
                        disk,
                        _lock: lock,
                    };
                    self.disk.replace(Some(Rc::new(open)));
                    return Ok(image);
                }
                Err(error) => patience.after(error).await?,
            }
        }
    }

    fn call(self: &Rc<Self>, request: StoreRequest) {
        let mut output = Output::default();
        let life = self.life.replace(Life::Over);
        let next = match (request, life) {
            (StoreRequest::Boot { config, now, event }, Life::Loaded(image)) => {
                let book = RuleBook::new(labs::rules);
                match Server::boot(&config, &book, &image, now, event, &mut output) {
                    Ok(server) => Life::Booted(server),
                    Err(stop) => {
                        output.clear();
                        output.stop = Some(stop);
                        Life::Over
                    }
                }
            }
            (StoreRequest::Handle(envelope), Life::Booted(mut server)) => {
                server.handle(&envelope, &mut output);
                Life::Booted(server)
            }
            (request, _) => {
                panic!("a store was called before it was loaded, twice, or at its end: {request:?}")
            }
        };
        self.life.replace(next);
        let write = output.write.clone();
        port::post_to_parent(&FromStore::Answer(output));
        // With a disk in memory it is the conductor who keeps the rows.
        if let Some(write) = write
            && self.disk.borrow().is_some()
        {
            self.queue.borrow_mut().push_back(write);
            self.write_out();
        }
    }

    /// Carries out the queued writes, one transaction at a time; nothing passes a refused one.
    fn write_out(self: &Rc<Self>) {
        let disk = self.disk.borrow().clone();
        let Some(disk) = disk else { return };
        if self.writing.replace(true) {
            return;
        }
        let worker = Rc::clone(self);
        spawn_local(async move {
            while let Some(write) = worker.next_write() {
                worker.wait_for_room().await;
                match disk.write(&write).await {
                    Ok(()) => port::post_to_parent(&FromStore::Durable(write.cycle)),
                    Err(stop) => {
                        worker.life.replace(Life::Over);
                        port::post_to_parent(&FromStore::Ended(stop));
                        return;
                    }
                }
            }
            worker.writing.set(false);
        });
    }

    /// Refuses as a browser does that gives no more room, as long as the conductor wants it.
    async fn wait_for_room(&self) {
        if self.is_full.get() {
            let reason = "QuotaExceededError: this disk was filled on purpose".to_owned();
            port::post_to_parent(&FromStore::DiskRefused { reason });
        }
        while self.is_full.get() {
            TimeoutFuture::new(RETRY_MS_FIRST).await;
        }
    }

    fn next_write(&self) -> Option<DiskWrite> {
        self.queue.borrow_mut().pop_front()
    }

    fn busy_loop(&self, ms: u32, then_write: bool) {
        let end = port::real_us() + u64::from(ms) * 1_000;
        while port::real_us() < end {
            std::hint::spin_loop();
        }
        let disk = self.disk.borrow().clone();
        if let Some(disk) = disk.filter(|_| then_write) {
            let count = self.marks.get() + 1;
            self.marks.set(count);
            let disk = Rc::clone(&disk.disk.borrow());
            spawn_local(async move {
                if let Err(error) = disk.mark(count).await {
                    port::log(&format!("the hook's row was not written: {error}"));
                }
            });
        }
    }
}

/// The lock first, so that the store's former self is gone before its disk is read.
async fn try_open(
    name: &str,
    durability: Durability,
) -> Result<(Disk, Lock, DiskImage), DiskError> {
    let lock = locks::hold(name, How::Wait, || {}).await;
    let lock = lock.map_err(|error| DiskError::Refused {
        what: "lock the disk",
        reason: error.reason,
    })?;
    let lock = lock.expect("who waits for a lock without end gets it");
    let disk = Disk::open(name, durability).await?;
    let image = disk.load().await?;
    Ok((disk, lock, image))
}

impl OpenDisk {
    /// Carries out one write, however often the browser refuses it.
    ///
    /// # Errors
    ///
    /// The store's end, when the disk is no longer what it was.
    async fn write(&self, write: &DiskWrite) -> Result<(), Stop> {
        let mut patience = Patience::default();
        loop {
            let disk = Rc::clone(&self.disk.borrow());
            let Err(error) = disk.write(write).await else {
                return Ok(());
            };
            patience.after(error).await?;
            // The browser may have closed the connection, and may have cleared the disk with it.
            match self.reopen(write.cycle).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => patience.after(error).await?,
            }
        }
    }

    /// Opens the disk anew. Whether `cycle` is on it already; it must stand right before it if
    /// not.
    async fn reopen(&self, cycle: Cycle) -> Result<bool, DiskError> {
        let disk = Disk::open(&self.name, self.durability).await?;
        let found = last_cycle(&disk.load().await?)?;
        self.disk.replace(Rc::new(disk));
        if found == cycle || found.next() == cycle {
            return Ok(found == cycle);
        }
        Err(DiskError::BadRow {
            table: types::disk::Table::Meta,
            reason: format!("the disk stands at cycle {found} where {cycle} is next"),
        })
    }
}

fn last_cycle(image: &DiskImage) -> Result<Cycle, DiskError> {
    rows::last_cycle(image).map_err(|stop| DiskError::BadRow {
        table: types::disk::Table::Meta,
        reason: stop.to_string(),
    })
}

/// Longer and longer waits between tries.
#[derive(Default)]
struct Patience {
    ms: u32,
    told: String,
}

impl Patience {
    /// Tells the conductor and waits.
    ///
    /// # Errors
    ///
    /// The store's end, when another try cannot help.
    async fn after(&mut self, error: DiskError) -> Result<(), Stop> {
        let reason = error.to_string();
        if let Some(stop) = error.into_stop() {
            return Err(stop);
        }
        if self.told != reason {
            self.told.clone_from(&reason);
            port::post_to_parent(&FromStore::DiskRefused { reason });
        }
        self.ms = (self.ms * 2).clamp(RETRY_MS_FIRST, RETRY_MS_MAX);
        TimeoutFuture::new(self.ms).await;
        Ok(())
    }
}
