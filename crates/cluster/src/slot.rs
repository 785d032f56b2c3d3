//! What the conductor keeps of one store: its life, its timer, its open write, what it owes.

use serde::Serialize;
use types::{
    event::EventId,
    id::{Cycle, Incarnation, StoreId},
    io::{Delivered, Stop},
    time::{StoreClock, StoreTime},
};

use crate::queue::{Key, Queue};

/// One store, as far as the conductor is concerned.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Slot {
    pub(crate) id: StoreId,
    pub(crate) incarnation: Incarnation,
    pub(crate) life: SlotLife,
    /// When it wants to be woken.
    pub(crate) timer: Option<Timer>,
    /// Its write that is not known to be durable.
    pub(crate) write: Option<OpenWrite>,
    /// Present while it owes an answer to a round that was closed without it.
    pub(crate) late: Option<Late>,
    /// Whether its image came in this segment.
    pub(crate) image_known: bool,
    /// Present while its process is frozen.
    pub(crate) pause: Option<Pause>,
    /// Whether its disk has no room.
    pub(crate) is_full: bool,
    pub(crate) clock: StoreClock,
    /// The name of the broken rules that it shall decide by.
    pub(crate) rules: Option<String>,
}

/// Whether a store lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum SlotLife {
    /// It was told to start and has not answered its boot request.
    Starting(Load),
    /// It runs.
    Up,
    /// A person killed it.
    Killed,
    /// It ended itself.
    Stopped(Stop),
}

/// How far a starting store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Load {
    /// The boot event is in the queue; the disk may still be loading.
    Due { boot: Key, loaded: bool },
    /// The disk takes so long that the clock no longer waits for it.
    Late,
    /// The boot request is handed out.
    Booting,
}

/// A wish to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Timer {
    pub(crate) key: Key,
    /// The instant that was wished for, on the store's own clock.
    pub(crate) at: StoreTime,
    /// The event whose answer named this instant first.
    pub(crate) set_by: EventId,
}

/// A write that is on its way to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct OpenWrite {
    pub(crate) cycle: Cycle,
    /// The event of its completion; absent once the clock no longer waits for the disk, and while
    /// the write fails.
    pub(crate) due: Option<Key>,
    /// Whether there was no room for it. It is tried again once there is.
    pub(crate) fails: bool,
}

/// A store that owes an answer to a closed round.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Late {
    /// What has come for it since.
    pub(crate) waiting: Vec<Delivered>,
    /// The event of its answer, once that has come.
    pub(crate) answer: Option<Key>,
}

/// A store whose process is frozen.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Pause {
    /// What has come for it since.
    pub(crate) waiting: Vec<Delivered>,
    /// The event that ends the pause, once a person asked for it.
    pub(crate) ends: Option<Key>,
}

impl Slot {
    pub(crate) fn new(id: StoreId, incarnation: Incarnation, life: SlotLife) -> Self {
        Self {
            id,
            incarnation,
            life,
            timer: None,
            write: None,
            late: None,
            image_known: false,
            pause: None,
            is_full: false,
            clock: StoreClock::default(),
            rules: None,
        }
    }

    /// Whether there is a process: starting or running.
    pub(crate) const fn is_alive(&self) -> bool {
        matches!(self.life, SlotLife::Starting(_) | SlotLife::Up)
    }

    /// Ends this life: whatever was to come for it is dropped.
    pub(crate) fn end(&mut self, life: SlotLife, queue: &mut Queue) {
        let boot = match self.life {
            SlotLife::Starting(Load::Due { boot, .. }) => Some(boot),
            _ => None,
        };
        let timer = self.timer.take().map(|timer| timer.key);
        let write = self.write.take().and_then(|write| write.due);
        let answer = self.late.take().and_then(|late| late.answer);
        let pause = self.pause.take().and_then(|pause| pause.ends);
        for key in [boot, timer, write, answer, pause].into_iter().flatten() {
            queue.remove(key);
        }
        self.life = life;
    }
}
