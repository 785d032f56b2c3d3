//! Trials: one seed, one dialect, one set of rules, and every fault that a raft group must bear.
//! After each step the checker judges R1 to R15; then everything is healed, and the group must
//! come together (R17).

mod deeds;
mod plan;
mod reproduce;
mod settle;

use std::{collections::BTreeMap, fmt};

use checker::{Counts, ProgressLimits, ProgressSeen, ProgressTold, Violation};
use raft::{CORRECT, Limits, Rules};
use types::{
    action::Action,
    event::EventId,
    id::StoreId,
    io::Stop,
    raft::{Preset, Role},
    time::{US_PER_MS, VirtualTime},
};

use super::GroupNode;
use crate::{
    dice::Dice,
    sim::{Deed, FaultKind, Observed, Sight, Simulation},
    soak::Observer,
    watch::Watch,
};
use deeds::{Deeds, Transferee};
use plan::Plan;

pub use reproduce::{Retrial, lines, retrial_of, run_again, shrink_trial};

/// A trial, given before it starts.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Determines everything.
    pub seed: u64,
    /// The dialect.
    pub preset: Preset,
    /// The rules that the peers decide by.
    pub rules: &'static Rules,
    /// How many messages are delivered at least before the healing.
    pub messages: u64,
    /// Whether a message that no correct peer sends ends the trial. Broken peers send such, and
    /// the receiver drops them; a hunt goes on until an invariant names the damage.
    pub strict: bool,
}

/// What happened in a trial that broke nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What the checker saw.
    pub counts: Counts,
    /// Messages that were delivered.
    pub messages: u64,
    /// Crashes that took log entries away which were not on the disk yet.
    pub entries_lost: u64,
    /// Virtual time until the healing, in microseconds.
    pub troubled_us: u64,
    /// Virtual time from the healing until the group had come together, in microseconds.
    pub settled_us: u64,
    /// Events that were taken.
    pub events: u64,
    /// Virtual time in which somebody led, in microseconds.
    pub led_us: u64,
    /// Terms in which two or more stood and nobody won.
    pub split_votes: u64,
    /// Requests that were carried out.
    pub requests_done: u64,
    /// How often each kind of fault changed something.
    pub felt: BTreeMap<FaultKind, u64>,
    /// The hash of the run.
    pub run_hash: u64,
}

/// A trial that failed. It prints as one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The dialect.
    pub preset: Preset,
    /// The event that was being handled.
    pub event: EventId,
    /// What failed.
    pub reason: Reason,
}

/// Why a trial failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// An invariant is broken, R17 included.
    Violation(Box<Violation>),
    /// A store ended itself: its disk contradicts itself, or its code panicked.
    Stopped {
        /// Which store.
        store: StoreId,
        /// Its last word.
        stop: Stop,
    },
    /// A peer was sent what no correct peer sends.
    Impossible {
        /// The receiver.
        store: StoreId,
        /// What it said about it.
        message: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, preset, event) = (self.seed, self.preset.name(), self.event);
        write!(
            f,
            "seed {seed}, preset {preset}, event {event}: {}",
            self.reason
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violation(violation) => write!(f, "{violation}"),
            Self::Stopped { store, stop } => {
                // A panic may have words of several lines.
                let words = stop.to_string();
                write!(
                    f,
                    "{store} stopped: {}",
                    words.lines().next().unwrap_or_default()
                )
            }
            Self::Impossible { store, message } => {
                write!(f, "{store} got what no correct peer sends: {message}")
            }
        }
    }
}

impl Trial {
    /// The trial of `seed` in a dialect, with correct rules and 1,000 messages.
    #[must_use]
    pub const fn new(seed: u64, preset: Preset) -> Self {
        Self {
            seed,
            preset,
            rules: &CORRECT,
            messages: 1_000,
            strict: true,
        }
    }
}

/// Carries a trial out. A node that panics is a store that stopped; nothing here panics for it.
///
/// # Errors
///
/// The first [`Failure`].
pub fn run(trial: &Trial) -> Result<Outcome, Failure> {
    let mut stage = Stage::new(trial);
    let outcome = stage.carry_out();
    outcome.map_err(|reason| stage.failure(reason))
}

/// A trial in the middle of its run.
struct Stage {
    trial: Trial,
    plan: Plan,
    dice: Dice,
    sim: Simulation<GroupNode>,
    watch: Watch,
    observer: Observer,
    deeds: Deeds,
    /// Stores that are dead for good.
    lost: Vec<StoreId>,
    /// What was done before the healing, and when.
    done: Vec<(VirtualTime, Deed)>,
    /// When the healing began.
    troubled_until: Option<VirtualTime>,
    /// Kept to save allocations.
    seen: Vec<ProgressSeen>,
}

impl Stage {
    fn new(trial: &Trial) -> Self {
        Self::with_plan(trial, Plan::draw(trial))
    }

    fn with_plan(trial: &Trial, plan: Plan) -> Self {
        let mut sim = Simulation::with_setup(plan.config.clone(), plan.setup.clone());
        sim.conductor_mut().stop_recording();
        let region = sim.conductor().region();
        let peers = region.peers.iter().map(|peer| peer.id);
        let watch = Watch::new(region.id, &plan.setup.first_members(peers));
        Self {
            trial: *trial,
            dice: Dice::new(&("deeds", trial.seed)),
            deeds: Deeds::default(),
            lost: Vec::new(),
            done: Vec::new(),
            troubled_until: None,
            plan,
            sim,
            watch,
            observer: Observer::default(),
            seen: Vec::new(),
        }
    }

    fn now(&self) -> VirtualTime {
        self.sim.conductor().now()
    }

    fn carry_out(&mut self) -> Result<Outcome, Reason> {
        self.trouble()?;
        self.troubled_until = Some(self.now());
        self.settle()?;
        Ok(self.outcome())
    }

    fn outcome(&self) -> Outcome {
        let host = self.sim.counts();
        let healed = self.troubled_until.unwrap_or_else(|| self.now());
        Outcome {
            counts: self.watch.counts(),
            messages: host.messages,
            entries_lost: host.entries_lost,
            troubled_us: healed.get(),
            settled_us: self.now().since(healed),
            events: self.sim.conductor().event().seq,
            led_us: self.observer.led_us(self.now()),
            split_votes: self.observer.split_votes(),
            requests_done: host.requests_done,
            felt: self.sim.felt(),
            run_hash: self.sim.conductor().run_hash(),
        }
    }

    fn failure(&self, reason: Reason) -> Failure {
        Failure {
            seed: self.trial.seed,
            preset: self.trial.preset,
            event: self.sim.conductor().event(),
            reason,
        }
    }

    /// Faults, deeds and commands until enough messages were delivered.
    fn trouble(&mut self) -> Result<(), Reason> {
        let (mut deed_at, mut submit_at) = (VirtualTime::ZERO, VirtualTime::ZERO);
        let end = VirtualTime::new(self.plan.longest_ms * US_PER_MS);
        while self.sim.counts().messages < self.trial.messages && self.now() < end {
            let next = deed_at.min(submit_at).min(end);
            self.advance_to(next)?;
            if self.now() >= deed_at {
                self.deed();
                deed_at = self.pause(self.plan.deed_pause_ms);
            }
            if self.now() >= submit_at {
                self.submit();
                submit_at = self.pause(self.plan.submit_pause_ms);
            }
        }
        self.last_trouble()
    }

    /// The healing may come in the middle of a transfer that nobody answers, or after the last
    /// news of all commands were lost.
    fn last_trouble(&mut self) -> Result<(), Reason> {
        match self.dice.below(6) {
            0 => {
                self.transfer(Transferee::Deaf);
                self.wait(5)?;
            }
            1 => {
                self.transfer(Transferee::Mute);
                self.wait(30)?;
            }
            2 | 3 => {
                let (name, value) = ("loss_permille".to_owned(), 400);
                self.act(Action::Set { name, value });
                self.wait(60)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn wait(&mut self, ms: u64) -> Result<(), Reason> {
        self.advance_to(self.now().plus(ms * US_PER_MS))
    }

    fn pause(&mut self, (min, max): (u64, u64)) -> VirtualTime {
        self.now().plus(self.dice.between(min, max) * US_PER_MS)
    }

    /// Does what a person does; what makes no sense just now is left.
    fn act(&mut self, action: Action) {
        if self.troubled_until.is_none() {
            self.done.push((self.now(), Deed::Act(action.clone())));
        }
        drop(self.sim.act(action));
    }

    /// Lets everything happen that is due up to `until`, and judges each step.
    fn advance_to(&mut self, until: VirtualTime) -> Result<(), Reason> {
        loop {
            let went_on = self.sim.advance(until);
            self.judge()?;
            if !went_on {
                return Ok(());
            }
        }
    }

    fn judge(&mut self) -> Result<(), Reason> {
        let observed = self.sim.take_observed();
        self.observer.take(&observed);
        let taken = self.watch.take(&observed);
        taken.map_err(Reason::Violation)?;
        let mut last = None;
        for Observed { store, sight, .. } in &observed {
            if let Sight::Stopped(stop) = sight {
                let (store, stop) = (*store, stop.clone());
                return Err(Reason::Stopped { store, stop });
            }
            if last != Some(*store) {
                self.judge_progress(*store)?;
                if self.trial.strict {
                    self.judge_messages(*store)?;
                }
            }
            last = Some(*store);
        }
        Ok(())
    }

    fn judge_messages(&self, store: StoreId) -> Result<(), Reason> {
        let impossible = self.sim.node(store).and_then(GroupNode::impossible);
        impossible.map_or(Ok(()), |message| {
            let message = message.to_owned();
            Err(Reason::Impossible { store, message })
        })
    }

    fn judge_progress(&mut self, store: StoreId) -> Result<(), Reason> {
        let node = self.sim.node(store);
        let Some(node) = node.filter(|node| node.raft().role() == Role::Leader) else {
            return Ok(());
        };
        let raft = node.raft();
        self.seen.clear();
        self.seen
            .extend(raft.progress().map(|follower| ProgressSeen {
                peer: follower.id(),
                matched: follower.matched(),
                next: follower.next(),
                kind: follower.kind(),
                in_flight: as_u64(follower.in_flight()),
                in_flight_bytes: as_u64(follower.in_flight_bytes()),
            }));
        let told = ProgressTold {
            region: self.sim.conductor().region().id,
            leader: raft.id(),
            term: raft.term(),
            limits: limits(&self.plan.setup.limits),
            seen: &self.seen,
        };
        let (at, event) = (self.now(), self.sim.conductor().event());
        let judged = self.watch.progress(at, event, store, told);
        judged.map_err(Reason::Violation)
    }
}

fn limits(limits: &Limits) -> ProgressLimits {
    ProgressLimits {
        in_flight_appends: as_u64(limits.in_flight_appends),
        in_flight_bytes: as_u64(limits.in_flight_bytes),
        append_bytes: as_u64(limits.append_bytes),
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
