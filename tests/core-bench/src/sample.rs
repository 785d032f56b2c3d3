//! What one run of one case by one core took.

use serde::Serialize;

use crate::cases::{CASES, Case};
use crate::cluster::Cluster;
use crate::core::Core;
use crate::ours::Ours;
use crate::raft_rs::RaftRs;

/// This share of the passes goes first and is not measured.
const WARM_UP: usize = 8;

/// The order of cores in a round, so that what changes slowly hits both alike.
const ROUND: [Who; 4] = [Who::Ours, Who::RaftRs, Who::RaftRs, Who::Ours];

/// A core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// `crates/raft`.
    Ours,
    /// The crate `raft` of crates.io.
    RaftRs,
}

/// One measured run.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Which core.
    pub who: Who,
    /// Operations of the measured part.
    pub operations: u64,
    /// What the measured part took.
    pub seconds: f64,
    /// Allocations and reallocations of the measured part, where they are counted.
    pub allocations: Option<u64>,
    /// Commands that each peer applied, summed over the groups, with the unmeasured ones.
    pub applied: u64,
    /// Their hash, in hexadecimal digits.
    pub hash: String,
}

/// Runs `rounds` rounds of a case after one that does not count. `now` tells seconds.
///
/// # Errors
///
/// The names of all cases, when there is none of this name.
pub fn run(name: &str, rounds: usize, now: fn() -> f64) -> Result<Vec<Sample>, String> {
    let case = Case::named(name).ok_or_else(|| {
        let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        format!("there is no case `{name}`, only {}", names.join(", "))
    })?;
    // The first round is for caches, and for compilers that compile again what runs long.
    let order = std::iter::repeat_n(ROUND, rounds + 1).flatten();
    let all = order.map(|who| match who {
        Who::Ours => sample::<Ours>(who, case, now),
        Who::RaftRs => sample::<RaftRs>(who, case, now),
    });
    Ok(all.skip(ROUND.len()).collect())
}

fn sample<C: Core>(who: Who, case: &'static Case, now: fn() -> f64) -> Sample {
    let mut cluster = Cluster::<C>::new(case);
    for _ in 0..case.passes / WARM_UP {
        cluster.pass();
    }
    let (allocated, began) = (allocations(), now());
    for _ in 0..case.passes {
        cluster.pass();
    }
    let seconds = now() - began;
    let allocations = allocations().zip(allocated).map(|(now, then)| now - then);
    let applied = cluster.applied();
    Sample {
        who,
        operations: (case.passes * case.operations_in_a_pass()) as u64,
        seconds,
        allocations,
        applied: applied.count,
        hash: format!("{:016x}", applied.hash),
    }
}

#[cfg(feature = "count")]
fn allocations() -> Option<u64> {
    let stats = stats_alloc::INSTRUMENTED_SYSTEM.stats();
    Some((stats.allocations + stats.reallocations) as u64)
}

#[cfg(not(feature = "count"))]
fn allocations() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied<C: Core>(case: &'static Case) -> crate::core::Applied {
        let mut cluster = Cluster::<C>::new(case);
        for _ in 0..30 {
            cluster.pass();
        }
        cluster.applied()
    }

    #[test]
    fn both_cores_apply_the_same_in_every_case() {
        for case in &CASES {
            let ours = applied::<Ours>(case);
            assert_eq!(ours, applied::<RaftRs>(case), "{}", case.name);
            let proposed = match case.work {
                crate::cases::Work::Propose(batch) => 30 * case.groups * batch,
                crate::cases::Work::Tick => 0,
            };
            assert_eq!(ours.count, proposed as u64, "{}", case.name);
        }
    }

    #[test]
    fn an_unknown_case_is_an_error_that_lists_the_known_ones() {
        let error = run("singles4", 1, || 0.0).expect_err("there is none");
        assert!(error.contains("singles3, batch3"), "{error}");
    }
}
