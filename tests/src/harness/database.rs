//! A store's IndexedDB, opened by the test itself from page script: no code of ours in between.

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};
use types::id::StoreId;

use super::page::Page;

/// One store's database.
#[derive(Debug, Clone)]
pub struct Database {
    name: String,
}

/// A record as IndexedDB holds it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredRow {
    /// The object store.
    pub table: String,
    /// Its key, as JSON; binary keys are lists of bytes.
    pub key: Value,
    /// The value's own bytes, where it is a row of ours.
    pub bytes: Option<Vec<u8>>,
    /// The checksum in it.
    pub crc: Option<u32>,
    /// The readable fields in it: name and value as text.
    pub fields: Vec<(String, String)>,
}

/// Reads all records of all object stores in one transaction. `a[0]` names the database.
const READ_ALL: &str = r"
    const database = await new Promise((resolve, reject) => {
        const request = indexedDB.open(a[0]);
        request.onupgradeneeded = () => request.transaction.abort();
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    const plain = (value) => {
        // Another realm's buffer is no instance of ours.
        const tag = Object.prototype.toString.call(value);
        if (tag === '[object ArrayBuffer]') return Array.from(new Uint8Array(value));
        if (ArrayBuffer.isView(value)) {
            return Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
        }
        return Array.isArray(value) ? value.map(plain) : value;
    };
    const rows = [];
    const tables = Array.from(database.objectStoreNames);
    const transaction = database.transaction(tables, 'readonly');
    await Promise.all(tables.map((table) => new Promise((resolve, reject) => {
        const cursor = transaction.objectStore(table).openCursor();
        cursor.onerror = () => reject(cursor.error);
        cursor.onsuccess = () => {
            const at = cursor.result;
            if (!at) return resolve();
            const value = at.value;
            const isRow = value !== null && typeof value === 'object';
            rows.push({
                table,
                key: plain(at.key),
                bytes: isRow && value.bytes !== undefined ? plain(value.bytes) : null,
                crc: isRow && value.crc !== undefined ? value.crc : null,
                fields: isRow ? Object.keys(value)
                    .filter((name) => name !== 'bytes' && name !== 'crc')
                    .map((name) => [name, String(value[name])]) : [],
            });
            at.continue();
        };
    })));
    database.close();
    return rows;
";

impl Database {
    /// The database of `store` in `cluster`.
    #[must_use]
    pub fn of(cluster: &str, store: StoreId) -> Self {
        Self {
            name: format!("rp/{cluster}/{}", store.get()),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All records, table by table, each in the order of the database's keys.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read.
    pub async fn rows(&self, page: &Page) -> Result<Vec<StoredRow>> {
        page.task(READ_ALL, &[json!(self.name)]).await
    }

    /// Whether the object store `meta` holds the row that a test hook writes.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub async fn has_hook_row(&self, page: &Page) -> Result<bool> {
        let rows = self.rows(page).await?;
        Ok(rows
            .iter()
            .any(|row| row.table == "meta" && row.key == json!("hook")))
    }
}
