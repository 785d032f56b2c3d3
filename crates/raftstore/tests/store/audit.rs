//! Every planted damage is found.

use raftstore::{
    audit::{self, Acknowledged, Finding},
    rows::{self, ApplyState, Content, RaftState},
};
use types::{
    codec,
    disk::{DISK_VERSION, DiskImage, RowKey},
    id::StoreId,
    io::Stop,
    raft::{EntryKind, LogIndex, Term},
    store::ColumnFamily,
};

use crate::{
    damage::{edit, healthy},
    harness::{R1, b, put, request},
};

type Disks = Vec<(StoreId, DiskImage)>;

fn log_keys(image: &DiskImage) -> Vec<RowKey> {
    let keys = image.rows.iter().map(|row| row.key.clone());
    keys.filter(|key| matches!(key, RowKey::RaftLog { .. }))
        .collect()
}

fn remove(image: &mut DiskImage, key: &RowKey) {
    image.rows.retain(|row| row.key != *key);
}

fn raft_state(image: &mut DiskImage, change: impl FnOnce(&mut RaftState)) {
    edit(
        image,
        &RowKey::RaftState { region: R1 },
        |content| match content {
            Content::RaftState(state) => change(state),
            other => panic!("{other:?}"),
        },
    );
}

fn apply_state(image: &mut DiskImage, change: impl FnOnce(&mut ApplyState)) {
    edit(
        image,
        &RowKey::ApplyState { region: R1 },
        |content| match content {
            Content::ApplyState(state) => change(state),
            other => panic!("{other:?}"),
        },
    );
}

/// Changes the first entry of the log row at `at`.
fn entry(image: &mut DiskImage, at: usize, change: impl FnOnce(&mut types::raft::Entry)) {
    let key = log_keys(image).swap_remove(at);
    edit(image, &key, |content| match content {
        Content::RaftLog(run) => change(&mut run.entries[0]),
        other => panic!("{other:?}"),
    });
}

fn data_key(key: &str) -> RowKey {
    RowKey::Data {
        cf: ColumnFamily::Default,
        key: b(key),
    }
}

fn found(plant: impl FnOnce(&mut Disks), is: fn(&Finding) -> bool) {
    let mut disks = healthy();
    assert_eq!(audit::check(&disks).findings, []);
    plant(&mut disks);
    let findings = audit::check(&disks).findings;
    assert!(findings.iter().any(is), "{findings:#?}");
    assert!(
        findings
            .iter()
            .all(|finding| !finding.to_string().is_empty())
    );
}

fn says(finding: &Finding, words: &str) -> bool {
    matches!(finding, Finding::Contradiction { reason, .. } if reason.contains(words))
}

#[test]
fn a_damaged_row_of_each_table_is_found() {
    let rows = healthy()[0].1.rows.len();
    for at in 0..rows {
        found(
            |disks| disks[0].1.rows[at].value.crc ^= 1,
            |finding| matches!(finding, Finding::BadRow { store, .. } if store.get() == 1),
        );
    }
}

#[test]
fn missing_rows_are_found() {
    let is_missing = |finding: &Finding| matches!(finding, Finding::Missing { .. });
    found(
        |disks| remove(&mut disks[1].1, &RowKey::LastCycle),
        is_missing,
    );
    found(
        |disks| remove(&mut disks[1].1, &RowKey::StoreIdent),
        is_missing,
    );
    for key in [
        RowKey::RaftState { region: R1 },
        RowKey::ApplyState { region: R1 },
        RowKey::RegionState { region: R1 },
    ] {
        found(
            |disks| remove(&mut disks[1].1, &key),
            |finding| says(finding, "row is missing"),
        );
    }
}

#[test]
fn a_foreign_and_a_newer_disk_are_found() {
    found(
        |disks| {
            let (one, other) = (disks[0].1.clone(), disks[1].1.clone());
            disks[0].1 = other;
            disks[1].1 = one;
        },
        |finding| {
            let foreign = |damage: &Stop| matches!(damage, Stop::ForeignDisk { .. });
            matches!(finding, Finding::BadRow { damage, .. } if foreign(damage))
        },
    );
    found(
        |disks| {
            edit(
                &mut disks[0].1,
                &RowKey::StoreIdent,
                |content| match content {
                    Content::StoreIdent(ident) => ident.version = DISK_VERSION + 1,
                    other => panic!("{other:?}"),
                },
            );
        },
        |finding| {
            let newer = |damage: &Stop| matches!(damage, Stop::NewerDisk { .. });
            matches!(finding, Finding::BadRow { damage, .. } if newer(damage))
        },
    );
}

#[test]
fn a_hole_in_the_log_is_found() {
    found(
        |disks| {
            let key = log_keys(&disks[0].1).swap_remove(1);
            remove(&mut disks[0].1, &key);
        },
        |finding| says(finding, "are missing"),
    );
}

#[test]
fn a_log_with_another_end_than_the_raft_state_is_found() {
    found(
        |disks| {
            raft_state(&mut disks[0].1, |state| {
                state.last.index = state.last.index.next();
            });
        },
        |finding| says(finding, "the log ends at"),
    );
    found(
        |disks| raft_state(&mut disks[0].1, |state| state.last.term = Term::new(5)),
        |finding| says(finding, "the log ends at"),
    );
}

#[test]
fn indexes_out_of_order_are_found() {
    let far = LogIndex::new(99);
    found(
        |disks| apply_state(&mut disks[0].1, |state| state.applied = far),
        |finding| says(finding, "applied 99 is above last index"),
    );
    found(
        |disks| {
            raft_state(&mut disks[0].1, |state| {
                state.hard_state.commit = LogIndex::new(6);
            });
        },
        |finding| says(finding, "is above commit 6"),
    );
    found(
        |disks| raft_state(&mut disks[0].1, |state| state.hard_state.commit = far),
        |finding| says(finding, "commit 99 is above last index"),
    );
    found(
        |disks| apply_state(&mut disks[0].1, |state| state.truncated.index = far),
        |finding| says(finding, "truncated 99 is above applied"),
    );
    found(
        |disks| {
            raft_state(&mut disks[0].1, |state| {
                state.hard_state.term = Term::new(5);
            });
        },
        |finding| says(finding, "the hard state is of T5"),
    );
}

#[test]
fn an_entry_without_a_command_is_found() {
    found(
        |disks| entry(&mut disks[0].1, 1, |entry| entry.data = b("nonsense")),
        |finding| says(finding, "holds no command"),
    );
}

#[test]
fn different_entries_of_one_index_and_term_are_found() {
    found(
        |disks| {
            let other = codec::encode(&request(77, put("k0", "other")));
            entry(&mut disks[0].1, 1, |entry| entry.data = other.into());
        },
        |finding| matches!(finding, Finding::EntriesDiffer { .. }),
    );
}

#[test]
fn logs_that_agree_late_and_differ_early_are_found() {
    let plant = |disks: &mut Disks| {
        entry(&mut disks[0].1, 0, |entry| {
            assert_eq!(entry.kind, EntryKind::NoOp);
            entry.term = Term::new(5);
        });
    };
    found(plant, |finding| {
        matches!(finding, Finding::PrefixesDiffer { .. })
    });
    found(plant, |finding| {
        matches!(finding, Finding::CommittedDiffer { .. })
    });
}

#[test]
fn data_that_differ_at_one_applied_index_are_found() {
    let differ = |finding: &Finding| matches!(finding, Finding::DataDiffer { .. });
    found(|disks| remove(&mut disks[0].1, &data_key("k3")), differ);
    found(
        |disks| {
            edit(&mut disks[0].1, &data_key("k3"), |content| {
                *content = Content::Data(b("other"));
            });
        },
        differ,
    );
}

#[test]
fn data_are_compared_with_those_of_a_disk_that_is_ahead() {
    let mut disks = healthy();
    // Disk 1 as it was before its last flush: two keys back, its log as it is.
    let applied = audit::check(&disks).stores[0].regions[0].applied;
    apply_state(&mut disks[0].1, |state| {
        state.applied = state.applied.prev();
    });
    assert_eq!(applied, LogIndex::new(12));
    remove(&mut disks[0].1, &data_key("k5"));
    assert_eq!(
        audit::check(&disks).findings,
        [],
        "the log brings the key back"
    );
    remove(&mut disks[0].1, &data_key("k4"));
    let findings = audit::check(&disks).findings;
    assert!(matches!(&findings[0], Finding::DataDiffer { key, .. } if key == "k4"));
}

#[test]
fn a_key_outside_of_every_region_is_found() {
    found(
        |disks| {
            let key = RowKey::RegionState { region: R1 };
            edit(&mut disks[0].1, &key, |content| match content {
                Content::RegionState(state) => state.region.end = b("k2"),
                other => panic!("{other:?}"),
            });
        },
        |finding| matches!(finding, Finding::StrayKey { key, .. } if key == "default_k2"),
    );
}

#[test]
fn different_shapes_of_one_epoch_are_found() {
    found(
        |disks| {
            let key = RowKey::RegionState { region: R1 };
            edit(&mut disks[0].1, &key, |content| match content {
                Content::RegionState(state) => state.region.end = b("z"),
                other => panic!("{other:?}"),
            });
        },
        |finding| matches!(finding, Finding::ShapesDiffer { .. }),
    );
}

#[test]
fn rows_out_of_order_are_found() {
    found(
        |disks| disks[2].1.rows.swap(3, 4),
        |finding| matches!(finding, Finding::Order { .. }),
    );
}

#[test]
fn an_acknowledged_write_must_be_on_a_majority() {
    let acknowledged: Vec<Acknowledged> = (0..6)
        .map(|n| Acknowledged {
            key: b(&format!("k{n}")),
            value: Some(b("v")),
        })
        .collect();
    let mut disks = healthy();
    let check = |disks: &Disks| audit::check_acknowledged(disks, &acknowledged).findings;
    assert_eq!(check(&disks), []);
    // One disk empty: the other two are a majority. Two empty: nothing is left of it.
    disks[0].1 = DiskImage::default();
    assert_eq!(check(&disks), []);
    disks[1].1 = DiskImage::default();
    let findings = check(&disks);
    assert_eq!(findings.len(), 6);
    assert!(matches!(
        &findings[0],
        Finding::AcknowledgedLost { key, holders: 1, peers: 3 } if key == "k0"
    ));
    let deleted = Acknowledged {
        key: b("never"),
        value: None,
    };
    assert_eq!(
        audit::check_acknowledged(&healthy(), &[deleted]).findings,
        []
    );
}

#[test]
fn the_summary_counts_what_was_looked_at() {
    let disks = healthy();
    let report = audit::check(&disks);
    assert!(report.is_clean());
    let summary = &report.stores[1];
    assert_eq!(summary.store, StoreId::new(2));
    assert_eq!(summary.rows, disks[1].1.rows.len() as u64);
    assert_eq!(rows::last_cycle(&disks[1].1), Ok(summary.cycle));
    assert_eq!(summary.pairs, 6);
    let region = &summary.regions[0];
    assert_eq!((region.region, region.entries), (R1, 7));
    assert_eq!(region.last.index, LogIndex::new(12));
    assert_eq!(region.applied, LogIndex::new(12));
    assert!(region.runs > 1);
}
