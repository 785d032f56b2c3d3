//! What a message must be. Everything is checked before anything changes.

use types::id::PeerId;
use types::raft::{
    AppendResult, Entry, LogIndex, LogPosition, Message, MessageBody, MessageKind, Snapshot, Term,
};

use crate::config::fits;
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
        if message.term == Term::ZERO || !numbers_fit(message) {
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
                let positions = entries.iter().map(|entry| (entry.index, entry.term));
                self.check_committed(
                    from,
                    std::iter::once((prev.index, prev.term)).chain(positions),
                )
            }
            MessageBody::PreVote { commit, .. }
            | MessageBody::PreVoteResponse { commit, .. }
            | MessageBody::RequestVote { commit, .. }
            | MessageBody::RequestVoteResponse { commit, .. } => {
                self.check_committed(from, std::iter::once((commit.index, commit.term)))
            }
            MessageBody::Snapshot { snapshot } => {
                let end = (snapshot.last.index, snapshot.last.term);
                self.check_committed(from, std::iter::once(end))
            }
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
    fn check_committed(
        &self,
        from: PeerId,
        positions: impl Iterator<Item = (LogIndex, Term)>,
    ) -> Result<(), StepError> {
        let commit = self.hard_state.commit;
        for (index, theirs) in positions.take_while(|(index, _)| *index <= commit) {
            match self.log.term(index) {
                Some(ours) if ours != theirs => {
                    return Err(StepError::CommittedOverwritten {
                        from,
                        index,
                        theirs,
                        ours,
                        commit,
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether only a leader says this.
pub(crate) fn is_leaders(kind: MessageKind) -> bool {
    matches!(
        kind,
        MessageKind::Append | MessageKind::Heartbeat | MessageKind::Snapshot
    )
}

fn numbers_fit(message: &Message) -> bool {
    let nothing = (LogPosition::default(), LogIndex::ZERO);
    let (position, index) = match &message.body {
        MessageBody::PreVote { last, commit } | MessageBody::RequestVote { last, commit, .. } => {
            (*last, commit.index)
        }
        MessageBody::PreVoteResponse { commit, .. }
        | MessageBody::RequestVoteResponse { commit, .. } => (*commit, LogIndex::ZERO),
        MessageBody::Append {
            prev,
            entries,
            commit,
        } => {
            let end = entries
                .last()
                .map_or(*commit, |last| last.index.max(*commit));
            (*prev, end)
        }
        MessageBody::AppendResponse { result } => match result {
            AppendResult::Matched { index } => (LogPosition::default(), *index),
            AppendResult::Rejected { refused, hint } => (*hint, *refused),
            AppendResult::Stale => nothing,
        },
        MessageBody::Heartbeat { commit, .. } => (LogPosition::default(), *commit),
        MessageBody::HeartbeatResponse { commit, last, .. } => {
            (LogPosition::default(), (*commit).max(*last))
        }
        MessageBody::Snapshot { snapshot } => (snapshot.last, LogIndex::ZERO),
        MessageBody::ReadIndexResponse { index, .. } => (LogPosition::default(), *index),
        MessageBody::TimeoutNow
        | MessageBody::TransferLeader { .. }
        | MessageBody::ReadIndex { .. } => nothing,
    };
    fits(message.term, index)
        && fits(position.term, position.index)
        && round_of(message) < ROUND_MAX
}

/// The largest round of heartbeats that is taken from outside.
const ROUND_MAX: u64 = crate::config::OUTSIDE_MAX;

fn round_of(message: &Message) -> u64 {
    match message.body {
        MessageBody::Heartbeat { round, .. } | MessageBody::HeartbeatResponse { round, .. } => {
            round
        }
        _ => 0,
    }
}

fn check_entries(message: &Message, prev: LogPosition, entries: &[Entry]) -> Result<(), StepError> {
    let mut before = prev;
    for entry in entries {
        let after = LogPosition {
            index: entry.index,
            term: entry.term,
        };
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
