//! The scheduler as people look at it.

use types::scheduler::{KnownRegion, KnownStore, SchedulerView};

use crate::scheduler::Scheduler;

impl Scheduler {
    /// Everything about the scheduler. Reading it changes nothing.
    #[must_use]
    pub fn view(&self) -> SchedulerView {
        let stores = self.cluster.stores().iter().map(|store| KnownStore {
            store: store.id,
            state: store.state,
            health: store.health(&self.options, self.now),
            heard_at: store.heard_at,
            status: store.status,
            reported: store.reported,
        });
        let regions = self.cluster.map().in_key_order();
        let regions = regions.map(|info| KnownRegion {
            region: info.region.clone(),
            leader: info.leader,
            pending: info.pending.clone(),
            learners: info.learners.clone(),
            approximate_size: info.approximate_size,
            is_heard: self.cluster.is_heard(info.id()),
        });
        let running = self.operators.running();
        SchedulerView {
            now: self.now,
            written: self.written,
            durable: self.durable,
            options: self.options,
            rules: self.rules.clone(),
            is_prepared: self.is_prepared,
            next_id: self.ids.next(),
            reserved_to: self.ids.reserved_to(),
            stores: stores.collect(),
            regions: regions.collect(),
            operators: running.map(|operator| operator.view(None)).collect(),
            ended: self.operators.ended().cloned().collect(),
            refused: self.refused.values().sum(),
        }
    }
}
