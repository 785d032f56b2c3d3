//! A store's disk in IndexedDB.
//!
//! One database per store, one object store per [`Table`]. A write is one transaction; at most
//! one is open. The engine maps rows and knows nothing of what they mean.

mod database;
mod rows;

pub use database::{Database, Disk, Existing};
pub use rows::{HOOK_KEY, key_from_js, key_to_js, row_from_js, value_to_js};

use serde::{Deserialize, Serialize};
use types::{
    disk::{DISK_VERSION, Table},
    io::Stop,
};

/// What a write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Durability {
    /// The end of the worker, the tab and the browser.
    #[default]
    Relaxed,
    /// The end of the machine's power, too.
    Strict,
}

impl Durability {
    /// The name that IndexedDB gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Strict => "strict",
        }
    }
}

/// A disk cannot be used as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// The database was made by a newer version of the playground.
    #[error("the database has layout {found}, this version knows up to {known}")]
    Newer {
        /// The layout found.
        found: u32,
        /// The newest known.
        known: u32,
    },
    /// There is no such database: the browser or a person removed it.
    #[error("the database is gone")]
    NoDatabase,
    /// A table is missing.
    #[error("the table {} is missing", table.name())]
    NoTable {
        /// Which.
        table: Table,
    },
    /// A row is not one of ours.
    #[error("a row of {}: {reason}", table.name())]
    BadRow {
        /// Where.
        table: Table,
        /// What is wrong with it.
        reason: String,
    },
    /// The browser refused; another try may succeed.
    #[error("{what}: {reason}")]
    Refused {
        /// What was tried.
        what: &'static str,
        /// What the browser said.
        reason: String,
    },
}

impl DiskError {
    /// What a store's last word is when its disk is like this; `None` when it shall try again.
    #[must_use]
    pub fn into_stop(self) -> Option<Stop> {
        match self {
            Self::Newer { found, .. } => Some(Stop::NewerDisk {
                found,
                known: DISK_VERSION,
            }),
            Self::NoDatabase => Some(Stop::CorruptRow {
                table: Table::Meta,
                reason: "the whole database is gone".to_owned(),
            }),
            Self::NoTable { table } => Some(Stop::CorruptRow {
                table,
                reason: "the table is missing".to_owned(),
            }),
            Self::BadRow { table, reason } => Some(Stop::CorruptRow { table, reason }),
            Self::Refused { .. } => None,
        }
    }
}
