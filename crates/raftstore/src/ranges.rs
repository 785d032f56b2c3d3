//! Which region holds which keys on this store.

use std::{collections::BTreeMap, ops::Bound};

use bytes::Bytes;
use serde::Serialize;
use types::{id::RegionId, store::Region};

/// The ranges of the initialised regions, by their starts. They never overlap.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Ranges {
    by_start: BTreeMap<Bytes, (Bytes, RegionId)>,
}

impl Ranges {
    /// Adds the range of a region.
    ///
    /// # Panics
    ///
    /// When it overlaps another: what is asked of [`Ranges::overlapping`] first was not asked.
    pub(crate) fn insert(&mut self, region: &Region) {
        let overlapping: Vec<RegionId> = self.overlapping(&region.start, &region.end).collect();
        assert!(
            overlapping.is_empty(),
            "{} overlaps {overlapping:?}",
            region.id
        );
        let value = (region.end.clone(), region.id);
        self.by_start.insert(region.start.clone(), value);
    }

    /// Removes the range of a region, as it was inserted.
    ///
    /// # Panics
    ///
    /// When it is not there (TinyKV: "meta corruption detected").
    pub(crate) fn remove(&mut self, region: &Region) {
        let removed = self.by_start.remove(&region.start);
        assert_eq!(
            removed,
            Some((region.end.clone(), region.id)),
            "the range of {} is not what it was",
            region.id
        );
    }

    /// The region that holds `key`.
    pub(crate) fn find(&self, key: &[u8]) -> Option<RegionId> {
        let up_to = (Bound::Unbounded, Bound::Included(key));
        let (_, (end, id)) = self.by_start.range::<[u8], _>(up_to).next_back()?;
        (end.is_empty() || key < end.as_ref()).then_some(*id)
    }

    /// The regions that share keys with `[start, end)`, in the order of keys.
    pub(crate) fn overlapping(&self, start: &Bytes, end: &Bytes) -> impl Iterator<Item = RegionId> {
        let first = self.find(start);
        let upper = if end.is_empty() {
            Bound::Unbounded
        } else {
            Bound::Excluded(end)
        };
        let is_proper = end.is_empty() || start < end;
        let lower = Bound::Excluded(start);
        let later = is_proper.then(|| self.by_start.range::<Bytes, _>((lower, upper)));
        let later = later.into_iter().flatten().map(|(_, (_, id))| *id);
        first.into_iter().chain(later)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_start.len()
    }
}

#[cfg(test)]
mod tests {
    use types::store::RegionEpoch;

    use super::*;

    fn region(id: u64, start: &'static str, end: &'static str) -> Region {
        Region {
            id: RegionId::new(id),
            start: Bytes::from_static(start.as_bytes()),
            end: Bytes::from_static(end.as_bytes()),
            epoch: RegionEpoch::default(),
            peers: Vec::new(),
        }
    }

    fn overlapping(ranges: &Ranges, start: &'static str, end: &'static str) -> Vec<u64> {
        let b = |text: &'static str| Bytes::from_static(text.as_bytes());
        let (start, end) = (b(start), b(end));
        let ids = ranges.overlapping(&start, &end);
        ids.map(RegionId::get).collect()
    }

    #[test]
    fn a_key_is_found_in_its_range_and_a_hole_is_nobodys() {
        let mut ranges = Ranges::default();
        ranges.insert(&region(1, "", "c"));
        ranges.insert(&region(2, "m", ""));
        let find = |key: &str| ranges.find(key.as_bytes()).map(RegionId::get);
        assert_eq!(find("a"), Some(1));
        assert_eq!((find("c"), find("d")), (None, None));
        assert_eq!((find("m"), find("zz")), (Some(2), Some(2)));
    }

    #[test]
    fn ranges_that_only_touch_do_not_overlap() {
        let mut ranges = Ranges::default();
        ranges.insert(&region(1, "b", "d"));
        ranges.insert(&region(2, "d", "f"));
        assert_eq!(overlapping(&ranges, "", "b"), [0_u64; 0]);
        assert_eq!(overlapping(&ranges, "", "c"), [1]);
        assert_eq!(overlapping(&ranges, "c", "e"), [1, 2]);
        assert_eq!(overlapping(&ranges, "f", ""), [0_u64; 0]);
        assert_eq!(overlapping(&ranges, "", ""), [1, 2]);
        ranges.remove(&region(1, "b", "d"));
        assert_eq!((overlapping(&ranges, "", ""), ranges.len()), (vec![2], 1));
    }
}
