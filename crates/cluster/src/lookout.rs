//! Judges the stores of a conductor while it runs, on whatever host.
//!
//! A lookout is told what the conductor takes in, in the order in which it does so. It follows
//! that a run and its replay are judged alike, to the event.
//!
//! The disks are not its host's to see. What a write changes it learns from the answer that gives
//! the write out, that it is durable from the event that tells the store so, and what became of the
//! writes of a dead store from the cycle at which its disk is loaded. A disk that holds more than
//! that is believed: an answer may be lost with its store while the write in it is not.

use std::collections::{BTreeMap, VecDeque};

use checker::{Checker, Counts, DiskChange, Moment, Observation, Violation};
use types::{
    disk::DiskWrite,
    id::{Cycle, StoreId},
    io::Output,
    raft::ConfState,
    store::Region,
};

use crate::watch::changes;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lookout {
    checker: Checker,
    disks: BTreeMap<StoreId, Disk>,
    /// The first violation. Nothing is judged after it: what comes next may only follow from it.
    violation: Option<Box<Violation>>,
}

/// What is known of a store's disk.
#[derive(Debug, Clone, Default)]
struct Disk {
    /// The last write that was given out, or that was found there.
    last: Cycle,
    /// Writes that are not known to be durable, and what each changes.
    open: VecDeque<(Cycle, Vec<DiskChange>)>,
    /// It holds a write of which nobody told.
    is_strange: bool,
}

impl Lookout {
    /// A lookout over stores that begin with the membership of `fresh`; over stores that have
    /// lived before, whose disks tell it, without.
    pub(crate) fn new(fresh: Option<&Region>) -> Self {
        let mut checker = Checker::new();
        if let Some(region) = fresh {
            let voters = region.peers.iter().map(|peer| peer.id).collect();
            checker.bootstrap(region.id, &ConfState::of_voters(voters));
        }
        Self {
            checker,
            ..Self::default()
        }
    }

    /// The first violation.
    pub(crate) fn violation(&self) -> Option<&Violation> {
        self.violation.as_deref()
    }

    /// What was judged.
    pub(crate) fn counts(&self) -> Counts {
        self.checker.counts()
    }

    /// A store's answer took effect.
    pub(crate) fn answered(&mut self, moment: Moment, store: StoreId, output: &Output) {
        if self.violation.is_some() {
            return;
        }
        if std::mem::take(&mut self.disks.entry(store).or_default().is_strange) {
            self.checker.lose_sight(store);
        }
        for fact in &output.facts {
            self.observe(moment, store, Observation::Fact(fact));
        }
        for message in &output.messages {
            self.observe(moment, store, Observation::Sent(message));
        }
        if let Some(write) = &output.write {
            self.given_out(store, write);
        }
    }

    fn given_out(&mut self, store: StoreId, write: &DiskWrite) {
        let disk = self.disks.entry(store).or_default();
        disk.last = write.cycle;
        disk.open.push_back((write.cycle, changes(write)));
    }

    /// A store is about to hear that its writes up to `cycle` are durable.
    pub(crate) fn durable(&mut self, moment: Moment, store: StoreId, cycle: Cycle) {
        let disk = self.disks.entry(store).or_default();
        let mut done = Vec::new();
        while let Some((_, changes)) = disk.open.pop_front_if(|(open, _)| *open <= cycle) {
            done.extend(changes);
        }
        for change in &done {
            self.observe(moment, store, Observation::Disk(change));
        }
    }

    /// A store's process ended.
    pub(crate) fn ended(&mut self, moment: Moment, store: StoreId) {
        self.observe(moment, store, Observation::Down);
    }

    /// A store that starts found the write of `cycle` on its disk, and none behind it.
    pub(crate) fn loaded(&mut self, moment: Moment, store: StoreId, cycle: Cycle) {
        self.durable(moment, store, cycle);
        let disk = self.disks.entry(store).or_default();
        disk.open.clear();
        disk.is_strange = cycle > disk.last;
        disk.last = cycle;
    }

    fn observe(&mut self, moment: Moment, store: StoreId, observation: Observation<'_>) {
        if self.violation.is_none() {
            self.violation = self.checker.observe(moment, store, observation).err();
        }
    }
}
