//! The situations that a search has been in.

/// A set of 128-bit keys with a limit on how many it takes: open addressing, a power of two of
/// slots, at most three quarters of them full. A key stands for its situation: with two million of
/// them, two that differ have the same key with a chance below 1 in 2^86.
#[derive(Debug)]
pub(crate) struct Seen {
    slots: Vec<u128>,
    len: usize,
    limit: usize,
}

/// Marks an empty slot; a key of this value is kept as the next one.
const EMPTY: u128 = 0;
const SLOTS_MIN: usize = 64;

impl Seen {
    /// An empty set that takes at most `limit` keys.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            slots: vec![EMPTY; SLOTS_MIN],
            len: 0,
            limit,
        }
    }

    /// How many keys it has taken.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether `key` is new. A new key is kept unless the set is full.
    pub(crate) fn insert(&mut self, key: u128) -> bool {
        let key = if key == EMPTY { EMPTY + 1 } else { key };
        let slot = find(&self.slots, key);
        if self.slots[slot] == key {
            return false;
        }
        if self.len < self.limit {
            self.slots[slot] = key;
            self.len += 1;
            if self.len * 4 > self.slots.len() * 3 {
                self.grow();
            }
        }
        true
    }

    fn grow(&mut self) {
        let mut slots = vec![EMPTY; self.slots.len() * 2];
        for &key in self.slots.iter().filter(|&&key| key != EMPTY) {
            let slot = find(&slots, key);
            slots[slot] = key;
        }
        self.slots = slots;
    }
}

/// The slot that holds `key`, or the empty one where it belongs.
fn find(slots: &[u128], key: u128) -> usize {
    let mask = slots.len() - 1;
    let low = usize::try_from(key & u128::from(u32::MAX)).expect("32 bits fit");
    let mut slot = low & mask;
    while slots[slot] != EMPTY && slots[slot] != key {
        slot = (slot + 1) & mask;
    }
    slot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_new_once_also_when_the_set_has_grown() {
        let mut seen = Seen::new(10_000);
        let keys = || (0..5_000_u128).map(|number| number << 7);
        assert!(keys().all(|key| seen.insert(key)));
        assert!(!keys().any(|key| seen.insert(key)));
        assert_eq!(seen.len(), 5_000);
    }

    #[test]
    fn a_full_set_takes_no_more_and_forgets_nothing() {
        let mut seen = Seen::new(3);
        assert!((1..=5).all(|key| seen.insert(key)));
        assert_eq!(seen.len(), 3);
        assert!(!(1..=3).any(|key| seen.insert(key)));
        assert!(seen.insert(4));
        assert_eq!(seen.slots.len(), SLOTS_MIN);
    }
}
