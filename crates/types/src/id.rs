//! Names of things: whole numbers below 2^53, so that JavaScript can hold them exactly.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest value of any id, index or instant: 2^53 - 1, JavaScript's largest exact integer.
pub const MAX_SAFE: u64 = (1 << 53) - 1;

/// A number from outside does not fit an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{value} is above {MAX_SAFE}, the largest number that this field can hold")]
pub struct OutOfRange {
    /// The number that was refused.
    pub value: u64,
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize,
            Deserialize,
        )]
        #[serde(try_from = "u64", into = "u64")]
        pub struct $name(u64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);

            /// Wraps a number that is known to fit.
            ///
            /// # Panics
            ///
            /// When `value` is above [`MAX_SAFE`](crate::id::MAX_SAFE). Use `try_from` for
            /// numbers from outside.
            #[must_use]
            pub const fn new(value: u64) -> Self {
                assert!(value <= $crate::id::MAX_SAFE, "number above 2^53 - 1");
                Self(value)
            }

            /// The bare number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self::new(self.0 + 1)
            }

            /// The number before this one, or zero.
            #[must_use]
            pub const fn prev(self) -> Self {
                Self(self.0.saturating_sub(1))
            }

            /// This number and `more`.
            #[must_use]
            pub const fn plus(self, more: u64) -> Self {
                Self::new(self.0 + more)
            }

            /// How far this number lies beyond `other`; zero when it does not.
            #[must_use]
            pub const fn since(self, other: Self) -> u64 {
                self.0.saturating_sub(other.0)
            }
        }

        impl TryFrom<u64> for $name {
            type Error = $crate::id::OutOfRange;

            fn try_from(value: u64) -> Result<Self, Self::Error> {
                if value <= $crate::id::MAX_SAFE {
                    Ok(Self(value))
                } else {
                    Err($crate::id::OutOfRange { value })
                }
            }
        }

        impl From<$name> for u64 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}
pub(crate) use number;

number! {
    /// One node: a web worker with a disk of its own. Counts from 1, never reused.
    StoreId, "S"
}
impl StoreId {
    /// The machine of the scheduler, which is no store: zero, where stores count from 1.
    pub const SCHEDULER: Self = Self::ZERO;
}
number! {
    /// A range of keys and its raft group. Counts from 1, never reused.
    RegionId, "R"
}
number! {
    /// A replica of one region on one store. Counts from 1, never reused.
    PeerId, "P"
}
number! {
    /// A client of the key-value service.
    ClientId, "C"
}
number! {
    /// How often a store has been started; 1 is its first life.
    Incarnation, ""
}
number! {
    /// The number of a store's disk transaction. Zero: nothing was ever written.
    Cycle, ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_javascript_cannot_hold_is_refused() {
        assert_eq!(StoreId::try_from(MAX_SAFE).map(StoreId::get), Ok(MAX_SAFE));
        assert_eq!(
            StoreId::try_from(MAX_SAFE + 1),
            Err(OutOfRange {
                value: MAX_SAFE + 1
            })
        );
    }

    #[test]
    fn ids_print_as_people_name_them() {
        assert_eq!(StoreId::new(2).to_string(), "S2");
        assert_eq!(RegionId::new(7).to_string(), "R7");
    }
}
