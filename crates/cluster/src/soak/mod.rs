//! Soaking: a seed and a profile determine a run, and the run is judged by everything that judges.
//!
//! A *store run* is a whole cluster with its clients. In its first phase every kind of trouble
//! comes that the seed did not switch off; in its second a core is healed, and it must come
//! together and take fresh writes. A *raft run* is a [`crate::group::trial`]: raw raft groups with
//! memberships, snapshots and transfers, which the stores do not have yet.
//!
//! * [`run`] gives a [`SeedReport`]; [`Totals`] adds them up, in any split of the seeds;
//! * [`floors`] says what a long soak did not reach;
//! * kinds whose subject is not there yet are in the enums and say what they wait for.
//!
//! Deliberately absent: threads, files and the command line, which are `cargo xtask soak`.

mod excuse;
pub mod floors;
mod history;
mod list;
mod observer;
mod profile;
mod rare;
mod report;
mod store;
mod totals;

use raft::Rules;
use types::raft::Preset;

pub use excuse::Excuse;
pub use list::{Listed, ListedError, listed};
pub use profile::{Profile, ProfileError};
pub use rare::RareEvent;
pub use report::{Failure, SeedReport};
pub use totals::{MergeError, Range, Totals};

pub(crate) use observer::Observer;

use crate::group::trial::{self, Trial};

/// A rule of raft that is broken on purpose, to see that a soak finds it.
#[derive(Debug, Clone, Copy)]
pub struct Planted {
    /// Its name, which belongs to the command that shows the failure again.
    pub name: &'static str,
    /// The dialect in which it shows.
    pub preset: Preset,
    /// The rules, one of them broken.
    pub rules: &'static Rules,
}

/// Messages that a group with a planted rule exchanges before it is healed.
const HUNT_MESSAGES: u64 = 4_000;

/// Runs one seed. A planted rule is run by raw groups only.
#[must_use]
pub fn run(seed: u64, profile: Profile, planted: Option<Planted>) -> SeedReport {
    let mut report = SeedReport::new(seed);
    if profile.has_stores() && planted.is_none() {
        store::run(seed, &mut report);
    }
    if profile.has_groups() {
        group(seed, planted, &mut report);
    }
    report
}

fn group(seed: u64, planted: Option<Planted>, report: &mut SeedReport) {
    let trial = match planted {
        Some(planted) => Trial {
            rules: planted.rules,
            messages: HUNT_MESSAGES,
            strict: false,
            ..Trial::new(seed, planted.preset)
        },
        None => Trial::new(seed, preset_of(seed)),
    };
    match trial::run(&trial) {
        Ok(outcome) => report.add_group(&outcome),
        Err(failure) => report.fail(Failure::of_group(&failure)),
    }
}

/// The dialects take turns.
fn preset_of(seed: u64) -> Preset {
    let all = Preset::ALL;
    let nth = seed % u64::try_from(all.len()).unwrap_or(1);
    usize::try_from(nth).map_or(all[0], |nth| all[nth])
}

#[cfg(test)]
mod tests;
