//! Opening databases, and their transactions.

use std::{cell::Cell, rc::Rc};

use idb::{Factory, KeyRange, ObjectStoreParams, Query, Request};
use js_sys::{Array, Promise};
use types::disk::{DISK_VERSION, DiskImage, DiskWrite, Row, RowOp, Table};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbTransaction};

use super::{DiskError, Durability, HOOK_KEY, key_to_js, row_from_js, value_to_js};
use crate::js::{self, DurableDatabase, ListingFactory};

/// An open connection; dropping it closes it.
#[derive(Debug)]
pub struct Database {
    inner: IdbDatabase,
}

/// Which databases there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// These.
    Names(Vec<String>),
    /// The browser does not tell.
    Unknown,
}

impl Drop for Database {
    fn drop(&mut self) {
        self.inner.close();
    }
}

impl Database {
    /// Opens `name` in layout `version`; object stores of `tables` that are missing are made.
    ///
    /// # Errors
    ///
    /// [`DiskError::Newer`], or [`DiskError::Refused`].
    pub async fn create(name: &str, version: u32, tables: &[&str]) -> Result<Self, DiskError> {
        let tables: Vec<String> = tables.iter().map(|&table| table.to_owned()).collect();
        let mut request = factory()?
            .open(name, Some(version))
            .map_err(|error| refused("open", &error))?;
        request.on_upgrade_needed(move |event| {
            // What goes wrong here aborts the upgrade, and the request with it.
            let Ok(database) = idb::DatabaseEvent::database(&event) else {
                return;
            };
            let there = database.store_names();
            for table in tables.iter().filter(|table| !there.contains(table)) {
                if let Err(error) = database.create_object_store(table, ObjectStoreParams::new()) {
                    crate::port::log(&format!("{table} was not made: {error}"));
                }
            }
        });
        match request.await {
            Ok(database) => Ok(Self {
                inner: database.into(),
            }),
            Err(error) if is_version_error(&error) => Err(DiskError::Newer {
                found: Self::open(name).await?.version()?,
                known: version,
            }),
            Err(error) => Err(refused("open", &error)),
        }
    }

    /// Opens `name` in whatever layout it has. One that is not there is not made.
    ///
    /// # Errors
    ///
    /// [`DiskError::NoDatabase`], or [`DiskError::Refused`].
    pub async fn open(name: &str) -> Result<Self, DiskError> {
        let mut request = factory()?
            .open(name, None)
            .map_err(|error| refused("open", &error))?;
        let missing = Rc::new(Cell::new(false));
        let seen = Rc::clone(&missing);
        request.on_upgrade_needed(move |event| {
            seen.set(true);
            let request = idb::Event::target(&event).ok();
            if let Some(transaction) = request.and_then(|request| request.transaction()) {
                // The database goes with the transaction that was to make it.
                let _ = transaction.abort();
            }
        });
        match request.await {
            Ok(database) => Ok(Self {
                inner: database.into(),
            }),
            Err(_) if missing.get() => Err(DiskError::NoDatabase),
            Err(error) => Err(refused("open", &error)),
        }
    }

    /// Which databases there are.
    pub async fn existing() -> Existing {
        let listing = async {
            let factory: JsValue = factory().ok()?.into();
            let list = factory
                .unchecked_into::<ListingFactory>()
                .databases()
                .ok()?;
            let list: Array = JsFuture::from(list).await.ok()?.dyn_into().ok()?;
            let name = |entry| js_sys::Reflect::get(&entry, &JsValue::from_str("name"));
            let names = list
                .iter()
                .filter_map(|entry| name(entry).ok()?.as_string());
            Some(names.collect())
        };
        listing.await.map_or(Existing::Unknown, Existing::Names)
    }

    fn version(&self) -> Result<u32, DiskError> {
        let version = self.inner.version();
        if version.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&version) {
            Ok(version as u32)
        } else {
            Ok(u32::MAX)
        }
    }

    fn table_names(&self) -> Vec<String> {
        let names = self.inner.object_store_names();
        (0..names.length()).filter_map(|at| names.get(at)).collect()
    }

    /// Opens a read-write transaction over `tables`.
    ///
    /// # Errors
    ///
    /// [`DiskError::Refused`].
    pub fn write(&self, tables: &[&str], durability: Durability) -> Result<Open, DiskError> {
        let options = js::object(&[("durability", JsValue::from_str(durability.name()))]);
        self.begin(tables, "readwrite", &options)
    }

    /// Opens a read-only transaction over `tables`.
    ///
    /// # Errors
    ///
    /// [`DiskError::Refused`].
    pub fn read(&self, tables: &[&str]) -> Result<Open, DiskError> {
        self.begin(tables, "readonly", &js::object(&[]))
    }

    fn begin(
        &self,
        tables: &[&str],
        mode: &str,
        options: &js_sys::Object,
    ) -> Result<Open, DiskError> {
        let names: Array = tables
            .iter()
            .map(|table| JsValue::from_str(table))
            .collect();
        let inner = self
            .inner
            .unchecked_ref::<DurableDatabase>()
            .transaction(&names, mode, options)
            .map_err(|error| DiskError::Refused {
                what: "begin a transaction",
                reason: js::reason(&error),
            })?;
        Ok(Open { inner })
    }
}

/// An open transaction. It commits by itself as soon as nothing is pending: all requests are
/// issued first, then [`Open::end`] is awaited alone.
#[derive(Debug)]
pub struct Open {
    inner: IdbTransaction,
}

impl Open {
    /// One of its tables.
    ///
    /// # Errors
    ///
    /// [`DiskError::Refused`].
    pub fn table(&self, name: &str) -> Result<idb::ObjectStore, DiskError> {
        idb::Transaction::from(self.inner.clone())
            .object_store(name)
            .map_err(|error| refused("find a table", &error))
    }

    /// Issues requests; when one cannot be issued, the transaction is aborted.
    pub(crate) fn issue(
        &self,
        requests: impl FnOnce() -> Result<(), DiskError>,
    ) -> Result<(), DiskError> {
        requests().inspect_err(|_| {
            // Fails only when it has ended already.
            let _ = self.inner.abort();
        })
    }

    /// Takes all changes back.
    pub fn abort(&self) {
        let _ = self.inner.abort();
    }

    /// Waits until it is committed.
    ///
    /// # Errors
    ///
    /// [`DiskError::Refused`] when it was aborted: nothing of it has happened.
    pub async fn end(self) -> Result<(), DiskError> {
        // The promise's own functions are the handlers, so that nothing of ours can be called
        // after it is gone.
        let ended = Promise::new(&mut |resolve, reject| {
            self.inner.set_oncomplete(Some(&resolve));
            self.inner.set_onabort(Some(&reject));
        });
        JsFuture::from(ended).await.map_err(|_| {
            let error = self.inner.error();
            DiskError::Refused {
                what: "commit",
                reason: error.map_or_else(
                    || "AbortError: the transaction was aborted".to_owned(),
                    |error| js::reason(&error),
                ),
            }
        })?;
        Ok(())
    }
}

/// A store's disk.
#[derive(Debug)]
pub struct Disk {
    database: Database,
    durability: Durability,
}

const TABLES: [&str; Table::ALL.len()] = {
    let mut names = [""; Table::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Table::ALL[at].name();
        at += 1;
    }
    names
};

impl Disk {
    /// Makes the database, or brings it to this version's layout. Only the conductor does.
    ///
    /// # Errors
    ///
    /// [`DiskError::Newer`], or [`DiskError::Refused`].
    pub async fn create(name: &str) -> Result<Self, DiskError> {
        let database = Database::create(name, DISK_VERSION, &TABLES).await?;
        Self::over(database, Durability::default())
    }

    /// Opens the database as it is.
    ///
    /// # Errors
    ///
    /// [`DiskError`], in every kind but [`DiskError::BadRow`].
    pub async fn open(name: &str, durability: Durability) -> Result<Self, DiskError> {
        Self::over(Database::open(name).await?, durability)
    }

    fn over(database: Database, durability: Durability) -> Result<Self, DiskError> {
        let found = database.version()?;
        if found > DISK_VERSION {
            let known = DISK_VERSION;
            return Err(DiskError::Newer { found, known });
        }
        let there = database.table_names();
        let missing = |table: &Table| !there.iter().any(|name| name == table.name());
        if let Some(table) = Table::ALL.into_iter().find(missing) {
            return Err(DiskError::NoTable { table });
        }
        Ok(Self {
            database,
            durability,
        })
    }

    /// All rows, as one transaction sees them.
    ///
    /// # Errors
    ///
    /// [`DiskError::BadRow`] for what is not one of our rows, or [`DiskError::Refused`].
    pub async fn load(&self) -> Result<DiskImage, DiskError> {
        let transaction = self.database.read(&TABLES)?;
        let mut requests = Vec::new();
        for table in Table::ALL {
            let rows = transaction.table(table.name())?;
            let keys = rows
                .get_all_keys(None, None)
                .map_err(|error| refused("read", &error))?;
            let values = rows
                .get_all(None, None)
                .map_err(|error| refused("read", &error))?;
            requests.push((table, keys, values));
        }
        transaction.end().await?;
        let mut image = DiskImage::default();
        for (table, keys, values) in &requests {
            let keys = results(keys)?;
            let values = results(values)?;
            for (key, value) in keys.iter().zip(values.iter()) {
                let row = row_from_js(*table, &key, &value).map_err(|reason| {
                    let table = *table;
                    DiskError::BadRow { table, reason }
                })?;
                image.rows.extend(row);
            }
        }
        Ok(image)
    }

    /// Carries out a write, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`DiskError::Refused`]: nothing of it has happened.
    pub async fn write(&self, write: &DiskWrite) -> Result<(), DiskError> {
        let mut tables: Vec<&str> = write.ops.iter().map(|op| table_of(op).name()).collect();
        tables.sort_unstable();
        tables.dedup();
        let transaction = self.database.write(&tables, self.durability)?;
        transaction.issue(|| {
            let mut ops = write.ops.iter();
            ops.try_for_each(|op| issue(&transaction, op))
        })?;
        transaction.end().await
    }

    /// Removes every row.
    ///
    /// # Errors
    ///
    /// [`DiskError::Refused`]: nothing was removed.
    pub async fn wipe(&self) -> Result<(), DiskError> {
        let transaction = self.database.write(&TABLES, self.durability)?;
        transaction.issue(|| {
            for table in TABLES {
                let cleared = transaction.table(table)?.clear();
                cleared.map_err(|error| refused("clear", &error))?;
            }
            Ok(())
        })?;
        transaction.end().await
    }

    /// For tests: counts up the row of the hook.
    ///
    /// # Errors
    ///
    /// [`DiskError::Refused`].
    pub async fn mark(&self, count: u32) -> Result<(), DiskError> {
        let transaction = self
            .database
            .write(&[Table::Meta.name()], self.durability)?;
        let value = js::object(&[("count", JsValue::from(count))]);
        let key = JsValue::from_str(HOOK_KEY);
        transaction.issue(|| {
            let put = transaction
                .table(Table::Meta.name())?
                .put(&value, Some(&key));
            put.map(drop).map_err(|error| refused("put", &error))
        })?;
        transaction.end().await
    }
}

const fn table_of(op: &RowOp) -> Table {
    match op {
        RowOp::Put(Row { key, .. }) | RowOp::Delete(key) | RowOp::DeleteRange { from: key, .. } => {
            key.table()
        }
    }
}

fn issue(transaction: &Open, op: &RowOp) -> Result<(), DiskError> {
    let table = transaction.table(table_of(op).name())?;
    match op {
        RowOp::Put(row) => table
            .put(&value_to_js(&row.value), Some(&key_to_js(&row.key)))
            .map(drop)
            .map_err(|error| refused("put", &error)),
        RowOp::Delete(key) => table
            .delete(Query::Key(key_to_js(key)))
            .map(drop)
            .map_err(|error| refused("delete", &error)),
        // IndexedDB has no empty ranges.
        RowOp::DeleteRange { from, to } if from >= to => Ok(()),
        RowOp::DeleteRange { from, to } => {
            let (from, to) = (key_to_js(from), key_to_js(to));
            KeyRange::bound(&from, &to, Some(false), Some(true))
                .and_then(|range| table.delete(Query::KeyRange(range)))
                .map(drop)
                .map_err(|error| refused("delete a range", &error))
        }
    }
}

/// What a read brought, once its transaction has ended.
fn results(request: &impl Request) -> Result<Array, DiskError> {
    let result = request.result().map_err(|error| refused("read", &error))?;
    result.dyn_into().map_err(|odd| DiskError::Refused {
        what: "read",
        reason: format!("{odd:?} is not an array"),
    })
}

fn factory() -> Result<Factory, DiskError> {
    Factory::new().map_err(|error| refused("find IndexedDB", &error))
}

fn refused(what: &'static str, error: &idb::Error) -> DiskError {
    DiskError::Refused {
        what,
        reason: error.to_string(),
    }
}

fn is_version_error(error: &idb::Error) -> bool {
    matches!(error, idb::Error::DomException(exception) if exception.name() == "VersionError")
}
