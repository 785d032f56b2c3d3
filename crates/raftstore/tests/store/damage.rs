//! Disks that a store must not start from.

use raftstore::{
    Store,
    rows::{self, Content},
};
use types::{
    disk::{DISK_VERSION, DiskImage, RowKey, Table},
    event::EventId,
    id::StoreId,
    io::{Output, Stop},
    raft::LogIndex,
    time::StoreTime,
};

use crate::harness::{Loop, R1, config, put};

pub(crate) fn healthy() -> Vec<(StoreId, DiskImage)> {
    let mut all = Loop::new(3);
    let leader = all.elect();
    for n in 0..6 {
        all.ask(leader, put(&format!("k{n}"), "v"));
    }
    all.run_ms(500);
    all.images()
}

fn boot(image: &DiskImage) -> Result<Store, Stop> {
    let (now, event) = (StoreTime::new(7), EventId::default());
    Store::boot(&config(1, 3, 5), image, now, event, &mut Output::default())
}

/// Rewrites the row `key` with a sound checksum.
pub(crate) fn edit(image: &mut DiskImage, key: &RowKey, change: impl FnOnce(&mut Content)) {
    let row = image.rows.iter_mut().find(|row| row.key == *key);
    let row = row.expect("the row is there");
    let mut content = rows::decode(row).expect("a sound row");
    change(&mut content);
    *row = rows::encode(key.clone(), &content);
}

fn image() -> DiskImage {
    healthy().swap_remove(0).1
}

#[test]
fn every_damaged_row_is_found_at_the_start() {
    let image = image();
    assert!(boot(&image).is_ok());
    for at in 0..image.rows.len() {
        let mut bad = image.clone();
        bad.rows[at].value.crc ^= 1;
        let table = bad.rows[at].key.table();
        assert!(matches!(boot(&bad), Err(Stop::CorruptRow { table: t, .. }) if t == table));
    }
}

#[test]
fn no_row_but_a_data_row_can_be_missing() {
    let image = image();
    for at in 0..image.rows.len() {
        let mut bad = image.clone();
        let gone = bad.rows.remove(at);
        let is_data = gone.key.table() == Table::Data;
        assert_eq!(boot(&bad).is_ok(), is_data, "{:?}", gone.key);
    }
}

#[test]
fn the_disk_of_another_store_is_refused() {
    let mut images = healthy();
    let foreign = Stop::ForeignDisk {
        found: StoreId::new(2),
        expected: StoreId::new(1),
    };
    assert_eq!(boot(&images.swap_remove(1).1).err(), Some(foreign));
}

#[test]
fn a_disk_of_a_newer_layout_is_refused() {
    let mut image = image();
    edit(&mut image, &RowKey::StoreIdent, |content| {
        let Content::StoreIdent(ident) = content else {
            panic!("{content:?}");
        };
        ident.version = DISK_VERSION + 1;
    });
    // encode() wrote it with a sound checksum, so only the version speaks.
    let newer = Stop::NewerDisk {
        found: DISK_VERSION + 1,
        known: DISK_VERSION,
    };
    assert_eq!(boot(&image).err(), Some(newer));
}

#[test]
fn a_log_that_does_not_end_where_the_raft_state_says_is_refused() {
    let mut image = image();
    let key = RowKey::RaftState { region: R1 };
    edit(&mut image, &key, |content| {
        let Content::RaftState(state) = content else {
            panic!("{content:?}");
        };
        state.last.index = state.last.index.next();
    });
    assert!(matches!(
        boot(&image),
        Err(Stop::InconsistentDisk { region: R1, .. })
    ));
}

#[test]
fn more_applied_than_committed_is_refused() {
    let mut image = image();
    let key = RowKey::RaftState { region: R1 };
    edit(&mut image, &key, |content| {
        let Content::RaftState(state) = content else {
            panic!("{content:?}");
        };
        state.hard_state.commit = LogIndex::new(6);
    });
    assert!(matches!(
        boot(&image),
        Err(Stop::InconsistentDisk { region: R1, .. })
    ));
}
