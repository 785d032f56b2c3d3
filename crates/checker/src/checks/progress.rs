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
            let message = format!("{} was sent entries while it waits for a snapshot", seen.peer);
            Err(replica.fault(Invariant::Progress, seen.next, message))
        }
        _ => Ok(()),
    }
}
