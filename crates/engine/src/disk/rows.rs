//! Rows as JavaScript values: readable in the browser's developer tools, and checked on the way
//! back.
//!
//! Keys are arrays of numbers, `[region]`, `[region, first]` or `[region, client]`; of user data
//! `[cf, key]`; of the scheduler `[kind, id]`; of the meta table names. IndexedDB orders them as
//! [`RowKey`] is ordered.

use bytes::Bytes;
use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use serde::{Serialize, Serializer, ser::SerializeMap};
use types::{
    disk::{Field, FieldValue, Row, RowKey, RowValue, SchedulerKey, Table},
    id::{ClientId, MAX_SAFE, RegionId, StoreId},
    raft::LogIndex,
    store::ColumnFamily,
};
use wasm_bindgen::{JsCast, JsValue};

/// The key, in the meta table, of the row that a test hook writes. It is not part of the disk.
pub const HOOK_KEY: &str = "hook";

const IDENT_KEY: &str = "ident";
const LAST_CYCLE_KEY: &str = "last_cycle";
const BYTES: &str = "bytes";
const CRC: &str = "crc";

/// A row's key in IndexedDB.
#[must_use]
pub fn key_to_js(key: &RowKey) -> JsValue {
    let region_key = |region: &RegionId| Array::of1(&number(region.get())).into();
    match key {
        RowKey::StoreIdent => JsValue::from_str(IDENT_KEY),
        RowKey::LastCycle => JsValue::from_str(LAST_CYCLE_KEY),
        RowKey::RaftLog { region, first } => {
            Array::of2(&number(region.get()), &number(first.get())).into()
        }
        RowKey::RaftState { region }
        | RowKey::ApplyState { region }
        | RowKey::RegionState { region } => region_key(region),
        RowKey::Session { region, client } => {
            Array::of2(&number(region.get()), &number(client.get())).into()
        }
        RowKey::Scheduler(key) => {
            let (kind, id) = match key {
                SchedulerKey::Ids => (0, 0),
                SchedulerKey::Store { store } => (1, store.get()),
                SchedulerKey::Region { region } => (2, region.get()),
            };
            Array::of2(&number(kind), &number(id)).into()
        }
        RowKey::Data { cf, key } => {
            let key = Uint8Array::from(key.as_ref());
            Array::of2(&JsValue::from_str(cf.name()), &key).into()
        }
    }
}

/// The key that IndexedDB holds; `None` for the row of a test hook.
///
/// # Errors
///
/// What is wrong with it.
pub fn key_from_js(table: Table, key: &JsValue) -> Result<Option<RowKey>, String> {
    let found = match table {
        Table::Meta => match key.as_string().as_deref() {
            Some(IDENT_KEY) => RowKey::StoreIdent,
            Some(LAST_CYCLE_KEY) => RowKey::LastCycle,
            Some(HOOK_KEY) => return Ok(None),
            _ => return Err(format!("{key:?} is not a key of this table")),
        },
        Table::RaftLog => {
            let [region, first] = parts(key)?;
            RowKey::RaftLog {
                region: region_id(&region)?,
                first: LogIndex::try_from(whole(&first)?).map_err(|error| error.to_string())?,
            }
        }
        Table::RaftState => RowKey::RaftState {
            region: only_region(key)?,
        },
        Table::ApplyState => RowKey::ApplyState {
            region: only_region(key)?,
        },
        Table::RegionState => RowKey::RegionState {
            region: only_region(key)?,
        },
        Table::Sessions => {
            let [region, client] = parts(key)?;
            RowKey::Session {
                region: region_id(&region)?,
                client: ClientId::try_from(whole(&client)?).map_err(|error| error.to_string())?,
            }
        }
        Table::Scheduler => RowKey::Scheduler(scheduler_key(key)?),
        Table::Data => {
            let [cf, user_key] = parts(key)?;
            RowKey::Data {
                cf: column_family(&cf)?,
                key: binary(&user_key)?,
            }
        }
    };
    Ok(Some(found))
}

fn scheduler_key(key: &JsValue) -> Result<SchedulerKey, String> {
    let [kind, id] = parts(key)?;
    let (kind, id) = (whole(&kind)?, whole(&id)?);
    let found = match kind {
        0 if id == 0 => Ok(SchedulerKey::Ids),
        1 => StoreId::try_from(id).map(|store| SchedulerKey::Store { store }),
        2 => RegionId::try_from(id).map(|region| SchedulerKey::Region { region }),
        _ => return Err(format!("{key:?} is not a key of this table")),
    };
    found.map_err(|error| error.to_string())
}

/// A row's value in IndexedDB: the readable fields, then the bytes and their checksum.
#[must_use]
pub fn value_to_js(value: &RowValue) -> JsValue {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
    Readable(value)
        .serialize(&serializer)
        .expect("names, numbers, text and bytes have a JavaScript form")
}

/// A row's value as a plain object.
struct Readable<'a>(&'a RowValue);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(value) = self;
        let mut map = serializer.serialize_map(Some(value.fields.len() + 2))?;
        for field in &value.fields {
            match &field.value {
                FieldValue::Number(value) => map.serialize_entry(&field.name, value)?,
                FieldValue::Text(text) => map.serialize_entry(&field.name, text)?,
            }
        }
        map.serialize_entry(BYTES, serde_bytes::Bytes::new(&value.bytes))?;
        map.serialize_entry(CRC, &value.crc)?;
        map.end()
    }
}

/// The row that IndexedDB holds; `None` for the row of a test hook.
///
/// # Errors
///
/// What is wrong with it.
pub fn row_from_js(table: Table, key: &JsValue, value: &JsValue) -> Result<Option<Row>, String> {
    let Some(row_key) = key_from_js(table, key)? else {
        return Ok(None);
    };
    let object: &Object = value
        .dyn_ref()
        .ok_or_else(|| format!("the value of {row_key:?} is not an object"))?;
    let named = |error: String| format!("{row_key:?}: {error}");
    let bytes = binary(&get(object, BYTES)?).map_err(named)?;
    let crc = whole(&get(object, CRC)?).map_err(named)?;
    let crc = u32::try_from(crc).map_err(|_| named(format!("{crc} is not a checksum")))?;
    let value = RowValue {
        fields: fields(object),
        bytes,
        crc,
    };
    Ok(Some(Row {
        key: row_key,
        value,
    }))
}

/// What stands beside bytes and checksum. For human eyes only, so what is odd is left out.
fn fields(object: &Object) -> Vec<Field> {
    let mut fields = Vec::new();
    for entry in Object::entries(object).iter() {
        let entry: Array = entry.unchecked_into();
        let Some(name) = entry.get(0).as_string() else {
            continue;
        };
        let shown = entry.get(1);
        let value = match (shown.as_string(), whole(&shown)) {
            _ if name == BYTES || name == CRC => continue,
            (Some(text), _) => FieldValue::Text(text),
            (None, Ok(value)) => FieldValue::Number(value),
            (None, Err(_)) => continue,
        };
        fields.push(Field { name, value });
    }
    fields
}

/// Exact for every number of ours, which are below 2^53.
fn number(value: u64) -> JsValue {
    JsValue::from_f64(value as f64)
}

fn whole(value: &JsValue) -> Result<u64, String> {
    let found = value
        .as_f64()
        .ok_or_else(|| format!("{value:?} is not a number"))?;
    if found.fract() == 0.0 && (0.0..=MAX_SAFE as f64).contains(&found) {
        Ok(found as u64)
    } else {
        Err(format!("{found} is not a whole number below 2^53"))
    }
}

fn region_id(value: &JsValue) -> Result<RegionId, String> {
    RegionId::try_from(whole(value)?).map_err(|error| error.to_string())
}

fn only_region(key: &JsValue) -> Result<RegionId, String> {
    let [region] = parts(key)?;
    region_id(&region)
}

fn parts<const N: usize>(key: &JsValue) -> Result<[JsValue; N], String> {
    let wrong = || format!("{key:?} is not a key of {N} parts");
    let array: &Array = key.dyn_ref().ok_or_else(wrong)?;
    array.to_vec().try_into().map_err(|_| wrong())
}

fn column_family(value: &JsValue) -> Result<ColumnFamily, String> {
    let name = value.as_string();
    let all = [
        ColumnFamily::Default,
        ColumnFamily::Lock,
        ColumnFamily::Write,
    ];
    all.into_iter()
        .find(|cf| name.as_deref() == Some(cf.name()))
        .ok_or_else(|| format!("{value:?} is not a column family"))
}

fn binary(value: &JsValue) -> Result<Bytes, String> {
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        Ok(bytes.to_vec().into())
    } else if let Some(buffer) = value.dyn_ref::<ArrayBuffer>() {
        Ok(Uint8Array::new(buffer).to_vec().into())
    } else {
        Err(format!("{value:?} is not bytes"))
    }
}

fn get(object: &Object, name: &str) -> Result<JsValue, String> {
    Reflect::get(object, &JsValue::from_str(name)).map_err(|error| crate::js::reason(&error))
}
