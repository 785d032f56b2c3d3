//! Rounds: taking events, handing out envelopes, closing.

use std::collections::BTreeMap;

use types::{
    codec,
    event::EventId,
    frame::{LossReason, Owed},
    id::StoreId,
    io::{Delivered, Envelope, Input, Output},
    time::VirtualTime,
};

use super::{Conductor, OpenRound, OwedAnswer};
use crate::{
    network::draw_client_way,
    queue::{Event, Flight, Key, after_ms},
    recording::Chance,
    round::{Delivery, Next, Round, StoreRequest},
    slot::{Load, SlotLife},
};

/// What one store gets in the round that is being made.
enum Parcel {
    Boot(EventId),
    Inputs(Vec<Delivered>),
}

type Parcels = BTreeMap<StoreId, Parcel>;

impl Conductor {
    /// What there is to do, up to the instant `until`.
    pub fn next(&mut self, until: VirtualTime) -> Next {
        if self.round.is_some() {
            return Next::Held(self.owed_answers());
        }
        match self.queue.first() {
            Some((key, _)) if key.due <= until => {
                let keys = self.queue.keys_at(key.due);
                self.take(&keys)
            }
            first => {
                let next_at = first.map(|(key, _)| key.due);
                self.now = self.now.max(until);
                Next::Idle { next_at }
            }
        }
    }

    /// Takes one event exactly, whenever it is due; the clock jumps there. Recorded, because a
    /// round of one event batches differently.
    pub fn step_one(&mut self) -> Next {
        if self.round.is_some() {
            return Next::Held(self.owed_answers());
        }
        let Some((key, _)) = self.queue.first() else {
            return Next::Idle { next_at: None };
        };
        let held = self.held_by(&[key]);
        if held.is_empty() {
            self.record(Chance::Step);
        }
        self.take(&[key])
    }

    /// Whether a round waits for answers.
    #[must_use]
    pub const fn is_round_open(&self) -> bool {
        self.round.is_some()
    }

    /// The answers that the open round waits for.
    #[must_use]
    pub fn owed_answers(&self) -> Vec<Owed> {
        let round = self.round.iter();
        round
            .flat_map(|round| &round.owed)
            .filter(|(_, owed)| owed.output.is_none())
            .map(|(store, _)| Owed::Answer { store: *store })
            .collect()
    }

    /// Takes the events of `keys`, all due at one instant, unless something real is missing.
    fn take(&mut self, keys: &[Key]) -> Next {
        let due = keys[0].due;
        let held = self.held_by(keys);
        self.now = self.now.max(due);
        if !held.is_empty() {
            return Next::Held(held);
        }
        let first = self.event.next();
        let mut parcels = Parcels::new();
        for key in keys {
            // An event of this round can drop a later one: a store that stops has no timer.
            if let Some(event) = self.queue.remove(*key) {
                self.event = self.event.next();
                let bytes = codec::encode(&(self.event, key.due, event.name()));
                self.run_hash = codec::chain(self.run_hash, &bytes);
                self.happen(event, &mut parcels);
            }
        }
        let deliveries = self.hand_out(parcels);
        Next::Round(Round {
            at: self.now,
            first,
            last: self.event,
            deliveries,
        })
    }

    /// What is really missing for the events of `keys`.
    fn held_by(&self, keys: &[Key]) -> Vec<Owed> {
        let events = keys.iter().filter_map(|key| self.queue.get(*key));
        events.filter_map(|event| self.missing_for(event)).collect()
    }

    fn missing_for(&self, event: &Event) -> Option<Owed> {
        match *event {
            Event::Boot { store } => match self.slots[&store].life {
                SlotLife::Starting(Load::Due { loaded: false, .. }) => Some(Owed::Load { store }),
                _ => None,
            },
            Event::Durable { store, cycle } => {
                let missing = !self.really_durable.contains(&(store, cycle));
                missing.then_some(Owed::Disk { store, cycle })
            }
            _ => None,
        }
    }

    fn happen(&mut self, event: Event, parcels: &mut Parcels) {
        match event {
            Event::Boot { store } => self.boot(store, parcels),
            Event::Wake { store } => {
                self.slot(store).timer = None;
                self.deliver(store, Input::Wake, parcels);
            }
            Event::Message(flight) => self.arrive(*flight, parcels),
            Event::Durable { store, cycle } => {
                self.really_durable.remove(&(store, cycle));
                self.look(|lookout, moment| lookout.durable(moment, store, cycle));
                self.slot(store).write = None;
                self.projection.durable(store, self.now);
                self.deliver(store, Input::Durable(cycle), parcels);
            }
            Event::LateAnswer { store, output } => self.catch_up(store, *output, parcels),
            Event::Request { store, request } => {
                if self.is_up(store) {
                    self.deliver(store, Input::Request(request), parcels);
                } else {
                    let way = draw_client_way(&self.settings, &mut self.dice);
                    let request = request.id;
                    let refused = Event::Refused { store, request };
                    self.queue.push(after_ms(self.now, way), refused);
                }
            }
            Event::Reply { .. }
            | Event::Refused { .. }
            | Event::Route { .. }
            | Event::Retry { .. }
            | Event::Deadline { .. }
            | Event::Think { .. } => self.happen_to_client(event),
            Event::Options { store } => self.tell_options(store, parcels),
            Event::Resumed { store } => {
                let waiting = self.end_pause(store);
                if !waiting.is_empty() {
                    parcels.insert(store, Parcel::Inputs(waiting));
                }
            }
            Event::ToScheduler { .. }
            | Event::FromScheduler { .. }
            | Event::FindRoute { .. }
            | Event::Operator { .. } => self.happen_around_scheduler(event, parcels),
            // One that boots later is told then.
            Event::Rules { store } => {
                if self.slots[&store].life == SlotLife::Up {
                    let rules = self.slots[&store].rules.clone();
                    self.deliver(store, Input::Rules(rules), parcels);
                }
            }
            Event::Admin { store, request } => {
                if self.is_up(store) {
                    self.deliver(store, Input::Admin(request), parcels);
                }
            }
        }
    }

    /// What a client hears, and what it does by the clock.
    fn happen_to_client(&mut self, event: Event) {
        let id = self.event;
        match event {
            Event::Reply { from, reply } => {
                let client = reply.id.client;
                self.with_client(client, |client, desk| client.reply(from, reply, desk));
            }
            Event::Refused { store, request } => {
                self.with_client(request.client, |client, desk| {
                    client.connection_refused(store, request, desk);
                });
            }
            Event::Retry { client, operation } => {
                self.with_client(client, |client, desk| client.retry(operation, desk));
            }
            Event::Deadline { client, operation } => {
                self.with_client(client, |client, desk| client.deadline(operation, desk));
            }
            Event::Think { client } => {
                self.with_client(client, |client, desk| client.think(id, desk));
            }
            Event::Route { reply } => {
                let client = reply.id.client;
                self.with_client(client, |client, desk| client.routed(*reply, desk));
            }
            _ => unreachable!("{event:?} is no client's"),
        }
    }

    /// What stores, clients and people say to the scheduler, and what it says to stores.
    fn happen_around_scheduler(&mut self, event: Event, parcels: &mut Parcels) {
        match event {
            Event::ToScheduler { from, word } => {
                let word = *word;
                self.ask_scheduler(from, Input::ToScheduler { from, word }, parcels);
            }
            Event::FromScheduler { to, word } => {
                if self.is_up(to) && !self.network.is_blocked(StoreId::SCHEDULER, to) {
                    self.deliver(to, Input::FromScheduler(*word), parcels);
                }
            }
            Event::FindRoute { request } => {
                let input = Input::FindRoute(request);
                self.ask_scheduler(StoreId::SCHEDULER, input, parcels);
            }
            Event::Operator { request } => {
                let input = Input::Operator(request);
                self.ask_scheduler(StoreId::SCHEDULER, input, parcels);
            }
            _ => unreachable!("{event:?} is not the scheduler's"),
        }
    }

    /// Whoever asks a scheduler that is not there, or that is blocked off, gets no answer. Islands
    /// of stores do not part them from it, as in TinyKV's tests.
    fn ask_scheduler(&mut self, from: StoreId, input: Input, parcels: &mut Parcels) {
        let scheduler = StoreId::SCHEDULER;
        if self.is_up(scheduler) && !self.network.is_blocked(from, scheduler) {
            self.deliver(scheduler, input, parcels);
        }
    }

    /// A machine that starts later is told then.
    fn tell_options(&mut self, store: StoreId, parcels: &mut Parcels) {
        if !self.is_up(store) {
            return;
        }
        let input = if store == StoreId::SCHEDULER {
            Input::SchedulerOptions(self.settings.scheduler_options())
        } else {
            Input::Options(self.settings.store_options())
        };
        self.deliver(store, input, parcels);
    }

    fn boot(&mut self, store: StoreId, parcels: &mut Parcels) {
        self.slot(store).life = SlotLife::Starting(Load::Booting);
        parcels.insert(store, Parcel::Boot(self.event));
    }

    /// A message reaches its receiver, if the way is open and somebody is there. Until a store
    /// has answered its boot request nobody is.
    fn arrive(&mut self, flight: Flight, parcels: &mut Parcels) {
        let frame = flight.frame;
        let up = self.is_up(frame.to);
        if self.network.is_cut(frame.from, frame.to) {
            self.lose(frame, LossReason::Cut);
        } else if up {
            self.counter.arrived(&frame);
            self.deliver(frame.to, Input::Message(flight.message), parcels);
        } else {
            self.lose(frame, LossReason::Down);
        }
    }

    /// A store that was wiped may be gone altogether.
    fn is_up(&self, store: StoreId) -> bool {
        let slot = self.slots.get(&store);
        slot.is_some_and(|slot| slot.life == SlotLife::Up)
    }

    /// Puts an input into the store's envelope, or aside while the store is paused or late.
    fn deliver(&mut self, store: StoreId, input: Input, parcels: &mut Parcels) {
        let delivered = Delivered {
            event: self.event,
            input,
        };
        let slot = self.slot(store);
        if let Some(pause) = &mut slot.pause {
            pause.waiting.push(delivered);
            self.counter.tally.paused += 1;
            return;
        }
        if let Some(late) = &mut slot.late {
            late.waiting.push(delivered);
            return;
        }
        let empty = || Parcel::Inputs(Vec::new());
        match parcels.entry(store).or_insert_with(empty) {
            Parcel::Inputs(inputs) => inputs.push(delivered),
            Parcel::Boot(_) => unreachable!("{store} gets inputs before it has booted"),
        }
    }

    /// The answer of a late store takes effect now; what waited for the store goes out.
    fn catch_up(&mut self, store: StoreId, output: Output, parcels: &mut Parcels) {
        let (id, slot) = (self.event, self.slot(store));
        let incarnation = slot.incarnation;
        let mut waiting = slot
            .late
            .take()
            .map(|late| late.waiting)
            .unwrap_or_default();
        if let Some(pause) = &mut slot.pause {
            waiting.append(&mut pause.waiting);
            pause.waiting = std::mem::take(&mut waiting);
        }
        self.merge(store, incarnation, id, output);
        if self.slots[&store].is_alive() && !waiting.is_empty() {
            parcels.insert(store, Parcel::Inputs(waiting));
        }
    }

    /// Makes deliveries of what the stores get, and waits for their answers.
    fn hand_out(&mut self, parcels: Parcels) -> Vec<Delivery> {
        let mut round = OpenRound::default();
        let mut deliveries = Vec::with_capacity(parcels.len());
        for (store, parcel) in parcels {
            let slot = &self.slots[&store];
            let incarnation = slot.incarnation;
            let now = self.store_time(store);
            let (event, request) = match parcel {
                Parcel::Boot(event) => {
                    let config = Box::new(self.boot_config(store, incarnation));
                    (event, StoreRequest::Boot { config, now, event })
                }
                Parcel::Inputs(inputs) => {
                    let last = inputs.last().expect("an envelope has an input");
                    (last.event, StoreRequest::Handle(Envelope { now, inputs }))
                }
            };
            let owed = OwedAnswer {
                incarnation,
                event,
                output: None,
            };
            round.owed.insert(store, owed);
            deliveries.push(Delivery {
                store,
                incarnation,
                request,
            });
        }
        self.round = (!deliveries.is_empty()).then_some(round);
        deliveries
    }

    /// A store's answer to the open round; the last one closes the round, and only then are the
    /// answers merged, in the order of store ids. The answer of a late store counts as
    /// [`Conductor::late_answer`]. Returns whether anybody waited for it: not after a kill.
    pub fn answer(&mut self, store: StoreId, output: Output) -> bool {
        let owed = self
            .round
            .as_mut()
            .and_then(|round| round.owed.get_mut(&store));
        match owed {
            Some(owed) if owed.output.is_none() => {
                owed.output = Some(output);
                self.close_if_complete();
                true
            }
            _ => self.late_answer(store, output),
        }
    }

    /// Closes the round when nothing is owed any more.
    pub(super) fn close_if_complete(&mut self) {
        let complete = |round: &OpenRound| round.owed.values().all(|owed| owed.output.is_some());
        if !self.round.as_ref().is_some_and(complete) {
            return;
        }
        let round = self.round.take().expect("a round is open");
        for (store, owed) in round.owed {
            let output = owed.output.expect("every answer is in");
            self.merge(store, owed.incarnation, owed.event, output);
        }
    }

    pub(super) fn slot(&mut self, store: StoreId) -> &mut crate::slot::Slot {
        self.slots.get_mut(&store).expect("a store has a slot")
    }
}
