//! One disk by itself.

use std::collections::BTreeMap;

use types::{
    disk::{DiskImage, Row, RowKey},
    id::{Cycle, RegionId, StoreId},
    io::Stop,
    raft::{Entry, EntryKind},
};

use super::{Finding, RegionSummary, StoreSummary};
use crate::{
    contents::{self, Contents, Contradiction, RegionRows},
    data::Data,
    peer::read_proposal,
    rows::{self, ApplyState, PeerState, RaftState, RegionState},
    sessions::Sessions,
};

/// One region's durable state on one disk, sound by itself.
pub(super) struct Replica {
    pub(super) store: StoreId,
    pub(super) state: RegionState,
    pub(super) raft: RaftState,
    pub(super) apply: ApplyState,
    pub(super) entries: Vec<Entry>,
    pub(super) data: Data,
    pub(super) sessions: Sessions,
}

/// Checks a disk; its sound replicas can be compared with those of others.
pub(super) fn check(
    store: StoreId,
    image: &DiskImage,
    findings: &mut Vec<Finding>,
) -> (StoreSummary, Vec<Replica>) {
    let contents = read(store, image, findings);
    let mut summary = StoreSummary {
        store,
        rows: image.rows.len() as u64,
        cycle: contents.cycle.unwrap_or(Cycle::ZERO),
        pairs: contents.data.len() as u64,
        regions: Vec::new(),
    };
    let mut shares = share_out(store, &contents, findings);
    let mut replicas = Vec::new();
    let holds_range = |rows: &RegionRows| {
        let state = rows.region.as_ref().map(|state| state.state);
        state.is_none_or(|state| state == PeerState::Normal)
    };
    let regions = contents.regions.iter();
    for (id, rows) in regions.filter(|(_, rows)| holds_range(rows)) {
        let share = shares.remove(id).unwrap_or_default();
        let mut found = Vec::new();
        let replica = check_region(store, rows, share, &mut found);
        findings.extend(found.into_iter().map(|reason| Finding::Contradiction {
            store,
            region: *id,
            reason,
        }));
        if let Some(replica) = replica {
            summary.regions.push(summarise(*id, rows, &replica));
            replicas.push(replica);
        }
    }
    (summary, replicas)
}

/// Reads what can be read. A disk of another layout is not read any further.
fn read(store: StoreId, image: &DiskImage, findings: &mut Vec<Finding>) -> Contents {
    let mut contents = Contents::default();
    for pair in image.rows.windows(2) {
        if pair[0].key >= pair[1].key {
            let table = pair[1].key.table();
            findings.push(Finding::Order { store, table });
        }
    }
    let is_ident = |row: &&Row| row.key == RowKey::StoreIdent;
    let ident_first = image.rows.iter().filter(is_ident);
    let others = image.rows.iter().filter(|row| !is_ident(row));
    for row in ident_first.chain(others) {
        if let Err(damage) = contents.take(row) {
            let is_newer = matches!(damage, Stop::NewerDisk { .. });
            findings.push(Finding::BadRow { store, damage });
            if is_newer {
                return Contents::default();
            }
        }
    }
    let has = |key: &RowKey| image.rows.iter().any(|row| row.key == *key);
    for (key, row) in [
        (RowKey::StoreIdent, "store ident"),
        (RowKey::LastCycle, "last cycle"),
    ] {
        if !image.rows.is_empty() && !has(&key) {
            let row = row.to_owned();
            findings.push(Finding::Missing { store, row });
        }
    }
    if let Some(ident) = contents.ident.filter(|ident| ident.store != store) {
        let damage = Stop::ForeignDisk {
            found: ident.store,
            expected: store,
        };
        findings.push(Finding::BadRow { store, damage });
    }
    contents
}

fn share_out(
    store: StoreId,
    contents: &Contents,
    findings: &mut Vec<Finding>,
) -> BTreeMap<RegionId, Data> {
    let mut shares: BTreeMap<RegionId, Data> = BTreeMap::new();
    for ((cf, key), value) in &contents.data {
        let owner = contents.regions.iter().find(|(_, rows)| {
            let state = rows.region.as_ref();
            let state = state.filter(|state| state.state == PeerState::Normal);
            state.is_some_and(|state| state.region.contains(key))
        });
        match owner {
            Some((id, _)) => {
                let share = shares.entry(*id).or_default();
                share.load(*cf, key, value.clone());
            }
            None => findings.push(Finding::StrayKey {
                store,
                key: format!("{}_{}", cf.name(), rows::lossless(key)),
            }),
        }
    }
    shares
}

fn check_region(
    store: StoreId,
    rows: &RegionRows,
    data: Data,
    found: &mut Vec<String>,
) -> Option<Replica> {
    let mut missing = |name| found.push(Contradiction::Missing(name).to_string());
    if rows.region.is_none() {
        missing("region state");
    }
    if rows.raft.is_none() {
        missing("raft state");
    }
    if rows.apply.is_none() {
        missing("apply state");
    }
    let (state, raft, apply) = (rows.region.clone()?, rows.raft?, rows.apply?);
    if state.region.peer_on(store).is_none() {
        found.push(format!("the region has no peer on {store}"));
    }
    let contradictions = contents::check_states(&raft, &apply);
    found.extend(contradictions.iter().map(ToString::to_string));
    let entries = match contents::stitch(&rows.runs, apply.truncated, raft.last) {
        Ok(entries) => entries,
        Err(contradiction) => {
            found.push(contradiction.to_string());
            return None;
        }
    };
    let mut sessions = Sessions::default();
    for (client, session) in &rows.sessions {
        sessions.load(*client, session.clone());
    }
    for entry in &entries {
        let is_sound = match entry.kind {
            EntryKind::NoOp => entry.data.is_empty(),
            EntryKind::Normal => read_proposal(entry).is_some(),
            EntryKind::ConfChange => raft::conf_change_of(entry).is_some(),
        };
        if !is_sound {
            found.push(format!("entry {} holds no command", entry.index));
        }
    }
    Some(Replica {
        store,
        state,
        raft,
        apply,
        entries,
        data,
        sessions,
    })
}

fn summarise(id: RegionId, rows: &RegionRows, replica: &Replica) -> RegionSummary {
    let peer = replica.state.region.peer_on(replica.store);
    RegionSummary {
        region: id,
        peer: peer.map(|peer| peer.id),
        hard_state: replica.raft.hard_state,
        last: replica.raft.last,
        applied: replica.apply.applied,
        runs: rows.runs.len() as u64,
        entries: replica.entries.len() as u64,
    }
}
