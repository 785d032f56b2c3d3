//! What a message must be. Everything is checked before anything changes.

use types::id::PeerId;
use types::raft::{
    AppendResult, Entry, LogIndex, LogPosition, Message, MessageBody, MessageKind, Snapshot, Term,
};

use crate::config::OUTSIDE_MAX;
use crate::error::StepError;
use crate::membership::Membership;
use crate::oversight::Oversight;
use crate::peer::Peer;

impl<O: Oversight> Peer<O> {
    // What a message must be, whoever sent it.

    pub(crate) fn check_form(&self, message: &Message) -> Result<(), StepError> {
        let (from, kind) = (message.from, message.body.kind());
        if message.to != self.id || from == self.id || from == PeerId::ZERO {
            return Err(StepError::NotForMe {
                id: self.id,
                from,
                to: message.to,
            });
        }
        if kind.is_response() && !self.membership.contains(from) {
            return Err(StepError::UnknownPeer { from, kind });
        }
        if message.term == Term::ZERO || largest(message) > OUTSIDE_MAX {
            return Err(StepError::OutOfRange { from, kind });
        }
        match &message.body {
            MessageBody::Append { prev, entries, .. } => check_entries(message, *prev, entries),
            MessageBody::Snapshot { snapshot } => self.check_snapshot(message, snapshot),
            _ => Ok(()),
        }
    }

    fn check_snapshot(&self, message: &Message, snapshot: &Snapshot) -> Result<(), StepError> {
        let (from, term, last) = (message.from, message.term, snapshot.last);
        if last.term > term || last.term == Term::ZERO || last.index == LogIndex::ZERO {
            return Err(StepError::ImpossibleSnapshot { from, term, last });
        }
        let membership = Membership::new(snapshot.conf_state.clone())
            .map_err(|error| StepError::BadSnapshot { from, error })?;
        if membership.contains(self.id) {
            Ok(())
        } else {
            Err(StepError::NotInSnapshot { from, last })
        }
    }

    // What a message of this term or a later one may say, given the own log.

    pub(crate) fn check_content(&self, message: &Message) -> Result<(), StepError> {
        let (from, term) = (message.from, message.term);
        let leads_it = self.leads() && term == self.term();
        if leads_it && is_leaders(message.body.kind()) {
            return Err(StepError::RivalLeader { from, term });
        }
        let last = self.log.last_index();
        match &message.body {
            MessageBody::Append { prev, entries, .. } => {
                self.check_committed(from, *prev)?;
                let commit = self.hard_state.commit;
                let committed = entries.iter().take_while(|entry| entry.index <= commit);
                let mut positions = committed.map(Entry::position);
                positions.try_for_each(|position| self.check_committed(from, position))
            }
            MessageBody::PreVote { commit, .. }
            | MessageBody::PreVoteResponse { commit, .. }
            | MessageBody::RequestVote { commit, .. }
            | MessageBody::RequestVoteResponse { commit, .. } => {
                self.check_committed(from, *commit)
            }
            MessageBody::Snapshot { snapshot } => self.check_committed(from, snapshot.last),
            MessageBody::Heartbeat { commit, .. } if *commit > last => {
                Err(StepError::CommitBeyondLog {
                    from,
                    commit: *commit,
                    last,
                })
            }
            MessageBody::AppendResponse {
                result: AppendResult::Matched { index },
            } if leads_it && *index > last => Err(StepError::MatchBeyondLog {
                from,
                index: *index,
                last,
            }),
            _ => Ok(()),
        }
    }

    /// Nothing committed may be contradicted (paper, section 5.4, State Machine Safety).
    fn check_committed(&self, from: PeerId, theirs: LogPosition) -> Result<(), StepError> {
        let (index, commit) = (theirs.index, self.hard_state.commit);
        match self.log.term(index) {
            Some(ours) if index <= commit && ours != theirs.term => {
                Err(StepError::CommittedOverwritten {
                    from,
                    index,
                    theirs: theirs.term,
                    ours,
                    commit,
                })
            }
            _ => Ok(()),
        }
    }
}

/// Whether only a leader says this.
pub(crate) fn is_leaders(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::Append | MessageKind::Heartbeat | MessageKind::Snapshot
    )
}

/// The largest of the numbers that are counted on from.
fn largest(message: &Message) -> u64 {
    let larger = |at: LogPosition| at.index.get().max(at.term.get());
    let said = match &message.body {
        MessageBody::PreVote { last, commit } | MessageBody::RequestVote { last, commit, .. } => {
            larger(*last).max(commit.index.get())
        }
        MessageBody::PreVoteResponse { commit, .. }
        | MessageBody::RequestVoteResponse { commit, .. } => larger(*commit),
        MessageBody::Append {
            prev,
            entries,
            commit,
        } => {
            let end = entries.last().map_or(0, |last| last.index.get());
            larger(*prev).max(commit.get()).max(end)
        }
        MessageBody::AppendResponse { result } => match result {
            AppendResult::Matched { index } => index.get(),
            AppendResult::Rejected { refused, hint } => larger(*hint).max(refused.get()),
            AppendResult::Stale => 0,
        },
        MessageBody::Heartbeat { commit, round } => commit.get().max(behind(*round)),
        MessageBody::HeartbeatResponse {
            commit,
            last,
            round,
        } => commit.get().max(last.get()).max(behind(*round)),
        MessageBody::Snapshot { snapshot } => larger(snapshot.last),
        MessageBody::ReadIndexResponse { index, .. } => index.get(),
        MessageBody::TimeoutNow
        | MessageBody::TransferLeader { .. }
        | MessageBody::ReadIndex { .. } => 0,
    };
    said.max(message.term.get())
}

/// The round of heartbeats behind `round`.
fn behind(round: u64) -> u64 {
    round.saturating_add(1)
}

fn check_entries(message: &Message, prev: LogPosition, entries: &[Entry]) -> Result<(), StepError> {
    let mut before = prev;
    for entry in entries {
        let after = entry.position();
        let follows = before.index.get().checked_add(1) == Some(after.index.get());
        if !follows || after.term < before.term || after.term > message.term {
            return Err(StepError::BrokenEntries {
                from: message.from,
                term: message.term,
                before,
                after,
            });
        }
        before = after;
    }
    Ok(())
}
