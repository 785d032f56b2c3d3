//! How a peer is set up, and what it finds when it starts.

use serde::Serialize;
use types::id::PeerId;
use types::raft::{ConfState, Entry, HardState, LogIndex, LogPosition, Preset};

use crate::error::ConfigError;
use crate::membership::Membership;

/// The largest term and index taken from outside: 2^52. Half of what an id can hold, so that no
/// number from a message can bring our own arithmetic to its end.
pub const OUTSIDE_MAX: u64 = 1 << 52;

/// How much of everything a peer holds or sends at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Appends with entries on their way to one follower; at least 1. More than 1 is pipelining.
    pub in_flight_appends: usize,
    /// Bytes of payload on their way to one follower; a single append may pass it.
    pub in_flight_bytes: usize,
    /// Entries in one append; at least 1.
    pub append_entries: usize,
    /// Bytes of payload in one append; a single larger entry still goes.
    pub append_bytes: usize,
    /// Bytes of payload that a leader takes in beyond what is committed; a proposal that comes
    /// while there are none is always taken.
    pub uncommitted_bytes: usize,
    /// Bytes of payload in the committed entries of one Ready; a single larger entry still goes.
    pub committed_bytes: usize,
    /// Reads that wait for a leader's confirmation.
    pub waiting_reads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight_appends: 64,
            in_flight_bytes: 8 << 20,
            append_entries: 256,
            append_bytes: 1 << 20,
            uncommitted_bytes: 64 << 20,
            committed_bytes: 4 << 20,
            waiting_reads: 4_096,
        }
    }
}

/// Reads without a round of heartbeats: a promise in time, by the clocks of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// For how long after the sending of a round of heartbeats that a quorum answered its leader
    /// may answer reads, in microseconds of its own clock: the refusal times (1 - drift bound).
    pub duration_us: u64,
    /// For how long after a leader's last word, and after its start, a peer refuses every vote
    /// that the leader did not ask for, in microseconds of its own clock: one shortest election
    /// timeout.
    pub refusal_us: u64,
}

/// How one peer of a group behaves.
#[derive(Debug, Clone, Serialize)]
pub struct Config {
    /// This peer. Not zero.
    pub id: PeerId,
    /// The voters of a group that starts, in any order, without repetition; what a disk remembers
    /// ([`Restored::conf_state`]) goes before it. A peer that joins later is given those that the
    /// log began with, since it applies the same changes to them; nobody at all only where the log
    /// reaches it as a snapshot. A peer that is no voter answers leaders and candidates and never
    /// campaigns.
    pub voters: Vec<PeerId>,
    /// The shortest election timeout T, in ticks; timeouts are drawn from [T, 2T-1]. Must be above
    /// `heartbeat_ticks`; ten times as much keeps a lost heartbeat from starting an election.
    pub election_ticks: u32,
    /// How often a leader sends heartbeats, in ticks; at least 1.
    pub heartbeat_ticks: u32,
    /// Whether a new leader appends an empty entry (paper, section 8; TinyKV demands it, MIT 6.824
    /// forbids it). Without it, what earlier leaders left commits with the next proposal only.
    pub no_op_on_election: bool,
    /// Whether a heartbeat is an empty append that checks the log (paper, figure 2; MIT 6.824)
    /// instead of a message of its own (TinyKV, etcd).
    pub heartbeat_as_append: bool,
    /// Whether a peer asks if it could win before it takes a new term (thesis, section 9.6).
    pub pre_vote: bool,
    /// Whether a leader that heard from no quorum for an election timeout steps down, and whether
    /// a peer that heard its leader within one refuses votes (thesis, sections 4.2.3 and 6.2).
    pub check_quorum: bool,
    /// Whether a leader that is no voter any more steps down (etcd: `StepDownOnRemoval`). In
    /// TinyKV its host destroys it.
    pub step_down_on_removal: bool,
    /// Reads by lease, where wanted; other reads go by [`crate::RawNode::read_index`] too, with a
    /// round of heartbeats.
    pub lease: Option<Lease>,
    /// How much of everything.
    pub limits: Limits,
    /// The seed of the election timeouts. Two peers of a group must differ in it.
    pub seed: u64,
    /// The own clock at the start, in microseconds; only leases look at it.
    pub clock_us: u64,
}

impl Config {
    /// [`Preset::TinyKv`]: 10 ticks to an election, 1 between heartbeats, a no-op on election;
    /// seed zero.
    #[must_use]
    pub fn new(id: PeerId, voters: Vec<PeerId>) -> Self {
        Self {
            id,
            voters,
            election_ticks: 10,
            heartbeat_ticks: 1,
            no_op_on_election: true,
            heartbeat_as_append: false,
            pre_vote: false,
            check_quorum: false,
            step_down_on_removal: false,
            lease: None,
            limits: Limits::default(),
            seed: 0,
            clock_us: 0,
        }
    }

    /// The choices of a dialect, with the numbers of [`Config::new`].
    #[must_use]
    pub fn preset(preset: Preset, id: PeerId, voters: Vec<PeerId>) -> Self {
        let tinykv = Self::new(id, voters);
        match preset {
            Preset::TinyKv => tinykv,
            Preset::Mit6824 => Self {
                no_op_on_election: false,
                heartbeat_as_append: true,
                ..tinykv
            },
            Preset::Etcd => Self {
                pre_vote: true,
                check_quorum: true,
                step_down_on_removal: true,
                ..tinykv
            },
        }
    }

    /// Checks what the fields demand of each other.
    ///
    /// # Errors
    ///
    /// The first [`ConfigError`] found.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.id == PeerId::ZERO {
            return Err(ConfigError::ZeroPeer);
        }
        Membership::new(ConfState::of_voters(self.voters.clone()))?;
        let longest = u32::MAX / 2;
        if self.heartbeat_ticks == 0
            || self.election_ticks <= self.heartbeat_ticks
            || self.election_ticks > longest
        {
            return Err(ConfigError::Ticks {
                election_ticks: self.election_ticks,
                heartbeat_ticks: self.heartbeat_ticks,
            });
        }
        if self.limits.in_flight_appends == 0 || self.limits.append_entries == 0 {
            return Err(ConfigError::NothingInFlight);
        }
        match self.lease {
            Some(lease) if lease.duration_us > lease.refusal_us => {
                Err(ConfigError::LeaseTooLong { lease })
            }
            _ => Ok(()),
        }
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
    /// The membership as of `applied`; nothing on a disk that never held one, then
    /// [`Config::voters`] holds.
    pub conf_state: Option<ConfState>,
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
            let follows = before.index.get().checked_add(1) == Some(entry.index.get());
            if !follows || entry.term < before.term {
                return Err(ConfigError::BrokenLog {
                    before,
                    after: entry.position(),
                });
            }
            before = entry.position();
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
        self.entries.last().map_or(self.truncated, Entry::position)
    }
}
