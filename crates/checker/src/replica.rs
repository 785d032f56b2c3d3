//! One peer as it can be seen from outside: what its facts say of its memory, and what its host
//! says of its disk.

use std::collections::BTreeMap;

use types::id::{Incarnation, PeerId, StoreId};
use types::raft::{EntryBrief, HardState, LogIndex, LogPosition, ProgressKind, Role, Term};

use crate::checks::membership::Seat;
use crate::mirror::LogMirror;
use crate::violation::{Fault, Invariant, fault};

/// What a store's disk durably holds of one group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) hard_state: HardState,
    pub(crate) log: LogMirror,
    /// Where the durable state machine stands.
    pub(crate) applied: LogIndex,
}

/// How a leader was last told to send to a follower.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) kind: ProgressKind,
    /// Appends with entries that left for it since.
    pub(crate) appends: u64,
}

/// One peer.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    pub(crate) store: StoreId,
    pub(crate) peer: PeerId,
    pub(crate) incarnation: Incarnation,
    pub(crate) term: Term,
    /// Whom it voted for in `term`, durably or not.
    pub(crate) vote: Option<PeerId>,
    pub(crate) role: Role,
    pub(crate) leader: Option<PeerId>,
    /// The votes that a candidate counted.
    pub(crate) votes: Vec<(PeerId, bool)>,
    pub(crate) log: LogMirror,
    pub(crate) commit: LogIndex,
    pub(crate) applied: LogIndex,
    /// Where the last snapshot ended that took the place of its log in this life.
    pub(crate) restored: LogIndex,
    pub(crate) seat: Seat,
    pub(crate) disk: Disk,
    pub(crate) told: BTreeMap<PeerId, Told>,
}

/// What a store says of itself when it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) incarnation: Incarnation,
    pub(crate) peer: PeerId,
    pub(crate) hard_state: HardState,
    pub(crate) truncated: LogPosition,
    pub(crate) entries: &'a [EntryBrief],
    pub(crate) applied: LogIndex,
}

impl Start<'_> {
    /// The end of the log.
    pub(crate) fn last(&self) -> LogPosition {
        self.entries.last().map_or(self.truncated, position)
    }

    /// The term at `index`, from the truncated position to the last.
    pub(crate) fn term(&self, index: LogIndex) -> Option<Term> {
        if index == self.truncated.index {
            return Some(self.truncated.term);
        }
        let distance = index.get().checked_sub(self.truncated.index.get() + 1)?;
        let entry = self.entries.get(usize::try_from(distance).ok()?)?;
        Some(entry.term)
    }
}

impl Replica {
    /// A peer that came up. What it says of its disk is what the disk holds.
    pub(crate) fn start(store: StoreId, start: &Start<'_>, seat: Seat) -> Self {
        let mut log = LogMirror::new(start.truncated);
        for &entry in start.entries {
            log.push(entry);
        }
        Self {
            store,
            peer: start.peer,
            incarnation: start.incarnation,
            term: start.hard_state.term,
            vote: start.hard_state.vote,
            role: Role::Follower,
            leader: None,
            votes: Vec::new(),
            disk: Disk {
                hard_state: start.hard_state,
                log: log.clone(),
                applied: start.applied,
            },
            log,
            commit: start.hard_state.commit,
            applied: start.applied,
            restored: LogIndex::ZERO,
            seat,
            told: BTreeMap::new(),
        }
    }

    pub(crate) fn leads(&self) -> bool {
        self.role == Role::Leader
    }

    /// Whether it leads in `term`, by its own facts.
    pub(crate) fn leads_in(&self, term: Term) -> bool {
        self.leads() && self.term == term
    }

    /// Up to where its state machine has come, by snapshot or by applying.
    pub(crate) fn reached(&self) -> LogIndex {
        self.applied.max(self.restored)
    }

    /// The process ended.
    pub(crate) fn end(&mut self) {
        self.leave_office();
        self.leader = None;
    }

    /// A term ended. A follower whose leader leads the next term too need not tell it again.
    pub(crate) fn leave_office(&mut self) {
        self.role = Role::Follower;
        self.votes.clear();
        self.told.clear();
    }

    /// A fault about this peer in its own term.
    pub(crate) fn fault(
        &self,
        invariant: Invariant,
        index: LogIndex,
        message: impl Into<String>,
    ) -> Fault {
        fault(invariant, self.term, index, message)
    }
}

/// Where an entry stands.
pub(crate) fn position(entry: &EntryBrief) -> LogPosition {
    LogPosition {
        index: entry.index,
        term: entry.term,
    }
}
