//! The lab's worker, seen from the conductor: started when there is something to do for it, ended
//! at any time, and never waited for.

use std::{
    collections::{BTreeSet, VecDeque},
    rc::Weak,
};

use cluster::{History, HistoryEvent};
use protocol::{AskId, FromConductor, LabError, LabJob};
use types::verdict::{HistoryCheck, HistoryVerdict};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, MessageEvent, Worker};

use super::{Shell, crew};
use crate::{
    js, port,
    wire::{FromLab, ToLab},
};

/// How many moments of a history are kept for the next lab; beyond that nobody judges it.
const HISTORY_MAX: usize = 1 << 16;
/// How often a lab may fail by itself before none is started for the history's sake any more.
const FAILURES_MAX: u32 = 3;

/// See the module.
pub(super) struct Lab {
    shell: Weak<Shell>,
    loader: Option<String>,
    bench: Option<Bench>,
    /// Tells this worker from those before it.
    number: u32,
    /// Jobs that wait for the recording, which is taken between two rounds.
    wanted: VecDeque<(AskId, LabJob)>,
    jobs: BTreeSet<AskId>,
    /// What clients did in this segment.
    history: Vec<HistoryEvent>,
    is_fresh: bool,
    /// A part of the history is lost.
    is_torn: bool,
    failures: u32,
    /// How many moments the worker has judged.
    judged: u64,
    check: HistoryCheck,
}

/// The worker.
struct Bench {
    shell: Weak<Shell>,
    worker: Worker,
    announced: bool,
    outbox: Vec<ToLab>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(Event)>,
}

impl Lab {
    /// No worker yet; the history is that of a cluster which `is_fresh`, or lived before.
    pub(super) fn new(shell: Weak<Shell>, loader: Option<String>, is_fresh: bool) -> Self {
        Self {
            shell,
            loader,
            bench: None,
            number: 0,
            wanted: VecDeque::new(),
            jobs: BTreeSet::new(),
            history: Vec::new(),
            is_fresh,
            is_torn: false,
            failures: 0,
            judged: 0,
            check: HistoryCheck::default(),
        }
    }

    /// How the history stands.
    pub(super) fn check(&self) -> HistoryCheck {
        let mut check = self.check.clone();
        check.behind = (self.history.len() as u64).saturating_sub(self.judged);
        let is_settled = matches!(check.verdict, HistoryVerdict::Broken(_));
        if !is_settled && (self.is_torn || self.failures >= FAILURES_MAX) {
            check.verdict = HistoryVerdict::Unwatched;
        }
        check
    }

    /// Takes a job on.
    pub(super) fn want(&mut self, ask: AskId, job: LabJob) {
        self.wanted.push_back((ask, job));
    }

    /// A job that can begin now.
    pub(super) fn next_job(&mut self) -> Option<(AskId, LabJob)> {
        let next = self.wanted.pop_front()?;
        self.jobs.insert(next.0);
        Some(next)
    }

    /// Gives a job to the worker, with the recording that it is about.
    pub(super) fn begin_job(&mut self, ask: AskId, job: LabJob, recording: Vec<u8>) {
        // It may have been given up while the recording was read.
        if !self.jobs.contains(&ask) {
            return;
        }
        let say = ToLab::Job {
            ask,
            job,
            recording,
        };
        if let Err(reason) = self.say(say) {
            self.give_up(&reason);
        }
    }

    /// A job cannot be done.
    pub(super) fn refuse(&mut self, ask: AskId, error: LabError) {
        if self.jobs.remove(&ask) {
            answer(ask, Err(error));
        }
    }

    /// Clients did something.
    pub(super) fn watch(&mut self, history: History) {
        if history.events.is_empty() && history.skipped == 0 || self.is_torn {
            return;
        }
        self.is_torn = history.skipped > 0 || self.history.len() > HISTORY_MAX;
        if self.is_torn {
            self.history.clear();
            return;
        }
        let is_there = self.bench.is_some();
        self.history.extend_from_slice(&history.events);
        if self.failures >= FAILURES_MAX {
            return;
        }
        // A new worker gets all of it when it is started.
        let said = if is_there {
            self.say(ToLab::History(history.events))
        } else {
            self.start()
        };
        if let Err(reason) = said {
            self.give_up(&reason);
        }
    }

    /// Ends the worker, and its jobs with it.
    pub(super) fn end(&mut self, reason: &str) {
        self.bench = None;
        self.judged = 0;
        for ask in std::mem::take(&mut self.jobs) {
            let reason = reason.to_owned();
            answer(ask, Err(LabError::Ended { reason }));
        }
    }

    /// Ends the worker; what clients did is judged by the next one.
    pub(super) fn renew(&mut self, reason: &str) {
        self.end(reason);
        if !self.history.is_empty()
            && self.failures < FAILURES_MAX
            && let Err(reason) = self.start()
        {
            self.give_up(&reason);
        }
    }

    /// Hears the worker of that number.
    pub(super) fn hear(&mut self, number: u32, message: FromLab) {
        if number != self.number || self.bench.is_none() {
            return;
        }
        match message {
            FromLab::Announce { .. } => {
                if let Some(bench) = &mut self.bench {
                    bench.announced = true;
                    for message in std::mem::take(&mut bench.outbox) {
                        port::post_to_worker(&bench.worker, &message);
                    }
                }
            }
            FromLab::Done { ask, result } => {
                if self.jobs.remove(&ask) {
                    answer(ask, result);
                }
            }
            FromLab::Judged { taken, check } => {
                self.judged += taken;
                self.check = check;
            }
            FromLab::Panicked { message } => self.fail(number, &message),
        }
    }

    /// The worker of that number failed by itself.
    pub(super) fn fail(&mut self, number: u32, reason: &str) {
        if number == self.number && self.bench.is_some() {
            self.failures += 1;
            self.renew(reason);
        }
    }

    /// For tests.
    pub(super) fn play_tricks(&mut self, trick: ToLab) {
        if let Err(reason) = self.say(trick) {
            self.give_up(&reason);
        }
    }

    fn give_up(&mut self, reason: &str) {
        port::log(&format!("the lab did not start: {reason}"));
        self.failures = FAILURES_MAX;
        self.end(reason);
    }

    fn say(&mut self, message: ToLab) -> Result<(), String> {
        if self.bench.is_none() {
            self.start()?;
        }
        if let Some(bench) = &mut self.bench {
            bench.say(message);
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), String> {
        self.number += 1;
        let number = self.number;
        let worker = crew::new_worker("lab", self.loader.as_deref());
        let worker = worker.map_err(|error| js::reason(&error))?;
        let shell = self.shell.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(shell) = shell.upgrade() {
                shell.hear_lab(number, &event);
            }
        });
        let shell = self.shell.clone();
        let on_error = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            event.prevent_default();
            if let Some(shell) = shell.upgrade() {
                let reason = crew::error_message(&event);
                shell.with_live(|live| live.lab.fail(number, &reason));
            }
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        let is_fresh = self.is_fresh;
        let mut outbox = vec![ToLab::Begin { is_fresh }];
        if !self.history.is_empty() {
            outbox.push(ToLab::History(self.history.clone()));
        }
        self.bench = Some(Bench {
            shell: self.shell.clone(),
            worker,
            announced: false,
            outbox,
            _on_message: on_message,
            _on_error: on_error,
        });
        Ok(())
    }
}

impl Bench {
    fn say(&mut self, message: ToLab) {
        if self.announced {
            port::post_to_worker(&self.worker, &message);
        } else {
            self.outbox.push(message);
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        match self.shell.upgrade() {
            Some(shell) => shell.crew.borrow().bury(&self.worker),
            None => self.worker.terminate(),
        }
    }
}

fn answer(ask: AskId, result: Result<protocol::LabResult, LabError>) {
    port::post_to_parent(&FromConductor::Lab { ask, result });
}
