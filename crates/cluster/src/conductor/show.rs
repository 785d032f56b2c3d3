//! Frames: what the page draws.

use types::{
    frame::{Frame, Life, MessageFrame, OPERATIONS_SHOWN, OperationFrame, Pace, StoreFrame},
    id::{RegionId, StoreId},
    verdict::{Checks, Violation},
};

use super::{Conductor, PAGE_CLIENT};
use crate::{
    queue::Event,
    slot::{Slot, SlotLife},
};

impl Conductor {
    /// The stage as it stands. Facts are those since the frame before. The driver fills in the
    /// pace, because it owns real time.
    pub fn frame(&mut self) -> Frame {
        let (facts, facts_skipped) = self.projection.take_facts();
        let ids = self.slots.keys().copied();
        let ids: Vec<StoreId> = ids.filter(|id| *id != StoreId::SCHEDULER).collect();
        Frame {
            event: self.event,
            now: self.now,
            run_hash: self.run_hash,
            pace: Pace::default(),
            settings: self.settings,
            region: self.projection.region().unwrap_or(&self.region).clone(),
            regions: self.projection.region_frames(),
            scheduler: self.scheduler_life(),
            stores: ids.into_iter().map(|id| self.store_frame(id)).collect(),
            messages: self.messages(),
            lost: self.projection.lost_lately(self.now),
            cut: self.network.groups().to_vec(),
            operations: self.newest_operations(),
            facts,
            facts_skipped,
            checks: Checks {
                judged: self.watched().observations,
                broken: self.violation().map(Violation::brief),
                ..Checks::default()
            },
        }
    }

    /// Shows another region in frames from now on; where it is not there, the first one.
    pub fn show(&mut self, region: RegionId) {
        self.projection.show(region);
    }

    fn scheduler_life(&self) -> Option<Life> {
        self.slots.get(&StoreId::SCHEDULER).map(life)
    }

    fn store_frame(&mut self, id: StoreId) -> StoreFrame {
        let known = self.projection.store(id, self.now);
        let slot = &self.slots[&id];
        StoreFrame {
            life: life(slot),
            incarnation: slot.incarnation,
            disk_full: slot.is_full,
            clock_rate: slot.clock.rate(),
            rules: slot.rules.clone(),
            writing: if slot.is_alive() {
                slot.write.map(|write| write.cycle)
            } else {
                known.writing
            },
            ..known
        }
    }

    /// The messages on their way, by id.
    fn messages(&self) -> Vec<MessageFrame> {
        let on_its_way = |event: &Event| match event {
            Event::Message(flight) => Some(flight.frame.clone()),
            _ => None,
        };
        let standing = self.network.standing().map(|flight| flight.frame.clone());
        let flying = self.queue.events().filter_map(on_its_way);
        let mut messages: Vec<MessageFrame> = flying.chain(standing).collect();
        messages.sort_by_key(|message| (message.id, message.duplicate));
        messages
    }

    fn newest_operations(&self) -> Vec<OperationFrame> {
        let page = &self.clients[&PAGE_CLIENT];
        let mut newest: Vec<OperationFrame> = page
            .operations()
            .rev()
            .take(OPERATIONS_SHOWN)
            .cloned()
            .collect();
        newest.reverse();
        newest
    }
}

fn life(slot: &Slot) -> Life {
    match &slot.life {
        SlotLife::Starting(_) => Life::Starting,
        SlotLife::Up if slot.pause.is_some() => Life::Paused,
        SlotLife::Up if slot.late.is_some() => Life::Late,
        SlotLife::Up => Life::Up,
        SlotLife::Killed => Life::Killed,
        SlotLife::Stopped(stop) => Life::Stopped(stop.clone()),
    }
}
