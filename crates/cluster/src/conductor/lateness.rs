//! What a host reports besides answers: disks, loads, deaths, and what the clock shall no longer
//! wait for. All of it is chance, and recorded.

use checker::Moment;
use types::{
    disk::DiskImage,
    id::{Cycle, StoreId},
    io::{Output, Stop},
};

use super::Conductor;
use crate::{
    queue::{Event, whole_ms},
    recording::Chance,
    slot::{Late, Load, SlotLife},
};

impl Conductor {
    /// The open round no longer waits for `store`: call it when the answer has been owed for
    /// 100 ms of real time. What comes for the store waits until its answer is there.
    pub fn store_late(&mut self, store: StoreId) {
        let round = self.round.as_ref();
        let owed = round.and_then(|round| round.owed.get(&store));
        if owed.is_none_or(|owed| owed.output.is_some()) {
            return;
        }
        self.record(Chance::StoreLate(store));
        self.forget_owed(store);
        self.slot(store).late = Some(Late::default());
        self.close_if_complete();
    }

    /// The answer of a late store. It becomes an event of its own at the next whole millisecond.
    /// Returns whether anybody waited for it.
    pub fn late_answer(&mut self, store: StoreId, output: Output) -> bool {
        let late = self.slots.get(&store).and_then(|slot| slot.late.as_ref());
        if late.is_none_or(|late| late.answer.is_some()) {
            return false;
        }
        self.record(Chance::LateAnswer(store));
        let output = Box::new(output);
        let due = whole_ms(self.now);
        let key = self.queue.push(due, Event::LateAnswer { store, output });
        if let Some(late) = &mut self.slot(store).late {
            late.answer = Some(key);
        }
        true
    }

    /// A write is really durable. The store hears of it at the modelled instant, or at the next
    /// whole millisecond when the clock no longer waited.
    pub fn disk_done(&mut self, store: StoreId, cycle: Cycle) {
        let Some(slot) = self.slots.get(&store).filter(|slot| slot.is_alive()) else {
            return;
        };
        let open = slot.write.filter(|write| write.cycle == cycle);
        if open.is_some_and(|write| write.due.is_none() && !write.fails) {
            self.record(Chance::DiskDone(store, cycle));
            let due = whole_ms(self.now);
            let key = self.queue.push(due, Event::Durable { store, cycle });
            if let Some(write) = &mut self.slot(store).write {
                write.due = Some(key);
            }
        }
        self.really_durable.insert((store, cycle));
    }

    /// The clock no longer waits for a write: call it when the clock has been held by it for
    /// 100 ms of real time.
    pub fn disk_late(&mut self, store: StoreId, cycle: Cycle) {
        let slot = self.slots.get(&store);
        let open = slot.and_then(|slot| slot.write);
        let Some(due) = open
            .filter(|write| write.cycle == cycle)
            .and_then(|write| write.due)
        else {
            return;
        };
        if self.really_durable.contains(&(store, cycle)) {
            return;
        }
        self.record(Chance::DiskLate(store, cycle));
        self.queue.remove(due);
        if let Some(write) = &mut self.slot(store).write {
            write.due = None;
        }
    }

    /// A starting store has its disk, whose last durable write is `last_cycle`.
    ///
    /// # Panics
    ///
    /// When the effect asked for the image and it is missing: the recording could not be replayed.
    pub fn loaded(&mut self, store: StoreId, last_cycle: Cycle, image: Option<DiskImage>) {
        let Some(slot) = self.slots.get(&store) else {
            return;
        };
        let SlotLife::Starting(load) = slot.life else {
            return;
        };
        if matches!(load, Load::Due { loaded: true, .. } | Load::Booting) {
            return;
        }
        assert!(
            slot.image_known || image.is_some(),
            "{store} loads for the first time in this segment: its image is wanted"
        );
        self.record(Chance::Loaded {
            store,
            cycle: last_cycle,
            image,
        });
        self.look(|lookout, moment| lookout.loaded(moment, store, last_cycle));
        let boot = match load {
            Load::Due { boot, .. } => boot,
            _ => self.queue.push(whole_ms(self.now), Event::Boot { store }),
        };
        let slot = self.slot(store);
        slot.image_known = true;
        slot.life = SlotLife::Starting(Load::Due { boot, loaded: true });
    }

    /// For a replay: whether a load of `store` is wanted, with the image where that is missing.
    pub(crate) fn wants_load(&self, store: StoreId, image: bool) -> bool {
        self.slots.get(&store).is_some_and(|slot| {
            matches!(
                slot.life,
                SlotLife::Starting(Load::Due { loaded: false, .. } | Load::Late)
            ) && (slot.image_known || image)
        })
    }

    /// The clock no longer waits for a store that starts.
    pub fn load_late(&mut self, store: StoreId) {
        let life = self.slots.get(&store).map(|slot| &slot.life);
        if let Some(&SlotLife::Starting(Load::Due {
            boot,
            loaded: false,
        })) = life
        {
            self.record(Chance::LoadLate(store));
            self.queue.remove(boot);
            self.slot(store).life = SlotLife::Starting(Load::Late);
        }
    }

    /// A starting store cannot have its disk.
    pub fn load_failed(&mut self, store: StoreId, stop: Stop) {
        let life = self.slots.get(&store).map(|slot| &slot.life);
        if matches!(life, Some(SlotLife::Starting(_))) {
            self.record(Chance::LoadFailed(store, stop.clone()));
            self.drop_owed(store);
            self.stopped(store, stop);
            self.close_if_complete();
        }
    }

    /// A store's process ended by itself, as by a panic.
    pub fn died(&mut self, store: StoreId, stop: Stop) {
        if self.slots.get(&store).is_some_and(super::Slot::is_alive) {
            self.note_answer(store);
            self.record(Chance::Died(store, stop.clone()));
            self.drop_owed(store);
            self.stopped(store, stop);
            self.close_if_complete();
        }
    }

    /// Notes that the answer of a store that is about to end is in already.
    pub(super) fn note_answer(&mut self, store: StoreId) {
        let round = self.round.as_ref();
        let owed = round.and_then(|round| round.owed.get(&store));
        let Some(owed) = owed else { return };
        let Some(output) = &owed.output else { return };
        // Its life ends before the round does, and what comes of a life is told before its end.
        if let Some(lookout) = &mut self.lookout {
            let (at, event) = (self.now, owed.event);
            lookout.answered(Moment { at, event }, store, output);
        }
        self.record(Chance::AnswerCame(store));
    }

    /// No longer waits for an answer that will not come. One that has come stays.
    pub(super) fn drop_owed(&mut self, store: StoreId) {
        let round = self.round.as_ref();
        let owed = round.and_then(|round| round.owed.get(&store));
        if owed.is_some_and(|owed| owed.output.is_none()) {
            self.forget_owed(store);
        }
    }

    fn forget_owed(&mut self, store: StoreId) {
        if let Some(round) = &mut self.round {
            round.owed.remove(&store);
        }
    }
}
