//! A store run: a cluster of stores, its clients, two phases, and every judge.

mod hands;
mod plan;
mod settle;

use checker::{
    Violation,
    history::{Budget, History, Operation, Verdict, check},
};
use types::{action::Action, id::StoreId, io::Stop, raft::ConfState, time::VirtualTime};

use super::{Excuse, Failure, Observer, Profile, RareEvent, SeedReport, history::Story};
use crate::{
    node::Server,
    sim::{Observed, Sight, Simulation},
    watch::Watch,
};
use hands::Hands;
use plan::{Others, Plan};

/// What judging a history may cost. Few need a hundredth of it; the hardest of thousands have many
/// unknown outcomes on one key.
const BUDGET: Budget = Budget {
    steps: 1_000_000_000,
    remembered: 1 << 21,
};
/// How many operations of a history are shown with a verdict.
const SHOWN: usize = 30;

/// Runs the stores of a seed.
pub(super) fn run(seed: u64, report: &mut SeedReport) {
    let mut stage = Stage::new(Plan::draw(seed));
    let end = stage.carry_out();
    stage.tell(report);
    let failed = match end {
        Ok(End::Together) => stage.judge_history(report),
        Ok(End::Excused(excuse)) => {
            report.excused.push(excuse);
            stage.judge_history(report)
        }
        Err(reason) => Err(reason),
    };
    if let Err(reason) = failed {
        report.fail(stage.failure(seed, &reason));
    }
}

/// How a run without a violation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The core came together and took fresh writes.
    Together,
    /// It did not, and could not.
    Excused(Excuse),
}

/// What a run broke.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// An invariant, R17 included.
    Violation(Box<Violation>),
    /// A store ended itself, and nothing was done to it that could be why.
    Stopped(StoreId, Stop),
    /// The clients' history has no order (R16), or is none.
    History(String, Vec<String>),
}

/// A store run on its way.
struct Stage {
    plan: Plan,
    sim: Simulation<Server>,
    watch: Watch,
    observer: Observer,
    story: Story,
    hands: Hands,
    /// Starts that found a corrupt row where one was planted.
    corrupt: u64,
    /// Machines that came back under another name before the healing.
    returned: u64,
    /// Values that were written to see whether writes pass.
    fresh: u64,
}

impl Stage {
    fn new(plan: Plan) -> Self {
        let mut sim = Simulation::<Server>::new(plan.config.clone());
        sim.conductor_mut().stop_recording();
        let region = sim.conductor().region();
        let voters = region.peers.iter().map(|peer| peer.id).collect();
        let watch = Watch::new(region.id, &ConfState::of_voters(voters));
        let hands = Hands::new(plan.config.host.seed, plan.by_hand.clone());
        Self {
            hands,
            plan,
            sim,
            watch,
            observer: Observer::default(),
            story: Story::default(),
            corrupt: 0,
            returned: 0,
            fresh: 0,
        }
    }

    fn now(&self) -> VirtualTime {
        self.sim.conductor().now()
    }

    fn carry_out(&mut self) -> Result<End, Reason> {
        self.trouble()?;
        self.returned = self.heirs();
        self.heal();
        self.settle()
    }

    /// Does what a person does; what makes no sense just now is left.
    fn act(&mut self, action: Action) {
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
        self.watch.take(&observed).map_err(Reason::Violation)?;
        for Observed { store, sight, .. } in observed {
            match sight {
                Sight::Stopped(Stop::CorruptRow { .. }) if self.plan.doomed.contains(&store) => {
                    self.corrupt += 1;
                }
                Sight::Stopped(stop) => return Err(Reason::Stopped(store, stop)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Tells everything but the verdict.
    fn tell(&mut self, report: &mut SeedReport) {
        let (now, event) = (self.now(), self.sim.conductor().event());
        let history = self.sim.conductor_mut().take_history();
        self.story.add(history);
        let endings = self.story.endings();
        report.events += event.seq;
        report.virtual_us += now.get();
        report.leader_us += self.observer.led_us(now);
        report.acknowledged += endings.acknowledged.values().sum::<u64>();
        report.used(&self.plan.clients, &endings.acknowledged);
        report.felt(&self.sim.felt());
        report.felt(&self.hands.done);
        let entries_lost = self.sim.counts().entries_lost;
        report.add_counts(
            &self.watch.counts(),
            self.observer.split_votes(),
            entries_lost,
        );
        let stores = self.sim.conductor().settings().stores;
        let core = u64::try_from(self.plan.core.len()).expect("few stores");
        for (event, times) in [
            (RareEvent::UnknownOutcome, endings.unknown),
            (RareEvent::LateOutcome, endings.late),
            (RareEvent::DiskFull, self.sim.counts().full_disks),
            (RareEvent::CorruptRow, self.corrupt),
            (RareEvent::WipedReturn, self.returned),
            (RareEvent::LeanCore, u64::from(core < stores)),
            (RareEvent::BareQuorum, u64::from(core == stores / 2 + 1)),
        ] {
            report.saw(event, times);
        }
        report.run_hash = self.sim.conductor().run_hash();
    }

    /// Machines that came back under another name, and live.
    fn heirs(&self) -> u64 {
        let stores = self.sim.conductor().settings().stores;
        let running = self.sim.conductor().running().into_iter();
        let heirs = running.filter(|(id, _)| id.get() > stores);
        u64::try_from(heirs.count()).expect("few stores")
    }

    /// R16: whether one order of all operations explains every answer.
    fn judge_history(&self, report: &mut SeedReport) -> Result<(), Reason> {
        let none = |error: String| Reason::History(format!("no history: {error}"), Vec::new());
        let operations = self.story.operations();
        let operations = operations.map_err(|error| none(error.to_string()))?;
        let history = History::new(operations).map_err(|error| none(error.to_string()))?;
        match check(&history, BUDGET).verdict {
            Verdict::Linearizable { .. } => Ok(()),
            Verdict::Unknown { .. } => {
                report.unknown += 1;
                Ok(())
            }
            Verdict::NotLinearizable {
                key,
                prefix,
                blocked,
                ..
            } => {
                let all = history.operations();
                let what = format!(
                    "key {} has no order with {}",
                    String::from_utf8_lossy(&key),
                    in_words(&all[blocked])
                );
                let from = prefix.len().saturating_sub(SHOWN);
                let shown = prefix[from..].iter().chain([&blocked]);
                let trace = shown.map(|position| in_words(&all[*position])).collect();
                Err(Reason::History(what, trace))
            }
        }
    }

    fn failure(&self, seed: u64, reason: &Reason) -> Failure {
        let region = self.sim.conductor().region().id;
        let event = self.sim.conductor().event();
        let (what, trace) = match reason {
            Reason::Violation(violation) => (
                violation.to_string(),
                violation.trace.iter().map(ToString::to_string).collect(),
            ),
            Reason::Stopped(store, stop) => {
                let words = stop.to_string();
                let words = words.lines().next().unwrap_or_default();
                let what = format!("{store} in {region}, event {event}, stopped: {words}");
                (what, Vec::new())
            }
            Reason::History(what, trace) => (
                format!("R16 linearizable: {region}, event {event}: {what}"),
                trace.clone(),
            ),
        };
        let preset = self.sim.conductor().settings().preset().name();
        Failure {
            seed,
            profile: Profile::Store,
            what: format!("{what} (preset {preset})"),
            trace,
        }
    }
}

fn in_words(operation: &Operation) -> String {
    let Operation {
        client,
        action,
        invoked,
        returned,
        ..
    } = operation;
    let end = returned.map_or_else(|| "unknown".to_owned(), |instant| instant.to_string());
    format!(
        "client {client}, {invoked} to {end} us: {}",
        action_in_words(action)
    )
}

fn action_in_words(action: &checker::history::Action) -> String {
    use checker::history::Action::{Append, CompareAndSet, Delete, Get, Put};
    let shown = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
    let known = |value: &Option<Vec<u8>>| value.as_ref().map_or("nothing".to_owned(), shown);
    match action {
        Get { value } => format!("get is {}", known(value)),
        Put { value } => format!("put {}", shown(value)),
        Append { value } => format!("append {}", shown(value)),
        Delete => "delete".to_owned(),
        CompareAndSet {
            expected,
            value,
            ok,
        } => {
            let (expected, value) = (known(expected), shown(value));
            format!("swap {expected} for {value}, done: {ok}")
        }
    }
}

#[cfg(test)]
mod tests;
