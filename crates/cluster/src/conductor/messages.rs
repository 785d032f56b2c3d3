//! Links with plans of their own, and messages in people's hands.

use types::{
    action::{DELAY_MS_MAX, MessageDeed, Misuse},
    frame::{Holder, LossReason, MessageFrame},
    id::StoreId,
    link::LinkPlan,
};

use super::Conductor;
use crate::queue::{Event, Flight, MessageName, after_ms, whole_ms};

impl Conductor {
    /// A message does not arrive.
    pub(super) fn lose(&mut self, frame: MessageFrame, reason: LossReason) {
        if reason == LossReason::Cut {
            let by_cut = self.network.is_parted(frame.from, frame.to);
            self.counter.closed(by_cut);
        }
        self.network.lost(reason);
        self.projection.lost(frame, self.now, reason);
    }

    pub(super) fn check_link(
        &self,
        from: StoreId,
        to: StoreId,
        plan: Option<&LinkPlan>,
    ) -> Result<(), Misuse> {
        self.existing(from)?;
        self.existing(to)?;
        if from == to {
            return Err(Misuse::NoSuchLink { store: from });
        }
        plan.map_or(Ok(()), LinkPlan::validate)?;
        Ok(())
    }

    pub(super) fn set_link(&mut self, from: StoreId, to: StoreId, plan: Option<LinkPlan>) {
        self.network.set_plan((from, to), plan);
        if self.network.is_clogged(from, to) {
            for flight in self.queue.take_link(from, to) {
                self.network.keep(flight, self.now);
            }
        }
        self.fly_again();
    }

    /// What waited on links that are no longer clogged comes.
    pub(super) fn fly_again(&mut self) {
        for flight in self.network.freed(self.now, &self.settings) {
            self.fly(flight);
        }
    }

    /// Lets a message go on, as far as its link does.
    fn fly(&mut self, mut flight: Flight) {
        if self.is_clogged(&flight) {
            self.network.keep(flight, self.now);
        } else {
            flight.frame.held = None;
            let due = flight.frame.due;
            self.queue.push(due, Event::Message(Box::new(flight)));
        }
    }

    fn is_clogged(&self, flight: &Flight) -> bool {
        let frame = &flight.frame;
        self.network.is_clogged(frame.from, frame.to)
    }

    /// A message that is on its way, standing still or not.
    fn find_message(&self, name: MessageName) -> Option<&Flight> {
        let flying = || self.queue.find(name).map(|(_, flight)| flight);
        self.network.find(name).or_else(flying)
    }

    pub(super) fn check_message(&self, name: MessageName, deed: MessageDeed) -> Result<(), Misuse> {
        let (id, duplicate) = name;
        let flight = self.find_message(name);
        let flight = flight.ok_or(Misuse::NoSuchMessage { id })?;
        let held = flight.frame.held;
        let in_hand = held.is_some_and(|held| held.by == Holder::Hand);
        match deed {
            MessageDeed::Hold | MessageDeed::Delay { .. } if in_hand => {
                Err(Misuse::MessageHeld { id })
            }
            MessageDeed::Release if !in_hand => Err(Misuse::MessageNotHeld { id }),
            MessageDeed::Delay { ms } if !(1..=DELAY_MS_MAX).contains(&ms) => {
                let limit = DELAY_MS_MAX;
                Err(Misuse::BadDelay { ms, limit })
            }
            MessageDeed::Double if self.find_message((id, !duplicate)).is_some() => {
                Err(Misuse::MessageDoubled { id })
            }
            _ => Ok(()),
        }
    }

    /// Does what [`Conductor::check_message`] allows.
    pub(super) fn handle_message(&mut self, name: MessageName, deed: MessageDeed) {
        self.network.counts.by_hand += 1;
        if deed == MessageDeed::Double {
            if let Some(flight) = self.find_message(name) {
                let copy = self.second_copy(flight);
                self.fly(copy);
            }
            return;
        }
        let Some(mut flight) = self.take_message(name) else {
            return;
        };
        match deed {
            MessageDeed::Hold => self.network.hold(flight, self.now),
            MessageDeed::Release => {
                if !self.is_clogged(&flight) {
                    flight.frame.due = whole_ms(self.now);
                }
                self.fly(flight);
            }
            MessageDeed::Drop => {
                flight.frame.held = None;
                self.lose(flight.frame, LossReason::Hand);
            }
            MessageDeed::Delay { ms } => {
                flight.frame.due = after_ms(flight.frame.due, ms);
                self.fly(flight);
            }
            MessageDeed::Double => {}
        }
    }

    fn take_message(&mut self, name: MessageName) -> Option<Flight> {
        if let Some(flight) = self.network.take(name) {
            return Some(flight);
        }
        let (place, _) = self.queue.find(name)?;
        match self.queue.remove(place) {
            Some(Event::Message(flight)) => Some(*flight),
            _ => None,
        }
    }

    /// A copy that leaves now and takes as long as `flight` was to take.
    fn second_copy(&self, flight: &Flight) -> Flight {
        let mut copy = flight.clone();
        let takes = flight.frame.due.since(flight.frame.sent);
        copy.frame.sent = self.now;
        copy.frame.due = whole_ms(self.now.plus(takes));
        copy.frame.duplicate = !flight.frame.duplicate;
        copy.frame.held = None;
        copy
    }
}
