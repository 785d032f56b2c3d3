//! When to campaign and when to send heartbeats, counted in ticks.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256StarStar;
use serde::Serialize;

/// What a peer counts ticks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watch {
    /// Its next candidacy.
    Election,
    /// A leader's heartbeats.
    Heartbeat,
    /// A leader's heartbeats, and once per shortest election timeout a look at its quorum or its
    /// transfer.
    HeartbeatAndQuorum,
}

/// Which deadlines were reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fired {
    pub(crate) election: bool,
    pub(crate) heartbeat: bool,
}

/// The two timers of a peer, and the generator of its election timeouts.
///
/// The generator is Xoshiro256** seeded by `seed_from_u64`; its stream is part of what a recording
/// means.
#[derive(Debug, Clone, Serialize)]
pub struct Timer {
    random: Xoshiro256StarStar,
    election_ticks: u32,
    heartbeat_ticks: u32,
    elapsed: u32,
    timeout: u32,
    heartbeat_elapsed: u32,
}

impl Timer {
    pub(crate) fn new(seed: u64, election_ticks: u32, heartbeat_ticks: u32) -> Self {
        let mut timer = Self {
            random: Xoshiro256StarStar::seed_from_u64(seed),
            election_ticks,
            heartbeat_ticks,
            elapsed: 0,
            timeout: 0,
            heartbeat_elapsed: 0,
        };
        timer.redraw();
        timer
    }

    /// Ticks since a leader was heard, a vote was given, or the timeout was drawn; for a leader
    /// that watches its quorum or a transfer, since it last looked.
    #[must_use]
    pub fn elapsed(&self) -> u32 {
        self.elapsed
    }

    /// At how many elapsed ticks a peer that does not lead campaigns; in [T, 2T-1].
    #[must_use]
    pub fn timeout(&self) -> u32 {
        self.timeout
    }

    /// Ticks since a leader last sent heartbeats.
    #[must_use]
    pub fn heartbeat_elapsed(&self) -> u32 {
        self.heartbeat_elapsed
    }

    /// After how many ticks something is due; at least 1.
    pub(crate) fn to_deadline(&self, watch: Watch) -> u32 {
        let heartbeat = self.heartbeat_ticks.saturating_sub(self.heartbeat_elapsed);
        let left = match watch {
            Watch::Election => self.timeout.saturating_sub(self.elapsed),
            Watch::Heartbeat => heartbeat,
            Watch::HeartbeatAndQuorum => {
                heartbeat.min(self.election_ticks.saturating_sub(self.elapsed))
            }
        };
        left.max(1)
    }

    /// Lets `ticks` pass and says which deadlines were reached. A timer that fired starts again at
    /// zero, however far it was overrun.
    pub(crate) fn advance(&mut self, ticks: u32, watch: Watch) -> Fired {
        let pass = |elapsed: &mut u32, limit: u32| {
            *elapsed = elapsed.saturating_add(ticks);
            let due = *elapsed >= limit;
            if due {
                *elapsed = 0;
            }
            due
        };
        let (elapsed, beat) = (&mut self.elapsed, &mut self.heartbeat_elapsed);
        match watch {
            Watch::Election => Fired {
                election: pass(elapsed, self.timeout),
                heartbeat: false,
            },
            Watch::Heartbeat => Fired {
                election: false,
                heartbeat: pass(beat, self.heartbeat_ticks),
            },
            Watch::HeartbeatAndQuorum => Fired {
                election: pass(elapsed, self.election_ticks),
                heartbeat: pass(beat, self.heartbeat_ticks),
            },
        }
    }

    /// Whether less than the shortest election timeout passed since a leader was heard.
    pub(crate) fn is_leader_fresh(&self) -> bool {
        self.elapsed < self.election_ticks
    }

    /// A leader was heard, or a vote was given.
    pub(crate) fn reset(&mut self) {
        self.elapsed = 0;
    }

    /// Both timers start again, with a new election timeout.
    pub(crate) fn redraw(&mut self) {
        self.elapsed = 0;
        self.heartbeat_elapsed = 0;
        self.timeout = self.election_ticks + self.draw_below(self.election_ticks);
    }

    /// Uniform in [0, bound): the upper half of a 64-bit product, drawn again in the few cases
    /// that would make low results likelier (Lemire, "Fast Random Integer Generation in an
    /// Interval", 2019).
    fn draw_below(&mut self, bound: u32) -> u32 {
        let unfair = bound.wrapping_neg() % bound;
        loop {
            let product = u64::from(self.random.next_u32()) * u64::from(bound);
            let (high, low) = ((product >> 32) as u32, product as u32);
            if low >= unfair {
                return high;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_cover_every_value_from_t_to_2t_minus_1_about_equally() {
        let mut timer = Timer::new(7, 10, 1);
        let mut counts = [0_u32; 30];
        for _ in 0..10_000 {
            timer.redraw();
            counts[timer.timeout() as usize] += 1;
        }
        for (timeout, &count) in counts.iter().enumerate() {
            if (10..=19).contains(&timeout) {
                assert!((850..1150).contains(&count), "{timeout} came {count} times");
            } else {
                assert_eq!(count, 0, "{timeout} is outside of [10, 19]");
            }
        }
    }

    #[test]
    fn the_stream_of_timeouts_is_fixed_by_the_seed() {
        let mut timer = Timer::new(42, 1_000, 1);
        let drawn: Vec<u32> = (0..5)
            .map(|_| {
                timer.redraw();
                timer.timeout()
            })
            .collect();
        assert_eq!(drawn, STREAM_OF_SEED_42);
    }

    /// Part of what a recording means: when these change, ENGINE_VERSION must too.
    const STREAM_OF_SEED_42: [u32; 5] = [1378, 1680, 1924, 1991, 1769];

    #[test]
    fn a_deadline_that_is_overrun_by_many_ticks_counts_once() {
        let mut timer = Timer::new(1, 10, 3);
        assert!(timer.advance(1_000, Watch::Heartbeat).heartbeat);
        assert_eq!(timer.to_deadline(Watch::Heartbeat), 3);
        assert!(!timer.advance(2, Watch::Heartbeat).heartbeat);
        assert_eq!(timer.to_deadline(Watch::Heartbeat), 1);
        assert!(timer.advance(u32::MAX, Watch::Election).election);
        assert_eq!(timer.elapsed(), 0);
    }
}
