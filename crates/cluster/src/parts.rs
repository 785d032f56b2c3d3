//! The canonical form of a simulation's state: what decides what happens next, part by part.

use serde::Serialize;
use types::codec;

/// One part of a state: what it is, and its canonical bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is, for people: `queue`, `memory of S1`.
    pub name: String,
    /// Equal bytes mean an equal part.
    pub bytes: Vec<u8>,
}

impl Part {
    pub(crate) fn new<T: Serialize + ?Sized>(name: impl Into<String>, part: &T) -> Self {
        Self {
            name: name.into(),
            bytes: codec::encode(part),
        }
    }
}

/// The hash of a whole state: over the name, the length and the bytes of each part.
#[must_use]
pub fn hash(parts: &[Part]) -> u64 {
    parts.iter().fold(0, |hash, part| {
        let head = codec::encode(&(&part.name, part.bytes.len()));
        codec::chain(codec::chain(hash, &head), &part.bytes)
    })
}
