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
        MessageBody::RequestVoteResponse { granted: true } => {
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
        Some(theirs) if !disk.log.holds(LogPosition { index, term: theirs }) => {
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
    let vote = disk.hard_state.vote.map_or("none".to_owned(), |peer| peer.to_string());
    let message = format!(
        "{} {what}; its disk holds {}, vote {vote}, log up to {}",
        replica.peer,
        disk.hard_state.term,
        disk.log.last()
    );
    fault(Invariant::PersistBeforePromise, term, index, message)
}
