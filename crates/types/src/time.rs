//! Instants in whole microseconds. Virtual time is the conductor's; store time is what one store
//! believes, which may drift.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::number;

number! {
    /// An instant of the run, in microseconds since the cluster was created. Only the conductor
    /// moves it.
    VirtualTime, ""
}
number! {
    /// An instant on one store's own clock, in microseconds. Equal to virtual time unless the
    /// clock drifts.
    StoreTime, ""
}

/// Microseconds in a millisecond.
pub const US_PER_MS: u64 = 1_000;

/// How fast a store's clock runs: `ahead` units of its own time for each `of` units of virtual
/// time. A ratio of whole numbers, so that it is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRate {
    /// Own time.
    pub ahead: u32,
    /// In so much virtual time.
    pub of: u32,
}

impl ClockRate {
    /// A true clock.
    pub const TRUE: Self = Self { ahead: 1, of: 1 };
    /// The largest part of a ratio.
    pub const PART_MAX: u32 = 1_000_000;

    /// Whether both parts are 1 to [`ClockRate::PART_MAX`], and the clock runs at half to twice
    /// the true speed.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.ahead >= 1
            && self.of >= 1
            && self.ahead <= Self::PART_MAX
            && self.of <= Self::PART_MAX
            && self.ahead <= 2 * self.of
            && self.of <= 2 * self.ahead
    }
}

/// A store's clock: where it stood at some instant, and how fast it has run since. It never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreClock {
    since: VirtualTime,
    stood: StoreTime,
    rate: ClockRate,
}

impl Default for StoreClock {
    fn default() -> Self {
        Self {
            since: VirtualTime::ZERO,
            stood: StoreTime::ZERO,
            rate: ClockRate::TRUE,
        }
    }
}

impl StoreClock {
    /// How fast it runs.
    #[must_use]
    pub const fn rate(&self) -> ClockRate {
        self.rate
    }

    /// The latest of the instants that it was set by; for checks of what was saved.
    #[must_use]
    pub fn latest(&self) -> u64 {
        self.since.get().max(self.stood.get())
    }

    /// What it shows at `now`, which is not before its rate changed last.
    #[must_use]
    pub fn at(&self, now: VirtualTime) -> StoreTime {
        let passed = now.get().saturating_sub(self.since.get());
        StoreTime::new(self.stood.get() + scaled(passed, self.rate.ahead, self.rate.of, false))
    }

    /// The first instant at which it shows `at` or more, if its rate stays.
    #[must_use]
    pub fn shows(&self, at: StoreTime) -> VirtualTime {
        let left = at.get().saturating_sub(self.stood.get());
        VirtualTime::new(self.since.get() + scaled(left, self.rate.of, self.rate.ahead, true))
    }

    /// Changes how fast it runs from `now` on.
    pub fn set_rate(&mut self, rate: ClockRate, now: VirtualTime) {
        *self = Self {
            since: now,
            stood: self.at(now),
            rate,
        };
    }
}

/// `us * times / of`, rounded down or up; at most what a `u64` holds.
fn scaled(us: u64, times: u32, of: u32, up: bool) -> u64 {
    let (product, of) = (u128::from(us) * u128::from(times), u128::from(of.max(1)));
    let quotient = if up {
        product.div_ceil(of)
    } else {
        product / of
    };
    u64::try_from(quotient).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_drifts_never_jumps_and_is_read_backwards_exactly() {
        let mut clock = StoreClock::default();
        let rate = |ahead, of| ClockRate { ahead, of };
        clock.set_rate(rate(11, 10), VirtualTime::new(1_000));
        assert_eq!(clock.at(VirtualTime::new(1_000)).get(), 1_000);
        assert_eq!(clock.at(VirtualTime::new(2_000)).get(), 2_100);
        clock.set_rate(rate(1, 2), VirtualTime::new(2_000));
        assert_eq!(clock.at(VirtualTime::new(2_001)).get(), 2_100);
        assert_eq!(clock.at(VirtualTime::new(2_002)).get(), 2_101);
        for shown in 2_100..2_200 {
            let at = clock.shows(StoreTime::new(shown));
            assert!(clock.at(at).get() >= shown);
            let before = VirtualTime::new(at.get() - 1);
            assert!(at.get() == 2_000 || clock.at(before).get() < shown);
        }
    }

    #[test]
    fn rates_beyond_half_and_twice_are_refused() {
        for (ahead, of, good) in [(1, 1, true), (1, 2, true), (2, 1, true), (999, 1_000, true)] {
            assert_eq!(ClockRate { ahead, of }.is_valid(), good);
        }
        for (ahead, of) in [(0, 1), (1, 0), (3, 1), (1, 3), (2_000_000, 2_000_000)] {
            assert!(!ClockRate { ahead, of }.is_valid(), "{ahead}/{of}");
        }
    }
}
