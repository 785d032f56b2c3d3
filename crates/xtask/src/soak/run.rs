//! The threads of a soak: each takes the next seed, and results are added up in order.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use cluster::soak::{self, Failure, Planted, Profile, Range, SeedReport, Totals};

use crate::steps::Progress;

/// What to run.
pub(super) struct Wanted {
    pub(super) range: Range,
    pub(super) profile: Profile,
    pub(super) planted: Option<Planted>,
    pub(super) jobs: usize,
    /// Whether failures are printed with what leads there.
    pub(super) trace: bool,
}

/// How many threads this machine runs at once.
pub(super) fn all_cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Runs every seed and adds up. Failures are printed as they are found, in the order of seeds.
pub(super) fn all(wanted: &Wanted, progress: &Progress) -> Totals {
    let range = wanted.range;
    let next = AtomicU64::new(range.from);
    let mut totals = Totals::new(wanted.profile, range);
    let bar = progress.count_to(range.len());
    let (sender, receiver) = mpsc::channel::<SeedReport>();
    let hook = panic::take_hook();
    if !wanted.trace {
        // A store that panics is a failure with a line of its own.
        panic::set_hook(Box::new(|_| {}));
    }
    thread::scope(|scope| {
        for _ in 0..wanted.jobs {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= range.to || sender.send(one(wanted, seed)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut wants = range.from;
        for report in receiver {
            bar.one_more();
            waiting.insert(report.seed, report);
            while let Some(report) = waiting.remove(&wants) {
                for failure in &report.failures {
                    progress.say(&in_words(failure, wanted));
                }
                totals.add(&report);
                wants += 1;
            }
        }
    });
    panic::set_hook(hook);
    totals
}

/// One seed. What panics outside of a store is a failure of the simulator itself.
fn one(wanted: &Wanted, seed: u64) -> SeedReport {
    let run = AssertUnwindSafe(|| soak::run(seed, wanted.profile, wanted.planted));
    panic::catch_unwind(run).unwrap_or_else(|payload| {
        let words = payload.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| payload.downcast_ref::<&str>().copied());
        let words = words.and_then(|words| words.lines().next());
        SeedReport::panicked(seed, wanted.profile, words.unwrap_or("no words"))
    })
}

/// A failure in one line, the command that shows it again, and what led there where wanted.
fn in_words(failure: &Failure, wanted: &Wanted) -> String {
    let rule = wanted.planted.map(|planted| planted.name);
    let mut words = format!("{failure}\n  {}", failure.command(rule));
    if wanted.trace {
        for step in &failure.trace {
            words += &format!("\n    {step}");
        }
    }
    words
}
