//! The last things that a group did, kept small.

use std::collections::VecDeque;

use types::raft::{
    AppendResult, LogIndex, LogPosition, Message, MessageBody, RaftFact, VoteVerdict,
};
use types::view::FactBody;

pub use types::verdict::{Seen, TraceStep};

use crate::observation::{DiskChange, Observation};

/// How many steps are kept for each group.
const STEPS_KEPT: usize = 200;

/// The brief of an observation; `None` for what would only crowd others out.
pub(crate) fn brief(observation: &Observation<'_>) -> Option<Seen> {
    match observation {
        Observation::Fact(fact) => of_fact(&fact.body),
        Observation::Disk(change) => Some(of_disk(change)),
        Observation::Sent(message) => message.body.raft().map(of_message),
        Observation::Progress(_) => None,
        Observation::Down => Some(Seen::Down),
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
    use types::{id::StoreId, verdict::Moment};

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
}
