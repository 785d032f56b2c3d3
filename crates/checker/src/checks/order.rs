//! R10, order: truncated <= snapshot <= applied <= committed <= last, and applied <= durable
//! (paper, figure 2 and section 7).

use types::raft::{LogIndex, LogPosition};

use crate::replica::{Replica, Start};
use crate::violation::{Invariant, Judgement, fault};

/// A peer came up.
pub(crate) fn started(start: &Start<'_>) -> Judgement {
    let (truncated, applied) = (start.truncated.index, start.applied);
    let (commit, last) = (start.hard_state.commit, start.last().index);
    if truncated <= applied && applied <= commit && commit <= last {
        return Ok(());
    }
    let message = format!(
        "{} came up with truncated {truncated}, applied {applied}, commit {commit}, last {last}",
        start.peer
    );
    Err(fault(
        Invariant::Order,
        start.hard_state.term,
        applied,
        message,
    ))
}

/// The commit index moved.
pub(crate) fn committed(replica: &Replica, to: LogIndex) -> Judgement {
    let last = replica.log.last_index();
    if to <= last {
        return Ok(());
    }
    let message = format!("{} committed {to} with a log up to {last}", replica.peer);
    Err(replica.fault(Invariant::Order, to, message))
}

/// Entries were applied: they are committed, and the own disk holds them.
pub(crate) fn applied(replica: &Replica, to: LogIndex) -> Judgement {
    if to > replica.commit {
        let message = format!(
            "{} applied {to} and committed {}",
            replica.peer, replica.commit
        );
        return Err(replica.fault(Invariant::Order, to, message));
    }
    let disk = &replica.disk.log;
    let is_durable = match replica.log.term(to) {
        Some(term) => disk.holds(LogPosition { index: to, term }),
        None => disk.covers(to),
    };
    if is_durable {
        return Ok(());
    }
    let last = disk.last();
    let message = format!(
        "{} applied {to}, its disk holds a log up to {last}",
        replica.peer
    );
    Err(replica.fault(Invariant::Order, to, message))
}

/// Applied data reached the disk.
pub(crate) fn flushed(replica: &Replica, to: LogIndex) -> Judgement {
    behind_applied(replica, "flushed", to)
}

/// The beginning of the log was dropped: applied before, by itself or within a snapshot.
pub(crate) fn compacted(replica: &Replica, to: LogPosition) -> Judgement {
    if let Some(term) = replica.log.term(to.index)
        && term != to.term
    {
        let message = format!(
            "{} dropped its log up to {to}, whose term is {term}",
            replica.peer
        );
        return Err(replica.fault(Invariant::Order, to.index, message));
    }
    behind_applied(replica, "dropped its log", to.index)
}

/// A snapshot left.
pub(crate) fn snapshot_sent(replica: &Replica, last: LogIndex) -> Judgement {
    behind_applied(replica, "sent a snapshot", last)
}

/// The disk was written: its log begins where its state machine stands, or before.
pub(crate) fn written(replica: &Replica) -> Judgement {
    let (truncated, applied) = (replica.disk.log.truncated().index, replica.disk.applied);
    if truncated <= applied {
        return Ok(());
    }
    let message = format!("the log on its disk begins behind {truncated}, its data at {applied}");
    Err(replica.fault(Invariant::Order, truncated, message))
}

fn behind_applied(replica: &Replica, what: &str, to: LogIndex) -> Judgement {
    let reached = replica.reached();
    if to <= reached {
        return Ok(());
    }
    let message = format!("{} {what} up to {to} and applied {reached}", replica.peer);
    Err(replica.fault(Invariant::Order, to, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::DiskChange;
    use crate::stage::{Stage, at, broken, index};
    use types::raft::{EntryKind, HardState, MessageBody, RaftFact, Snapshot};
    use types::view::FactBody;

    #[test]
    fn what_is_committed_and_durable_is_applied_flushed_and_dropped() {
        let mut stage = Stage::settled();
        let to = index(3);
        stage
            .fact(1, FactBody::Flushed { to })
            .expect("it is applied");
        stage.compact(1);
        stage.persist(2);
        stage.restart(2);
        stage.apply(2);
        assert_eq!(stage.checker.counts().compactions, 1);
    }

    #[test]
    fn a_commit_beyond_the_log_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.commit(1);
        assert_eq!(broken(stage.followed(3, 4)), Invariant::Order);
    }

    #[test]
    fn applying_what_is_not_committed_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        assert_eq!(broken(stage.applied(1, 4, 1)), Invariant::Order);
    }

    #[test]
    fn applying_what_is_not_durable_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.commit(1);
        stage.copy(1, 3);
        stage.follow(3, 4);
        let hash = stage.hash(3, 4) + 1;
        assert_eq!(broken(stage.clone().applied(3, 4, hash)), Invariant::Order);
        stage.persist(3);
        stage.applied(3, 4, hash).expect("now it is");
    }

    #[test]
    fn flushing_and_dropping_what_is_not_applied_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.commit(1);
        let flushed = FactBody::Flushed { to: index(4) };
        assert_eq!(broken(stage.clone().fact(1, flushed)), Invariant::Order);
        let compacted = RaftFact::Compacted { to: at(4, 1) };
        assert_eq!(broken(stage.raft(1, compacted)), Invariant::Order);
    }

    #[test]
    fn a_beginning_that_ends_with_another_entry_is_found() {
        let mut stage = Stage::settled();
        let compacted = RaftFact::Compacted { to: at(2, 2) };
        assert_eq!(broken(stage.raft(1, compacted)), Invariant::Order);
    }

    #[test]
    fn a_snapshot_of_what_is_not_applied_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.commit(1);
        let snapshot = Snapshot {
            last: at(4, 1),
            conf_state: stage.conf.clone(),
            ..Snapshot::default()
        };
        let body = MessageBody::Snapshot {
            snapshot: Box::new(snapshot),
        };
        assert_eq!(
            broken(stage.clone().sent(1, 3, 1, body.clone())),
            Invariant::Order
        );
        stage.apply(1);
        stage.sent(1, 3, 1, body).expect("now it is");
    }

    #[test]
    fn a_disk_whose_log_begins_behind_its_data_is_found() {
        let mut stage = Stage::settled();
        let change = DiskChange {
            truncated: Some(at(3, 1)),
            applied: Some(index(2)),
            ..DiskChange::default()
        };
        assert_eq!(broken(stage.disk(1, change)), Invariant::Order);
    }

    #[test]
    fn a_start_out_of_order_is_found() {
        let start = |truncated: u64, applied: u64, commit: u64| {
            let started = Start {
                incarnation: types::id::Incarnation::new(1),
                peer: types::id::PeerId::new(1),
                hard_state: HardState {
                    commit: index(commit),
                    ..HardState::default()
                },
                truncated: at(truncated, 1),
                entries: &[],
                applied: index(applied),
            };
            super::started(&started).is_ok()
        };
        assert!(start(5, 5, 5));
        assert!(!start(5, 4, 5), "the log begins behind the data");
        assert!(!start(5, 5, 4), "applied is not committed");
        assert!(!start(5, 5, 6), "committed is not there");
    }
}
