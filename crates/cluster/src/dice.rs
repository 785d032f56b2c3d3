//! Chance with a fixed stream: whole numbers only, the same natively and in wasm.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};
use types::codec;

/// A seeded stream of draws. A clone draws what the original would have drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The stream that belongs to `parts`, a seed and what the stream is for.
    pub(crate) fn new<T: Serialize>(parts: &T) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(codec::hash_of(parts)))
    }

    /// A draw from `0..bound`. Multiplies and shifts: the bias is below `bound / 2^64`.
    ///
    /// # Panics
    ///
    /// When `bound` is zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing lies below zero");
        let wide = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the upper half of a product fits")
    }

    /// A draw from `min..=max`.
    ///
    /// # Panics
    ///
    /// When `min` is above `max`.
    pub(crate) fn between(&mut self, min: u64, max: u64) -> u64 {
        assert!(min <= max, "{min} is above {max}");
        min + self.below(max - min + 1)
    }

    /// Whether something with a chance of `permille` thousandths happens. Always draws, so that
    /// the stream does not depend on the chance.
    pub(crate) fn happens(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_same_in_every_build() {
        let mut dice = Dice::new(&(7_u64, "test"));
        let draws: Vec<u64> = (0..6).map(|_| dice.below(1_000_000)).collect();
        assert_eq!(draws, [770_467, 200_075, 64_927, 878_510, 90_885, 912_271]);
    }

    #[test]
    fn both_ends_of_a_range_are_drawn() {
        let mut dice = Dice::new(&1_u64);
        let draws: Vec<u64> = (0..200).map(|_| dice.between(3, 6)).collect();
        assert_eq!(draws.iter().min(), Some(&3));
        assert_eq!(draws.iter().max(), Some(&6));
    }
}
