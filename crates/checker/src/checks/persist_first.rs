//! R12, persist before promise: no vote, no request for one, and no acceptance of entries or of a
//! snapshot leaves a store before its own disk holds the term, the vote and the entries; and no
//! own vote or own match counts before (paper, figure 2: "updated on stable storage before
//! responding to RPCs").
//!
//! Judged on what left the outbox and on what the disk held at that moment. What claims nothing is
//! free: questions before a vote, refusals, heartbeats and their answers, a leader's appends and
//! snapshots, reads.
//!
//! A promise may leave when its term is past on the disk already. A vote of a past term, or the
//! request for one, can no longer be broken or used by a later life, so nothing more is asked of
//! it. An acceptance of a past term still counts for a leader that has not heard of the later one,
//! so it must be true of the disk as it is when it leaves.

use types::id::PeerId;
use types::raft::{AppendResult, LogIndex, LogPosition, Message, MessageBody, Role, Term};

use crate::replica::Replica;
use crate::violation::{Fault, Invariant, Judgement, fault};

/// A candidate counted its own vote.
pub(crate) fn own_vote(replica: &Replica) -> Judgement {
    let durable = replica.disk.hard_state;
    if durable.term == replica.term && durable.vote == Some(replica.peer) {
        return Ok(());
    }
    let what = format!("counted its own vote in {}", replica.term);
    Err(early(replica, replica.term, LogIndex::ZERO, &what))
}

/// A candidate became leader.
pub(crate) fn elected(replica: &Replica, term: Term) -> Judgement {
    if replica.disk.hard_state.term == term {
        return Ok(());
    }
    let what = format!("became leader of {term}");
    Err(early(replica, term, LogIndex::ZERO, &what))
}

/// A core believes its log durable up to `to`.
pub(crate) fn believed_durable(replica: &Replica, to: LogIndex) -> Judgement {
    own_log(replica, to, "took its log for durable")
}

/// A leader counted `matched` for a commit, itself among them.
pub(crate) fn own_match(replica: &Replica, matched: &[(PeerId, LogIndex)]) -> Judgement {
    match matched.iter().find(|(peer, _)| *peer == replica.peer) {
        Some((_, index)) => own_log(replica, *index, "counted its own log"),
        None => Ok(()),
    }
}

/// A message left; `leader` is the peer that leads in its term by its own facts.
pub(crate) fn sent(replica: &Replica, message: &Message, leader: Option<&Replica>) -> Judgement {
    match &message.body {
        MessageBody::RequestVote { last, .. } => vote_request(replica, message.term, *last),
        MessageBody::RequestVoteResponse { granted: true, .. } => {
            let what = format!("gave {} its vote in {}", message.to, message.term);
            vote(replica, message.term, message.to, &what)
        }
        MessageBody::AppendResponse {
            result: AppendResult::Matched { index },
        } => acceptance(replica, message.term, *index, leader),
        _ => Ok(()),
    }
}

/// A request stands for the vote for itself and, while the candidacy lasts, for the log that it
/// claims. After the candidacy the log may grow, and no grant counts any more.
fn vote_request(replica: &Replica, term: Term, last: LogPosition) -> Judgement {
    let what = format!("asked for votes in {term}");
    vote(replica, term, replica.peer, &what)?;
    let is_candidate = replica.role == Role::Candidate && replica.term == term;
    if is_candidate && replica.disk.log.last() != last {
        let what = format!("claimed a log up to {last}");
        return Err(early(replica, term, last.index, &what));
    }
    Ok(())
}

fn vote(replica: &Replica, term: Term, candidate: PeerId, what: &str) -> Judgement {
    let durable = replica.disk.hard_state;
    if durable.term > term || durable.term == term && durable.vote == Some(candidate) {
        return Ok(());
    }
    Err(early(replica, term, LogIndex::ZERO, what))
}

fn acceptance(
    replica: &Replica,
    term: Term,
    index: LogIndex,
    leader: Option<&Replica>,
) -> Judgement {
    let disk = &replica.disk;
    let what = format!("accepted the log up to {index} in {term}");
    if disk.hard_state.term < term || !disk.log.covers(index) {
        return Err(early(replica, term, index, &what));
    }
    let Some(leader) = leader else {
        return Ok(());
    };
    // A leader's log only grows in its term, so what it holds now is what it sent.
    match leader.log.term(index) {
        Some(theirs)
            if !disk.log.holds(LogPosition {
                index,
                term: theirs,
            }) =>
        {
            let what = format!("{what}, where the leader has an entry of {theirs}");
            Err(early(replica, term, index, &what))
        }
        None if index > leader.log.last_index() => {
            let what = format!("{what}, whose leader's log ends at {}", leader.log.last());
            Err(early(replica, term, index, &what))
        }
        _ => Ok(()),
    }
}

fn own_log(replica: &Replica, to: LogIndex, what: &str) -> Judgement {
    let disk = &replica.disk.log;
    let is_durable = match replica.log.term(to) {
        Some(term) => disk.holds(LogPosition { index: to, term }),
        None => disk.covers(to),
    };
    if is_durable {
        return Ok(());
    }
    let what = format!("{what} up to {to}");
    Err(early(replica, replica.term, to, &what))
}

fn early(replica: &Replica, term: Term, index: LogIndex, what: &str) -> Fault {
    let disk = &replica.disk;
    let vote = disk
        .hard_state
        .vote
        .map_or("none".to_owned(), |peer| peer.to_string());
    let message = format!(
        "{} {what}; its disk holds {}, vote {vote}, log up to {}",
        replica.peer,
        disk.hard_state.term,
        disk.log.last()
    );
    fault(Invariant::PersistBeforePromise, term, index, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{DiskChange, LogChange};
    use crate::stage::{Stage, at, broken, index, peer, term};
    use types::raft::{CommitEvidence, EntryKind, HardState, RaftFact, Snapshot};

    const BROKEN: Invariant = Invariant::PersistBeforePromise;

    fn request(last: LogPosition) -> MessageBody {
        MessageBody::RequestVote {
            last,
            transfer: false,
            commit: LogPosition::default(),
        }
    }

    #[test]
    fn what_claims_nothing_may_leave_at_any_time() {
        let mut stage = Stage::of(3);
        stage.enter_term(1, 7);
        let (last, commit) = (at(9, 6), at(3, 6));
        let result = AppendResult::Rejected {
            refused: index(9),
            hint: last,
        };
        let free = [
            MessageBody::PreVote { last, commit },
            MessageBody::PreVoteResponse {
                granted: true,
                commit,
            },
            MessageBody::RequestVoteResponse {
                granted: false,
                commit,
            },
            MessageBody::AppendResponse { result },
            MessageBody::Heartbeat {
                commit: index(0),
                round: 0,
            },
        ];
        for body in free {
            stage.sent(1, 2, 7, body).expect("it claims nothing");
        }
    }

    #[test]
    fn a_vote_that_leaves_before_it_is_durable_is_found() {
        let mut stage = Stage::of(3);
        stage.campaign(1, 1);
        stage.enter_term(2, 1);
        stage.voted(2, 1, 1).expect("in memory");
        assert_eq!(broken(stage.clone().granted(2, 1, 1)), BROKEN);
        stage.persist(2);
        let violation = stage
            .granted(2, 1, 1)
            .expect_err("only the term is durable");
        assert_eq!(violation.invariant, BROKEN);
        assert!(
            violation.message.contains("its disk holds T1, vote none"),
            "{violation}"
        );
    }

    #[test]
    fn a_vote_for_another_than_the_disk_names_is_found() {
        let mut stage = Stage::of(3);
        stage.campaign(1, 1);
        stage.grant(2, 1, 1);
        assert_eq!(broken(stage.granted(2, 3, 1)), BROKEN);
    }

    #[test]
    fn a_vote_of_a_term_that_the_disk_has_left_binds_all_the_same() {
        let mut stage = Stage::of(3);
        stage.campaign(1, 1);
        stage.grant(2, 1, 1);
        stage.enter_term(2, 2);
        stage.persist(2);
        stage.granted(2, 1, 1).expect("it can no longer be broken");
        stage
            .sent(1, 3, 1, request(at(0, 0)))
            .expect("still a candidate");
    }

    #[test]
    fn a_request_that_leaves_before_term_and_vote_are_durable_is_found() {
        let mut stage = Stage::of(3);
        stage.enter_term(1, 1);
        stage.role(1, Role::Candidate, 1).expect("in memory");
        assert_eq!(broken(stage.sent(1, 2, 1, request(at(0, 0)))), BROKEN);
    }

    #[test]
    fn a_request_that_claims_a_log_that_is_not_durable_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.copy(1, 2);
        stage.enter_term(2, 2);
        stage.role(2, Role::Candidate, 2).expect("in memory");
        stage.actor(2).hard_state.vote = Some(peer(2));
        let hard_state = Some(HardState {
            term: term(2),
            vote: Some(peer(2)),
            commit: index(3),
        });
        let change = DiskChange {
            hard_state,
            ..DiskChange::default()
        };
        stage.disk(2, change).expect("term and vote alone");
        assert_eq!(
            broken(stage.clone().sent(2, 3, 2, request(at(4, 1)))),
            BROKEN
        );
        stage.persist(2);
        stage.sent(2, 3, 2, request(at(4, 1))).expect("now it is");
    }

    #[test]
    fn an_own_vote_that_counts_before_it_is_durable_is_found() {
        let mut stage = Stage::of(1);
        stage.enter_term(1, 1);
        stage.role(1, Role::Candidate, 1).expect("in memory");
        assert_eq!(broken(stage.clone().vote_counted(1, 1)), BROKEN);
        assert_eq!(broken(stage.role(1, Role::Leader, 1)), BROKEN);
    }

    #[test]
    fn an_acceptance_that_leaves_before_entries_or_term_are_durable_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.copy(1, 2);
        assert_eq!(broken(stage.accepted(2, 1, 1, 4)), BROKEN);
        let mut stage = Stage::settled();
        stage.elect(3, 2, &[1]);
        stage.enter_term(2, 2);
        assert_eq!(broken(stage.accepted(2, 3, 2, 3)), BROKEN);
        stage.persist(2);
        stage
            .accepted(2, 3, 2, 3)
            .expect("the entries were there before");
    }

    #[test]
    fn an_acceptance_of_entries_that_the_leader_has_not_is_found() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.elect(2, 2, &[3]);
        stage.hear(1, 2, 2);
        stage.persist(1);
        assert_eq!(
            broken(stage.clone().accepted(1, 2, 2, 4)),
            BROKEN,
            "its own tail"
        );
        stage.append(2, EntryKind::NoOp);
        assert_eq!(broken(stage.accepted(1, 2, 2, 4)), BROKEN, "another entry");
    }

    #[test]
    fn an_acceptance_of_an_earlier_term_must_still_be_true() {
        let mut stage = Stage::settled();
        stage.append(1, EntryKind::Normal);
        stage.persist(1);
        stage.replicate(1, 2);
        stage.enter_term(2, 2);
        stage.persist(2);
        stage.accepted(2, 1, 1, 4).expect("true, if late");
        let change = DiskChange {
            log: Some(LogChange {
                from: index(4),
                entries: Vec::new(),
            }),
            ..DiskChange::default()
        };
        stage.disk(2, change).expect("nobody committed it");
        assert_eq!(broken(stage.accepted(2, 1, 1, 4)), BROKEN);
    }

    #[test]
    fn a_late_answer_below_the_truncated_position_is_covered() {
        let mut stage = Stage::settled();
        stage.compact(2);
        stage.accepted(2, 1, 1, 2).expect("applied and gone");
    }

    #[test]
    fn a_snapshot_that_is_accepted_before_it_is_durable_is_found() {
        let mut stage = Stage::settled();
        stage.start(4).expect("a new peer");
        stage.hear(4, 1, 1);
        stage.persist(4);
        let snapshot = Snapshot {
            last: at(3, 1),
            conf_state: stage.conf.clone(),
            prefix_hash: stage.hash(1, 3),
            ..Snapshot::default()
        };
        let (last, prefix_hash) = (snapshot.last, snapshot.prefix_hash);
        stage
            .sent(
                1,
                4,
                1,
                MessageBody::Snapshot {
                    snapshot: Box::new(snapshot),
                },
            )
            .expect("it is applied");
        let restored = RaftFact::SnapshotRestored { last, prefix_hash };
        stage.raft(4, restored).expect("in memory");
        assert_eq!(broken(stage.clone().accepted(4, 1, 1, 3)), BROKEN);
        let change = DiskChange {
            truncated: Some(last),
            applied: Some(last.index),
            ..DiskChange::default()
        };
        stage.disk(4, change).expect("it is written");
        stage.accepted(4, 1, 1, 3).expect("now it is");
        assert_eq!(stage.checker.counts().snapshots, 1);
    }

    #[test]
    fn an_own_log_that_counts_before_it_is_durable_is_found() {
        let mut stage = Stage::settled();
        let last = stage.append(1, EntryKind::Normal);
        let to = index(last);
        assert_eq!(
            broken(stage.clone().raft(1, RaftFact::Durable { to })),
            BROKEN
        );
        stage.replicate(1, 2);
        stage.replicate(1, 3);
        let evidence = CommitEvidence::Quorum {
            matched: [1, 2, 3].map(|id| (peer(id), to)).to_vec(),
            term: term(1),
        };
        assert_eq!(broken(stage.committed(1, last, evidence)), BROKEN);
    }
}
