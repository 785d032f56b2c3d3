//! What one run of one case by one core took.

use raft::Overseen;
use serde::Serialize;

use crate::cases::{CASES, Case};
use crate::cluster::Cluster;
use crate::core::Core;
use crate::ours::Ours;
use crate::raft_rs::documented::RaftRs;
use crate::raft_rs::lean::RaftRsLean;

/// This share of the passes goes first and is not measured.
const WARM_UP: usize = 8;

/// A core, and for raft-rs the setup around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// `crates/raft`, unwatched.
    Ours,
    /// The same, ready to be watched: what could be replaced and told is asked for while it runs.
    Overseen,
    /// The crate `raft` of crates.io, as it is documented.
    RaftRs,
    /// The same with the leanest host that we found.
    RaftRsLean,
}

impl Who {
    /// What ours may be compared with, by the names that samples have.
    const REFERENCES: [(&str, Self); 3] = [
        ("overseen", Self::Overseen),
        ("raft_rs", Self::RaftRs),
        ("raft_rs_lean", Self::RaftRsLean),
    ];

    fn reference(name: &str) -> Result<Self, String> {
        let found = Self::REFERENCES.iter().find(|(known, _)| *known == name);
        found.map(|(_, who)| *who).ok_or_else(|| {
            let names = Self::REFERENCES.map(|(known, _)| known).join(", ");
            format!("there is no reference `{name}`, only {names}")
        })
    }
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

/// Runs `rounds` rounds of a case after one that does not count: ours, the reference, the
/// reference, ours, so that what changes slowly hits both alike. `now` tells seconds.
///
/// # Errors
///
/// The names of all cases or references, when there is none of this name.
pub fn run(
    name: &str,
    reference: &str,
    rounds: usize,
    now: fn() -> f64,
) -> Result<Vec<Sample>, String> {
    let case = Case::named(name).ok_or_else(|| {
        let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        format!("there is no case `{name}`, only {}", names.join(", "))
    })?;
    let reference = Who::reference(reference)?;
    let round = [Who::Ours, reference, reference, Who::Ours];
    // The first round is for caches, and for compilers that compile again what runs long.
    let order = std::iter::repeat_n(round, rounds + 1).flatten();
    let all = order.map(|who| match who {
        Who::Ours => sample::<Ours>(who, case, now),
        Who::Overseen => sample::<Ours<Overseen>>(who, case, now),
        Who::RaftRs => sample::<RaftRs>(who, case, now),
        Who::RaftRsLean => sample::<RaftRsLean>(who, case, now),
    });
    Ok(all.skip(round.len()).collect())
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
    fn both_cores_apply_the_same_in_every_case_and_setup() {
        for case in &CASES {
            let ours = applied::<Ours>(case);
            assert_eq!(ours, applied::<Ours<Overseen>>(case), "{}", case.name);
            assert_eq!(ours, applied::<RaftRs>(case), "{}", case.name);
            assert_eq!(ours, applied::<RaftRsLean>(case), "{}", case.name);
            let proposed = match case.work {
                crate::cases::Work::Propose(batch) => 30 * case.groups * batch,
                crate::cases::Work::Tick => 0,
            };
            assert_eq!(ours.count, proposed as u64, "{}", case.name);
        }
    }

    #[test]
    fn an_unknown_case_is_an_error_that_lists_the_known_ones() {
        let error = run("singles4", "raft_rs", 1, || 0.0).expect_err("there is none");
        assert!(error.contains("singles3, batch3"), "{error}");
    }

    #[test]
    fn an_unknown_reference_is_an_error_that_lists_the_known_ones() {
        let error = run("singles3", "etcd", 1, || 0.0).expect_err("there is none");
        assert!(
            error.ends_with("only overseen, raft_rs, raft_rs_lean"),
            "{error}"
        );
    }

    #[test]
    fn a_reference_goes_by_the_name_that_its_samples_have() {
        for (name, who) in Who::REFERENCES {
            let written = serde_json::to_value(who).expect("a name");
            assert_eq!(written, name);
        }
    }
}
