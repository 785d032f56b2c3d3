//! The last things that a group did, kept small.

use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};
use types::id::{PeerId, StoreId};
use types::raft::{
    AppendResult, LogIndex, LogPosition, Message, MessageBody, MessageKind, RaftFact, ReadId, Role,
    Term, VoteVerdict,
};
use types::view::FactBody;

use crate::observation::{DiskChange, Moment, Observation};

/// How many steps are kept for each group.
const STEPS_KEPT: usize = 200;

/// One thing that was seen, in brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// When.
    pub moment: Moment,
    /// Of which store.
    pub store: StoreId,
    /// What.
    pub seen: Seen,
}

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.moment, self.store, self.seen)
    }
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// It started with a log that ends here, in this term.
    Started(Term, LogPosition),
    /// Its process ended.
    Down,
    /// It entered a term.
    Term(Term),
    /// It took a role in a term.
    Role(Role, Term),
    /// It gave its vote in a term.
    Voted(PeerId, Term),
    /// It refused a vote in a term.
    Refused(PeerId, Term),
    /// It counted a vote: whose, and whether it is a yes.
    Counted(PeerId, bool),
    /// Its log grew up to here.
    Appended(LogPosition),
    /// Its log lost everything from here on.
    Truncated(LogIndex),
    /// It believes its log durable up to here.
    Durable(LogIndex),
    /// It committed up to here.
    Committed(LogIndex),
    /// It applied up to here.
    Applied(LogIndex),
    /// Its applied data reached its disk up to here.
    Flushed(LogIndex),
    /// It learned how far a follower matches, and what to send next.
    Progressed(PeerId, LogIndex, LogIndex),
    /// A membership came into force: so many voters, and whether it is joint.
    Membership(u32, bool),
    /// It made a snapshot for a follower.
    SnapshotMade(PeerId, LogPosition),
    /// A snapshot took the place of its log.
    SnapshotRestored(LogPosition),
    /// It dropped the beginning of its log.
    Compacted(LogPosition),
    /// It set out to hand its leadership over.
    TransferStarted(PeerId),
    /// That came to its end.
    TransferEnded(PeerId),
    /// It took a read in.
    ReadAsked(PeerId, ReadId),
    /// It answered a read.
    ReadConfirmed(PeerId, ReadId, LogIndex),
    /// Its disk holds a term, a vote and a log up to here.
    Disk(Option<Term>, Option<PeerId>, Option<LogIndex>),
    /// A message left: its kind, receiver, term, and the index that it is about.
    Sent(MessageKind, PeerId, Term, LogIndex),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(term, last) => write!(f, "started in {term} with a log up to {last}"),
            Self::Down => f.write_str("went down"),
            Self::Term(term) => write!(f, "entered {term}"),
            Self::Role(role, term) => write!(f, "became {role:?} in {term}"),
            Self::Voted(peer, term) => write!(f, "voted for {peer} in {term}"),
            Self::Refused(peer, term) => write!(f, "refused {peer} its vote in {term}"),
            Self::Counted(peer, true) => write!(f, "counted a yes of {peer}"),
            Self::Counted(peer, false) => write!(f, "counted a no of {peer}"),
            Self::Appended(last) => write!(f, "appended up to {last}"),
            Self::Truncated(from) => write!(f, "cut its log from {from} on"),
            Self::Durable(to) => write!(f, "holds its log durable up to {to}"),
            Self::Committed(to) => write!(f, "committed up to {to}"),
            Self::Applied(to) => write!(f, "applied up to {to}"),
            Self::Flushed(to) => write!(f, "flushed up to {to}"),
            Self::Progressed(peer, matched, next) => {
                write!(f, "knows {peer} to match up to {matched}, next {next}")
            }
            Self::Membership(voters, false) => write!(f, "has {voters} voters"),
            Self::Membership(voters, true) => write!(f, "has {voters} voters, jointly"),
            Self::SnapshotMade(peer, last) => write!(f, "made a snapshot {last} for {peer}"),
            Self::SnapshotRestored(last) => write!(f, "restored a snapshot {last}"),
            Self::Compacted(to) => write!(f, "dropped its log up to {to}"),
            Self::TransferStarted(to) => write!(f, "hands its leadership to {to}"),
            Self::TransferEnded(to) => write!(f, "ended the handing over to {to}"),
            Self::ReadAsked(from, id) => write!(f, "took in read {} of {from}", id.0),
            Self::ReadConfirmed(from, id, index) => {
                write!(f, "answered read {} of {from} with {index}", id.0)
            }
            Self::Disk(term, vote, last) => disk(f, *term, *vote, *last),
            Self::Sent(kind, to, term, index) => {
                write!(f, "sent {kind:?} to {to} in {term}, index {index}")
            }
        }
    }
}

fn disk(
    f: &mut fmt::Formatter<'_>,
    term: Option<Term>,
    vote: Option<PeerId>,
    last: Option<LogIndex>,
) -> fmt::Result {
    f.write_str("wrote to its disk:")?;
    if let Some(term) = term {
        write!(f, " {term}")?;
    }
    if let Some(vote) = vote {
        write!(f, " vote {vote}")?;
    }
    match last {
        Some(last) => write!(f, " log up to {last}"),
        None => Ok(()),
    }
}

impl Seen {
    /// The brief of an observation; `None` for what would only crowd others out.
    pub(crate) fn of(observation: &Observation<'_>) -> Option<Self> {
        match observation {
            Observation::Fact(fact) => of_fact(&fact.body),
            Observation::Disk(change) => Some(of_disk(change)),
            Observation::Sent(message) => Some(of_message(&message.message)),
            Observation::Progress(_) => None,
            Observation::Down => Some(Self::Down),
        }
    }
}

fn of_disk(change: &DiskChange) -> Seen {
    let written = change.log.as_ref().map(|log| match log.entries.last() {
        Some(entry) => entry.index,
        None => log.from.prev(),
    });
    Seen::Disk(
        change.hard_state.map(|state| state.term),
        change.hard_state.and_then(|state| state.vote),
        written.or(change.truncated.map(|truncated| truncated.index)),
    )
}

fn of_message(message: &Message) -> Seen {
    let index = match &message.body {
        MessageBody::PreVote { last, .. } | MessageBody::RequestVote { last, .. } => last.index,
        MessageBody::Append { prev, entries, .. } => prev.index.plus(entries.len() as u64),
        MessageBody::AppendResponse { result } => match result {
            AppendResult::Matched { index } => *index,
            AppendResult::Rejected { refused, .. } => *refused,
            AppendResult::Stale => LogIndex::ZERO,
        },
        MessageBody::Heartbeat { commit, .. } | MessageBody::HeartbeatResponse { commit, .. } => {
            *commit
        }
        MessageBody::Snapshot { snapshot } => snapshot.last.index,
        MessageBody::ReadIndexResponse { index, .. } => *index,
        MessageBody::PreVoteResponse { .. }
        | MessageBody::RequestVoteResponse { .. }
        | MessageBody::TimeoutNow
        | MessageBody::TransferLeader { .. }
        | MessageBody::ReadIndex { .. } => LogIndex::ZERO,
    };
    Seen::Sent(message.body.kind(), message.to, message.term, index)
}

fn of_fact(body: &FactBody) -> Option<Seen> {
    let seen = match body {
        FactBody::Started {
            hard_state,
            truncated,
            entries,
            ..
        } => {
            let last = entries.last().map_or(*truncated, |entry| LogPosition {
                index: entry.index,
                term: entry.term,
            });
            Seen::Started(hard_state.term, last)
        }
        FactBody::Raft(fact) => return of_raft(fact),
        FactBody::Applied { to, .. } => Seen::Applied(*to),
        FactBody::Flushed { to } => Seen::Flushed(*to),
        _ => return None,
    };
    Some(seen)
}

fn of_raft(fact: &RaftFact) -> Option<Seen> {
    Some(match fact {
        RaftFact::TermChanged { to, .. } => Seen::Term(*to),
        RaftFact::RoleChanged { role, term, .. } => Seen::Role(*role, *term),
        RaftFact::VoteDecided { pre_vote: true, .. } => return None,
        RaftFact::VoteDecided {
            candidate,
            term,
            verdict,
            ..
        } => match verdict {
            VoteVerdict::Granted => Seen::Voted(*candidate, *term),
            _ => Seen::Refused(*candidate, *term),
        },
        RaftFact::VoteCounted { voter, granted, .. } => Seen::Counted(*voter, *granted),
        RaftFact::Appended { entries, .. } => {
            let last = entries.last()?;
            Seen::Appended(LogPosition {
                index: last.index,
                term: last.term,
            })
        }
        RaftFact::Truncated { from } => Seen::Truncated(*from),
        RaftFact::Durable { to } => Seen::Durable(*to),
        RaftFact::Committed { to, .. } => Seen::Committed(*to),
        RaftFact::Progressed {
            peer,
            matched,
            next,
            ..
        } => Seen::Progressed(*peer, *matched, *next),
        RaftFact::ConfChanged { conf_state } => {
            let voters = u32::try_from(conf_state.voters.len()).unwrap_or(u32::MAX);
            Seen::Membership(voters, conf_state.is_joint())
        }
        RaftFact::SnapshotSent { to, last } => Seen::SnapshotMade(*to, *last),
        RaftFact::SnapshotRestored { last, .. } => Seen::SnapshotRestored(*last),
        RaftFact::Compacted { to } => Seen::Compacted(*to),
        RaftFact::TransferStarted { to } => Seen::TransferStarted(*to),
        RaftFact::TransferEnded { to, .. } => Seen::TransferEnded(*to),
        RaftFact::ReadAsked { from, id, .. } => Seen::ReadAsked(*from, *id),
        RaftFact::ReadConfirmed {
            from, id, index, ..
        } => Seen::ReadConfirmed(*from, *id, *index),
    })
}

/// A ring of steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    steps: VecDeque<TraceStep>,
}

impl Trace {
    pub(crate) fn push(&mut self, step: TraceStep) {
        if self.steps.len() == STEPS_KEPT {
            self.steps.pop_front();
        }
        self.steps.push_back(step);
    }

    pub(crate) fn steps(&self) -> Vec<TraceStep> {
        self.steps.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_steps_are_kept() {
        let mut trace = Trace::default();
        for index in 0..STEPS_KEPT as u64 + 5 {
            trace.push(TraceStep {
                moment: Moment::default(),
                store: StoreId::new(1),
                seen: Seen::Applied(LogIndex::new(index)),
            });
        }
        let steps = trace.steps();
        assert_eq!(steps.len(), STEPS_KEPT);
        assert_eq!(steps[0].seen, Seen::Applied(LogIndex::new(5)));
    }

    #[test]
    fn a_step_prints_as_one_line() {
        let step = TraceStep {
            moment: Moment::default(),
            store: StoreId::new(3),
            seen: Seen::Disk(Some(Term::new(2)), Some(PeerId::new(1)), None),
        };
        assert_eq!(
            step.to_string(),
            "event 0.0 at 0 us S3 wrote to its disk: T2 vote P1"
        );
    }
}
