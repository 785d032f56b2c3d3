//! The IndexedDB disk, inside a dedicated worker of a real browser.

#![cfg(target_arch = "wasm32")]

use bytes::Bytes;
use engine::{
    disk::{Database, Disk, DiskError, Durability, Existing, HOOK_KEY, key_to_js},
    locks::{self, How},
};
use raftstore::{image::MemoryDisk, rows};
use types::{
    disk::{DISK_VERSION, DiskImage, DiskWrite, Row, RowKey, RowOp, Table},
    id::{Cycle, RegionId},
    io::Stop,
    raft::LogIndex,
    store::ColumnFamily,
};
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn data_key(key: &[u8]) -> RowKey {
    RowKey::Data {
        cf: ColumnFamily::Default,
        key: Bytes::copy_from_slice(key),
    }
}

fn put(key: &[u8], value: &[u8]) -> RowOp {
    let content = rows::Content::Data(Bytes::copy_from_slice(value));
    RowOp::Put(rows::encode(data_key(key), &content))
}

fn write(cycle: u64, mut ops: Vec<RowOp>) -> DiskWrite {
    let cycle = Cycle::new(cycle);
    ops.push(RowOp::Put(rows::encode(
        RowKey::LastCycle,
        &rows::Content::LastCycle(cycle),
    )));
    DiskWrite { cycle, ops }
}

/// A database of its own for each test, empty at the start.
async fn fresh(name: &str) -> Disk {
    let disk = Disk::create(name).await.expect("a fresh database opens");
    disk.wipe().await.expect("a database can be wiped");
    disk
}

async fn reopened(name: &str) -> DiskImage {
    let disk = Disk::open(name, Durability::Relaxed).await;
    disk.expect("it opens").load().await.expect("it loads")
}

/// Puts what no version of ours ever wrote.
async fn put_hostile(name: &str, table: Table, key: &JsValue, value: &JsValue) {
    let database = Database::open(name).await.expect("it opens");
    let transaction = database
        .write(&[table.name()], Durability::Relaxed)
        .expect("a transaction opens");
    transaction
        .table(table.name())
        .expect("the table is there")
        .put(value, Some(key))
        .expect("a put is accepted");
    transaction.end().await.expect("it commits");
}

fn values(image: &DiskImage) -> Vec<(&RowKey, &[u8])> {
    let rows = image.rows.iter();
    rows.map(|row| (&row.key, row.value.bytes.as_ref()))
        .collect()
}

#[wasm_bindgen_test]
async fn what_was_written_is_there_after_reopening_with_fields_and_checksum() {
    let disk = fresh("rp/test/reopen").await;
    let mut model = MemoryDisk::new();
    let writes = [
        write(1, vec![put(b"a", b"1"), put(b"b", b"\0\xff")]),
        write(
            2,
            vec![
                put(b"a", b"2"),
                RowOp::Delete(data_key(b"b")),
                put(b"", b""),
            ],
        ),
    ];
    for write in &writes {
        disk.write(write).await.expect("a write is carried out");
        model.apply(write);
        assert_eq!(disk.load().await, Ok(model.image()));
    }
    drop(disk);
    assert_eq!(reopened("rp/test/reopen").await, model.image());
}

#[wasm_bindgen_test]
async fn a_strict_write_is_carried_out_as_well() {
    drop(fresh("rp/test/strict").await);
    let disk = Disk::open("rp/test/strict", Durability::Strict).await;
    let disk = disk.expect("it opens");
    let only = write(1, vec![put(b"k", b"v")]);
    assert_eq!(disk.write(&only).await, Ok(()));
    let image = disk.load().await.expect("it loads");
    assert_eq!(rows::last_cycle(&image), Ok(Cycle::new(1)));
}

#[wasm_bindgen_test]
async fn a_transaction_is_there_whole_or_not_at_all() {
    let name = "rp/test/atomic";
    let disk = fresh(name).await;
    disk.write(&write(1, vec![put(b"a", b"old")]))
        .await
        .expect("written");
    let before = disk.load().await;
    let database = Database::open(name).await.expect("it opens");
    let tables = [Table::Data.name(), Table::Meta.name()];
    let transaction = database
        .write(&tables, Durability::Relaxed)
        .expect("a transaction opens");
    for (table, key) in [
        (Table::Data, data_key(b"a")),
        (Table::Meta, RowKey::LastCycle),
    ] {
        let table = transaction.table(table.name()).expect("it is there");
        table
            .put(&JsValue::from_str("torn"), Some(&key_to_js(&key)))
            .expect("a put is accepted");
    }
    transaction.abort();
    let ended = transaction.end().await;
    assert!(matches!(ended, Err(DiskError::Refused { .. })), "{ended:?}");
    assert_eq!(disk.load().await, before);
}

#[wasm_bindgen_test]
async fn a_write_of_many_rows_is_seen_whole_by_a_reader_that_comes_in_between() {
    let name = "rp/test/between";
    let disk = fresh(name).await;
    let other = Disk::open(name, Durability::Relaxed)
        .await
        .expect("it opens");
    let keys: Vec<Vec<u8>> = (0..500_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    let all = |value: &[u8]| keys.iter().map(|key| put(key, value)).collect::<Vec<_>>();
    disk.write(&write(1, all(b"one"))).await.expect("written");
    let second = write(2, all(b"two"));
    let both = futures_util::future::join(disk.write(&second), other.load());
    let (written, seen) = both.await;
    assert_eq!(written, Ok(()));
    let seen = seen.expect("it loads");
    let values: std::collections::BTreeSet<&[u8]> = values(&seen)
        .into_iter()
        .filter(|(key, _)| key.table() == Table::Data)
        .map(|(_, value)| value)
        .collect();
    assert_eq!(values.len(), 1, "a reader saw half of a write");
}

#[wasm_bindgen_test]
async fn an_aborted_write_is_carried_out_when_it_is_tried_again_as_it_was() {
    let name = "rp/test/again";
    let disk = fresh(name).await;
    let database = Database::open(name).await.expect("it opens");
    // A key that is in the table already: `add` fails, and its transaction with it.
    disk.write(&write(1, vec![put(b"a", b"1")]))
        .await
        .expect("written");
    let transaction = database
        .write(&[Table::Data.name()], Durability::Relaxed)
        .expect("a transaction opens");
    let table = transaction.table(Table::Data.name()).expect("it is there");
    let added = table.add(&JsValue::NULL, Some(&key_to_js(&data_key(b"a"))));
    added.expect("an add is accepted, and fails later");
    let ended = transaction.end().await;
    let Err(DiskError::Refused { reason, .. }) = ended else {
        panic!("it was committed: {ended:?}");
    };
    assert!(reason.contains("ConstraintError"), "{reason}");
    let again = write(2, vec![put(b"a", b"2")]);
    assert_eq!(disk.write(&again).await, Ok(()));
    let image = disk.load().await.expect("it loads");
    assert_eq!(rows::last_cycle(&image), Ok(Cycle::new(2)));
}

#[wasm_bindgen_test]
async fn a_layout_newer_than_ours_is_refused_and_left_alone() {
    let name = "rp/test/newer";
    // The first run of this test in a profile, or a later one.
    let newer = DISK_VERSION + 1;
    drop(
        Database::create(name, newer, &["meta", "of_the_future"])
            .await
            .expect("made"),
    );
    let expected = DiskError::Newer {
        found: newer,
        known: DISK_VERSION,
    };
    let opened = Disk::open(name, Durability::Relaxed).await;
    assert_eq!(opened.err(), Some(expected.clone()));
    assert_eq!(Disk::create(name).await.err(), Some(expected.clone()));
    let stop = Stop::NewerDisk {
        found: newer,
        known: DISK_VERSION,
    };
    assert_eq!(expected.into_stop(), Some(stop));
}

#[wasm_bindgen_test]
async fn a_database_that_is_not_there_is_told_and_not_made() {
    let name = "rp/test/absent";
    for _ in 0..2 {
        let opened = Disk::open(name, Durability::Relaxed).await;
        assert_eq!(opened.err(), Some(DiskError::NoDatabase));
    }
    if let Existing::Names(names) = Database::existing().await {
        assert!(!names.iter().any(|there| there == name), "{names:?}");
    }
}

#[wasm_bindgen_test]
async fn a_database_without_our_tables_is_no_disk() {
    let name = "rp/test/foreign";
    drop(
        Database::create(name, DISK_VERSION, &["meta", "something"])
            .await
            .expect("made"),
    );
    let opened = Disk::open(name, Durability::Relaxed).await;
    let table = Table::RaftLog;
    assert_eq!(opened.err(), Some(DiskError::NoTable { table }));
}

#[wasm_bindgen_test]
async fn hostile_rows_are_told_and_never_a_panic() {
    let name = "rp/test/hostile";
    let good = value(&[("bytes", bytes(b"x")), ("crc", JsValue::from(1))]);
    let region = js_sys::Array::of1(&JsValue::from(1)).into();
    let cases: Vec<(Table, JsValue, JsValue)> = vec![
        (Table::Meta, JsValue::from_str("stranger"), good.clone()),
        (Table::Meta, JsValue::from(7), good.clone()),
        (Table::RaftState, JsValue::from_str("x"), good.clone()),
        (
            Table::RaftState,
            js_sys::Array::of1(&JsValue::from(-1)).into(),
            good.clone(),
        ),
        (
            Table::RaftState,
            js_sys::Array::of1(&JsValue::from(0.5)).into(),
            good.clone(),
        ),
        (
            Table::RaftState,
            js_sys::Array::of1(&JsValue::from(1e300)).into(),
            good.clone(),
        ),
        (Table::RaftLog, region, good.clone()),
        (
            Table::Data,
            js_sys::Array::of2(&"nonsense".into(), &bytes(b"k")).into(),
            good.clone(),
        ),
        (
            Table::Data,
            js_sys::Array::of2(&"default".into(), &"text".into()).into(),
            good.clone(),
        ),
        (
            Table::Meta,
            JsValue::from_str("ident"),
            JsValue::from_str("text"),
        ),
        (Table::Meta, JsValue::from_str("ident"), JsValue::NULL),
        (Table::Meta, JsValue::from_str("ident"), value(&[])),
        (
            Table::Meta,
            JsValue::from_str("ident"),
            value(&[("bytes", JsValue::from(1))]),
        ),
        (
            Table::Meta,
            JsValue::from_str("ident"),
            value(&[("bytes", bytes(b"x"))]),
        ),
        (
            Table::Meta,
            JsValue::from_str("ident"),
            value(&[("bytes", bytes(b"x")), ("crc", JsValue::from(1e12))]),
        ),
    ];
    for (table, key, value) in cases {
        let disk = fresh(name).await;
        put_hostile(name, table, &key, &value).await;
        let loaded = disk.load().await;
        let Err(error @ DiskError::BadRow { .. }) = loaded else {
            panic!("{key:?} {value:?} passed: {loaded:?}");
        };
        let stop = error.into_stop();
        assert!(matches!(stop, Some(Stop::CorruptRow { table: t, .. }) if t == table));
    }
}

fn value(properties: &[(&str, JsValue)]) -> JsValue {
    engine::js::object(properties).into()
}

fn bytes(bytes: &[u8]) -> JsValue {
    js_sys::Uint8Array::from(bytes).into()
}

#[wasm_bindgen_test]
async fn the_row_of_a_test_hook_is_no_part_of_the_disk() {
    let name = "rp/test/hook";
    let disk = fresh(name).await;
    disk.write(&write(1, Vec::new())).await.expect("written");
    let before = disk.load().await;
    disk.mark(1).await.expect("a mark is written");
    assert_eq!(disk.load().await, before);
    let database = Database::open(name).await.expect("it opens");
    let transaction = database.read(&[Table::Meta.name()]).expect("it opens");
    let table = transaction.table(Table::Meta.name()).expect("it is there");
    let count = table.count(Some(idb::Query::Key(JsValue::from_str(HOOK_KEY))));
    let count = count.expect("a count is accepted");
    transaction.end().await.expect("it ends");
    let count = idb::Request::result(&count).expect("it has a result");
    assert_eq!(count.as_f64(), Some(1.0), "the mark is not in the database");
}

#[wasm_bindgen_test]
async fn a_range_goes_from_its_first_key_up_to_the_key_that_stays() {
    let name = "rp/test/range";
    let disk = fresh(name).await;
    let mut model = MemoryDisk::new();
    let log = |region, first| RowKey::RaftLog {
        region: RegionId::new(region),
        first: LogIndex::new(first),
    };
    // What is in the rows does not matter here.
    let row = |key: RowKey| {
        let mut row = rows::encode(data_key(b""), &rows::Content::Data(Bytes::new()));
        row.value.crc = rows::checksum(&key, b"");
        RowOp::Put(Row { key, ..row })
    };
    let keys = [(1, 1), (1, 5), (1, 9), (1, 300), (2, 1)];
    let mut ops: Vec<RowOp> = keys.iter().map(|&(r, first)| row(log(r, first))).collect();
    ops.extend([
        put(b"a", b""),
        put(b"b", b""),
        put(b"b\0", b""),
        put(b"c", b""),
    ]);
    let range = |from: RowKey, to: RowKey| RowOp::DeleteRange { from, to };
    let writes = [
        write(1, ops),
        write(2, vec![range(log(1, 5), log(1, 300))]),
        write(3, vec![range(data_key(b"b"), data_key(b"c"))]),
        write(
            4,
            vec![range(log(1, 300), log(1, 300)), range(log(2, 1), log(1, 1))],
        ),
        write(5, vec![range(log(1, 0), log(2, 0)), row(log(1, 7))]),
    ];
    for write in &writes {
        disk.write(write).await.expect("a write is carried out");
        model.apply(write);
        assert_eq!(
            disk.load().await,
            Ok(model.image()),
            "cycle {}",
            write.cycle
        );
    }
}

#[wasm_bindgen_test]
async fn keys_come_in_the_order_of_row_keys() {
    let name = "rp/test/order";
    let disk = fresh(name).await;
    let region = RegionId::new;
    let mut keys = vec![RowKey::StoreIdent, RowKey::LastCycle];
    for id in [1, 2, 10, 255, 256, 1 << 40] {
        let region = region(id);
        keys.extend([
            RowKey::RaftState { region },
            RowKey::ApplyState { region },
            RowKey::RegionState { region },
        ]);
        for first in [0, 6, 10, 255, 256, 1 << 33, types::id::MAX_SAFE] {
            let first = LogIndex::new(first);
            keys.push(RowKey::RaftLog { region, first });
        }
    }
    for cf in [
        ColumnFamily::Default,
        ColumnFamily::Lock,
        ColumnFamily::Write,
    ] {
        for key in [
            &b""[..],
            b"\0",
            b"a",
            b"a\0",
            b"a\xff",
            b"b",
            b"\x80",
            b"\xff\xff",
        ] {
            let key = Bytes::copy_from_slice(key);
            keys.push(RowKey::Data { cf, key });
        }
    }
    let any = rows::encode(data_key(b""), &rows::Content::Data(Bytes::new())).value;
    // Written backwards, so that an order of writing would show.
    let puts = keys.iter().rev().map(|key| {
        let (key, value) = (key.clone(), any.clone());
        RowOp::Put(Row { key, value })
    });
    let ops = puts.collect();
    let cycle = Cycle::new(1);
    disk.write(&DiskWrite { cycle, ops })
        .await
        .expect("written");
    keys.sort();
    let image = disk.load().await.expect("it loads");
    let found: Vec<RowKey> = image.rows.into_iter().map(|row| row.key).collect();
    assert_eq!(found, keys);
}

#[wasm_bindgen_test]
async fn a_wiped_disk_is_empty_and_takes_writes_again() {
    let name = "rp/test/wipe";
    let disk = fresh(name).await;
    disk.write(&write(1, vec![put(b"a", b"1")]))
        .await
        .expect("written");
    disk.wipe().await.expect("wiped");
    assert_eq!(disk.load().await, Ok(DiskImage::default()));
    disk.write(&write(1, vec![put(b"b", b"2")]))
        .await
        .expect("written");
    assert_eq!(reopened(name).await.rows.len(), 2);
}

#[wasm_bindgen_test]
async fn a_lock_is_held_by_one_and_comes_free_when_it_is_dropped() {
    let name = "rp/test/lock";
    let first = locks::hold(name, How::Wait, || {}).await;
    let first = first.expect("there are locks").expect("it is free");
    let second = locks::hold(name, How::IfFree, || {}).await;
    assert!(second.expect("there are locks").is_none(), "held twice");
    let third = locks::hold(name, How::WaitFor(50), || {}).await;
    assert!(third.expect("there are locks").is_none(), "held twice");
    drop(first);
    let fourth = locks::hold(name, How::Wait, || {}).await;
    assert!(
        fourth.expect("there are locks").is_some(),
        "never free again"
    );
}

#[wasm_bindgen_test]
async fn who_loses_a_lock_by_theft_is_told() {
    let name = "rp/test/theft";
    let stolen = std::rc::Rc::new(std::cell::Cell::new(false));
    let told = std::rc::Rc::clone(&stolen);
    let first = locks::hold(name, How::Wait, move || told.set(true)).await;
    let first = first.expect("there are locks").expect("it is free");
    let thief = locks::hold(name, How::Steal, || {}).await;
    let thief = thief.expect("there are locks").expect("not stolen");
    gloo_timers::future::TimeoutFuture::new(20).await;
    assert!(stolen.get(), "nobody was told");
    drop(first);
    let free = locks::hold(name, How::IfFree, || {}).await;
    assert!(
        free.expect("there are locks").is_none(),
        "dropped the thief's lock"
    );
    drop(thief);
}
