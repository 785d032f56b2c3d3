//! Logs, commits, snapshots and transfers.

use raft::rules::{
    CommitCheck, CommitVerdict, PrevCheck, PrevVerdict, Refusal, RepairCheck, SnapshotCheck,
    SnapshotVerdict, Splice, SpliceCheck, leader_commit, splice,
};
use types::raft::LogIndex;

/// A new leader sends from before the beginning of the log.
pub(super) fn next_starts_at_zero(_last: LogIndex) -> LogIndex {
    LogIndex::ZERO
}

/// A follower appends behind a gap or another history.
pub(super) fn prev_not_checked(check: &PrevCheck) -> PrevVerdict {
    match check.own_term {
        Some(_) => PrevVerdict::Matches,
        None => raft::rules::check_prev(check),
    }
}

/// A follower keeps entries that conflict with the leader's and acknowledges them.
pub(super) fn conflicts_kept(check: &SpliceCheck) -> Splice {
    match splice(check) {
        Splice::Replace { .. } => Splice::Keep,
        kept => kept,
    }
}

/// A late, short append takes acknowledged entries away.
pub(super) fn truncates_always(check: &SpliceCheck) -> Splice {
    if check.first <= check.own_last {
        Splice::Replace { from: check.first }
    } else {
        splice(check)
    }
}

/// A follower counts its own stale tail as the leader's entries.
pub(super) fn acknowledges_its_last_index(_message_end: LogIndex, last: LogIndex) -> LogIndex {
    last
}

/// A follower commits a tail that nobody compared.
pub(super) fn commits_to_its_last_index(
    leader_commit: LogIndex,
    _message_end: LogIndex,
    last: LogIndex,
) -> LogIndex {
    leader_commit.min(last)
}

/// A follower that is too far behind never catches up.
pub(super) fn snapshot_ignored(_check: &SnapshotCheck) -> SnapshotVerdict {
    SnapshotVerdict::Stale
}

/// A snapshot moves the commit index, and entries of another history stay below it.
pub(super) fn snapshot_keeps_the_old_log(check: &SnapshotCheck) -> SnapshotVerdict {
    match raft::rules::decide_snapshot(check) {
        SnapshotVerdict::Restore if check.own_term.is_some() => SnapshotVerdict::FastForward,
        verdict => verdict,
    }
}

/// A late snapshot throws away entries that were acknowledged since.
pub(super) fn snapshot_always_taken(_check: &SnapshotCheck) -> SnapshotVerdict {
    SnapshotVerdict::Restore
}

/// A leader asks a follower the same question for ever.
pub(super) fn refusal_goes_nowhere(refusal: &Refusal) -> LogIndex {
    refusal.refused.next()
}

/// A late refusal makes a leader send what is known to be there.
pub(super) fn refusal_goes_below_the_match(_refusal: &Refusal) -> LogIndex {
    LogIndex::ZERO
}

/// An entry on half of the voters counts as committed, and the other half never saw it.
pub(super) fn half_commits(matched: &mut [LogIndex]) -> LogIndex {
    matched.sort_unstable_by(|a, b| b.cmp(a));
    let half = (matched.len() / 2).max(1);
    matched.get(half - 1).copied().unwrap_or_default()
}

/// In a joint phase the new voters commit without the old ones.
pub(super) fn one_half_of_a_joint_group_commits(
    incoming: LogIndex,
    _outgoing: LogIndex,
) -> LogIndex {
    incoming
}

/// An entry of an earlier term is committed by counting and lost again (figure 8 of the paper).
pub(super) fn old_terms_are_counted(check: &CommitCheck) -> CommitVerdict {
    leader_commit(&CommitCheck {
        reached_term: check.reached_term.map(|_| check.term),
        ..*check
    })
}

/// A leader replicates and never commits.
pub(super) fn nothing_commits(_check: &CommitCheck) -> CommitVerdict {
    CommitVerdict::Unchanged
}

/// A heartbeat commits entries that its receiver has from another history.
pub(super) fn heartbeat_tells_the_raw_commit(_matched: LogIndex, commit: LogIndex) -> LogIndex {
    commit
}

/// A follower that missed the last commit stays behind while nobody writes.
pub(super) fn lost_news_not_repaired(_check: &RepairCheck) -> bool {
    false
}

/// A transfer to a peer that never answers blocks every write.
pub(super) fn transfer_never_ends(_timeout_passed: bool) -> bool {
    false
}
