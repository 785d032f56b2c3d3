//! What judging the invariants costs a conductor: the same runs with and without.

use std::fmt;

use cluster::Server;
use cluster::sim::{Simulation, SimulationConfig};
use types::time::VirtualTime;

/// How often each run is made, in turns; the quickest counts, since nothing makes a run quicker
/// than it is.
const TURNS: u32 = 5;
const SEEDS: u64 = 4;
const VIRTUAL_SECONDS: u64 = 60;

/// What some runs took, in microseconds of real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Events of all runs.
    pub events: u64,
    /// Without anybody who judges.
    pub alone_us: u64,
    /// With the invariants judged.
    pub watched_us: u64,
}

impl Cost {
    /// Measures, by a clock that counts microseconds.
    #[must_use]
    pub fn measure(now_us: impl Fn() -> u64) -> Self {
        let mut cost = Self {
            events: 0,
            alone_us: 0,
            watched_us: 0,
        };
        for seed in 1..=SEEDS {
            let (mut alone, mut watched) = (u64::MAX, u64::MAX);
            let mut events = 0;
            for _ in 0..TURNS {
                for (watches, best) in [(false, &mut alone), (true, &mut watched)] {
                    let begun = now_us();
                    events = run(seed, watches);
                    *best = now_us().saturating_sub(begun).min(*best);
                }
            }
            cost.events += events;
            cost.alone_us += alone;
            cost.watched_us += watched;
        }
        cost
    }

    /// Nanoseconds of judging for each event.
    #[must_use]
    pub const fn ns_per_event(&self) -> u64 {
        self.watched_us.saturating_sub(self.alone_us) * 1_000 / self.events
    }
}

impl fmt::Display for Cost {
    /// A nanosecond an event is a thousandth of a thousandth of a second at 1,000 events a second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.ns_per_event();
        let (whole, thousandths) = (ns / 10_000, ns / 10 % 1_000);
        write!(
            f,
            "judging costs {ns} ns an event over {} events: {whole}.{thousandths:03} % of a second \
             at 1000 events/s",
            self.events
        )
    }
}

fn run(seed: u64, watches: bool) -> u64 {
    let until = VirtualTime::new(VIRTUAL_SECONDS * 1_000_000);
    let mut config = SimulationConfig::from_seed(seed, until);
    config.script.clear();
    let mut simulation = Simulation::<Server>::new(config);
    simulation.conductor_mut().stop_recording();
    if watches {
        simulation.conductor_mut().watch();
    }
    simulation.run_until(until);
    simulation.conductor().event().seq
}
