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
    Err(fault(Invariant::Order, start.hard_state.term, applied, message))
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
        let message = format!("{} applied {to} and committed {}", replica.peer, replica.commit);
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
    let message = format!("{} applied {to}, its disk holds a log up to {last}", replica.peer);
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
        let message = format!("{} dropped its log up to {to}, whose term is {term}", replica.peer);
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
