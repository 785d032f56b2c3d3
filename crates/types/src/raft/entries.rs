//! Entries that follow each other, shared.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Entry;

/// A list of entries that is shared and never copied: a log, the appends to all followers, what is
/// written and what is applied name the same memory. Reads as a slice; its bytes are those of a
/// `Vec<Entry>`.
#[derive(Clone, Default)]
pub struct Entries {
    /// `None` when empty, so that an append without entries needs no memory.
    shared: Option<Arc<[Entry]>>,
    start: u32,
    end: u32,
}

impl Entries {
    /// How many. As that of the slice, which is not looked at.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Those at the positions in `range`, in the same memory.
    ///
    /// # Panics
    ///
    /// When there are fewer.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len());
        if range.is_empty() {
            return Self::default();
        }
        // Both are within a length that fits.
        let at = |position: usize| self.start + position as u32;
        Self {
            shared: self.shared.clone(),
            start: at(range.start),
            end: at(range.end),
        }
    }
}

impl Entries {
    /// All but the first `count`.
    #[must_use]
    pub fn behind(self, count: usize) -> Self {
        if count == 0 {
            self
        } else {
            self.slice(count..self.len())
        }
    }
}

impl Deref for Entries {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        match &self.shared {
            Some(shared) => &shared[self.start as usize..self.end as usize],
            None => &[],
        }
    }
}

impl AsRef<[Entry]> for Entries {
    fn as_ref(&self) -> &[Entry] {
        self
    }
}

impl From<Arc<[Entry]>> for Entries {
    fn from(shared: Arc<[Entry]>) -> Self {
        let end = u32::try_from(shared.len()).expect("no log is that long");
        Self {
            shared: (end > 0).then_some(shared),
            start: 0,
            end,
        }
    }
}

impl From<Vec<Entry>> for Entries {
    fn from(entries: Vec<Entry>) -> Self {
        Arc::<[Entry]>::from(entries).into()
    }
}

impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        entries.into_iter().collect::<Arc<[Entry]>>().into()
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Clones entries one by one, whose payload stays shared.
#[derive(Debug)]
pub struct Cloned {
    left: Entries,
}

impl Iterator for Cloned {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let first = self.left.first()?.clone();
        self.left.start += 1;
        Some(first)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.len(), Some(self.left.len()))
    }
}

impl ExactSizeIterator for Cloned {}

impl IntoIterator for Entries {
    type Item = Entry;
    type IntoIter = Cloned;

    fn into_iter(self) -> Cloned {
        Cloned { left: self }
    }
}

impl From<Entries> for Vec<Entry> {
    fn from(entries: Entries) -> Self {
        entries.to_vec()
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self).finish()
    }
}

impl<T: AsRef<[Entry]> + ?Sized> PartialEq<T> for Entries {
    fn eq(&self, other: &T) -> bool {
        **self == *other.as_ref()
    }
}

impl Eq for Entries {}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
