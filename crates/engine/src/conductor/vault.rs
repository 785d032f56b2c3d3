//! What the conductor itself keeps, in a database of its own: the saved cluster and the recording.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use bytes::Bytes;
use cluster::{SavedCluster, SavedError};
use idb::{Query, Request};
use js_sys::{Array, Uint8Array};
use protocol::OpenError;
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    disk::{Database, DiskError, Durability},
    js,
};

/// The layout of this database.
const VERSION: u32 = 1;
const CLUSTER: &str = "cluster";
const RECORDING: &str = "recording";
const TABLES: [&str; 2] = [CLUSTER, RECORDING];
/// The key of the one row of [`CLUSTER`].
const SAVED: &str = "saved";

/// A piece of the recording, under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) segment: u32,
    pub(super) n: u32,
    pub(super) bytes: Bytes,
}

/// The open database.
#[derive(Debug)]
pub(super) struct Vault {
    name: String,
    database: RefCell<Rc<Database>>,
}

impl Vault {
    pub(super) async fn open(name: &str) -> Result<Self, DiskError> {
        let database = Database::create(name, VERSION, &TABLES).await?;
        Ok(Self {
            name: name.to_owned(),
            database: RefCell::new(Rc::new(database)),
        })
    }

    fn database(&self) -> Rc<Database> {
        Rc::clone(&self.database.borrow())
    }

    /// The browser closes connections of its own accord, as when a person clears its data.
    async fn reopen(&self) -> Result<(), DiskError> {
        let database = Database::create(&self.name, VERSION, &TABLES).await?;
        self.database.replace(Rc::new(database));
        Ok(())
    }

    /// What was saved; `None` when there is no cluster.
    pub(super) async fn load(&self) -> Result<Option<SavedCluster>, OpenError> {
        let row = self.saved_row().await.map_err(|error| OpenError::Browser {
            reason: error.to_string(),
        })?;
        if row.is_undefined() {
            return Ok(None);
        }
        let bytes = bytes_of(&row).ok_or_else(|| OpenError::Corrupt {
            reason: "the saved cluster has no bytes".to_owned(),
        })?;
        match SavedCluster::decode(&bytes) {
            Ok(saved) => Ok(Some(saved)),
            Err(error @ SavedError::OtherVersion { found, known }) if found > known => {
                let reason = error.to_string();
                Err(OpenError::Newer { reason })
            }
            Err(error) => Err(OpenError::Corrupt {
                reason: error.to_string(),
            }),
        }
    }

    async fn saved_row(&self) -> Result<JsValue, DiskError> {
        let transaction = self.database().read(&[CLUSTER])?;
        let request = transaction
            .table(CLUSTER)?
            .get(Query::Key(JsValue::from_str(SAVED)))
            .map_err(|error| refused(&error))?;
        transaction.end().await?;
        request.result().map_err(|error| refused(&error))
    }

    /// Saves the cluster and adds to the recording, in one transaction.
    pub(super) async fn save(
        &self,
        saved: &SavedCluster,
        chunks: &VecDeque<Chunk>,
    ) -> Result<(), DiskError> {
        if self.try_save(saved, chunks).await.is_ok() {
            return Ok(());
        }
        self.reopen().await?;
        self.try_save(saved, chunks).await
    }

    async fn try_save(
        &self,
        saved: &SavedCluster,
        chunks: &VecDeque<Chunk>,
    ) -> Result<(), DiskError> {
        let transaction = self.database().write(&TABLES, Durability::Relaxed)?;
        let row = js::object(&[
            ("segment", JsValue::from(saved.segment)),
            ("now_us", JsValue::from_f64(saved.now.get() as f64)),
            ("bytes", Uint8Array::from(saved.encode().as_slice()).into()),
        ]);
        transaction.issue(|| {
            transaction
                .table(CLUSTER)?
                .put(&row, Some(&JsValue::from_str(SAVED)))
                .map_err(|error| refused(&error))?;
            let recording = transaction.table(RECORDING)?;
            for chunk in chunks {
                let key = Array::of2(&JsValue::from(chunk.segment), &JsValue::from(chunk.n));
                let bytes = Uint8Array::from(chunk.bytes.as_ref());
                recording
                    .put(&bytes, Some(&key))
                    .map_err(|error| refused(&error))?;
            }
            Ok(())
        })?;
        transaction.end().await
    }

    /// Forgets the cluster and its recording: from here on there is none.
    pub(super) async fn forget(&self) -> Result<(), DiskError> {
        if self.try_forget().await.is_ok() {
            return Ok(());
        }
        self.reopen().await?;
        self.try_forget().await
    }

    async fn try_forget(&self) -> Result<(), DiskError> {
        let transaction = self.database().write(&TABLES, Durability::Relaxed)?;
        transaction.issue(|| {
            for table in TABLES {
                let cleared = transaction.table(table)?.clear();
                cleared.map_err(|error| refused(&error))?;
            }
            Ok(())
        })?;
        transaction.end().await
    }

    /// The recording so far, all segments, with the chunks that may not be saved yet.
    pub(super) async fn recording(&self, newest: &[Chunk]) -> Result<Vec<u8>, DiskError> {
        let transaction = self.database().read(&[RECORDING])?;
        let table = transaction.table(RECORDING)?;
        let keys = table.get_all_keys(None, None);
        let keys = keys.map_err(|error| refused(&error))?;
        let values = table.get_all(None, None);
        let values = values.map_err(|error| refused(&error))?;
        transaction.end().await?;
        let array = |result: Result<JsValue, idb::Error>| -> Result<Array, DiskError> {
            Ok(result.map_err(|error| refused(&error))?.unchecked_into())
        };
        let (keys, values) = (array(keys.result())?, array(values.result())?);
        let mut chunks = BTreeMap::new();
        for (key, value) in keys.iter().zip(values.iter()) {
            let found = chunk_key(&key).zip(value.dyn_ref::<Uint8Array>());
            let (key, bytes) = found.ok_or_else(|| DiskError::Refused {
                what: "read the recording",
                reason: format!("{key:?} is no chunk"),
            })?;
            chunks.insert(key, bytes.to_vec());
        }
        for chunk in newest {
            chunks.insert((chunk.segment, chunk.n), chunk.bytes.to_vec());
        }
        Ok(chunks.into_values().flatten().collect())
    }
}

fn chunk_key(key: &JsValue) -> Option<(u32, u32)> {
    let parts = key.dyn_ref::<Array>()?;
    let part = |at| Some(parts.get(at).as_f64()? as u32);
    Some((part(0)?, part(1)?))
}

fn bytes_of(row: &JsValue) -> Option<Vec<u8>> {
    let bytes = js_sys::Reflect::get(row, &JsValue::from_str("bytes")).ok()?;
    Some(bytes.dyn_ref::<Uint8Array>()?.to_vec())
}

fn refused(error: &idb::Error) -> DiskError {
    DiskError::Refused {
        what: "keep the cluster",
        reason: error.to_string(),
    }
}
