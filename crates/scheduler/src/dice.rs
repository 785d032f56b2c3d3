//! Chance with a fixed stream, where TinyKV's schedulers pick at random.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256StarStar;
use serde::Serialize;

/// A seeded stream of picks (Xoshiro256**, seeded by `seed_from_u64`); its stream is part of what
/// a recording means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dice(Xoshiro256StarStar);

impl Dice {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256StarStar::seed_from_u64(seed))
    }

    /// One of `items`, each with the same chance; draws nothing when there are none.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        let count = u64::try_from(items.len()).ok().filter(|count| *count > 0)?;
        // Multiplies and shifts: the bias is below `count / 2^64`.
        let wide = u128::from(self.0.next_u64()) * u128::from(count);
        let at = usize::try_from(wide >> 64).ok()?;
        items.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_same_in_every_build() {
        let mut dice = Dice::new(7);
        let items: Vec<u32> = (0..1_000).collect();
        let picks: Vec<u32> = (0..5).filter_map(|_| dice.pick(&items)).collect();
        assert_eq!(picks, [700, 278, 839, 981, 990]);
        assert_eq!(dice.pick::<u32>(&[]), None);
    }

    #[test]
    fn every_item_is_picked() {
        let mut dice = Dice::new(1);
        let picks: std::collections::BTreeSet<u8> =
            (0..100).filter_map(|_| dice.pick(&[1, 2, 3])).collect();
        assert_eq!(picks.len(), 3);
    }
}
