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
    let message = format!(
        "{} went from {from} to {to} and was in {}",
        replica.peer, replica.term
    );
    Err(replica.fault(Invariant::Monotonic, LogIndex::ZERO, message))
}

/// A role was taken in `term`.
pub(crate) fn role_changed(replica: &Replica, term: Term) -> Judgement {
    if term >= replica.term {
        return Ok(());
    }
    let message = format!(
        "{} took a role in {term} and was in {}",
        replica.peer, replica.term
    );
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
    risen(
        replica,
        "truncated index",
        replica.log.truncated().index,
        to,
    )
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
        risen(
            replica,
            "durable commit index",
            hard_state.commit,
            next.commit,
        )?;
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
        let message = format!(
            "life {} after life {}",
            start.incarnation, before.incarnation
        );
        return Err(before.fault(Invariant::Monotonic, LogIndex::ZERO, message));
    }
    hard_state_survived(before, start.hard_state)?;
    let disk = &before.disk;
    if start.applied < disk.applied {
        let message = format!(
            "applied up to {}, durable was {}",
            start.applied, disk.applied
        );
        return Err(lost(before, disk.applied, &message));
    }
    let truncated = disk.log.truncated();
    if start.truncated.index < truncated.index {
        let message = format!("a log from {} on, durable was {truncated}", start.truncated);
        return Err(lost(before, truncated.index, &message));
    }
    for entry in disk.log.entries() {
        let is_there =
            entry.index < start.truncated.index || start.term(entry.index) == Some(entry.term);
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
        let vote = |state: HardState| {
            state
                .vote
                .map_or("none".to_owned(), |peer| peer.to_string())
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::LogChange;
    use crate::stage::{Stage, at, broken, index, peer, term};
    use types::raft::{EntryKind, RaftFact, Role};
    use types::view::FactBody;

    fn truncated(to: u64) -> DiskChange {
        DiskChange {
            truncated: Some(at(to, 1)),
            applied: Some(index(to)),
            ..DiskChange::default()
        }
    }

    #[test]
    fn indexes_rise_and_a_restart_may_take_back_what_was_never_durable() {
        let mut stage = Stage::settled();
        stage.compact(1);
        stage.append(1, EntryKind::Normal);
        stage.restart(1);
        assert_eq!(stage.last(1), 3);
        stage.elect(2, 2, &[1, 3]);
        stage.write(2, &[1, 3], EntryKind::NoOp);
        assert_eq!(stage.checker.counts().restarts, 1);
    }

    #[test]
    fn a_term_that_falls_is_found_in_memory_in_a_role_and_on_a_disk() {
        let mut stage = Stage::settled();
        stage.elect(2, 4, &[1, 3]);
        let (from, to) = (term(4), term(3));
        let fact = RaftFact::TermChanged { from, to };
        assert_eq!(broken(stage.clone().raft(1, fact)), Invariant::Monotonic);
        assert_eq!(
            broken(stage.clone().role(1, Role::Follower, 3)),
            Invariant::Monotonic
        );
        let hard_state = Some(HardState {
            term: term(3),
            ..HardState::default()
        });
        let change = DiskChange {
            hard_state,
            ..DiskChange::default()
        };
        assert_eq!(broken(stage.disk(1, change)), Invariant::Monotonic);
    }

    #[test]
    fn commit_and_applied_indexes_that_fall_are_found() {
        let mut stage = Stage::settled();
        assert_eq!(broken(stage.clone().followed(2, 2)), Invariant::Monotonic);
        let hash = stage.hash(2, 2) + 1;
        assert_eq!(broken(stage.applied(2, 2, hash)), Invariant::Monotonic);
    }

    #[test]
    fn a_log_whose_beginning_comes_back_is_found_in_memory_and_on_a_disk() {
        let mut stage = Stage::settled();
        stage.compact(2);
        let fact = RaftFact::Compacted { to: at(2, 1) };
        assert_eq!(broken(stage.clone().raft(2, fact)), Invariant::Monotonic);
        assert_eq!(broken(stage.disk(2, truncated(2))), Invariant::Monotonic);
    }

    #[test]
    fn a_snapshot_that_takes_a_peer_back_is_found() {
        let mut stage = Stage::settled();
        let fact = RaftFact::SnapshotRestored {
            last: at(2, 1),
            prefix_hash: 0,
        };
        assert_eq!(broken(stage.raft(2, fact)), Invariant::Monotonic);
    }

    /// Peer 2 comes up with what `change` makes of what its disk held.
    fn comes_up(change: impl FnOnce(&mut FactBody)) -> Invariant {
        let mut stage = Stage::settled();
        stage.elect(2, 2, &[3]);
        let mut started = stage.started(2);
        stage.clone().fact(2, started.clone()).expect("as it was");
        change(&mut started);
        broken(stage.fact(2, started))
    }

    #[test]
    fn a_disk_that_lost_its_term_its_vote_or_its_commit_is_found_at_the_start() {
        let with = |change: fn(&mut HardState)| {
            comes_up(|started| {
                if let FactBody::Started { hard_state, .. } = started {
                    change(hard_state);
                }
            })
        };
        assert_eq!(with(|state| state.term = term(1)), Invariant::Monotonic);
        assert_eq!(with(|state| state.vote = None), Invariant::Monotonic);
        assert_eq!(
            with(|state| state.vote = Some(peer(3))),
            Invariant::Monotonic
        );
        assert_eq!(with(|state| state.commit = index(1)), Invariant::Monotonic);
    }

    #[test]
    fn a_disk_that_lost_entries_is_found_at_the_start() {
        let lost = comes_up(|started| {
            if let FactBody::Started { entries, .. } = started {
                entries.pop();
            }
        });
        assert_eq!(lost, Invariant::Monotonic);
    }

    #[test]
    fn a_life_that_was_lived_before_is_found() {
        let again = comes_up(|started| {
            if let FactBody::Started { incarnation, .. } = started {
                *incarnation = incarnation.prev();
            }
        });
        assert_eq!(again, Invariant::Monotonic);
    }

    #[test]
    fn a_write_that_a_kill_left_open_may_be_found_at_the_start() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        let entry = stage.actors[&1].log[3];
        stage.observe(1, crate::Observation::Down).expect("killed");
        let change = DiskChange {
            log: Some(LogChange {
                from: index(4),
                entries: vec![entry],
            }),
            ..DiskChange::default()
        };
        let before = stage.started(1);
        stage
            .disk(1, change)
            .expect("it reached the disk all the same");
        assert_eq!(broken(stage.fact(1, before)), Invariant::Monotonic);
    }
}
