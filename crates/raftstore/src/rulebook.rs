//! The rules that a store can be told to decide by.

use std::fmt;

use raft::{CORRECT, Rules};

/// Finds tables of raft's rules by their names. A host hands it over; the default knows no name, so
/// that a store decides by the correct rules and nothing else.
#[derive(Clone, Copy)]
pub struct RuleBook(fn(&str) -> Option<&'static Rules>);

impl RuleBook {
    /// A book that looks names up with `find`.
    #[must_use]
    pub const fn new(find: fn(&str) -> Option<&'static Rules>) -> Self {
        Self(find)
    }

    /// Whether there are rules of this name.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        (self.0)(name).is_some()
    }

    /// The rules of this name; the correct ones have none.
    pub(crate) fn rules(&self, name: Option<&str>) -> Option<&'static Rules> {
        name.map_or(Some(&CORRECT), self.0)
    }
}

impl Default for RuleBook {
    fn default() -> Self {
        Self(|_| None)
    }
}

impl fmt::Debug for RuleBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuleBook")
    }
}
