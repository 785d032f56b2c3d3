//! How a peer is set up, and what it finds when it starts.

use serde::Serialize;
use types::id::PeerId;
use types::raft::{Entry, HardState, LogIndex, LogPosition, Term};

use crate::error::ConfigError;
use crate::rules::{CORRECT, Rules};

/// The largest term and index taken from outside: 2^52. Half of what an id can hold, so that no
/// number from a message can bring our own arithmetic to its end.
pub const OUTSIDE_MAX: u64 = 1 << 52;

/// How one peer of a group behaves.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// This peer. Not zero.
    pub id: PeerId,
    /// All voters, in any order, without repetition. A peer that is not among them answers
    /// leaders and candidates and never campaigns.
    pub voters: Vec<PeerId>,
    /// The shortest election timeout T, in ticks; timeouts are drawn from [T, 2T-1]. Must be above
    /// `heartbeat_ticks`; ten times as much keeps a lost heartbeat from starting an election.
    pub election_ticks: u32,
    /// How often a leader sends heartbeats, in ticks; at least 1.
    pub heartbeat_ticks: u32,
    /// Whether a new leader appends an empty entry (paper, section 8; TinyKV demands it, MIT 6.824
    /// forbids it). Without it, what earlier leaders left commits with the next proposal only.
    pub no_op_on_election: bool,
    /// The seed of the election timeouts. Two peers of a group must differ in it.
    pub seed: u64,
    /// Whether facts and prefix hashes are made. No decision depends on it; but a Ready that holds
    /// facts alone takes a number too.
    #[serde(skip)]
    pub trace: bool,
    /// The rules to decide by.
    #[serde(skip)]
    pub rules: &'static Rules,
}

impl Config {
    /// TinyKV's numbers: 10 ticks to an election, 1 between heartbeats, a no-op on election; seed
    /// zero, no trace, the correct rules.
    #[must_use]
    pub fn new(id: PeerId, voters: Vec<PeerId>) -> Self {
        Self {
            id,
            voters,
            election_ticks: 10,
            heartbeat_ticks: 1,
            no_op_on_election: true,
            seed: 0,
            trace: false,
            rules: &CORRECT,
        }
    }

    /// Checks what the fields demand of each other.
    ///
    /// # Errors
    ///
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.id == PeerId::ZERO || self.voters.contains(&PeerId::ZERO) {
            return Err(ConfigError::ZeroPeer);
        }
        let mut voters = self.voters.clone();
        voters.sort_unstable();
        if let Some(pair) = voters.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(ConfigError::RepeatedVoter { voter: pair[0] });
        }
        if self.heartbeat_ticks == 0 || self.election_ticks <= self.heartbeat_ticks {
            return Err(ConfigError::Ticks {
                election_ticks: self.election_ticks,
                heartbeat_ticks: self.heartbeat_ticks,
            });
        }
        if self.election_ticks > u32::MAX / 2 {
            return Err(ConfigError::Ticks {
                election_ticks: self.election_ticks,
                heartbeat_ticks: self.heartbeat_ticks,
            });
        }
        Ok(())
    }
}

/// What the disk held when the peer started. [`Restored::default`] is a disk that never held
/// anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Restored {
    /// The last hard state that became durable.
    pub hard_state: HardState,
    /// The last entry that is no longer in the log; (0, 0) when the log is whole, (5, 5) in a
    /// fresh TinyKV region.
    pub truncated: LogPosition,
    /// The prefix hash at `truncated`; zero at the start of a log.
    pub truncated_hash: u64,
    /// The log from `truncated` on, without gaps.
    pub entries: Vec<Entry>,
    /// Up to where the state machine has it; [`crate::Ready::committed`] begins behind it.
    pub applied: LogIndex,
}

impl Restored {
    /// Checks truncated <= applied <= commit <= last, contiguous indexes, and terms that never
    /// fall nor pass the hard state's.
    ///
    /// # Errors
    ///
    /// The first [`ConfigError`] found: the disk is not one that this crate wrote.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut before = self.truncated;
        for entry in &self.entries {
            let position = LogPosition {
                index: entry.index,
                term: entry.term,
            };
            let follows = before.index.get().checked_add(1) == Some(entry.index.get());
            if !follows || entry.term < before.term {
                return Err(ConfigError::BrokenLog {
                    before,
                    after: position,
                });
            }
            before = position;
        }
        let commit = self.hard_state.commit;
        let ordered = self.truncated.index <= self.applied
            && self.applied <= commit
            && commit <= before.index;
        if !ordered {
            return Err(ConfigError::Disorder {
                truncated: self.truncated.index,
                applied: self.applied,
                commit,
                last: before.index,
            });
        }
        let term = self.hard_state.term;
        if before.term > term {
            return Err(ConfigError::TermBehindLog { term, last: before });
        }
        if term.get() > OUTSIDE_MAX || before.index.get() > OUTSIDE_MAX {
            return Err(ConfigError::TooLarge {
                term,
                index: before.index,
            });
        }
        Ok(())
    }

    /// The end of the restored log.
    #[must_use]
    pub fn last(&self) -> LogPosition {
        self.entries
            .last()
            .map_or(self.truncated, |entry| LogPosition {
                index: entry.index,
                term: entry.term,
            })
    }
}

/// Whether a term or an index from outside can be used in arithmetic.
pub(crate) fn fits(term: Term, index: LogIndex) -> bool {
    term.get() <= OUTSIDE_MAX && index.get() <= OUTSIDE_MAX
}
