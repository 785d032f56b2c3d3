//! Counting: what a majority says, and what two majorities say together.
//!
//! One algorithm serves both: a joint membership (paper, section 6) has two halves, each is asked
//! as a majority, and the weaker answer holds.

use serde::Serialize;
use types::id::PeerId;
use types::raft::{ConfState, LogIndex};

/// How many of `voters` are a majority. At least 1, so that nobody wins an empty group.
#[must_use]
pub const fn majority(voters: usize) -> usize {
    voters / 2 + 1
}

/// The highest value (an index, a round of heartbeats) that a majority has reached, given that of
/// every voter; zero for no voters. Sorts `values`.
///
/// # Example
///
/// ```
/// use types::raft::LogIndex;
/// let mut matched = [7, 3, 9].map(LogIndex::new);
/// assert_eq!(raft::quorum::reached(&mut matched), LogIndex::new(7));
/// ```
#[must_use]
pub fn reached<T: Copy + Ord + Default>(values: &mut [T]) -> T {
    values.sort_unstable_by(|a, b| b.cmp(a));
    values
        .get(majority(values.len()) - 1)
        .copied()
        .unwrap_or_default()
}

/// What both halves of a joint membership have reached: the lower of the two (paper, section 6:
/// "agreement requires separate majorities from both").
#[must_use]
pub fn jointly_reached<T: Ord>(incoming: T, outgoing: T) -> T {
    incoming.min(outgoing)
}

/// Where an election stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// A majority said yes.
    Won,
    /// Too many said no for a majority of yes.
    Lost,
    /// It is still open.
    Open,
}

/// Where an election stands with `yes` and `no` votes of `voters`.
#[must_use]
pub const fn tally(voters: usize, yes: usize, no: usize) -> Tally {
    if yes >= majority(voters) {
        Tally::Won
    } else if no + majority(voters) > voters {
        Tally::Lost
    } else {
        Tally::Open
    }
}

/// Where an election stands that both halves of a joint membership must win.
#[must_use]
pub const fn jointly_tallied(incoming: Tally, outgoing: Tally) -> Tally {
    match (incoming, outgoing) {
        (Tally::Won, Tally::Won) => Tally::Won,
        (Tally::Lost, _) | (_, Tally::Lost) => Tally::Lost,
        _ => Tally::Open,
    }
}

/// One half of a membership, and who of it holds an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Half {
    /// Voters whose log matches up to the index.
    pub have: Vec<PeerId>,
    /// Voters whose log is not known to.
    pub lack: Vec<PeerId>,
    /// How many are needed.
    pub needed: usize,
}

impl Half {
    fn new(voters: &[PeerId], index: LogIndex, matched: impl Fn(PeerId) -> LogIndex) -> Self {
        let (have, lack) = voters.iter().partition(|&&voter| matched(voter) >= index);
        Self {
            have,
            lack,
            needed: majority(voters.len()),
        }
    }

    /// Whether enough hold it.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.have.len() >= self.needed
    }
}

/// Why an index is held by a quorum, or why it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The voters.
    pub incoming: Half,
    /// The voters of the membership that is being left, in a joint phase.
    pub outgoing: Option<Half>,
}

impl Why {
    /// Asks `conf_state` about `index`, given every voter's match index.
    pub fn new(
        conf_state: &ConfState,
        index: LogIndex,
        matched: impl Fn(PeerId) -> LogIndex,
    ) -> Self {
        let outgoing = &conf_state.outgoing;
        Self {
            incoming: Half::new(&conf_state.voters, index, &matched),
            outgoing: (!outgoing.is_empty()).then(|| Half::new(outgoing, index, &matched)),
        }
    }

    /// Whether a quorum holds it.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.incoming.is_reached() && self.outgoing.as_ref().is_none_or(Half::is_reached)
    }
}

#[cfg(test)]
#[path = "quorum/tests.rs"]
mod tests;
