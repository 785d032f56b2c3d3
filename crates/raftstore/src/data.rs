//! The data of one region, as applied in memory, and what of it the disk does not have yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use serde::Serialize;
use types::{
    action::KEY_BYTES_MAX,
    codec,
    disk::{RowKey, RowOp},
    store::ColumnFamily,
};

use crate::rows::{self, Content};

/// Keys and values per column family.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Data {
    families: BTreeMap<ColumnFamily, BTreeMap<Bytes, Bytes>>,
    /// The wrapping sum of every pair's hash: the same for the same pairs in any order.
    hash: u64,
    /// What changed since the last flush was given out.
    dirty: BTreeSet<(ColumnFamily, Bytes)>,
    /// An upper bound of the bytes of keys and values in `dirty`.
    dirty_bytes: u64,
    /// The bytes of all keys and values.
    bytes: u64,
}

/// Above every key that a client can name.
fn above_all_keys() -> Bytes {
    let longest = usize::try_from(KEY_BYTES_MAX).unwrap_or(usize::MAX);
    vec![0xff; longest + 1].into()
}

impl Data {
    /// Takes over a pair that the disk holds.
    pub(crate) fn load(&mut self, cf: ColumnFamily, key: &Bytes, value: Bytes) {
        self.swap(cf, key, Some(value));
    }

    /// Writes a value.
    pub(crate) fn put(&mut self, cf: ColumnFamily, key: &Bytes, value: Bytes) {
        self.mark(cf, key, value.len());
        self.swap(cf, key, Some(value));
    }

    /// Removes a key.
    pub(crate) fn delete(&mut self, cf: ColumnFamily, key: &Bytes) {
        if self.get(cf, key).is_some() {
            self.mark(cf, key, 0);
            self.swap(cf, key, None);
        }
    }

    fn mark(&mut self, cf: ColumnFamily, key: &Bytes, value_len: usize) {
        self.dirty_bytes += (key.len() + value_len) as u64;
        self.dirty.insert((cf, key.clone()));
    }

    fn swap(&mut self, cf: ColumnFamily, key: &Bytes, value: Option<Bytes>) {
        let family = self.families.entry(cf).or_default();
        if let Some(value) = &value {
            self.hash = self.hash.wrapping_add(pair_hash(cf, key, value));
            self.bytes += pair_bytes(key, value);
        }
        let old = match value {
            Some(value) => family.insert(key.clone(), value),
            None => family.remove(key),
        };
        if let Some(old) = old {
            self.hash = self.hash.wrapping_sub(pair_hash(cf, key, &old));
            self.bytes -= pair_bytes(key, &old);
        }
    }

    /// The bytes of all keys and values.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes out everything from `key` on.
    ///
    /// # Panics
    ///
    /// When changes wait for a flush: the rows of both parts must be on their way before.
    pub(crate) fn split_off(&mut self, key: &Bytes) -> Self {
        assert!(
            self.dirty.is_empty(),
            "{} keys wait for a flush at a split",
            self.dirty.len()
        );
        let mut right = Self::default();
        for (cf, family) in &mut self.families {
            let moved = family.split_off(key);
            for (key, value) in &moved {
                right.hash = right.hash.wrapping_add(pair_hash(*cf, key, value));
                right.bytes += pair_bytes(key, value);
            }
            right.families.insert(*cf, moved);
        }
        self.hash = self.hash.wrapping_sub(right.hash);
        self.bytes -= right.bytes;
        right
    }

    /// The first key at which the pairs before it, itself included, hold more than `bytes`; never
    /// the first key of all, before which there is nothing to split off (TinyKV's split check).
    pub(crate) fn key_beyond(&self, cf: ColumnFamily, bytes: u64) -> Option<Bytes> {
        let mut sum = 0;
        for (nth, (key, value)) in self.pairs(cf).enumerate() {
            sum += pair_bytes(key, value);
            if nth > 0 && sum > bytes {
                return Some(key.clone());
            }
        }
        None
    }

    /// Every pair, by family and key.
    pub(crate) fn all(&self) -> impl Iterator<Item = (ColumnFamily, &Bytes, &Bytes)> {
        let families = self.families.iter();
        families.flat_map(|(cf, pairs)| pairs.iter().map(|(key, value)| (*cf, key, value)))
    }

    /// Rows for every pair, and none left to flush.
    pub(crate) fn rows(&mut self) -> Vec<RowOp> {
        self.dirty.clear();
        self.dirty_bytes = 0;
        let row = |(cf, key, value): (ColumnFamily, &Bytes, &Bytes)| {
            let key = key.clone();
            let content = Content::Data(value.clone());
            RowOp::Put(rows::encode(RowKey::Data { cf, key }, &content))
        };
        self.all().map(row).collect()
    }

    /// What removes every row of this data from the disk, where `start` and `end` are the bounds of
    /// its region.
    pub(crate) fn removal(&self, start: &Bytes, end: &Bytes) -> Vec<RowOp> {
        let is_there = |cf: &ColumnFamily| {
            let has_pairs = self.families.get(cf).is_some_and(|pairs| !pairs.is_empty());
            has_pairs || self.dirty.iter().any(|(dirty, _)| dirty == cf)
        };
        let range = |cf: ColumnFamily| {
            let end = if end.is_empty() {
                above_all_keys()
            } else {
                end.clone()
            };
            let key = |key: Bytes| RowKey::Data { cf, key };
            let (from, to) = (key(start.clone()), key(end));
            RowOp::DeleteRange { from, to }
        };
        let families = ColumnFamily::ALL.into_iter().filter(is_there);
        families.map(range).collect()
    }

    /// The value of a key.
    pub(crate) fn get(&self, cf: ColumnFamily, key: &Bytes) -> Option<&Bytes> {
        self.families.get(&cf)?.get(key)
    }

    /// At most `limit` pairs with `start <= key`, and `key < end` where `end` is not empty.
    pub(crate) fn scan(
        &self,
        cf: ColumnFamily,
        start: &Bytes,
        end: &Bytes,
        limit: u32,
    ) -> Vec<(Bytes, Bytes)> {
        let Some(family) = self.families.get(&cf) else {
            return Vec::new();
        };
        if !end.is_empty() && end <= start {
            return Vec::new();
        }
        let upper = if end.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Excluded(end)
        };
        family
            .range::<Bytes, _>((Bound::Included(start), upper))
            .take(limit as usize)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// The pairs of a column family in key order.
    pub(crate) fn pairs(&self, cf: ColumnFamily) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.families.get(&cf).into_iter().flatten()
    }

    /// How many pairs there are.
    pub(crate) fn len(&self) -> u64 {
        self.families
            .values()
            .map(|family| family.len() as u64)
            .sum()
    }

    /// The hash of all pairs, the same on each replica that applied the same entries.
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    /// How many keys wait for a flush, and an upper bound of their bytes.
    pub(crate) fn dirty(&self) -> (u64, u64) {
        (self.dirty.len() as u64, self.dirty_bytes)
    }

    /// The changes since the last call, as rows.
    pub(crate) fn flush(&mut self) -> Vec<RowOp> {
        self.dirty_bytes = 0;
        let dirty = std::mem::take(&mut self.dirty);
        let op = |(cf, key): (ColumnFamily, Bytes)| match self.get(cf, &key) {
            Some(value) => {
                let content = Content::Data(value.clone());
                RowOp::Put(rows::encode(RowKey::Data { cf, key }, &content))
            }
            None => RowOp::Delete(RowKey::Data { cf, key }),
        };
        dirty.into_iter().map(op).collect()
    }
}

const fn pair_bytes(key: &Bytes, value: &Bytes) -> u64 {
    (key.len() + value.len()) as u64
}

fn pair_hash(cf: ColumnFamily, key: &[u8], value: &[u8]) -> u64 {
    codec::chain(codec::chain(cf as u64, key), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CF: ColumnFamily = ColumnFamily::Default;

    fn b(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn the_hash_depends_on_the_pairs_and_not_on_the_way_to_them() {
        let mut one = Data::default();
        one.put(CF, &b("a"), b("1"));
        one.put(CF, &b("b"), b("2"));
        let mut other = Data::default();
        other.put(CF, &b("b"), b("x"));
        other.put(CF, &b("c"), b("3"));
        other.put(CF, &b("a"), b("1"));
        other.put(CF, &b("b"), b("2"));
        assert_ne!(one.hash(), other.hash());
        other.delete(CF, &b("c"));
        assert_eq!(one.hash(), other.hash());
        assert_ne!(one.hash(), Data::default().hash());
    }

    #[test]
    fn a_flush_carries_each_changed_key_once_and_the_next_one_nothing() {
        let mut data = Data::default();
        data.put(CF, &b("a"), b("1"));
        data.put(CF, &b("a"), b("2"));
        data.put(CF, &b("b"), b(""));
        data.delete(CF, &b("b"));
        data.delete(CF, &b("never"));
        assert_eq!(data.dirty().0, 2);
        let ops = data.flush();
        assert!(matches!(&ops[0], RowOp::Put(row) if row.value.bytes == b("2")));
        assert!(matches!(&ops[1], RowOp::Delete(_)) && ops.len() == 2);
        assert!(data.flush().is_empty() && data.dirty() == (0, 0));
    }

    #[test]
    fn a_scan_ends_before_its_end_and_survives_a_reversed_range() {
        let mut data = Data::default();
        for key in ["a", "b", "c"] {
            data.put(CF, &b(key), b("v"));
        }
        let keys = |start, end, limit| {
            let pairs = data.scan(CF, &b(start), &b(end), limit);
            pairs.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(keys("a", "c", 9), [b("a"), b("b")]);
        assert_eq!(keys("b", "", 9), [b("b"), b("c")]);
        assert_eq!(keys("", "", 1), [b("a")]);
        assert!(keys("c", "a", 9).is_empty() && keys("b", "b", 9).is_empty());
        assert!(keys("a", "", 0).is_empty());
    }
}
