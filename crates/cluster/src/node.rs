//! What runs on a host, and the machine around it in memory.

use std::{
    fmt::Debug,
    panic::{self, AssertUnwindSafe},
};

use raftstore::{RuleBook, Store, image::MemoryDisk};
use scheduler::Scheduler;
use serde::Serialize;
use types::{
    action::{Action, Misuse},
    disk::{DiskImage, DiskWrite},
    event::EventId,
    id::{Cycle, StoreId},
    io::{BootConfig, Envelope, Output, Stop},
    time::StoreTime,
};

use crate::{parts::Part, round::StoreRequest};

/// Something that boots from a disk and answers envelopes: a store, or a raw raft group. A clone
/// goes on as the original would.
pub trait Node: Clone + Serialize {
    /// What a node is told at every start beyond its [`BootConfig`]. It is no part of a recording:
    /// who replays a run must hand over the same again.
    type Setup: Clone + Default + Debug;

    /// Comes up from `image`; an empty one is a fresh disk.
    ///
    /// # Errors
    ///
    /// [`Stop`] when the disk cannot be used.
    fn boot(
        config: &BootConfig,
        setup: &Self::Setup,
        image: &DiskImage,
        now: StoreTime,
        event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop>;

    /// Handles inputs.
    fn handle(&mut self, envelope: &Envelope, output: &mut Output);

    /// The hash of its whole memory.
    fn state_hash(&self) -> u64;

    /// Whether nodes of this setup can decide by the rules of this name.
    fn knows_rules(_setup: &Self::Setup, _name: &str) -> bool {
        false
    }
}

/// A machine of a cluster: a store, or the scheduler, whose machine is
/// [`StoreId::SCHEDULER`].
#[derive(Debug, Clone, Serialize)]
pub enum Server {
    /// A store.
    Store(Box<Store>),
    /// The scheduler.
    Scheduler(Box<Scheduler>),
}

impl Server {
    /// The store, where it is one.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        match self {
            Self::Store(store) => Some(store),
            Self::Scheduler(_) => None,
        }
    }

    /// The scheduler, where it is that.
    #[must_use]
    pub fn scheduler(&self) -> Option<&Scheduler> {
        match self {
            Self::Scheduler(scheduler) => Some(scheduler),
            Self::Store(_) => None,
        }
    }
}

impl Node for Server {
    /// Where a store looks broken rules up.
    type Setup = RuleBook;

    fn boot(
        config: &BootConfig,
        book: &Self::Setup,
        image: &DiskImage,
        now: StoreTime,
        event: EventId,
        output: &mut Output,
    ) -> Result<Self, Stop> {
        if config.store == StoreId::SCHEDULER {
            let scheduler = Scheduler::boot(config, image, now, event, output)?;
            return Ok(Self::Scheduler(Box::new(scheduler)));
        }
        let store = Store::boot_by(config, *book, image, now, event, output)?;
        Ok(Self::Store(Box::new(store)))
    }

    fn handle(&mut self, envelope: &Envelope, output: &mut Output) {
        match self {
            Self::Store(store) => store.handle(envelope, output),
            Self::Scheduler(scheduler) => scheduler.handle(envelope, output),
        }
    }

    fn state_hash(&self) -> u64 {
        match self {
            Self::Store(store) => store.state_hash(),
            Self::Scheduler(scheduler) => scheduler.state_hash(),
        }
    }

    fn knows_rules(book: &Self::Setup, name: &str) -> bool {
        book.knows(name)
    }
}

/// Whether nodes of this setup can do what `action` asks of them.
///
/// # Errors
///
/// [`Misuse`] when it names rules that they do not know.
pub fn check_rules<N: Node>(setup: &N::Setup, action: &Action) -> Result<(), Misuse> {
    match action {
        Action::Rule {
            name: Some(name), ..
        } if !N::knows_rules(setup, name) => Err(Misuse::NoSuchRules { name: name.clone() }),
        _ => Ok(()),
    }
}

/// A node, its disk, and the writes that are on their way there.
#[derive(Debug, Clone)]
pub(crate) struct Machine<N> {
    node: Option<N>,
    disk: MemoryDisk,
    /// Given out and not carried out, in order.
    writing: Vec<DiskWrite>,
}

/// A disk was said to hold a write that was never given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoSuchWrite {
    /// The last write that is there or on its way.
    pub(crate) last: Cycle,
}

impl<N: Node> Machine<N> {
    /// A machine with an empty disk.
    pub(crate) fn new() -> Self {
        Self::with_disk(MemoryDisk::new())
    }

    pub(crate) const fn with_disk(disk: MemoryDisk) -> Self {
        Self {
            node: None,
            disk,
            writing: Vec::new(),
        }
    }

    /// The node, while it lives.
    pub(crate) const fn node(&self) -> Option<&N> {
        self.node.as_ref()
    }

    pub(crate) const fn disk(&self) -> &MemoryDisk {
        &self.disk
    }

    /// How many writes are on their way.
    pub(crate) const fn writing(&self) -> usize {
        self.writing.len()
    }

    /// Its memory, its disk, and what is between them.
    pub(crate) fn parts(&self, store: StoreId) -> Vec<Part> {
        vec![
            Part::new(format!("memory of {store}"), &self.node),
            Part::new(format!("disk of {store}"), &self.disk),
            Part::new(format!("writes of {store}"), &self.writing),
        ]
    }

    /// The write that reaches the disk next.
    pub(crate) fn next_write(&self) -> Option<&DiskWrite> {
        self.writing.first()
    }

    /// Turns a bit of a row on the disk. Returns whether there was any.
    pub(crate) fn spoil(&mut self, nth: u64) -> bool {
        self.disk.spoil(nth)
    }

    /// Calls the node's door.
    ///
    /// # Panics
    ///
    /// When a node that has not booted is to handle something: the conductor broke the order.
    pub(crate) fn call(&mut self, request: &StoreRequest, setup: &N::Setup) -> Output {
        let mut output = Output::default();
        match request {
            StoreRequest::Boot { config, now, event } => {
                let image = self.disk.image();
                match N::boot(config, setup, &image, *now, *event, &mut output) {
                    Ok(node) => self.node = Some(node),
                    Err(stop) => {
                        output.clear();
                        output.stop = Some(stop);
                    }
                }
            }
            StoreRequest::Handle(envelope) => {
                let node = self.node.as_mut().expect("a node boots before it handles");
                node.handle(envelope, &mut output);
            }
        }
        self.writing.extend(output.write.clone());
        output
    }

    /// As [`Machine::call`], but a panic of the node ends its process and not the run.
    pub(crate) fn call_guarded(&mut self, request: &StoreRequest, setup: &N::Setup) -> Output {
        let call = AssertUnwindSafe(|| self.call(request, setup));
        panic::catch_unwind(call).unwrap_or_else(|payload| {
            self.node = None;
            let words = payload.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| payload.downcast_ref::<&str>().copied());
            let message = words.unwrap_or("a panic without words").to_owned();
            Output {
                stop: Some(Stop::Panic { message }),
                ..Output::default()
            }
        })
    }

    /// Carries out the writes up to `cycle`, and shows each to `done`.
    pub(crate) fn flush(
        &mut self,
        cycle: Cycle,
        mut done: impl FnMut(&DiskWrite),
    ) -> Result<(), NoSuchWrite> {
        let there = self
            .writing
            .iter()
            .take_while(|write| write.cycle <= cycle)
            .count();
        for write in self.writing.drain(..there) {
            self.disk.apply(&write);
            done(&write);
        }
        let last = self.disk.cycle();
        if last < cycle {
            return Err(NoSuchWrite { last });
        }
        Ok(())
    }

    /// The process ends; the first `durable` of the writes on their way reach the disk, the others
    /// are returned.
    pub(crate) fn crash(
        &mut self,
        durable: usize,
        mut done: impl FnMut(&DiskWrite),
    ) -> Vec<DiskWrite> {
        let lost = self.writing.split_off(durable.min(self.writing.len()));
        for write in self.writing.drain(..) {
            self.disk.apply(&write);
            done(&write);
        }
        self.node = None;
        lost
    }
}
