//! R8, monotonic: in one life term, commit, applied and first index never fall, and what a disk
//! held of term, vote and log is there in the next life (paper, figure 2).

use types::raft::{HardState, LogIndex, LogPosition, Term};

use crate::observation::DiskChange;
use crate::replica::{Disk, Replica, Start};
use crate::violation::{Fault, Invariant, Judgement};

/// A later term began.
pub(crate) fn term_changed(replica: &Replica, from: Term, to: Term) -> Judgement {
    if from == replica.term && to > from {
        return Ok(());
    }
    let message = format!("{} went from {from} to {to} and was in {}", replica.peer, replica.term);
    Err(replica.fault(Invariant::Monotonic, LogIndex::ZERO, message))
}

/// A role was taken in `term`.
pub(crate) fn role_changed(replica: &Replica, term: Term) -> Judgement {
    if term >= replica.term {
        return Ok(());
    }
    let message = format!("{} took a role in {term} and was in {}", replica.peer, replica.term);
    Err(replica.fault(Invariant::Monotonic, LogIndex::ZERO, message))
}

/// The commit index moved.
pub(crate) fn committed(replica: &Replica, to: LogIndex) -> Judgement {
    risen(replica, "commit index", replica.commit, to)
}

/// The applied index moved.
pub(crate) fn applied(replica: &Replica, to: LogIndex) -> Judgement {
    risen(replica, "applied index", replica.applied, to)
}

/// A snapshot took the place of the log: it never takes a peer back.
pub(crate) fn restored(replica: &Replica, last: LogIndex) -> Judgement {
    risen(replica, "commit index", replica.commit, last)
}

/// The beginning of the log was dropped.
pub(crate) fn compacted(replica: &Replica, to: LogIndex) -> Judgement {
    risen(replica, "truncated index", replica.log.truncated().index, to)
}

/// A disk was written.
pub(crate) fn written(replica: &Replica, change: &DiskChange) -> Judgement {
    let Disk {
        hard_state,
        log,
        applied,
    } = &replica.disk;
    if let Some(next) = change.hard_state {
        if next.term < hard_state.term {
            let message = format!("its disk went from {} to {}", hard_state.term, next.term);
            return Err(replica.fault(Invariant::Monotonic, LogIndex::ZERO, message));
        }
        risen(replica, "durable commit index", hard_state.commit, next.commit)?;
    }
    if let Some(next) = change.truncated {
        let before = log.truncated().index;
        risen(replica, "durable truncated index", before, next.index)?;
    }
    match change.applied {
        Some(next) => risen(replica, "durable applied index", *applied, next),
        None => Ok(()),
    }
}

/// A peer came up that had lived before, on a disk of which `before` was told.
pub(crate) fn restarted(before: &Replica, start: &Start<'_>) -> Judgement {
    if start.incarnation <= before.incarnation {
        let message = format!("life {} after life {}", start.incarnation, before.incarnation);
        return Err(before.fault(Invariant::Monotonic, LogIndex::ZERO, message));
    }
    hard_state_survived(before, start.hard_state)?;
    let disk = &before.disk;
    if start.applied < disk.applied {
        let message = format!("applied up to {}, durable was {}", start.applied, disk.applied);
        return Err(lost(before, disk.applied, &message));
    }
    let truncated = disk.log.truncated();
    if start.truncated.index < truncated.index {
        let message = format!("a log from {} on, durable was {truncated}", start.truncated);
        return Err(lost(before, truncated.index, &message));
    }
    for entry in disk.log.entries() {
        let is_there = entry.index < start.truncated.index
            || start.term(entry.index) == Some(entry.term);
        if !is_there {
            let at = LogPosition {
                index: entry.index,
                term: entry.term,
            };
            let message = format!("a log up to {}, durable was entry {at}", start.last());
            return Err(lost(before, at.index, &message));
        }
    }
    Ok(())
}

fn hard_state_survived(before: &Replica, now: HardState) -> Judgement {
    let durable = before.disk.hard_state;
    let has_vote = durable.vote.is_none() || now.vote == durable.vote;
    let is_kept = now.term > durable.term || now.term == durable.term && has_vote;
    if !is_kept {
        let vote = |state: HardState| state.vote.map_or("none".to_owned(), |peer| peer.to_string());
        let message = format!(
            "{} and vote {}, durable was {} and vote {}",
            now.term,
            vote(now),
            durable.term,
            vote(durable)
        );
        return Err(lost(before, LogIndex::ZERO, &message));
    }
    if now.commit < durable.commit {
        let message = format!("commit {}, durable was {}", now.commit, durable.commit);
        return Err(lost(before, durable.commit, &message));
    }
    Ok(())
}

fn risen(replica: &Replica, what: &str, from: LogIndex, to: LogIndex) -> Judgement {
    if to >= from {
        return Ok(());
    }
    let message = format!("the {what} of {} fell from {from} to {to}", replica.peer);
    Err(replica.fault(Invariant::Monotonic, to, message))
}

fn lost(before: &Replica, index: LogIndex, what: &str) -> Fault {
    let message = format!("{} came up with {what}", before.peer);
    before.fault(Invariant::Monotonic, index, message)
}
