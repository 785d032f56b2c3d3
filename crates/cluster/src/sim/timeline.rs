//! A run that can be looked at at any of its events, forwards and backwards, and forked there.

use std::collections::BTreeMap;

use types::{event::EventId, time::VirtualTime};

use super::Simulation;
use crate::node::Node;

/// How much the checkpoints of a timeline may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Events between two checkpoints at first.
    pub every: u64,
    /// The most bytes of state that all checkpoints hold together, at least one checkpoint. Where
    /// more would be needed, they stand further apart.
    pub bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            every: 500,
            bytes: 64 << 20,
        }
    }
}

/// A simulation, and checkpoints of its past. The simulation must do everything by itself, as its
/// script says: what is done to it from outside is no part of the past.
#[derive(Debug, Clone)]
pub struct Timeline<N: Node> {
    budget: Budget,
    /// Simulations that stand after an event, by its number, with their size in bytes.
    checkpoints: BTreeMap<u64, (Simulation<N>, usize)>,
    /// Where the look is.
    here: Simulation<N>,
    /// The end of the run.
    until: VirtualTime,
    last: EventId,
}

/// An event that the run does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run has no event {wanted}; its last is {last}")]
pub struct NoSuchEvent {
    /// The event.
    pub wanted: u64,
    /// The run's last event.
    pub last: EventId,
}

impl<N: Node> Timeline<N> {
    /// Runs `simulation` up to `until` and keeps checkpoints on the way.
    #[must_use]
    pub fn record(mut simulation: Simulation<N>, until: VirtualTime, budget: Budget) -> Self {
        simulation.conductor_mut().stop_recording();
        let mut timeline = Self {
            budget,
            checkpoints: BTreeMap::new(),
            last: simulation.conductor().event(),
            here: simulation,
            until,
        };
        timeline.keep();
        let mut next = timeline.here_seq() + timeline.budget.every;
        while timeline.here.advance(until) {
            if timeline.here_seq() >= next && timeline.is_whole() {
                timeline.keep();
                next = timeline.here_seq() + timeline.budget.every;
            }
        }
        timeline.last = timeline.here.conductor().event();
        timeline
    }

    /// The last event of the run.
    #[must_use]
    pub const fn last(&self) -> EventId {
        self.last
    }

    /// How many checkpoints there are.
    #[must_use]
    pub fn checkpoints(&self) -> usize {
        self.checkpoints.len()
    }

    /// The run as it stood when the round of event `seq` was over: events of one instant share a
    /// round, and nothing is half done behind it.
    ///
    /// # Errors
    ///
    /// [`NoSuchEvent`].
    pub fn seek(&mut self, seq: u64) -> Result<&Simulation<N>, NoSuchEvent> {
        let last = self.last;
        let no_such = NoSuchEvent { wanted: seq, last };
        if seq > last.seq {
            return Err(no_such);
        }
        let before = self.checkpoints.range(..=seq).next_back();
        let (at, (checkpoint, _)) = before.ok_or(no_such)?;
        if self.here_seq() > seq || self.here_seq() < *at {
            self.here = checkpoint.clone();
        }
        while (self.here_seq() < seq || !self.is_whole()) && self.here.advance(self.until) {}
        Ok(&self.here)
    }

    /// Another run that begins where this one stood after event `seq`. Left alone it is equal.
    ///
    /// # Errors
    ///
    /// [`NoSuchEvent`].
    pub fn fork(&mut self, seq: u64) -> Result<Simulation<N>, NoSuchEvent> {
        self.seek(seq).cloned()
    }

    fn here_seq(&self) -> u64 {
        self.here.conductor().event().seq
    }

    fn is_whole(&self) -> bool {
        !self.here.conductor().is_round_open()
    }

    fn keep(&mut self) {
        let bytes = self.here.parts().iter().map(|part| part.bytes.len()).sum();
        let seq = self.here_seq();
        self.checkpoints.insert(seq, (self.here.clone(), bytes));
        while self.checkpoints.len() > 1 && self.bytes() > self.budget.bytes {
            self.thin_out();
        }
    }

    fn bytes(&self) -> usize {
        self.checkpoints.values().map(|(_, bytes)| bytes).sum()
    }

    /// Drops every second checkpoint; the first stays.
    fn thin_out(&mut self) {
        self.budget.every = self.budget.every.saturating_mul(2);
        let mut nth = 0_usize;
        self.checkpoints.retain(|_, _| {
            nth += 1;
            nth % 2 == 1
        });
    }
}
