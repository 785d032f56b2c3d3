//! 2D: snapshots.

use crate::rig::{Outcome, Rig};

/// How large raft's own state may become on a disk, in bytes.
const RAFT_STATE_MAX: usize = 2_000;

/// What becomes of one server in each round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Away {
    Stays,
    IsDisconnected,
    IsDown,
}

pub(super) fn snapshot_basic(rig: &mut Rig) -> Outcome {
    snapshots(rig, Away::Stays)
}

pub(super) fn snapshot_install(rig: &mut Rig) -> Outcome {
    snapshots(rig, Away::IsDisconnected)
}

pub(super) fn snapshot_install_crash(rig: &mut Rig) -> Outcome {
    snapshots(rig, Away::IsDown)
}

fn snapshots(rig: &mut Rig, away: Away) -> Outcome {
    let all = rig.len();
    rig.one_fresh(all)?;
    let mut leader = rig.check_one_leader()?;
    for round in 0..30 {
        let next = (leader + 1) % all;
        let (victim, sender) = if round % 3 == 1 {
            (leader, next)
        } else {
            (next, leader)
        };
        match away {
            Away::Stays => {}
            Away::IsDisconnected => rig.disconnect(victim),
            Away::IsDown => rig.crash(victim),
        }
        if away != Away::Stays {
            rig.one_fresh(all - 1)?;
        }
        for _ in 0..11 {
            let command = rig.fresh();
            rig.start(sender, command);
        }
        rig.one_fresh(all - 1)?;
        let bytes = rig.raft_state_bytes();
        if bytes >= RAFT_STATE_MAX {
            return Err(rig.failure(format!("raft's state has {bytes} bytes on a disk")));
        }
        if away == Away::IsDown {
            rig.restart(victim);
        }
        if away != Away::Stays {
            rig.connect(victim);
            rig.one_fresh(all)?;
            leader = rig.check_one_leader()?;
        }
    }
    Ok(())
}
