//! The event queue: what will happen, in order of (virtual time, order of scheduling).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::{
    action::OperationId,
    event::MadeBy,
    frame::MessageFrame,
    id::{ClientId, Cycle, StoreId},
    io::Output,
    scheduler::{FromScheduler, OperatorRequest, RouteReply, RouteRequest, ToScheduler},
    store::{AdminRequest, Reply, Request, RequestId, StoreMessage},
    time::{US_PER_MS, VirtualTime},
};

/// The first whole millisecond that is not before `at`. Everything is due at whole milliseconds,
/// so that events share rounds.
pub(crate) const fn whole_ms(at: VirtualTime) -> VirtualTime {
    VirtualTime::new(at.get().div_ceil(US_PER_MS) * US_PER_MS)
}

/// The whole millisecond that is `ms` after `now`, rounded up.
pub(crate) const fn after_ms(now: VirtualTime, ms: u64) -> VirtualTime {
    whole_ms(now.plus(ms * US_PER_MS))
}

/// The place of an event in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    /// When it is due.
    pub(crate) due: VirtualTime,
    /// Grows with each scheduling, so that events of one instant keep the order in which they were
    /// scheduled.
    pub(crate) order: u64,
}

/// A message on its way between two stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Flight {
    /// What is shown of it.
    pub(crate) frame: MessageFrame,
    /// What is delivered.
    pub(crate) message: StoreMessage,
}

/// Tells one message from all others that are on their way: two copies have one id.
pub(crate) type MessageName = (MadeBy, bool);

impl Flight {
    /// Which message this is.
    pub(crate) const fn name(&self) -> MessageName {
        (self.frame.id, self.frame.duplicate)
    }
}

/// Something that will happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Event {
    /// A store comes up from its disk.
    Boot { store: StoreId },
    /// The instant that a store wanted to be woken at.
    Wake { store: StoreId },
    /// A message reaches its receiver.
    Message(Box<Flight>),
    /// A paused store goes on.
    Resumed { store: StoreId },
    /// A write is durable.
    Durable { store: StoreId, cycle: Cycle },
    /// The answer of a late store.
    LateAnswer { store: StoreId, output: Box<Output> },
    /// A client's request reaches a store.
    Request { store: StoreId, request: Request },
    /// A store's reply reaches its client.
    Reply { from: StoreId, reply: Reply },
    /// A client learns that nobody listens at the store.
    Refused { store: StoreId, request: RequestId },
    /// A client tries again.
    Retry {
        client: ClientId,
        operation: OperationId,
    },
    /// A client's patience with an operation ends.
    Deadline {
        client: ClientId,
        operation: OperationId,
    },
    /// A client of the workload wants something new.
    Think { client: ClientId },
    /// An operator's command reaches a store.
    Admin {
        store: StoreId,
        request: AdminRequest,
    },
    /// A store hears which rules to decide by.
    Rules { store: StoreId },
    /// A word of a store reaches the scheduler.
    ToScheduler {
        from: StoreId,
        word: Box<ToScheduler>,
    },
    /// A word of the scheduler reaches a store.
    FromScheduler {
        to: StoreId,
        word: Box<FromScheduler>,
    },
    /// A client's question where a key is reaches the scheduler.
    FindRoute { request: RouteRequest },
    /// The answer reaches the client.
    Route { reply: Box<RouteReply> },
    /// What a person wants done reaches the scheduler.
    Operator { request: OperatorRequest },
    /// A machine hears that settings changed.
    Options { store: StoreId },
}

/// What the run hash sees of an event: which one it is. Contents are hashed when they are made.
#[derive(Debug, Serialize)]
pub(crate) enum EventName {
    Boot(StoreId),
    Wake(StoreId),
    Message(MadeBy, StoreId, StoreId, bool),
    Durable(StoreId, Cycle),
    LateAnswer(StoreId),
    Request(StoreId, RequestId),
    Reply(StoreId, RequestId),
    Refused(StoreId, RequestId),
    Retry(ClientId, OperationId),
    Deadline(ClientId, OperationId),
    Think(ClientId),
    Admin(StoreId),
    Resumed(StoreId),
    Rules(StoreId),
    ToScheduler(StoreId),
    FromScheduler(StoreId),
    FindRoute(RequestId),
    Route(RequestId),
    Operator,
    Options(StoreId),
}

impl Event {
    /// Which event this is.
    pub(crate) fn name(&self) -> EventName {
        match self {
            Self::Boot { store } => EventName::Boot(*store),
            Self::Wake { store } => EventName::Wake(*store),
            Self::Message(flight) => {
                let frame = &flight.frame;
                EventName::Message(frame.id, frame.from, frame.to, frame.duplicate)
            }
            Self::Durable { store, cycle } => EventName::Durable(*store, *cycle),
            Self::LateAnswer { store, .. } => EventName::LateAnswer(*store),
            Self::Request { store, request } => EventName::Request(*store, request.id),
            Self::Reply { from, reply } => EventName::Reply(*from, reply.id),
            Self::Refused { store, request } => EventName::Refused(*store, *request),
            Self::Retry { client, operation } => EventName::Retry(*client, *operation),
            Self::Deadline { client, operation } => EventName::Deadline(*client, *operation),
            Self::Think { client } => EventName::Think(*client),
            Self::Admin { store, .. } => EventName::Admin(*store),
            Self::Resumed { store } => EventName::Resumed(*store),
            Self::Rules { store } => EventName::Rules(*store),
            Self::ToScheduler { from, .. } => EventName::ToScheduler(*from),
            Self::FromScheduler { to, .. } => EventName::FromScheduler(*to),
            Self::FindRoute { request } => EventName::FindRoute(request.id),
            Self::Route { reply } => EventName::Route(reply.id),
            Self::Operator { .. } => EventName::Operator,
            Self::Options { store } => EventName::Options(*store),
        }
    }
}

/// Everything that will happen.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Queue {
    next_order: u64,
    events: BTreeMap<Key, Event>,
}

impl Queue {
    /// Schedules an event.
    ///
    /// # Panics
    ///
    /// When `due` is no whole millisecond.
    pub(crate) fn push(&mut self, due: VirtualTime, event: Event) -> Key {
        assert_eq!(due.get() % US_PER_MS, 0, "due between two milliseconds");
        let order = self.next_order;
        self.next_order += 1;
        let key = Key { due, order };
        self.events.insert(key, event);
        key
    }

    /// Takes an event out, where it is still there.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Event> {
        self.events.remove(&key)
    }

    /// The next event.
    pub(crate) fn first(&self) -> Option<(Key, &Event)> {
        self.events
            .first_key_value()
            .map(|(key, event)| (*key, event))
    }

    /// An event that is still there.
    pub(crate) fn get(&self, key: Key) -> Option<&Event> {
        self.events.get(&key)
    }

    /// The keys of all events that are due at `due`.
    pub(crate) fn keys_at(&self, due: VirtualTime) -> Vec<Key> {
        let from = Key { due, order: 0 };
        let order = u64::MAX;
        let to = Key { due, order };
        self.events.range(from..=to).map(|(key, _)| *key).collect()
    }

    /// A message that is on its way, and its place.
    pub(crate) fn find(&self, name: MessageName) -> Option<(Key, &Flight)> {
        self.events.iter().find_map(|(key, event)| match event {
            Event::Message(flight) if flight.name() == name => Some((*key, &**flight)),
            _ => None,
        })
    }

    /// Takes out the messages that are on their way from `from` to `to`, in order.
    pub(crate) fn take_link(&mut self, from: StoreId, to: StoreId) -> Vec<Flight> {
        let on_link = |event: &Event| match event {
            Event::Message(flight) => flight.frame.from == from && flight.frame.to == to,
            _ => false,
        };
        let keys = self.events.iter().filter(|(_, event)| on_link(event));
        let keys: Vec<Key> = keys.map(|(key, _)| *key).collect();
        let taken = keys.into_iter().filter_map(|key| self.events.remove(&key));
        let flight = |event| match event {
            Event::Message(flight) => Some(*flight),
            _ => None,
        };
        taken.filter_map(flight).collect()
    }

    /// All events, in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        self.events.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_times_are_rounded_up_to_whole_milliseconds() {
        assert_eq!(whole_ms(VirtualTime::new(0)).get(), 0);
        assert_eq!(whole_ms(VirtualTime::new(1)).get(), 1_000);
        assert_eq!(whole_ms(VirtualTime::new(2_000)).get(), 2_000);
        assert_eq!(after_ms(VirtualTime::new(1_500), 1).get(), 3_000);
    }

    #[test]
    fn events_of_one_instant_keep_the_order_of_scheduling() {
        let mut queue = Queue::default();
        let at = VirtualTime::new(5_000);
        let wake = |store| Event::Wake {
            store: StoreId::new(store),
        };
        queue.push(at, wake(2));
        queue.push(VirtualTime::new(6_000), wake(3));
        queue.push(at, wake(1));
        let keys = queue.keys_at(at).into_iter();
        let order: Vec<&Event> = keys.filter_map(|key| queue.get(key)).collect();
        assert_eq!(order, [&wake(2), &wake(1)]);
    }
}
