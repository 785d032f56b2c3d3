//! Runs a recording again, with the stores in memory.
//!
//! Every answer's hash is compared with the recorded one, so that the first difference is found
//! where it arises. [`seek`] stops on the way, to look around or to go on from there.

mod moment;

use std::collections::BTreeMap;

use raftstore::{RuleBook, image::MemoryDisk, rows};
use types::{
    disk::DiskImage,
    event::EventId,
    frame::Owed,
    id::{Cycle, Incarnation, StoreId},
    io::{Output, Stop},
    time::VirtualTime,
};

use crate::{
    conductor::Conductor,
    node::Server,
    node::{Machine, Node, check_rules},
    recording::{AnswerHash, Chance, ENGINE_VERSION, Recording, Segment, Strike},
    round::{HostEffect, Next, Round},
};

pub use moment::{Moment, SeekError, seek};

/// How a replayed recording ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The ends of its segments, in order.
    pub segments: Vec<SegmentEnd>,
}

/// How a segment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentEnd {
    /// The last event.
    pub event: EventId,
    /// Where the clock stood.
    pub now: VirtualTime,
    /// The hash of the run.
    pub run: u64,
    /// The hash of the conductor.
    pub conductor: u64,
    /// The running stores, by id. A late one is left out.
    pub stores: Vec<StoreEnd>,
}

/// A running store at the end of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreEnd {
    /// The store.
    pub store: StoreId,
    /// Which of its lives.
    pub incarnation: Incarnation,
    /// The hash of its memory.
    pub state: u64,
}

/// A recording that does not come out again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Divergence {
    /// It was made by another engine.
    #[error("segment {segment} was made by engine {found}, this is engine {known}")]
    OtherEngine {
        /// The segment.
        segment: u32,
        /// The engine that made it.
        found: u32,
        /// This engine.
        known: u32,
    },
    /// A store answered something else.
    #[error("at event {event} {store} answers {found:016x}, recorded is {recorded:?}")]
    Answer {
        /// The first event whose answer differs.
        event: EventId,
        /// Whose answer.
        store: StoreId,
        /// The hash of the answer now.
        found: u64,
        /// What was recorded at this place; nothing when the recording has no more answers.
        recorded: Option<AnswerHash>,
    },
    /// Not all recorded answers came.
    #[error("after event {event} the recording has {missing} answers more")]
    AnswersMissing {
        /// The last event.
        event: EventId,
        /// How many.
        missing: usize,
    },
    /// The rounds do not meet the place where chance struck, or where the segment ended.
    #[error("at event {event} the run passes by event {wanted} (open round: {open})")]
    Position {
        /// Where the run is.
        event: EventId,
        /// Where it should be.
        wanted: u64,
        /// Whether a round should be open there.
        open: bool,
    },
    /// The clock waits for something that the recording does not bring.
    #[error("at event {event} the clock waits for {owed:?} for ever")]
    Held {
        /// Where the run is.
        event: EventId,
        /// What is missing.
        owed: Owed,
    },
    /// What chance did makes no sense at that place.
    #[error("at event {event}: {reason}")]
    Chance {
        /// Where the run is.
        event: EventId,
        /// What does not fit.
        reason: String,
    },
    /// A recorded disk cannot be used.
    #[error("at event {event} the disk of {store} is not usable: {stop}")]
    Disk {
        /// Where the run is.
        event: EventId,
        /// Whose disk.
        store: StoreId,
        /// Why.
        stop: Stop,
    },
    /// The run's hash differs although no answer did: other events came.
    #[error("at event {event} the run hash is {found:016x}, recorded is {recorded:016x}")]
    RunHash {
        /// The last event.
        event: EventId,
        /// The hash now.
        found: u64,
        /// The recorded one.
        recorded: u64,
    },
}

/// Runs a recording again of stores that never decided by broken rules.
///
/// # Errors
///
/// The first [`Divergence`].
pub fn replay(recording: &Recording) -> Result<Replayed, Divergence> {
    replay_nodes::<Server>(recording, &RuleBook::default())
}

/// Runs a recording again whose hosts ran nodes of type `N` with `setup`.
///
/// # Errors
///
/// The first [`Divergence`].
pub fn replay_nodes<N: Node>(
    recording: &Recording,
    setup: &N::Setup,
) -> Result<Replayed, Divergence> {
    let segments = recording.segments.iter();
    let ends = segments.map(|segment| replay_segment::<N>(segment, setup));
    Ok(Replayed {
        segments: ends.collect::<Result<_, _>>()?,
    })
}

/// Runs one segment again.
///
/// # Errors
///
/// The first [`Divergence`].
pub fn replay_segment<N: Node>(
    segment: &Segment,
    setup: &N::Setup,
) -> Result<SegmentEnd, Divergence> {
    check_engine(segment)?;
    let mut player = Player::<N>::new(segment, setup);
    for strike in &segment.strikes {
        player.reach(strike.at.seq, !strike.at.closed, strike.at.now)?;
        player.strike(strike)?;
    }
    player.reach(segment.end.seq, false, segment.end.now)?;
    player.finish(segment)
}

fn check_engine(segment: &Segment) -> Result<(), Divergence> {
    if segment.engine_version == ENGINE_VERSION {
        return Ok(());
    }
    Err(Divergence::OtherEngine {
        segment: segment.segment,
        found: segment.engine_version,
        known: ENGINE_VERSION,
    })
}

/// A segment in the middle of its replay.
struct Player<'a, N: Node> {
    conductor: Conductor,
    setup: &'a N::Setup,
    machines: BTreeMap<StoreId, Machine<N>>,
    /// Answers made and not given to the conductor: of the open round, and of late stores.
    answers: BTreeMap<StoreId, Output>,
    late: BTreeMap<StoreId, Output>,
    recorded: std::slice::Iter<'a, AnswerHash>,
}

impl<'a, N: Node> Player<'a, N> {
    fn new(segment: &'a Segment, setup: &'a N::Setup) -> Self {
        let mut conductor = Conductor::resume(segment.saved.clone());
        conductor.begin();
        Self {
            conductor,
            setup,
            machines: BTreeMap::new(),
            answers: BTreeMap::new(),
            late: BTreeMap::new(),
            recorded: segment.answers.iter(),
        }
    }

    fn event(&self) -> EventId {
        self.conductor.event()
    }

    fn wrong(&self, reason: &str) -> Divergence {
        Divergence::Chance {
            event: self.event(),
            reason: reason.to_owned(),
        }
    }

    /// Runs up to the place after event `seq`, inside its round or behind it.
    fn reach(&mut self, seq: u64, open: bool, now: VirtualTime) -> Result<(), Divergence> {
        loop {
            let here = self.event().seq;
            if self.conductor.is_round_open() {
                if here == seq && open {
                    return Ok(());
                }
                self.close()?;
            } else if here == seq && !open {
                self.conductor.stand_at(now);
                return Ok(());
            } else if here >= seq {
                return Err(self.passed_by(seq, open));
            } else {
                match self.conductor.next(now) {
                    Next::Round(round) => self.hand_out(&round)?,
                    Next::Held(owed) => self.bring(&owed)?,
                    Next::Idle { .. } => return Err(self.passed_by(seq, open)),
                }
            }
        }
    }

    fn passed_by(&self, wanted: u64, open: bool) -> Divergence {
        Divergence::Position {
            event: self.event(),
            wanted,
            open,
        }
    }

    /// Gives the open round its answers.
    fn close(&mut self) -> Result<(), Divergence> {
        for (store, output) in std::mem::take(&mut self.answers) {
            self.conductor.answer(store, output);
        }
        self.after_call()?;
        match self.conductor.owed_answers().first() {
            None => Ok(()),
            Some(&owed) => Err(Divergence::Held {
                event: self.event(),
                owed,
            }),
        }
    }

    fn hand_out(&mut self, round: &Round) -> Result<(), Divergence> {
        self.after_call()?;
        for delivery in &round.deliveries {
            let setup = self.setup;
            let machine = self.machine(delivery.store);
            let output = machine.call(&delivery.request, setup);
            self.answers.insert(delivery.store, output);
        }
        Ok(())
    }

    fn machine(&mut self, store: StoreId) -> &mut Machine<N> {
        self.machines.entry(store).or_insert_with(Machine::new)
    }

    /// Compares the answers that were merged, and ends the processes that the conductor ended.
    fn after_call(&mut self) -> Result<(), Divergence> {
        for answer in self.conductor.take_answers() {
            let recorded = self.recorded.next().copied();
            if recorded != Some(answer) {
                let segment = self.event().segment;
                return Err(Divergence::Answer {
                    event: EventId {
                        segment,
                        seq: answer.seq,
                    },
                    store: answer.store,
                    found: answer.hash,
                    recorded,
                });
            }
        }
        for effect in self.conductor.take_effects() {
            match effect {
                HostEffect::Kill { store } => {
                    self.answers.remove(&store);
                    self.late.remove(&store);
                }
                HostEffect::Corrupt { store, nth } => {
                    self.machine(store).spoil(nth);
                }
                HostEffect::Wipe { store, .. } => {
                    self.machines.insert(store, Machine::new());
                }
                // What a full disk refused, the next load tells.
                HostEffect::Load { .. } | HostEffect::Fill { .. } => {}
            }
        }
        Ok(())
    }

    /// Brings what really happened in time and is therefore not recorded: durable writes.
    fn bring(&mut self, owed: &[Owed]) -> Result<(), Divergence> {
        let event = self.event();
        for &owed in owed {
            match owed {
                Owed::Disk { store, cycle } => self.durable(store, cycle)?,
                Owed::Load { .. } | Owed::Answer { .. } => {
                    return Err(Divergence::Held { event, owed });
                }
            }
        }
        Ok(())
    }

    fn durable(&mut self, store: StoreId, cycle: Cycle) -> Result<(), Divergence> {
        if self.machine(store).flush(cycle, |_| {}).is_err() {
            return Err(self.wrong("a write is durable that was never given out"));
        }
        self.conductor.disk_done(store, cycle);
        Ok(())
    }

    fn strike(&mut self, strike: &Strike) -> Result<(), Divergence> {
        match &strike.chance {
            Chance::Act(action) => {
                check_rules::<N>(self.setup, action)
                    .map_err(|misuse| self.wrong(&misuse.to_string()))?;
                let acted = self.conductor.act(action.clone());
                acted.map_err(|misuse| self.wrong(&misuse.to_string()))?;
            }
            Chance::Step => self.step()?,
            Chance::AnswerCame(store) => {
                let answer = self.answers.remove(store);
                let answer = answer.ok_or_else(|| self.wrong("an answer came that nobody owed"))?;
                self.conductor.answer(*store, answer);
            }
            Chance::StoreLate(store) => {
                let answer = self.answers.remove(store);
                let answer = answer.ok_or_else(|| self.wrong("a store is late with nothing"))?;
                self.late.insert(*store, answer);
                self.conductor.store_late(*store);
            }
            Chance::LateAnswer(store) => {
                let answer = self.late.remove(store);
                let answer = answer.ok_or_else(|| self.wrong("a late answer that nobody owed"))?;
                self.conductor.late_answer(*store, answer);
            }
            Chance::DiskLate(store, cycle) => self.conductor.disk_late(*store, *cycle),
            Chance::DiskDone(store, cycle) => self.durable(*store, *cycle)?,
            Chance::Loaded {
                store,
                cycle,
                image,
            } => self.loaded(*store, *cycle, image.as_ref())?,
            Chance::LoadLate(store) => self.conductor.load_late(*store),
            Chance::LoadFailed(store, stop) => self.conductor.load_failed(*store, stop.clone()),
            Chance::Died(store, stop) => self.conductor.died(*store, stop.clone()),
        }
        self.after_call()
    }

    fn step(&mut self) -> Result<(), Divergence> {
        loop {
            match self.conductor.step_one() {
                Next::Round(round) => return self.hand_out(&round),
                Next::Held(owed) => self.bring(&owed)?,
                Next::Idle { .. } => return Err(self.wrong("a step with nothing to take")),
            }
        }
    }

    /// A store starts: its disk is the recorded one, or what its earlier lives of this segment
    /// left there.
    fn loaded(
        &mut self,
        store: StoreId,
        cycle: Cycle,
        image: Option<&DiskImage>,
    ) -> Result<(), Divergence> {
        let event = self.event();
        if let Some(image) = image {
            let unusable = |stop| Divergence::Disk { event, store, stop };
            let disk = MemoryDisk::from_image(image).map_err(unusable)?;
            if rows::last_cycle(image).map_err(unusable)? != cycle {
                return Err(self.wrong("a disk that does not stand where its store says"));
            }
            self.machines.insert(store, Machine::with_disk(disk));
        } else {
            let known = self.machines.get_mut(&store);
            let flushed = known.map(|machine| {
                let flushed = machine.flush(cycle, |_| {});
                machine.crash(0, |_| {});
                flushed
            });
            if flushed != Some(Ok(())) {
                return Err(self.wrong("a store starts from a disk that nobody knows"));
            }
        }
        if !self.conductor.wants_load(store, image.is_some()) {
            return Err(self.wrong("a disk was loaded that nobody wanted"));
        }
        self.conductor.loaded(store, cycle, image.cloned());
        Ok(())
    }

    fn finish(self, segment: &Segment) -> Result<SegmentEnd, Divergence> {
        let event = self.event();
        let (found, recorded) = (self.conductor.run_hash(), segment.end.run_hash);
        let missing = self.recorded.len();
        if missing > 0 {
            return Err(Divergence::AnswersMissing { event, missing });
        }
        if found != recorded {
            return Err(Divergence::RunHash {
                event,
                found,
                recorded,
            });
        }
        let running = self.conductor.running();
        let state_of = |(store, incarnation)| {
            let node = self.machines.get(&store).and_then(Machine::node);
            StoreEnd {
                store,
                incarnation,
                state: node.expect("a running store has booted").state_hash(),
            }
        };
        Ok(SegmentEnd {
            event,
            now: self.conductor.now(),
            run: found,
            conductor: self.conductor.state_hash(),
            stores: running.into_iter().map(state_of).collect(),
        })
    }
}
