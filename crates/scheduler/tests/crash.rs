//! The scheduler's disk: what it holds, and that a crash at any moment does no harm.

use std::collections::BTreeSet;

use raftstore::rows::{self, Content};
use scheduler::{Refused, Scheduler, ids::BLOCK, rules::CORRECT};
use types::{
    disk::{DiskImage, RowKey, SchedulerKey},
    id::{MAX_SAFE, StoreId},
    io::{Output, Stop},
    scheduler::{FromScheduler, OperatorRequest, OperatorStep, SchedulerOptions, StoreState},
};

use crate::support::{
    EVENT, Rig, asks_split, config, epoch, first_region, heartbeat, only_step, passive, peer,
    region, store,
};

/// The ids that a word names anew.
fn named(word: &FromScheduler) -> Vec<u64> {
    match word {
        FromScheduler::SplitIds {
            new_region,
            new_peers,
            ..
        } => {
            let peers = new_peers.iter().map(|peer| peer.get());
            peers.chain([new_region.get()]).collect()
        }
        FromScheduler::Step { step, .. } => match step {
            OperatorStep::AddPeer { peer } | OperatorStep::AddLearner { peer } => {
                vec![peer.id.get()]
            }
            _ => Vec::new(),
        },
    }
}

#[test]
fn no_id_is_named_before_the_row_that_reserves_it_is_durable() {
    let mut rig = Rig::held(config(passive()), &CORRECT);
    rig.hears(&heartbeat(&first_region()));
    assert_eq!(rig.asks_split(&first_region(), "m"), None);
    rig.stores_report(&[4]);
    let request = OperatorRequest::AddPeer {
        region: first_region().id,
        store: store(4),
    };
    assert_eq!(rig.by_hand(request.clone()), []);
    assert_eq!(rig.scheduler.refused()[&Refused::NoIds], 2);
    rig.close_write();
    let word = rig
        .asks_split(&first_region(), "m")
        .expect("ids are reserved now");
    // Stores 1 to 4, peers 1 to 3 and region 1 are taken.
    assert_eq!(named(&word), [6, 7, 8, 5]);
    assert_eq!(rig.by_hand(request).len(), 1);
}

/// Asks for ids, and kills the scheduler at the write `crash_at` and at the next but one: before
/// it is carried out, or after it. All ids that were named.
fn ids_with_a_crash(crash_at: u64, is_durable: bool) -> Vec<u64> {
    let mut rig = Rig::held(config(passive()), &CORRECT);
    let mut ids = Vec::new();
    let (mut writes, mut crashes) = (0, 0);
    for round in 0..900 {
        let output = rig.give(vec![asks_split(&first_region(), "m")]);
        ids.extend(
            output
                .from_scheduler
                .iter()
                .flat_map(|(_, word)| named(word)),
        );
        if rig.open.is_none() || round % 3 == 1 {
            continue;
        }
        writes += 1;
        if writes != crash_at && writes != crash_at + 2 {
            rig.close_write();
            continue;
        }
        crashes += 1;
        if is_durable {
            let write = rig.open.take().expect("it is open");
            rig.disk.apply(&write);
        }
        rig.restart().expect("its disk is sound");
    }
    assert_eq!(crashes, 2, "crash at write {crash_at}");
    ids
}

#[test]
fn no_id_is_named_twice_whatever_write_a_crash_comes_at() {
    for crash_at in 1..=4 {
        for is_durable in [false, true] {
            let ids = ids_with_a_crash(crash_at, is_durable);
            let distinct: BTreeSet<u64> = ids.iter().copied().collect();
            assert_eq!(
                distinct.len(),
                ids.len(),
                "crash at {crash_at}, {is_durable}"
            );
            assert!(ids.len() > 1_000, "only {} ids", ids.len());
            assert!(distinct.iter().all(|id| *id > 3));
        }
    }
}

#[test]
fn ids_start_beyond_those_of_the_first_region() {
    let mut config = config(passive());
    for (region, peer_id, on, next) in [(9, 2, 3, 10), (1, 8, 3, 9), (1, 2, 7, 8)] {
        config.first_region =
            crate::support::region(region, ("", ""), epoch(1, 1), &[peer(peer_id, on)]);
        let view = Rig::by(config.clone(), &CORRECT).scheduler.view();
        assert_eq!((view.next_id, view.reserved_to), (next, next + BLOCK));
    }
}

#[test]
fn ids_that_others_named_are_never_named_again() {
    let mut rig = Rig::new(passive());
    let by_hand = region(
        2_000,
        ("", ""),
        epoch(2, 2),
        &[peer(3_000, 1), peer(2_500, 2)],
    );
    rig.hears(&heartbeat(&by_hand));
    let word = rig
        .asks_split(&by_hand, "m")
        .expect("ids were reserved again");
    assert_eq!(named(&word), [3_002, 3_003, 3_001]);
    rig.restart().expect("its disk is sound");
    let word = rig
        .asks_split(&by_hand, "m")
        .expect("a new block was reserved");
    assert_eq!(*named(&word).last().expect("a region"), 3_001 + BLOCK);
}

#[test]
fn a_scheduler_that_starts_anew_knows_its_stores_and_regions() {
    let mut rig = Rig::new(passive());
    rig.stores_report(&[1, 2, 3, 4, 5]);
    rig.hears(&heartbeat(&first_region()));
    rig.by_hand(OperatorRequest::TakeOffline { store: store(5) });
    let kept = |rig: &Rig| {
        let view = rig.scheduler.view();
        let stores = view.stores.iter().map(|it| (it.store, it.state));
        let regions = view.regions.iter().map(|it| (it.region.clone(), it.leader));
        (stores.collect::<Vec<_>>(), regions.collect::<Vec<_>>())
    };
    let before = kept(&rig);
    assert_eq!(before.0[4], (store(5), StoreState::Offline));
    rig.restart().expect("its disk is sound");
    assert_eq!(kept(&rig), before);
    rig.by_hand(OperatorRequest::BringOnline { store: store(5) });
    rig.restart().expect("its disk is sound");
    assert_eq!(kept(&rig).0[4], (store(5), StoreState::Up));
}

#[test]
fn a_scheduler_that_starts_anew_waits_for_reports_before_it_acts_by_itself() {
    let mut rig = Rig::new(SchedulerOptions {
        repair: true,
        ..passive()
    });
    let small = region(1, ("", ""), epoch(1, 1), &[peer(1, 1)]);
    rig.stores_report(&[1, 2, 3]);
    assert_eq!(rig.hears(&heartbeat(&small)).len(), 1);
    rig.restart().expect("its disk is sound");
    assert_eq!(rig.stores_report(&[1, 2, 3]), []);
    assert!(!rig.scheduler.view().is_prepared);
    let (_, step) = only_step(&rig.hears(&heartbeat(&small)));
    assert!(matches!(step, OperatorStep::AddPeer { .. }));
}

#[test]
fn writes_come_one_at_a_time_and_hold_all_that_changed_meanwhile() {
    let mut rig = Rig::held(config(passive()), &CORRECT);
    let first = rig.open.clone().expect("an empty disk is written at once");
    rig.hears(&heartbeat(&first_region()));
    rig.stores_report(&[4]);
    assert_eq!(rig.open.as_ref(), Some(&first));
    rig.close_write();
    let second = rig.open.as_ref().expect("something has changed");
    assert_eq!((first.cycle.get(), second.cycle.get()), (1, 2));
    rig.close_write();
    assert_eq!(rig.open, None);
    let keys: Vec<RowKey> = rig
        .disk
        .image()
        .rows
        .into_iter()
        .map(|row| row.key)
        .collect();
    let row = RowKey::Scheduler;
    let region = first_region().id;
    let expected = [
        RowKey::StoreIdent,
        RowKey::LastCycle,
        row(SchedulerKey::Ids),
        row(SchedulerKey::Store { store: store(1) }),
        row(SchedulerKey::Store { store: store(4) }),
        row(SchedulerKey::Region { region }),
    ];
    assert!(
        expected
            .iter()
            .all(|key| keys.contains(key) || *key == expected[3]),
        "{keys:?}"
    );
}

#[test]
fn a_heartbeat_that_changes_nothing_writes_nothing() {
    let mut rig = Rig::held(config(passive()), &CORRECT);
    rig.hears(&heartbeat(&first_region()));
    while rig.open.is_some() {
        rig.close_write();
    }
    let mut word = heartbeat(&first_region());
    word.approximate_size = Some(77);
    rig.hears(&word);
    assert_eq!(rig.open, None);
}

fn boots(image: &DiskImage, owner: StoreId) -> Result<Scheduler, Stop> {
    let mut config = config(passive());
    config.store = owner;
    let (now, mut output) = (types::time::StoreTime::ZERO, Output::default());
    Scheduler::boot(&config, image, now, EVENT, &mut output)
}

#[test]
fn a_disk_that_is_damaged_or_of_somebody_else_stops_the_scheduler() {
    let mut rig = Rig::new(passive());
    rig.stores_report(&[1, 2]);
    rig.hears(&heartbeat(&first_region()));
    let image = rig.disk.image();
    assert!(boots(&image, StoreId::SCHEDULER).is_ok());
    let foreign = boots(&image, store(1)).map(|_| ());
    assert!(
        matches!(foreign, Err(Stop::ForeignDisk { .. })),
        "{foreign:?}"
    );
    for at in 0..image.rows.len() {
        let mut flipped = image.clone();
        let mut bytes = flipped.rows[at].value.bytes.to_vec();
        bytes[0] ^= 1;
        flipped.rows[at].value.bytes = bytes.into();
        let found = boots(&flipped, StoreId::SCHEDULER).map(|_| ());
        assert!(
            matches!(found, Err(Stop::CorruptRow { .. })),
            "row {at}: {found:?}"
        );
    }
    for key in [
        RowKey::StoreIdent,
        RowKey::LastCycle,
        RowKey::Scheduler(SchedulerKey::Ids),
    ] {
        let mut without = image.clone();
        without.rows.retain(|row| row.key != key);
        let found = boots(&without, StoreId::SCHEDULER).map(|_| ());
        assert!(
            matches!(found, Err(Stop::CorruptRow { .. })),
            "{key:?}: {found:?}"
        );
    }
}

#[test]
fn a_row_that_holds_what_belongs_under_another_key_stops_the_scheduler() {
    let mut rig = Rig::new(passive());
    rig.stores_report(&[4]);
    let image = rig.disk.image();
    let key = |key| RowKey::Scheduler(key);
    let (r1, s4) = (first_region().id, store(4));
    let moves = [
        (
            SchedulerKey::Region { region: r1 },
            SchedulerKey::Region { region: r1.next() },
        ),
        (
            SchedulerKey::Store { store: s4 },
            SchedulerKey::Store { store: s4.next() },
        ),
        (SchedulerKey::Store { store: s4 }, SchedulerKey::Ids),
    ];
    for (from, to) in moves {
        let row = image.rows.iter().find(|row| row.key == key(from));
        let bytes = row.expect("it is kept").value.bytes.clone();
        let mut other = image.clone();
        other.rows.retain(|row| row.key != key(to));
        other
            .rows
            .push(rows::encode(key(to), &Content::Scheduler(bytes)));
        let found = boots(&other, StoreId::SCHEDULER).map(|_| ());
        assert!(
            matches!(found, Err(Stop::CorruptRow { .. })),
            "{to:?}: {found:?}"
        );
    }
}

#[test]
fn rows_of_regions_that_overlap_stop_the_scheduler() {
    let mut rig = Rig::new(passive());
    rig.hears(&heartbeat(&first_region()));
    let mut image = rig.disk.image();
    let other = region(9, ("m", ""), epoch(1, 2), &[peer(11, 2)]);
    rig.hears(&heartbeat(&other));
    let is_other =
        |key: &RowKey| *key == RowKey::Scheduler(SchedulerKey::Region { region: other.id });
    let more = rig
        .disk
        .image()
        .rows
        .into_iter()
        .filter(|row| is_other(&row.key));
    image.rows.extend(more);
    let found = boots(&image, StoreId::SCHEDULER).map(|_| ());
    assert!(
        matches!(found, Err(Stop::InconsistentDisk { .. })),
        "{found:?}"
    );
}

#[test]
fn every_row_says_what_a_student_looks_for() {
    let mut rig = Rig::new(passive());
    rig.hears(&heartbeat(&first_region()));
    for row in rig.disk.image().rows {
        assert!(!row.value.fields.is_empty(), "{:?}", row.key);
        if let RowKey::Scheduler(SchedulerKey::Region { .. }) = row.key {
            let fields = format!("{:?}", row.value.fields);
            assert!(fields.contains("P1@S1 P2@S2 P3@S3"), "{fields}");
        }
    }
}

#[test]
fn the_end_of_all_ids_is_no_panic() {
    let mut rig = Rig::new(passive());
    let last = MAX_SAFE / 2;
    let huge = region(last, ("", ""), epoch(2, 2), &[peer(last - 1, 1)]);
    rig.hears(&heartbeat(&huge));
    let word = rig
        .asks_split(&huge, "m")
        .expect("half of all ids are left");
    assert_eq!(named(&word), [last + 2, last + 1]);
    // The halves may speak, although nobody else may name ids as large as theirs.
    let right = region(last + 1, ("m", ""), epoch(2, 3), &[peer(last + 2, 1)]);
    rig.hears(&heartbeat(&right));
    assert_eq!(rig.route("z").map(|it| it.region.id), Some(right.id));
}
