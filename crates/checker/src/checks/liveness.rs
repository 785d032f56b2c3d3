//! R17, liveness: a group that was healed and given time has one leader, equal logs, equal data,
//! no joint phase, and took a fresh write.

use types::id::StoreId;
use types::raft::{LogIndex, LogPosition, Role};

use crate::checks::membership::shown;
use crate::checks::state_machine::AppliedHashes;
use crate::ledger::Ledger;
use crate::replica::Replica;
use crate::violation::{Fault, Invariant, Judgement};

/// Judges the replicas of the healed core; `written` is the index of a write that was asked for
/// after the healing.
pub(crate) fn converged(
    core: &[&Replica],
    written: LogIndex,
    ledger: &Ledger,
    applied: &AppliedHashes,
) -> Judgement {
    let Some(leader) = core.iter().find(|replica| replica.leads()) else {
        return match core.first() {
            Some(replica) => Err(stuck(replica, "nobody leads".to_owned())),
            None => Ok(()),
        };
    };
    left_joint(leader)?;
    for replica in core {
        follows(replica, leader)?;
        equal_log(replica, leader, ledger)?;
        equal_data(replica, leader, applied)?;
        left_joint(replica)?;
    }
    let is_written = leader.commit >= written && ledger.commit() >= written;
    if is_written {
        Ok(())
    } else {
        let message = format!("{written} is not committed, only {}", leader.commit);
        Err(stuck(leader, message))
    }
}

/// A store of the healed core of which nothing was ever told.
pub(crate) fn missing(store: StoreId, other: Option<&Replica>) -> Judgement {
    match other {
        Some(replica) => Err(stuck(replica, format!("{store} never started"))),
        None => Ok(()),
    }
}

fn follows(replica: &Replica, leader: &Replica) -> Judgement {
    let is_same = replica.store == leader.store;
    let follows = replica.role == Role::Follower && replica.leader == Some(leader.peer);
    if replica.term == leader.term && (is_same || follows) {
        return Ok(());
    }
    let message = format!(
        "{} is a {:?} of {}, {} leads {}",
        replica.peer, replica.role, replica.term, leader.peer, leader.term
    );
    Err(stuck(replica, message))
}

fn equal_log(replica: &Replica, leader: &Replica, ledger: &Ledger) -> Judgement {
    let ends = |replica: &Replica| (replica.log.last(), replica.commit);
    let (own, leaders) = (ends(replica), ends(leader));
    if own != leaders {
        let message = format!(
            "{} has a log up to {} and committed {}, {} has {} and {}",
            replica.peer, own.0, own.1, leader.peer, leaders.0, leaders.1
        );
        return Err(stuck(replica, message));
    }
    let LogPosition { index, .. } = own.0;
    // Equal ends have equal prefixes (R3), as long as somebody told the hash of one.
    if index > LogIndex::ZERO && own.1 == index && ledger.prefix_hash(own.0) == 0 {
        return Err(stuck(
            replica,
            format!("nobody told the hash of the log up to {}", own.0),
        ));
    }
    Ok(())
}

fn equal_data(replica: &Replica, leader: &Replica, applied: &AppliedHashes) -> Judgement {
    let (own, leaders) = (replica.applied, leader.applied);
    if own != leader.commit || own != leaders {
        let message = format!(
            "{} applied {own}, {} applied {leaders}, committed is {}",
            replica.peer, leader.peer, leader.commit
        );
        return Err(stuck(replica, message));
    }
    // Equal indexes have equal data (R5), as long as somebody told the hash at this one.
    if own > LogIndex::ZERO && !applied.is_told(own) {
        return Err(stuck(
            replica,
            format!("nobody told the hash of the data at {own}"),
        ));
    }
    Ok(())
}

/// The joint phase is left eventually (R13).
fn left_joint(replica: &Replica) -> Judgement {
    match replica.seat.membership() {
        Some(membership) if membership.is_joint() => {
            let message = format!("{} is still joint: {}", replica.peer, shown(membership));
            Err(replica.fault(Invariant::Membership, replica.commit, message))
        }
        _ => Ok(()),
    }
}

fn stuck(replica: &Replica, message: String) -> Fault {
    replica.fault(Invariant::Liveness, replica.commit, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::ConvergenceInput;
    use crate::stage::{Outcome, REGION, Stage, broken, voters};
    use types::raft::{ConfState, EntryKind};

    fn judge(stage: &Stage, written: u64) -> Outcome {
        let stores = [1, 2, 3].map(StoreId::new);
        let input = ConvergenceInput {
            region: REGION,
            stores: &stores,
            written: LogIndex::new(written),
        };
        stage.checker.converged(stage.moment(), &input)
    }

    #[test]
    fn a_group_that_came_together_is_fine() {
        let mut stage = Stage::settled();
        judge(&stage, 3).expect("it did");
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.elect(2, 2, &[3]);
        stage.hear(1, 2, 2);
        let written = stage.write(2, &[1, 3], EntryKind::NoOp);
        judge(&stage, written).expect("it did again");
    }

    #[test]
    fn a_group_that_nobody_leads_is_found() {
        let mut stage = Stage::settled();
        stage.restart(1);
        assert_eq!(broken(judge(&stage, 3)), Invariant::Liveness);
    }

    #[test]
    fn a_peer_that_follows_another_is_found() {
        let mut stage = Stage::settled();
        stage.hear(3, 2, 1);
        assert_eq!(broken(judge(&stage, 3)), Invariant::Liveness);
        let mut stage = Stage::settled();
        stage.enter_term(3, 2);
        assert_eq!(broken(judge(&stage, 3)), Invariant::Liveness);
    }

    #[test]
    fn logs_that_are_not_equal_are_found() {
        let mut stage = Stage::settled();
        stage.write(1, &[2], EntryKind::Normal);
        let violation = judge(&stage, 4).expect_err("3 lags");
        assert_eq!(violation.invariant, Invariant::Liveness);
        assert!(
            violation.message.contains("P3 has a log up to 3@T1"),
            "{violation}"
        );
    }

    #[test]
    fn data_that_is_not_applied_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        for other in [2, 3] {
            stage.replicate(1, other);
        }
        stage.commit(1);
        stage.apply(1);
        for other in [2, 3] {
            stage.follow(other, 4);
        }
        stage.apply(2);
        assert_eq!(broken(judge(&stage, 4)), Invariant::Liveness);
        stage.apply(3);
        judge(&stage, 4).expect("now it is");
    }

    #[test]
    fn a_write_that_did_not_commit_is_found() {
        let stage = Stage::settled();
        assert_eq!(broken(judge(&stage, 4)), Invariant::Liveness);
    }

    #[test]
    fn a_follower_of_a_leader_that_was_elected_again_need_not_tell_it() {
        let mut stage = Stage::settled();
        stage.campaign(1, 2);
        stage.grant(2, 1, 2);
        stage.win(1, 2);
        let written = stage.append(1, EntryKind::NoOp);
        stage.persist(1);
        stage.enter_term(3, 2);
        for other in [2, 3] {
            stage.replicate(1, other);
        }
        stage.commit(1);
        stage.apply(1);
        for other in [2, 3] {
            stage.follow(other, written);
            stage.apply(other);
        }
        judge(&stage, written).expect("all of them follow 1, as before");
    }

    #[test]
    fn data_of_which_nobody_told_the_hash_is_found() {
        let mut stage = Stage::of(1);
        stage.elect(1, 1, &[]);
        stage.append(1, EntryKind::NoOp);
        stage.persist(1);
        stage.commit(1);
        stage.actor(1).applied = 1;
        let stores = [StoreId::new(1)];
        let input = ConvergenceInput {
            region: REGION,
            stores: &stores,
            written: LogIndex::new(1),
        };
        let judge = |stage: &Stage| stage.checker.converged(stage.moment(), &input);
        assert_eq!(broken(judge(&stage)), Invariant::Liveness);
        stage.apply(1);
        judge(&stage).expect("now it was told");
    }

    #[test]
    fn a_store_that_never_came_up_is_found() {
        let stage = Stage::settled();
        let stores = [1, 2, 3, 4].map(StoreId::new);
        let input = ConvergenceInput {
            region: REGION,
            stores: &stores,
            written: LogIndex::new(3),
        };
        let outcome = stage.checker.converged(stage.moment(), &input);
        assert_eq!(broken(outcome), Invariant::Liveness);
    }

    #[test]
    fn a_joint_phase_that_is_never_left_is_found() {
        let mut stage = Stage::settled();
        let joint = ConfState {
            outgoing: voters(&[1, 2, 3]).voters,
            ..voters(&[1, 2])
        };
        stage.change(1, &[2, 3], &joint);
        assert_eq!(broken(judge(&stage, 4)), Invariant::Membership);
        stage.change(1, &[2, 3], &voters(&[1, 2]));
        judge(&stage, 5).expect("it was left");
    }
}
