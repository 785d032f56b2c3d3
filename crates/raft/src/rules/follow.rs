//! Replication, the follower's side (paper, sections 5.3 and 7).

use types::raft::{LogIndex, LogPosition, Term};

/// What [`check_prev`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrevCheck {
    /// What the leader says stands right before its entries.
    pub prev: LogPosition,
    /// The own term at `prev.index`; `None` outside of the own log.
    pub own_term: Option<Term>,
    /// The last entry that is no longer in the own log.
    pub truncated: LogIndex,
}

/// What [`check_prev`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrevVerdict {
    /// The logs agree up to `prev`.
    Matches,
    /// `prev` is applied and gone here; committed, hence equal.
    Behind,
    /// The log ends before `prev`.
    Missing,
    /// Another entry stands there.
    Conflict {
        /// The own term there.
        own: Term,
    },
}

/// Whether the own log holds `prev` (paper, figure 2, AppendEntries, rule 2).
#[must_use]
pub fn check_prev(check: &PrevCheck) -> PrevVerdict {
    match check.own_term {
        Some(own) if own == check.prev.term => PrevVerdict::Matches,
        Some(own) => PrevVerdict::Conflict { own },
        None if check.prev.index < check.truncated => PrevVerdict::Behind,
        None => PrevVerdict::Missing,
    }
}

/// What [`splice`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpliceCheck {
    /// The index of the first entry of the message.
    pub first: LogIndex,
    /// The index of the last one; below `first` when there is none.
    pub end: LogIndex,
    /// The first index where the own log has an entry of another term than the message.
    pub conflict: Option<LogIndex>,
    /// The last index of the own log.
    pub own_last: LogIndex,
}

/// What happens to the own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Splice {
    /// Nothing: all of it is there.
    Keep,
    /// The entries from `from` on are added behind the last.
    Append {
        /// The first new index.
        from: LogIndex,
    },
    /// The log is cut before `from` and the entries from there on are added.
    Replace {
        /// The first index that goes.
        from: LogIndex,
    },
}

/// How the entries of an append enter the log: only from the first real conflict on is anything
/// dropped (paper, figure 2, AppendEntries, rules 3 and 4; X4: a short, late append must not take
/// acknowledged entries away).
#[must_use]
pub fn splice(check: &SpliceCheck) -> Splice {
    match check.conflict {
        Some(from) => Splice::Replace { from },
        None if check.end > check.own_last => Splice::Append {
            from: check.first.max(check.own_last.next()),
        },
        None => Splice::Keep,
    }
}

/// Up to where a follower says that its log matches: the end of the message, never its own `last`,
/// whose tail the leader may not have (X2).
#[must_use]
pub fn acknowledged(message_end: LogIndex, _last: LogIndex) -> LogIndex {
    message_end
}

/// The follower's commit index after a message whose end is known to match: what the leader says,
/// as far as that (paper, figure 2, AppendEntries, rule 5; X3: not as far as the own `last`).
#[must_use]
pub fn follower_commit(
    leader_commit: LogIndex,
    message_end: LogIndex,
    _last: LogIndex,
) -> LogIndex {
    leader_commit.min(message_end)
}

/// What [`decide_snapshot`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotCheck {
    /// Where the snapshot ends.
    pub last: LogPosition,
    /// The own commit index.
    pub commit: LogIndex,
    /// The own term at `last.index`; `None` outside of the own log.
    pub own_term: Option<Term>,
}

/// What [`decide_snapshot`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotVerdict {
    /// All of it is committed here already.
    Stale,
    /// The log holds all that it stands for: its end is committed, nothing more is needed.
    FastForward,
    /// It takes the place of the whole log.
    Restore,
}

/// What becomes of a snapshot (paper, section 7; etcd: `restore`). Accepting it drops every entry,
/// those behind its end too: they do not match, or it would be a fast-forward (S0-4).
#[must_use]
pub fn decide_snapshot(check: &SnapshotCheck) -> SnapshotVerdict {
    if check.last.index <= check.commit {
        SnapshotVerdict::Stale
    } else if check.own_term == Some(check.last.term) {
        SnapshotVerdict::FastForward
    } else {
        SnapshotVerdict::Restore
    }
}
