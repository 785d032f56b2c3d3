//! Chance with a fixed stream: whole numbers only.

use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use types::codec;

/// A seeded stream of draws.
#[derive(Debug, Clone)]
pub(crate) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The stream of a seed that is for `what`.
    pub(crate) fn new(seed: u64, what: &str) -> Self {
        let mixed = codec::hash_of(&(seed, "course", what));
        Self(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }

    /// Any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A draw from `0..bound`, which is not empty.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.any()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("the upper half of a product fits")
    }

    /// Whether something with a chance of `permille` thousandths happens.
    pub(crate) fn happens(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    /// One of `count` servers.
    pub(crate) fn server(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).expect("a small number")
    }
}
