//! Virtual time against real time, in whole numbers.

use std::collections::VecDeque;

use types::time::VirtualTime;

/// The speeds that can be asked for, in thousandths of real time.
pub(super) const PERMILLE_MIN: u32 = 10;
/// See [`PERMILLE_MIN`].
pub(super) const PERMILLE_MAX: u32 = 10_000;

/// Real time beyond this, between two looks at the clock, did not happen: the machine slept, or
/// the clock was held. In microseconds.
const GAP_US_MAX: u64 = 250_000;

/// Says up to which virtual instant a run may have come.
#[derive(Debug)]
pub(super) struct Clock {
    running: bool,
    permille: u32,
    looked_us: u64,
    /// In thousandths of a virtual microsecond, so that no speed loses anything to rounding.
    target: u64,
}

impl Clock {
    /// A clock that runs at real speed from `now` on.
    pub(super) fn new(now: VirtualTime, real_us: u64) -> Self {
        Self {
            running: true,
            permille: 1_000,
            looked_us: real_us,
            target: now.get() * 1_000,
        }
    }

    pub(super) const fn is_running(&self) -> bool {
        self.running
    }

    pub(super) const fn permille(&self) -> u32 {
        self.permille
    }

    /// Lets time pass, or stops it.
    pub(super) fn set_running(&mut self, running: bool, now: VirtualTime, real_us: u64) {
        self.look(now, real_us);
        self.running = running;
    }

    /// Changes the speed; what is out of range becomes the nearest that is not.
    pub(super) fn set_speed(&mut self, permille: u32, now: VirtualTime, real_us: u64) {
        self.look(now, real_us);
        self.permille = permille.clamp(PERMILLE_MIN, PERMILLE_MAX);
    }

    /// The instant up to which events are due, when the run itself stands at `now`.
    pub(super) fn look(&mut self, now: VirtualTime, real_us: u64) -> VirtualTime {
        let passed = real_us.saturating_sub(self.looked_us).min(GAP_US_MAX);
        self.looked_us = real_us;
        let speed = u64::from(self.permille);
        let stands = now.get() * 1_000;
        if self.running {
            self.target = (self.target + passed * speed).min(stands + GAP_US_MAX * speed);
        }
        self.target = self.target.max(stands);
        VirtualTime::new(self.target / 1_000)
    }

    /// Real microseconds until `at` is due, counted from the last look.
    pub(super) fn wait_us(&self, at: VirtualTime) -> u64 {
        let ahead = (at.get() * 1_000).saturating_sub(self.target);
        ahead.div_ceil(u64::from(self.permille))
    }
}

/// How much of a second the meter looks at, in microseconds, and how finely.
const METER_US: u64 = 1_000_000;
const METER_STEP_US: u64 = 50_000;

/// Measures the speed that was reached over the last second.
#[derive(Debug, Default)]
pub(super) struct Meter {
    samples: VecDeque<(u64, u64)>,
}

impl Meter {
    /// Forgets everything: time stood still.
    pub(super) fn clear(&mut self) {
        self.samples.clear();
    }

    /// Notes where the run stands.
    pub(super) fn note(&mut self, now: VirtualTime, real_us: u64) {
        let last = self.samples.back().map_or(0, |&(real, _)| real);
        if self.samples.is_empty() || real_us >= last + METER_STEP_US {
            self.samples.push_back((real_us, now.get()));
        }
        while self.samples.len() > 2 && self.samples[1].0 + METER_US <= real_us {
            self.samples.pop_front();
        }
    }

    /// The speed reached, in thousandths of real time.
    pub(super) fn permille(&self, now: VirtualTime, real_us: u64) -> u32 {
        let Some(&(real, virt)) = self.samples.front() else {
            return 0;
        };
        let passed = real_us.saturating_sub(real).max(1);
        let permille = now.get().saturating_sub(virt) * 1_000 / passed;
        u32::try_from(permille).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(us: u64) -> VirtualTime {
        VirtualTime::new(us)
    }

    #[test]
    fn virtual_time_follows_real_time_at_the_speed_asked_and_loses_nothing() {
        let mut clock = Clock::new(at(500), 0);
        assert_eq!(clock.look(at(500), 100), at(600));
        clock.set_speed(10, at(600), 100);
        for real in 101..=1_100 {
            clock.look(at(600), real);
        }
        assert_eq!(clock.look(at(600), 1_100), at(610));
        clock.set_speed(10_000, at(610), 1_100);
        assert_eq!(clock.look(at(610), 1_200), at(1_610));
    }

    #[test]
    fn a_stopped_clock_stands_still_and_goes_on_where_it_stood() {
        let mut clock = Clock::new(at(0), 0);
        clock.set_running(false, at(0), 1_000);
        assert_eq!(clock.look(at(0), 9_000_000), at(1_000));
        clock.set_running(true, at(0), 9_000_000);
        assert_eq!(clock.look(at(0), 9_000_500), at(1_500));
    }

    #[test]
    fn a_machine_that_slept_and_a_clock_that_was_held_do_not_make_time_jump() {
        let mut clock = Clock::new(at(0), 0);
        assert_eq!(clock.look(at(0), 3_600_000_000), at(GAP_US_MAX));
        for second in 3_600..3_700 {
            clock.look(at(0), second * 1_000_000);
        }
        assert_eq!(clock.look(at(0), 3_700_000_000), at(GAP_US_MAX));
    }

    #[test]
    fn a_run_that_a_step_took_ahead_is_followed() {
        let mut clock = Clock::new(at(0), 0);
        clock.set_running(false, at(0), 0);
        assert_eq!(clock.look(at(70_000), 10), at(70_000));
    }

    #[test]
    fn the_wait_for_an_instant_ends_when_it_is_due() {
        let mut clock = Clock::new(at(0), 0);
        clock.set_speed(3_000, at(0), 0);
        let wait = clock.wait_us(at(100));
        assert_eq!(wait, 34);
        assert!(clock.look(at(0), wait) >= at(100));
        assert_eq!(clock.wait_us(at(50)), 0);
    }

    #[test]
    fn the_meter_tells_the_speed_of_the_last_second() {
        let mut meter = Meter::default();
        assert_eq!(meter.permille(at(0), 0), 0);
        for step in 0..40_u64 {
            meter.note(at(step * 100_000), step * 100_000);
        }
        for step in 0..40_u64 {
            let (virt, real) = (at(4_000_000 + step * 50_000), 4_000_000 + step * 100_000);
            meter.note(virt, real);
        }
        assert_eq!(meter.permille(at(6_000_000), 8_000_000), 500);
    }
}
