//! What happens to a store's machine: its process is frozen, its clock drifts, its disk is full or
//! emptied.

use types::{
    action::Identity,
    id::{Incarnation, StoreId},
    io::Delivered,
    time::{ClockRate, US_PER_MS, VirtualTime},
};

use super::Conductor;
use crate::{
    queue::{Event, after_ms, whole_ms},
    round::HostEffect,
    slot::{Slot, SlotLife, Timer},
};

impl Conductor {
    /// The pause ends with the next round, so that what waited is an event's.
    pub(super) fn resume_store(&mut self, store: StoreId) {
        let due = whole_ms(self.now);
        let ends = self.queue.push(due, Event::Resumed { store });
        let before = self
            .slot(store)
            .pause
            .as_mut()
            .and_then(|pause| pause.ends.replace(ends));
        if let Some(before) = before {
            self.queue.remove(before);
        }
    }

    /// What waited for a paused store; nothing while it is late, for then it waits on.
    pub(super) fn end_pause(&mut self, store: StoreId) -> Vec<Delivered> {
        let slot = self.slot(store);
        let mut waiting = slot
            .pause
            .take()
            .map(|pause| pause.waiting)
            .unwrap_or_default();
        if let Some(late) = &mut slot.late {
            late.waiting.append(&mut waiting);
        }
        waiting
    }

    /// The clock runs on from where it stands. What the store waits for comes at another instant.
    pub(super) fn drift(&mut self, store: StoreId, rate: ClockRate) {
        let now = self.now;
        let slot = self.slot(store);
        slot.clock.set_rate(rate, now);
        if let Some(timer) = slot.timer.take() {
            self.queue.remove(timer.key);
            let key = self.wake_up(store, timer.at);
            self.slot(store).timer = Some(Timer { key, ..timer });
        }
    }

    /// Schedules a wake at the whole millisecond after the instant that the store names, and never
    /// at the instant at which it says so: one that asks for the past must not stop the clock.
    pub(super) fn wake_up(
        &mut self,
        store: StoreId,
        at: types::time::StoreTime,
    ) -> crate::queue::Key {
        let due = self.wake_due(store, at);
        let drifts = self.slots[&store].clock.rate() != ClockRate::TRUE;
        self.counter.tally.drifted += u64::from(drifts);
        self.queue.push(due, Event::Wake { store })
    }

    pub(super) fn wake_due(&self, store: StoreId, at: types::time::StoreTime) -> VirtualTime {
        let soonest = whole_ms(self.now.plus(US_PER_MS));
        whole_ms(self.slots[&store].clock.shows(at)).max(soonest)
    }

    /// Room comes back: the write that failed is tried again.
    pub(super) fn fill_disk(&mut self, store: StoreId, full: bool) {
        self.slot(store).is_full = full;
        self.effects.push(HostEffect::Fill { store, full });
        let failed = self.slots[&store].write.filter(|write| write.fails);
        if let (Some(mut write), false) = (failed, full) {
            let due = self.draw_disk_due();
            let cycle = write.cycle;
            write.due = Some(self.queue.push(due, Event::Durable { store, cycle }));
            write.fails = false;
            self.slot(store).write = Some(write);
        }
    }

    pub(super) fn draw_disk_due(&mut self) -> VirtualTime {
        let (min, max) = (self.settings.disk_ms_min, self.settings.disk_ms_max);
        after_ms(self.now, self.dice.between(min, max))
    }

    /// Empties a disk and starts its machine again. A machine keeps its place in the network, its
    /// clock, and how much room its disk has.
    pub(super) fn wipe(&mut self, store: StoreId, identity: Identity) -> StoreId {
        let heir = match identity {
            Identity::Kept => store,
            Identity::New => {
                let heir = self.next_store;
                self.next_store = heir.next();
                heir
            }
        };
        let old = self.slots.remove(&store).expect("a store has a slot");
        let lives = if heir == store {
            old.incarnation
        } else {
            Incarnation::ZERO
        };
        let slot = Slot {
            image_known: old.image_known && heir == store,
            is_full: old.is_full,
            clock: old.clock,
            ..Slot::new(heir, lives, SlotLife::Killed)
        };
        self.slots.insert(heir, slot);
        self.network.rename(store, heir);
        self.fly_again();
        self.projection.wiped(store, heir);
        self.effects.push(HostEffect::Wipe { store, heir });
        let due = self.draw_disk_due();
        self.start_at(heir, due);
        heir
    }
}
