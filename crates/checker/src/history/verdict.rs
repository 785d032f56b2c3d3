//! What judging a history comes to.

use serde::{Deserialize, Serialize};

/// What judging may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Steps for the whole history. A step is one look at one open operation or one return, or
    /// 64 bytes of a long value; a native machine makes some tens of millions in a second.
    pub steps: u64,
    /// Situations that one search remembers, at up to 64 bytes each while it grows. A search that
    /// may not remember more goes on, slower, until its steps are spent.
    pub remembered: usize,
}

impl Default for Budget {
    /// Some seconds and at most 128 MiB.
    fn default() -> Self {
        Self {
            steps: 200_000_000,
            remembered: 1 << 21,
        }
    }
}

/// An order for one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyOrder {
    /// The key.
    pub key: Vec<u8>,
    /// Positions of operations in the history, the first to take effect first. An operation
    /// without a known outcome that is not among them took no effect that anybody saw.
    pub order: Vec<usize>,
}

/// Whether a history can be explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// It can.
    Linearizable {
        /// One order that does, by key.
        witness: Vec<KeyOrder>,
    },
    /// It cannot, for sure.
    NotLinearizable {
        /// A key for which it cannot.
        key: Vec<u8>,
        /// An order, as positions, of the longest prefix that can be explained: of all that
        /// returned before `blocked` did, and of what else was open then and is needed.
        prefix: Vec<usize>,
        /// The position of the operation that cannot be placed: with its return, no order is
        /// left.
        blocked: usize,
        /// Whether `prefix` is known to be the longest. If not, the budget ended first: `prefix`
        /// is one that can be explained, and the first return that breaks it may be earlier than
        /// that of `blocked`.
        longest: bool,
    },
    /// The budget was spent before there was an answer.
    Unknown {
        /// The first key without an answer. Every other key has an order or no answer either.
        key: Vec<u8>,
        /// The budget.
        budget: Budget,
    },
}

/// A verdict and what it cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Steps made.
    pub steps: u64,
    /// The most situations that one search remembered.
    pub remembered: usize,
}
