//! The in-memory disk: what the host of a simulated store keeps, and what every host's disk must
//! be equal to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::{
    codec,
    disk::{DiskImage, DiskWrite, Row, RowKey, RowOp, RowValue},
    id::{Cycle, StoreId},
    io::Stop,
    view::RowsView,
};

use crate::rows;

/// A disk in memory. A write takes effect whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MemoryDisk {
    rows: BTreeMap<RowKey, RowValue>,
    cycle: Cycle,
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A disk with the rows of `image`.
    ///
    /// # Errors
    ///
    /// [`Stop::CorruptRow`] when the image does not tell its last cycle.
    pub fn from_image(image: &DiskImage) -> Result<Self, Stop> {
        let cycle = rows::last_cycle(image)?;
        let rows = image.rows.iter().cloned();
        let rows = rows.map(|row| (row.key, row.value)).collect();
        Ok(Self { rows, cycle })
    }

    /// Carries out a write.
    ///
    /// # Panics
    ///
    /// When `write` is not the next one after the last that was carried out, or does not end with
    /// its own cycle row: its maker broke the order of writes.
    pub fn apply(&mut self, write: &DiskWrite) {
        assert_eq!(
            write.cycle,
            self.cycle.next(),
            "the disk stands at cycle {}",
            self.cycle
        );
        assert!(
            matches!(write.ops.last(), Some(RowOp::Put(row)) if row.key == RowKey::LastCycle),
            "write {} does not end with its cycle row",
            write.cycle
        );
        for op in &write.ops {
            self.apply_op(op);
        }
        self.cycle = write.cycle;
    }

    fn apply_op(&mut self, op: &RowOp) {
        match op {
            RowOp::Put(row) => {
                self.rows.insert(row.key.clone(), row.value.clone());
            }
            RowOp::Delete(key) => {
                self.rows.remove(key);
            }
            RowOp::DeleteRange { from, to } => {
                assert_eq!(from.table(), to.table(), "a range is of one table");
                if from < to {
                    let range = self.rows.range(from.clone()..to.clone());
                    let gone: Vec<RowKey> = range.map(|(key, _)| key.clone()).collect();
                    for key in &gone {
                        self.rows.remove(key);
                    }
                }
            }
        }
    }

    /// Turns a bit of a row, the one that [`spoiled`] chooses. Returns whether there was any.
    pub fn spoil(&mut self, nth: u64) -> bool {
        let row = spoiled(&self.image(), nth);
        row.is_some_and(|row| self.rows.insert(row.key, row.value).is_some())
    }

    /// The number of the last write that was carried out.
    #[must_use]
    pub const fn cycle(&self) -> Cycle {
        self.cycle
    }

    /// The rows, by key.
    #[must_use]
    pub const fn rows(&self) -> &BTreeMap<RowKey, RowValue> {
        &self.rows
    }

    /// All rows as a value.
    #[must_use]
    pub fn image(&self) -> DiskImage {
        let rows = self.rows.iter().map(|(key, value)| Row {
            key: key.clone(),
            value: value.clone(),
        });
        DiskImage {
            rows: rows.collect(),
        }
    }

    /// See [`hash`].
    #[must_use]
    pub fn hash(&self) -> u64 {
        hash_rows(self.rows.iter())
    }
}

/// The hash of a disk: over keys and bytes of its rows in key order. Fields are for human eyes and
/// are left out; checksums follow from the rest.
#[must_use]
pub fn hash(image: &DiskImage) -> u64 {
    hash_rows(image.rows.iter().map(|row| (&row.key, &row.value)))
}

/// A row of `image` with one bit of its value turned: the `nth` in the order of keys, counted
/// around; which bit, `nth` decides too. Nothing where there are no rows.
#[must_use]
pub fn spoiled(image: &DiskImage, nth: u64) -> Option<Row> {
    let count = image.rows.len();
    let place = |of: usize, n: u64| {
        let of = u64::try_from(of).ok()?;
        usize::try_from(n.checked_rem(of)?).ok()
    };
    let mut row = image.rows.get(place(count, nth)?)?.clone();
    let mut bytes = row.value.bytes.to_vec();
    match place(bytes.len(), nth) {
        Some(at) => bytes[at] ^= 1 << (nth % 8),
        None => row.value.crc ^= 1,
    }
    row.value.bytes = bytes.into();
    Some(row)
}

/// The rows as people look at them, each with TinyKV's byte key beside it.
#[must_use]
pub fn rows_view(store: StoreId, image: &DiskImage) -> RowsView {
    let rows = image.rows.iter();
    let rows = rows.map(|row| (row.clone(), rows::tinykv_key(&row.key)));
    RowsView {
        store,
        rows: rows.collect(),
    }
}

fn hash_rows<'a>(rows: impl Iterator<Item = (&'a RowKey, &'a RowValue)>) -> u64 {
    rows.fold(0, |hash, (key, value)| {
        codec::chain(codec::chain(hash, &codec::encode(key)), &value.bytes)
    })
}
