//! The one byte form (postcard) and the one hash (XXH3, 64 bits) of everything that is sent,
//! stored, recorded or compared.

use serde::{Serialize, de::DeserializeOwned};

/// Bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not hold a value of the wanted type.
    #[error("not a {what}: {reason}")]
    Malformed {
        /// What was wanted.
        what: String,
        /// What the decoder said.
        reason: String,
    },
    /// A value was read and bytes were left over.
    #[error("a {what} followed by {left} bytes that do not belong to it")]
    TrailingBytes {
        /// What was wanted.
        what: String,
        /// How many bytes were left.
        left: usize,
    },
}

/// The canonical bytes of `value`.
///
/// # Panics
///
/// Never for the types of this workspace: postcard fails only for maps and sequences of unknown
/// length, which none of them has.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("a value of this workspace has a postcard form")
}

/// Reads exactly one `T` from `bytes`.
///
/// # Errors
///
/// [`DecodeError`] when the bytes hold something else, or more.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let what = || {
        std::any::type_name::<T>()
            .rsplit("::")
            .next()
            .unwrap_or("value")
            .to_owned()
    };
    let (value, rest) =
        postcard::take_from_bytes(bytes).map_err(|error| DecodeError::Malformed {
            what: what(),
            reason: error.to_string(),
        })?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::TrailingBytes {
            what: what(),
            left: rest.len(),
        })
    }
}

/// The hash of `bytes`.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// The hash of `bytes` as the next link of a chain that stands at `before`.
#[must_use]
pub fn chain(before: u64, bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(bytes, before)
}

/// The hash of a value's canonical bytes.
pub fn hash_of<T: Serialize + ?Sized>(value: &T) -> u64 {
    hash(&encode(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_over_bytes_are_refused() {
        let mut bytes = encode(&7_u64);
        assert_eq!(decode::<u64>(&bytes), Ok(7));
        bytes.push(0);
        assert!(matches!(
            decode::<u64>(&bytes),
            Err(DecodeError::TrailingBytes { left: 1, .. })
        ));
    }

    #[test]
    fn hashes_are_the_same_in_every_build() {
        assert_eq!(hash(b"raft"), 0xe9e2_3e5c_c534_e90c);
        assert_ne!(chain(1, b"raft"), chain(2, b"raft"));
    }
}
