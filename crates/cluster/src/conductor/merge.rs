//! What a store's answer does: its messages leave, its write is on its way, its timer is set.

use checker::Moment;
use types::{
    codec,
    disk::DiskWrite,
    event::{EventId, MadeBy},
    id::{Incarnation, StoreId},
    io::{Output, Stop},
    scheduler::{FromScheduler, ToScheduler},
    store::{Reply, StoreMessage},
    time::StoreTime,
};

use super::Conductor;
use crate::{
    network::{Sent, draw_client_way},
    queue::{Event, after_ms},
    round::HostEffect,
    slot::{OpenWrite, SlotLife, Timer},
};

impl Conductor {
    /// Takes an answer in. `event` names its products. An answer of a life that has ended
    /// meanwhile still had its messages sent; it starts nothing any more.
    pub(super) fn merge(
        &mut self,
        store: StoreId,
        incarnation: Incarnation,
        event: EventId,
        output: Output,
    ) {
        let bytes = codec::encode(&output);
        self.run_hash = codec::chain(self.run_hash, &bytes);
        if let Some(recorder) = &mut self.recorder {
            recorder.answer(event, store, codec::hash(&bytes));
        }
        // Its machine may have been wiped since it answered.
        let slot = self.slots.get(&store);
        let lives = slot.is_some_and(|slot| slot.incarnation == incarnation && slot.is_alive());
        // Of a life that has ended it was judged at its end.
        if lives && let Some(lookout) = &mut self.lookout {
            let at = self.now;
            lookout.answered(Moment { at, event }, store, &output);
        }
        for (nth, message) in (0..).zip(output.messages) {
            self.send(message, MadeBy { event, nth });
        }
        for reply in output.replies {
            self.send_reply(store, reply);
        }
        self.send_words(store, output.to_scheduler, output.from_scheduler);
        for reply in output.routes {
            let reply = Box::new(reply);
            self.push_by_client_way(Event::Route { reply });
        }
        let clock = self.slots.get(&store).map(|slot| slot.clock);
        for fact in output.facts {
            let clock = clock.unwrap_or_default();
            self.projection.fact(store, &clock, self.now, fact);
        }
        if !lives {
            return;
        }
        if let Some(stop) = output.stop {
            self.stopped(store, stop);
            return;
        }
        self.slot(store).life = SlotLife::Up;
        if let Some(write) = output.write {
            self.open_write(store, &write);
        }
        self.set_timer(store, output.wake_at, event);
    }

    fn send(&mut self, message: StoreMessage, id: MadeBy) {
        let (now, settings) = (self.now, &self.settings);
        match self
            .network
            .send(message, id, now, settings, &mut self.dice)
        {
            Sent::Flying(first, second) => {
                self.counter.sent(&first.frame, now, settings);
                for flight in std::iter::once(first).chain(second) {
                    let due = flight.frame.due;
                    self.queue.push(due, Event::Message(flight));
                }
            }
            Sent::Waiting => {}
            Sent::Lost(frame, reason) => self.lose(*frame, reason),
        }
    }

    fn send_reply(&mut self, from: StoreId, reply: Reply) {
        self.push_by_client_way(Event::Reply { from, reply });
    }

    /// What stores and the scheduler say to each other takes as long as what clients say. Where
    /// there is no scheduler, nobody listens.
    fn send_words(
        &mut self,
        from: StoreId,
        to_scheduler: Vec<ToScheduler>,
        from_scheduler: Vec<(StoreId, FromScheduler)>,
    ) {
        if self.settings.scheduler == 0 {
            return;
        }
        for word in to_scheduler {
            let word = Box::new(word);
            self.push_by_client_way(Event::ToScheduler { from, word });
        }
        for (to, word) in from_scheduler {
            let word = Box::new(word);
            self.push_by_client_way(Event::FromScheduler { to, word });
        }
    }

    pub(super) fn push_by_client_way(&mut self, event: Event) {
        let way = draw_client_way(&self.settings, &mut self.dice);
        self.queue.push(after_ms(self.now, way), event);
    }

    fn open_write(&mut self, store: StoreId, write: &DiskWrite) {
        let (cycle, due) = (write.cycle, self.draw_disk_due());
        self.counter.writes(write, due.since(self.now));
        let fails = self.slots[&store].is_full;
        let due = (!fails).then(|| self.queue.push(due, Event::Durable { store, cycle }));
        let slot = self.slot(store);
        assert!(
            slot.write.is_none(),
            "{store} writes cycle {cycle} while {:?} is open",
            slot.write
        );
        slot.write = Some(OpenWrite { cycle, due, fails });
    }

    fn set_timer(&mut self, store: StoreId, wake_at: Option<StoreTime>, event: EventId) {
        let due = wake_at.map(|at| self.wake_due(store, at));
        let timer = self.slots[&store].timer;
        if timer.map(|timer| timer.key.due) == due {
            return;
        }
        if let Some(timer) = timer {
            self.queue.remove(timer.key);
        }
        let timer = wake_at.map(|at| Timer {
            key: self.wake_up(store, at),
            at,
            set_by: event,
        });
        self.slot(store).timer = timer;
    }

    /// A store ended itself, or its process died.
    pub(super) fn stopped(&mut self, store: StoreId, stop: Stop) {
        self.end_life(store, SlotLife::Stopped(stop));
    }

    /// Ends a life: nothing of it is to come but the messages that have left.
    pub(super) fn end_life(&mut self, store: StoreId, life: SlotLife) {
        let slot = self.slots.get_mut(&store).expect("a store has a slot");
        let cut_off = slot.write.map(|write| write.cycle);
        slot.end(life, &mut self.queue);
        self.really_durable.retain(|(other, _)| *other != store);
        self.projection.ended(store, cut_off);
        self.look(|lookout, moment| lookout.ended(moment, store));
        self.effects.push(HostEffect::Kill { store });
    }
}
