//! The role of the lab's worker: it replays, seeks, forks and judges histories, all in memory. The
//! conductor may end it at any time; it keeps nothing that anybody needs.

use std::cell::{Cell, RefCell};

use cluster::Server;
use cluster::{
    HistoryJudge, Recording,
    replay::{self, Moment, SeekError, SegmentEnd},
};
use protocol::{FORK_MS_MAX, Hashes, LabError, LabJob, LabMoment, LabResult, StoreHash};
use raftstore::RuleBook;
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::MessageEvent;

use crate::{
    port,
    wire::{FromLab, ToLab},
};

thread_local! {
    static PANICKED: Cell<bool> = const { Cell::new(false) };
}

/// Starts the role.
pub(crate) fn run() {
    std::panic::set_hook(Box::new(|panic| {
        PANICKED.set(true);
        let message = panic.to_string();
        port::log(&message);
        port::post_to_parent(&FromLab::Panicked { message });
    }));
    let judge = RefCell::new(HistoryJudge::new(true));
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if PANICKED.get() {
            return;
        }
        match port::read(&event) {
            Ok(message) => hear(message, &mut judge.borrow_mut()),
            Err(reason) => port::log(&format!("the conductor sent what is no message: {reason}")),
        }
    });
    port::scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    port::post_to_parent(&FromLab::Announce {
        build: protocol::BUILD.to_owned(),
    });
}

fn hear(message: ToLab, judge: &mut HistoryJudge) {
    match message {
        ToLab::Job {
            ask,
            job,
            recording,
        } => {
            let result = work(job, &recording);
            port::post_to_parent(&FromLab::Done { ask, result });
        }
        ToLab::Begin { is_fresh } => *judge = HistoryJudge::new(is_fresh),
        ToLab::History(events) => {
            for event in &events {
                judge.take(event);
            }
            let taken = events.len() as u64;
            let check = judge.check();
            port::post_to_parent(&FromLab::Judged { taken, check });
        }
        ToLab::BusyLoop { ms } => {
            let end = port::real_us() + u64::from(ms) * 1_000;
            while port::real_us() < end {
                std::hint::spin_loop();
            }
        }
        ToLab::Panic => panic!("a test asked the lab to panic"),
    }
}

fn work(job: LabJob, recording: &[u8]) -> Result<LabResult, LabError> {
    let recording = Recording::decode(recording).map_err(|error| LabError::Recording {
        reason: error.to_string(),
    })?;
    let book = RuleBook::new(labs::rules);
    match job {
        LabJob::Replay(moment) => {
            let moment = seek(&recording, &book, moment)?;
            Ok(result(&moment.hashes()))
        }
        LabJob::Seek(moment) => {
            let mut moment = seek(&recording, &book, moment)?;
            let hashes = moment.hashes();
            Ok(LabResult {
                frame: Some(Box::new(moment.frame())),
                ..result(&hashes)
            })
        }
        LabJob::Fork { from, ms } => {
            let mut fork = seek(&recording, &book, from)?.fork();
            fork.run_ms(ms.min(FORK_MS_MAX));
            Ok(LabResult {
                frame: Some(Box::new(fork.conductor_mut().frame())),
                ..result(&fork.end())
            })
        }
    }
}

fn seek<'a>(
    recording: &'a Recording,
    book: &'a RuleBook,
    moment: LabMoment,
) -> Result<Moment<'a, Server>, LabError> {
    replay::seek(recording, book, moment.event, moment.now).map_err(|error| match error {
        SeekError::NoSuchEvent { event } => LabError::NoSuchEvent { event },
        SeekError::Diverged(divergence) => LabError::Diverged {
            reason: divergence.to_string(),
        },
    })
}

fn result(end: &SegmentEnd) -> LabResult {
    let stores = end.stores.iter().map(|store| StoreHash {
        store: store.store,
        incarnation: store.incarnation,
        state: store.state,
    });
    LabResult {
        hashes: Hashes {
            event: end.event,
            now: end.now,
            run: end.run,
            conductor: end.conductor,
            stores: stores.collect(),
        },
        frame: None,
    }
}
