//! R15, progress: `match < next`; what is in flight stays within its limits; a probe has at most
//! one append in flight; nothing is sent while a snapshot is on its way (etcd: `Progress`).
//!
//! Only what a harness tells after an event is judged. A follower counts as waiting for a snapshot
//! when it was told to be so after two events in a row and nothing said otherwise between them. An
//! append without entries may be a heartbeat, and is let pass.

use types::id::PeerId;
use types::raft::{LogIndex, Message, MessageBody, ProgressKind};

use crate::observation::{ProgressLimits, ProgressSeen, ProgressTold};
use crate::replica::{Replica, Told};
use crate::violation::{Invariant, Judgement};

/// A leader told what it believes of its followers.
pub(crate) fn told(replica: &mut Replica, told: &ProgressTold<'_>) -> Judgement {
    if !replica.leads_in(told.term) || replica.peer != told.leader {
        return Ok(());
    }
    for seen in told.seen {
        matches_before_next(replica, seen.peer, seen.matched, seen.next)?;
        within_limits(replica, seen, told.limits)?;
        quiet_during_snapshot(replica, seen)?;
        let now = Told {
            kind: seen.kind,
            appends: 0,
        };
        replica.told.insert(seen.peer, now);
    }
    Ok(())
}

/// A leader learned something of a follower, so how it is sent to may have changed.
pub(crate) fn learned(
    replica: &mut Replica,
    peer: PeerId,
    matched: LogIndex,
    next: LogIndex,
) -> Judgement {
    replica.told.remove(&peer);
    matches_before_next(replica, peer, matched, next)
}

/// A message left.
pub(crate) fn sent(replica: &mut Replica, message: &Message) {
    if let MessageBody::Append { entries, .. } = &message.body
        && !entries.is_empty()
        && let Some(told) = replica.told.get_mut(&message.to)
    {
        told.appends += 1;
    }
}

fn matches_before_next(
    replica: &Replica,
    peer: PeerId,
    matched: LogIndex,
    next: LogIndex,
) -> Judgement {
    if matched < next {
        return Ok(());
    }
    let message = format!("{peer} matches up to {matched}, next to send is {next}");
    Err(replica.fault(Invariant::Progress, matched, message))
}

fn within_limits(replica: &Replica, seen: &ProgressSeen, limits: ProgressLimits) -> Judgement {
    let (peer, appends, bytes) = (seen.peer, seen.in_flight, seen.in_flight_bytes);
    let bytes_max = limits.in_flight_bytes.saturating_add(limits.append_bytes);
    let message = if seen.kind == ProgressKind::Probe && appends > 1 {
        format!("{peer} is probed with {appends} appends at once")
    } else if appends > limits.in_flight_appends {
        let most = limits.in_flight_appends;
        format!("{appends} appends are on their way to {peer}, at most {most} may be")
    } else if appends > 1 && bytes > bytes_max {
        format!("{bytes} bytes are on their way to {peer}, at most {bytes_max} may be")
    } else {
        return Ok(());
    };
    Err(replica.fault(Invariant::Progress, seen.next, message))
}

fn quiet_during_snapshot(replica: &Replica, seen: &ProgressSeen) -> Judgement {
    let snapshot = ProgressKind::Snapshot;
    match replica.told.get(&seen.peer) {
        Some(told) if told.kind == snapshot && seen.kind == snapshot && told.appends > 0 => {
            let message = format!(
                "{} was sent entries while it waits for a snapshot",
                seen.peer
            );
            Err(replica.fault(Invariant::Progress, seen.next, message))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Observation;
    use crate::stage::{Outcome, REGION, Stage, at, broken, index, peer, term};
    use bytes::Bytes;
    use types::raft::{Entry, EntryKind, RaftFact};

    const LIMITS: ProgressLimits = ProgressLimits {
        in_flight_appends: 4,
        in_flight_bytes: 1_000,
        append_bytes: 100,
    };

    fn seen(kind: ProgressKind, in_flight: u64, in_flight_bytes: u64) -> ProgressSeen {
        ProgressSeen {
            peer: peer(2),
            matched: index(3),
            next: index(4),
            kind,
            in_flight,
            in_flight_bytes,
        }
    }

    fn tell(stage: &mut Stage, seen: ProgressSeen) -> Outcome {
        let told = ProgressTold {
            region: REGION,
            leader: peer(1),
            term: term(1),
            limits: LIMITS,
            seen: &[seen],
        };
        stage.observe(1, Observation::Progress(told))
    }

    fn append(stage: &mut Stage, entries: usize) {
        let entry = Entry {
            term: term(1),
            index: index(4),
            kind: EntryKind::Normal,
            data: Bytes::new(),
        };
        let body = MessageBody::Append {
            prev: at(3, 1),
            entries: vec![entry; entries].into(),
            commit: index(3),
        };
        stage.sent(1, 2, 1, body).expect("it left");
    }

    fn learn(matched: u64, next: u64) -> RaftFact {
        RaftFact::Progressed {
            peer: peer(2),
            matched: index(matched),
            next: index(next),
            kind: ProgressKind::Replicate,
        }
    }

    #[test]
    fn windows_that_are_kept_are_fine_and_one_append_may_pass_the_bytes() {
        let mut stage = Stage::settled();
        tell(&mut stage, seen(ProgressKind::Probe, 1, 0)).expect("one probe");
        tell(&mut stage, seen(ProgressKind::Replicate, 4, 1_100)).expect("full");
        tell(&mut stage, seen(ProgressKind::Replicate, 1, 9_999)).expect("one large append");
        tell(&mut stage, seen(ProgressKind::Snapshot, 0, 0)).expect("a snapshot");
        stage.raft(1, learn(3, 4)).expect("behind what it matches");
    }

    #[test]
    fn a_match_that_is_not_before_next_is_found_in_facts_and_in_views() {
        let mut stage = Stage::settled();
        assert_eq!(
            broken(stage.clone().raft(1, learn(4, 4))),
            Invariant::Progress
        );
        let planted = ProgressSeen {
            next: index(3),
            ..seen(ProgressKind::Replicate, 0, 0)
        };
        assert_eq!(broken(tell(&mut stage, planted)), Invariant::Progress);
    }

    #[test]
    fn a_window_that_is_passed_is_found() {
        let planted = [
            seen(ProgressKind::Probe, 2, 0),
            seen(ProgressKind::Replicate, 5, 0),
            seen(ProgressKind::Replicate, 2, 1_101),
        ];
        for planted in planted {
            let mut stage = Stage::settled();
            assert_eq!(broken(tell(&mut stage, planted)), Invariant::Progress);
        }
    }

    #[test]
    fn entries_that_leave_during_a_snapshot_are_found() {
        let mut stage = Stage::settled();
        let waits = seen(ProgressKind::Snapshot, 0, 0);
        append(&mut stage, 1);
        tell(&mut stage, waits).expect("they left before");
        append(&mut stage, 0);
        tell(&mut stage, waits).expect("without entries it is a heartbeat");
        append(&mut stage, 1);
        assert_eq!(broken(tell(&mut stage, waits)), Invariant::Progress);
    }

    #[test]
    fn entries_that_leave_once_the_snapshot_arrived_are_fine() {
        let mut stage = Stage::settled();
        let waits = seen(ProgressKind::Snapshot, 0, 0);
        tell(&mut stage, waits).expect("it waits");
        stage.raft(1, learn(3, 4)).expect("it arrived");
        append(&mut stage, 1);
        tell(&mut stage, waits).expect("the next one is on its way already");
        append(&mut stage, 1);
        tell(&mut stage, seen(ProgressKind::Replicate, 1, 0)).expect("it arrived meanwhile");
    }

    #[test]
    fn a_view_of_another_term_is_not_judged() {
        let mut stage = Stage::settled();
        let told = ProgressTold {
            region: REGION,
            leader: peer(1),
            term: term(2),
            limits: LIMITS,
            seen: &[seen(ProgressKind::Probe, 9, 0)],
        };
        stage
            .observe(1, Observation::Progress(told))
            .expect("it leads term 1");
    }
}
