//! What the scheduler keeps on its disk: up to where ids are reserved, the stores, the regions.
//!
//! Regions are kept so that a scheduler that was started anew knows routes at once; whatever they
//! say, the next heartbeat knows better.

use raftstore::rows::{self, Content, StoreIdent};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use types::{
    codec,
    disk::{DiskImage, Field, FieldValue, Row, RowKey, RowOp, SchedulerKey, Table},
    id::{RegionId, StoreId},
    io::Stop,
    scheduler::StoreState,
};

use crate::region::RegionInfo;

/// Up to where ids are reserved: the first one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdsRow {
    pub(crate) reserved_to: u64,
}

/// A store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoreRow {
    pub(crate) store: StoreId,
    pub(crate) state: StoreState,
}

/// A disk, read.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) ident: Option<StoreIdent>,
    pub(crate) ids: Option<IdsRow>,
    pub(crate) stores: Vec<StoreRow>,
    pub(crate) regions: Vec<RegionInfo>,
}

/// Writes up to where ids are reserved.
pub(crate) fn put_ids(reserved_to: u64) -> RowOp {
    let fields = vec![number("reserved_to", reserved_to)];
    put(SchedulerKey::Ids, &IdsRow { reserved_to }, fields)
}

/// Writes a store.
pub(crate) fn put_store(row: StoreRow) -> RowOp {
    let fields = vec![
        number("store_id", row.store.get()),
        text("state", format!("{:?}", row.state)),
    ];
    put(SchedulerKey::Store { store: row.store }, &row, fields)
}

/// Writes a region.
pub(crate) fn put_region(info: &RegionInfo) -> RowOp {
    let region = &info.region;
    let peers = region.peers.iter();
    let peers: Vec<String> = peers.map(|it| format!("{}@{}", it.id, it.store)).collect();
    let leader = info
        .leader
        .map_or("none".to_owned(), |it| it.store.to_string());
    let fields = vec![
        number("region_id", region.id.get()),
        text("start_key", rows::lossless(&region.start)),
        text("end_key", rows::lossless(&region.end)),
        text("epoch", region.epoch.to_string()),
        text("peers", peers.join(" ")),
        text("leader", leader),
    ];
    put(SchedulerKey::Region { region: region.id }, info, fields)
}

/// Removes a region.
pub(crate) const fn delete_region(region: RegionId) -> RowOp {
    RowOp::Delete(RowKey::Scheduler(SchedulerKey::Region { region }))
}

/// Writes a row of [`Table::Meta`].
pub(crate) fn put_meta(key: RowKey, content: &Content) -> RowOp {
    RowOp::Put(rows::encode(key, content))
}

fn put<T: Serialize>(key: SchedulerKey, value: &T, fields: Vec<Field>) -> RowOp {
    let bytes = codec::encode(value).into();
    let mut row = rows::encode(RowKey::Scheduler(key), &Content::Scheduler(bytes));
    row.value.fields = fields;
    RowOp::Put(row)
}

fn number(name: &str, value: u64) -> Field {
    let (name, value) = (name.to_owned(), FieldValue::Number(value));
    Field { name, value }
}

fn text(name: &str, value: String) -> Field {
    let (name, value) = (name.to_owned(), FieldValue::Text(value));
    Field { name, value }
}

/// Reads a disk, the ident first: it tells the layout of the other rows.
///
/// # Errors
///
/// The first damage.
pub(crate) fn read(image: &DiskImage) -> Result<Kept, Stop> {
    let mut kept = Kept::default();
    let is_ident = |row: &&Row| row.key == RowKey::StoreIdent;
    for row in image.rows.iter().filter(is_ident) {
        take(&mut kept, row)?;
    }
    for row in image.rows.iter().filter(|row| !is_ident(row)) {
        take(&mut kept, row)?;
    }
    Ok(kept)
}

fn take(kept: &mut Kept, row: &Row) -> Result<(), Stop> {
    match (&row.key, rows::decode(row)?) {
        (RowKey::StoreIdent, Content::StoreIdent(ident)) => kept.ident = Some(ident),
        (RowKey::LastCycle, _) => {}
        (RowKey::Scheduler(key), Content::Scheduler(bytes)) => match key {
            SchedulerKey::Ids => kept.ids = Some(value(&bytes)?),
            SchedulerKey::Store { store } => {
                let row: StoreRow = value(&bytes)?;
                check(row.store == *store)?;
                kept.stores.push(row);
            }
            SchedulerKey::Region { region } => {
                let info: RegionInfo = value(&bytes)?;
                check(info.id() == *region)?;
                kept.regions.push(info);
            }
        },
        (key, _) => {
            return Err(Stop::CorruptRow {
                table: key.table(),
                reason: "a row of a store on the scheduler's disk".to_owned(),
            });
        }
    }
    Ok(())
}

fn value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Stop> {
    codec::decode(bytes).map_err(|error| corrupt(error.to_string()))
}

fn check(is_own: bool) -> Result<(), Stop> {
    let reason = "it holds what belongs under another key";
    is_own
        .then_some(())
        .ok_or_else(|| corrupt(reason.to_owned()))
}

pub(crate) const fn corrupt(reason: String) -> Stop {
    Stop::CorruptRow {
        table: Table::Scheduler,
        reason,
    }
}
