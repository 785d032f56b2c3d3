//! Values that operations name, and what a key holds.

use std::collections::BTreeMap;

use types::codec;

/// A value that some operation names: its position in [`Values`].
pub(crate) type ValueId = usize;

/// The value of an absent key.
pub(crate) const ABSENT: ValueId = 0;

/// 128 bits that stand for `bytes`. Different kinds of things have different `kind`s. The kind is
/// hashed and not a seed: of short inputs and seeds that resemble each other, XXH3 makes pairs
/// that are equal.
pub(crate) fn hash(kind: u64, bytes: &[u8]) -> u128 {
    let first = codec::hash(bytes);
    let second = codec::chain(first, bytes);
    let mut all = [0; 24];
    for (part, number) in all.chunks_exact_mut(8).zip([kind, first, second]) {
        part.copy_from_slice(&number.to_le_bytes());
    }
    let high = codec::hash(&all);
    let low = codec::chain(high, &all);
    u128::from(high) << 64 | u128::from(low)
}

const KIND_NAMED: u64 = 1;
const KIND_OTHER: u64 = 2;

/// The different values that operations on one key name, numbered.
#[derive(Debug)]
pub(crate) struct Values<'a> {
    ids: BTreeMap<Option<&'a [u8]>, ValueId>,
    bytes: Vec<Option<&'a [u8]>>,
    hashes: Vec<u128>,
}

impl<'a> Values<'a> {
    /// Absence alone.
    pub(crate) fn new() -> Self {
        let mut values = Self {
            ids: BTreeMap::new(),
            bytes: Vec::new(),
            hashes: Vec::new(),
        };
        assert_eq!(values.id(None), ABSENT, "absence is named first");
        values
    }

    /// The number of a value, a new one if it had none.
    pub(crate) fn id(&mut self, bytes: Option<&'a [u8]>) -> ValueId {
        if let Some(&id) = self.ids.get(&bytes) {
            return id;
        }
        let id = self.bytes.len();
        self.ids.insert(bytes, id);
        self.bytes.push(bytes);
        self.hashes
            .push(hash(KIND_NAMED, &(id as u64).to_le_bytes()));
        id
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of a value; none for absence.
    pub(crate) fn bytes(&self, id: ValueId) -> Option<&'a [u8]> {
        self.bytes[id]
    }

    fn named(&self, bytes: &[u8]) -> Option<ValueId> {
        self.ids.get(&Some(bytes)).copied()
    }
}

/// What a key holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// A value that some operation names.
    Named(ValueId),
    /// Another, which appends made.
    Other {
        /// The bytes.
        bytes: Vec<u8>,
        /// Their hash.
        hash: u128,
    },
}

/// How to take a change back.
#[derive(Debug)]
pub(crate) enum Undo {
    /// Nothing changed.
    Nothing,
    /// What was held before.
    Replace(State),
    /// The length and the hash of the bytes before more were added.
    Truncate(usize, u128),
}

impl State {
    /// Whether it is this value.
    pub(crate) fn is(&self, id: ValueId) -> bool {
        *self == Self::Named(id)
    }

    /// The bytes; none for absence.
    pub(crate) fn bytes<'a>(&'a self, values: &Values<'a>) -> Option<&'a [u8]> {
        match self {
            Self::Named(id) => values.bytes(*id),
            Self::Other { bytes, .. } => Some(bytes),
        }
    }

    /// A hash of the content.
    pub(crate) fn hash(&self, values: &Values) -> u128 {
        match self {
            Self::Named(id) => values.hashes[*id],
            Self::Other { hash, .. } => *hash,
        }
    }

    /// Holds a named value from now on.
    pub(crate) fn set(&mut self, id: ValueId) -> Undo {
        Undo::Replace(std::mem::replace(self, Self::Named(id)))
    }

    /// Adds bytes at the end.
    pub(crate) fn append(&mut self, piece: &[u8], values: &Values) -> Undo {
        match self {
            Self::Named(id) => {
                let mut bytes = values.bytes(*id).unwrap_or_default().to_vec();
                bytes.extend_from_slice(piece);
                let next = match values.named(&bytes) {
                    Some(id) => Self::Named(id),
                    None => Self::Other {
                        hash: hash(KIND_OTHER, &bytes),
                        bytes,
                    },
                };
                Undo::Replace(std::mem::replace(self, next))
            }
            Self::Other {
                bytes,
                hash: content,
            } => {
                let (length, before) = (bytes.len(), *content);
                bytes.extend_from_slice(piece);
                if let Some(id) = values.named(bytes) {
                    bytes.truncate(length);
                    return self.set(id);
                }
                *content = hash(KIND_OTHER, bytes);
                Undo::Truncate(length, before)
            }
        }
    }

    /// Takes the last change back.
    pub(crate) fn undo(&mut self, undo: Undo) {
        match (undo, self) {
            (Undo::Nothing, _) => {}
            (Undo::Replace(before), state) => *state = before,
            (Undo::Truncate(length, before), Self::Other { bytes, hash }) => {
                bytes.truncate(length);
                *hash = before;
            }
            (Undo::Truncate(..), Self::Named(id)) => {
                unreachable!("value {id} is not the result of adding bytes in place")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn numbers_of_different_kinds_have_different_hashes_in_both_halves() {
        let mut halves = BTreeSet::new();
        for kind in 0..4 {
            for number in 0..5_000_u64 {
                let hash = hash(kind, &number.to_le_bytes());
                assert!(halves.insert(hash >> 64), "{kind} {number}");
                assert!(
                    halves.insert(hash & u128::from(u64::MAX)),
                    "{kind} {number}"
                );
            }
        }
    }

    #[test]
    fn changes_are_taken_back_in_the_reverse_order() {
        let mut values = Values::new();
        let ab = values.id(Some(b"ab"));
        let abcd = values.id(Some(b"abcd"));
        let mut state = State::Named(ABSENT);
        let mut trail = Vec::new();
        let mut undos = Vec::new();
        for piece in [&b"a"[..], b"b", b"", b"c", b"d", b"e", b"f"] {
            trail.push(state.clone());
            undos.push(state.append(piece, &values));
        }
        assert_eq!(trail[2], State::Named(ab));
        assert_eq!(trail[3], State::Named(ab));
        assert_eq!(trail[5], State::Named(abcd));
        assert_eq!(state.bytes(&values), Some(&b"abcdef"[..]));
        for (before, undo) in trail.into_iter().zip(undos).rev() {
            state.undo(undo);
            assert_eq!(state, before);
        }
    }

    #[test]
    fn equal_content_has_an_equal_hash_however_it_was_put_together() {
        let values = Values::new();
        let content = |pieces: &[&[u8]]| {
            let mut state = State::Named(ABSENT);
            for piece in pieces {
                state.append(piece, &values);
            }
            state.hash(&values)
        };
        assert_eq!(content(&[b"ab", b"c"]), content(&[b"a", b"bc"]));
        assert_ne!(content(&[b"ab", b"c"]), content(&[b"ab", b"d"]));
    }
}
