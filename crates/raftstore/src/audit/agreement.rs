//! Replicas of one region against each other.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use types::{
    id::RegionId,
    raft::{Entry, LogIndex},
    store::{Command, Proposal},
};

use super::{Acknowledged, Finding, disk::Replica};
use crate::{
    apply::{self, RAW},
    data::Data,
    peer::{read_proposal, read_request},
    rows::lossless,
};
/// Compares every pair of replicas of each region.
pub(super) fn check(replicas: &[Replica], findings: &mut Vec<Finding>) {
    for group in by_region(replicas).values() {
        for (at, one) in group.iter().enumerate() {
            for other in &group[at + 1..] {
                compare(one, other, findings);
            }
        }
    }
}

fn by_region(replicas: &[Replica]) -> BTreeMap<RegionId, Vec<&Replica>> {
    let mut groups: BTreeMap<RegionId, Vec<&Replica>> = BTreeMap::new();
    for replica in replicas {
        let group = groups.entry(replica.state.region.id).or_default();
        group.push(replica);
    }
    groups
}

fn compare(one: &Replica, other: &Replica, findings: &mut Vec<Finding>) {
    let (a, b) = (&one.state.region, &other.state.region);
    if a.epoch == b.epoch && a != b {
        findings.push(Finding::ShapesDiffer {
            region: a.id,
            one: one.store,
            other: other.store,
        });
    }
    compare_logs(one, other, findings);
    compare_data(one, other, findings);
}

/// The pairs of entries at equal indexes, newest first.
fn shared<'a>(
    one: &'a Replica,
    other: &'a Replica,
) -> impl DoubleEndedIterator<Item = (&'a Entry, &'a Entry)> {
    let first = one.apply.truncated.index.max(other.apply.truncated.index);
    let behind = |replica: &'a Replica| {
        let skip = first.since(replica.apply.truncated.index);
        replica
            .entries
            .iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
    };
    behind(one).zip(behind(other))
}

fn compare_logs(one: &Replica, other: &Replica, findings: &mut Vec<Finding>) {
    let region = one.state.region.id;
    let (one_store, other_store) = (one.store, other.store);
    let committed = one.raft.hard_state.commit.min(other.raft.hard_state.commit);
    let pairs: Vec<(&Entry, &Entry)> = shared(one, other).collect();
    let agree = pairs.iter().rev().find(|(a, b)| a.term == b.term);
    let agree = agree.map_or(LogIndex::ZERO, |(a, _)| a.index);
    for (a, b) in pairs.into_iter().filter(|(a, b)| a != b) {
        let index = a.index;
        if a.term == b.term {
            findings.push(Finding::EntriesDiffer {
                region,
                one: one_store,
                other: other_store,
                index,
                term: a.term,
            });
        } else if index < agree {
            findings.push(Finding::PrefixesDiffer {
                region,
                one: one_store,
                other: other_store,
                index,
                agree,
            });
        }
        if index <= committed {
            findings.push(Finding::CommittedDiffer {
                region,
                one: one_store,
                other: other_store,
                index,
            });
        }
    }
}

/// Compares data at the higher of the two applied indexes; the replica that is behind is brought
/// there from its own log, where it knows that far as committed.
fn compare_data(one: &Replica, other: &Replica, findings: &mut Vec<Finding>) {
    let (behind, ahead) = if one.apply.applied <= other.apply.applied {
        (one, other)
    } else {
        (other, one)
    };
    let applied = ahead.apply.applied;
    if behind.raft.hard_state.commit < applied || behind.raft.last.index < applied {
        return;
    }
    let (data, to) = replay(behind, applied);
    // Behind a split there is another range to compare.
    if to < applied {
        return;
    }
    if data.hash() == ahead.data.hash() {
        return;
    }
    let Some(key) = first_difference(&data, &ahead.data) else {
        return;
    };
    findings.push(Finding::DataDiffer {
        region: one.state.region.id,
        one: one.store,
        other: other.store,
        applied,
        key,
    });
}

/// The data with the log applied up to `to`, or up to what comes before a split.
fn replay(replica: &Replica, to: LogIndex) -> (Data, LogIndex) {
    let (mut data, mut sessions) = (replica.data.clone(), replica.sessions.clone());
    let mut reached = replica.apply.applied;
    for entry in &replica.entries {
        if entry.index <= replica.apply.applied || entry.index > to {
            continue;
        }
        match read_proposal(entry) {
            Some(Proposal::Request(request)) => {
                let region = &replica.state.region;
                // A refused command has no effect here either.
                let _ = apply::carry_out(region, &mut data, &mut sessions, &request);
            }
            Some(Proposal::Split(_)) => break,
            Some(Proposal::CompactLog { .. }) | None => {}
        }
        reached = entry.index;
    }
    (data, reached)
}

fn first_difference(one: &Data, other: &Data) -> Option<String> {
    let (mut ours, mut theirs) = (one.pairs(RAW), other.pairs(RAW));
    loop {
        let (a, b) = (ours.next(), theirs.next());
        if a == b {
            a?;
            continue;
        }
        let key = a.map(|(key, _)| key).into_iter();
        let key = key.chain(b.map(|(key, _)| key)).min()?;
        return Some(lossless(key));
    }
}

/// A replica's data with its whole log applied, and every write that the log holds: what follows
/// a committed write in a log need not be committed itself.
struct Held<'a> {
    replica: &'a Replica,
    data: Data,
    logged: BTreeSet<(Bytes, Option<Bytes>)>,
}

impl<'a> Held<'a> {
    fn new(replica: &'a Replica) -> Self {
        let requests = replica.entries.iter().filter_map(read_request);
        let writes = requests.filter_map(|request| match request.command {
            Command::Put { key, value } => Some((key, Some(value))),
            Command::Delete { key } => Some((key, None)),
            Command::CompareAndSet { key, new, .. } => Some((key, Some(new))),
            // The value that it makes depends on what was there before it.
            Command::Append { .. } | Command::Get { .. } | Command::Scan { .. } => None,
        });
        Self {
            replica,
            data: replay(replica, replica.raft.last.index).0,
            logged: writes.collect(),
        }
    }

    fn holds(&self, write: &Acknowledged) -> bool {
        self.data.get(RAW, &write.key) == write.value.as_ref()
            || self
                .logged
                .contains(&(write.key.clone(), write.value.clone()))
    }
}

/// Whether every acknowledged write is on a majority of its region's peers.
pub(super) fn check_acknowledged(
    replicas: &[Replica],
    acknowledged: &[Acknowledged],
    findings: &mut Vec<Finding>,
) {
    if acknowledged.is_empty() {
        return;
    }
    let held: Vec<Held<'_>> = replicas.iter().map(Held::new).collect();
    for write in acknowledged {
        let homes = held
            .iter()
            .filter(|held| held.replica.state.region.contains(&write.key));
        let (mut peers, mut holders) = (0, 0);
        for home in homes {
            peers = peers.max(home.replica.state.region.peers.len() as u64);
            holders += u64::from(home.holds(write));
        }
        if holders <= peers / 2 {
            findings.push(Finding::AcknowledgedLost {
                key: lossless(&write.key),
                holders,
                peers,
            });
        }
    }
}
