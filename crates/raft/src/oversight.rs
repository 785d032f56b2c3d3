//! Who looks into a peer's decisions and may replace them.
//!
//! A host chooses by a type, as a map's user chooses a hasher. A peer that is [`Unwatched`], which
//! is the default, has the correct rules compiled into it and makes no facts: whatever could be
//! replaced or told costs it nothing. One that is [`Overseen`] looks into its table of rules and
//! tells what it does. A host may write another [`Oversight`] where neither fits.
//!
//! ```
//! use raft::{CORRECT, Config, Overseen, RawNode, Restored, Rules};
//! use types::id::PeerId;
//! use types::raft::Role;
//!
//! // Breaks R12: a vote for itself counts before the disk holds it.
//! static HASTY: Rules = Rules { own_vote_counts: |_, _| true, ..CORRECT };
//!
//! let config = Config::new(PeerId::new(1), vec![PeerId::new(1)]);
//! let mut sound = RawNode::new(config.clone(), Restored::default())?;
//! sound.campaign();
//! assert_eq!(sound.role(), Role::Candidate);
//!
//! let oversight = Overseen { rules: &HASTY, trace: true };
//! let mut hasty = RawNode::with_oversight(config, Restored::default(), oversight)?;
//! hasty.campaign();
//! assert_eq!(hasty.role(), Role::Leader);
//! assert!(hasty.ready().is_some_and(|ready| !ready.facts.is_empty()));
//! # Ok::<(), raft::ConfigError>(())
//! ```

use std::fmt::Debug;

use crate::rules::{CORRECT, Rules};

/// What a peer is asked for besides its work. Whether somebody listens never changes in a peer's
/// life, and no decision depends on it.
pub trait Oversight: Copy + Debug {
    /// The table to decide by, where it is another than [`CORRECT`]. `None` has the correct rules
    /// called directly, where the compiler can inline them.
    fn replaced(self) -> Option<&'static Rules>;

    /// Whether facts ([`crate::Ready::facts`]) and prefix hashes are made. A Ready that holds facts
    /// alone takes a number too.
    fn traces(self) -> bool;
}

/// The correct rules, and nobody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unwatched;

impl Oversight for Unwatched {
    #[inline]
    fn replaced(self) -> Option<&'static Rules> {
        None
    }

    #[inline]
    fn traces(self) -> bool {
        false
    }
}

/// Rules and a trace that are chosen while the program runs.
#[derive(Debug, Clone, Copy)]
pub struct Overseen {
    /// The rules to decide by.
    pub rules: &'static Rules,
    /// Whether facts and prefix hashes are made.
    pub trace: bool,
}

impl Overseen {
    /// The correct rules, and all that they do is told.
    pub const TRACED: Self = Self {
        rules: &CORRECT,
        trace: true,
    };
}

/// The correct rules and no trace: as [`Unwatched`], but chosen while the program runs.
impl Default for Overseen {
    fn default() -> Self {
        Self {
            rules: &CORRECT,
            trace: false,
        }
    }
}

impl Oversight for Overseen {
    #[inline]
    fn replaced(self) -> Option<&'static Rules> {
        (!std::ptr::eq(self.rules, &CORRECT)).then_some(self.rules)
    }

    #[inline]
    fn traces(self) -> bool {
        self.trace
    }
}
