//! A failing trial as a plain list of deeds, which can be run again and made small.

use raft::CORRECT;
use types::{
    settings::Settings,
    time::{US_PER_MS, VirtualTime},
};

use super::{Failure, Outcome, Reason, Stage, Trial, plan::Plan};
use crate::{
    shrink::{Reproduction, Shrunk, Step, shrink},
    sim::Deed,
};

/// A trial whose troubles are given, and not drawn while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retrial {
    /// What is done.
    pub run: Reproduction,
    /// Whether the group is healed at the end and must come together, as in every trial.
    pub settles: bool,
}

impl Stage {
    /// The troubles so far as a list, with those of the script among them.
    fn reproduction(&self) -> Reproduction {
        let end = self.troubled_until.unwrap_or_else(|| self.now());
        let config = &self.plan.config;
        let planned = config.script.iter().filter(|(at, _)| *at <= end).cloned();
        let mut deeds: Vec<(VirtualTime, Deed)> = planned.collect();
        // What was planned for an instant came before what was done at it.
        deeds.extend(self.done.iter().cloned());
        deeds.sort_by_key(|(at, _)| *at);
        let mut last = VirtualTime::ZERO;
        let step = |(at, deed): (VirtualTime, Deed)| {
            let pause_us = at.since(last);
            last = at;
            Step { pause_us, deed }
        };
        let steps = deeds.into_iter().map(step).collect();
        Reproduction {
            seed: config.cluster.settings.seed,
            stores: config.cluster.settings.stores,
            steps,
            rest_us: end.since(last),
        }
    }

    /// The troubles of a list instead of drawn ones.
    fn follow(&mut self, run: &Reproduction) -> Result<(), Reason> {
        for step in &run.steps {
            self.advance_to(self.now().plus(step.pause_us))?;
            match step.deed.clone() {
                Deed::Act(action) => drop(self.sim.act(action)),
                Deed::CrashAt { store, point } => self.sim.crash_at(store, point),
            }
            // A deed may have killed a store.
            self.judge()?;
        }
        self.advance_to(self.now().plus(run.rest_us))
    }
}

/// The trial as a list of what was done in it until it failed.
#[must_use]
pub fn retrial_of(trial: &Trial) -> Option<(Retrial, Failure)> {
    let mut stage = Stage::new(trial);
    let reason = stage.carry_out().err()?;
    let retrial = Retrial {
        run: stage.reproduction(),
        settles: stage.troubled_until.is_some(),
    };
    let failure = stage.failure(reason);
    Some((retrial, failure))
}

/// Carries a trial out with given troubles.
///
/// # Errors
///
/// The first [`Failure`].
pub fn run_again(trial: &Trial, retrial: &Retrial) -> Result<Outcome, Failure> {
    let mut plan = Plan::draw(trial);
    plan.config.script.clear();
    let settings = plan.config.cluster.settings;
    plan.config.cluster.settings = Settings {
        seed: retrial.run.seed,
        stores: retrial.run.stores,
        ..settings
    };
    let voters = plan.setup.first_voters;
    plan.setup.first_voters = voters.map(|voters| voters.min(retrial.run.stores));
    let mut stage = Stage::with_plan(trial, plan);
    let result = stage.follow(&retrial.run).and_then(|()| {
        if retrial.settles {
            stage.troubled_until = Some(stage.now());
            stage.settle()?;
        }
        Ok(stage.outcome())
    });
    result.map_err(|reason| stage.failure(reason))
}

/// Makes a trial that breaks an invariant small, with at most `budget` runs; the correct rules pass
/// what comes out. Nothing when it does not break any, or none but such as the correct rules break
/// too.
#[must_use]
pub fn shrink_trial(trial: &Trial, budget: u32) -> Option<(Retrial, Shrunk, Failure)> {
    let (retrial, failure) = retrial_of(trial)?;
    let Reason::Violation(violation) = &failure.reason else {
        return None;
    };
    let (invariant, settles) = (violation.invariant, retrial.settles);
    let correct = Trial {
        rules: &CORRECT,
        ..*trial
    };
    let fails = |run: &Reproduction| {
        let retrial = Retrial {
            run: run.clone(),
            settles,
        };
        let failure = run_again(trial, &retrial).err()?;
        match failure.reason {
            Reason::Violation(found) if found.invariant == invariant => {
                // What fails under the correct rules as well shows nothing of the broken one.
                let passes = run_again(&correct, &retrial).is_ok();
                passes.then_some(failure.event.seq)
            }
            _ => None,
        }
    };
    let shrunk = shrink(retrial.run, budget, fails)?;
    let run = shrunk.run.clone();
    Some((Retrial { run, settles }, shrunk, failure))
}

/// The pauses and deeds, one line each, for people.
#[must_use]
pub fn lines(run: &Reproduction) -> Vec<String> {
    let line = |step: &Step| format!("+{} ms {:?}", step.pause_us / US_PER_MS, step.deed);
    run.steps.iter().map(line).collect()
}
