//! Committed entries take effect, in order, up to a barrier.

use types::{
    io::Stop,
    raft::{Entry, EntryKind, LogPosition, Term},
    store::{CommandResult, Proposal, Reply, ReplyError},
    view::FactBody,
};

use super::{Peer, Turn, read_proposal};
use crate::apply;

impl Peer {
    pub(super) fn apply(&mut self, committed: &[Entry], turn: &mut Turn<'_>) -> Result<(), Stop> {
        for (nth, entry) in committed.iter().enumerate() {
            if self.is_blocked {
                self.waiting.extend(committed[nth..].iter().cloned());
                break;
            }
            self.apply_next(entry, turn)?;
        }
        if !committed.is_empty() && !self.is_blocked {
            self.tell_applied(turn);
        }
        Ok(())
    }

    /// Goes on behind a barrier.
    pub(super) fn apply_waiting(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let before = self.applied;
        while !self.is_blocked
            && let Some(entry) = self.waiting.pop_front()
        {
            self.apply_next(&entry, turn)?;
        }
        if self.applied > before && !self.is_blocked {
            self.tell_applied(turn);
        }
        Ok(())
    }

    /// What is applied reaches raft and the facts. A barrier tells for itself.
    pub(super) fn tell_applied(&mut self, turn: &mut Turn<'_>) {
        self.raft.applied(self.applied);
        let body = FactBody::Applied {
            to: self.applied,
            data_hash: self.data.hash(),
        };
        turn.fact(self.region.id, body);
    }

    fn apply_next(&mut self, entry: &Entry, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let expected = self.applied.next();
        if entry.index != expected {
            return Err(Stop::EntriesSkipped {
                region: self.region.id,
                expected,
                found: entry.index,
            });
        }
        let result = self.apply_entry(entry, turn)?;
        self.answer(entry.position(), result.as_ref(), turn);
        Ok(())
    }

    fn apply_entry(
        &mut self,
        entry: &Entry,
        turn: &mut Turn<'_>,
    ) -> Result<Option<Result<CommandResult, ReplyError>>, Stop> {
        // Whatever the entry does, from here on it is applied.
        self.applied = entry.index;
        match entry.kind {
            EntryKind::NoOp => return Ok(None),
            EntryKind::ConfChange => {
                self.apply_change(entry, turn)?;
                return Ok(None);
            }
            EntryKind::Normal => {}
        }
        match read_proposal(entry).ok_or_else(|| self.no_command(entry))? {
            Proposal::Request(request) => {
                let (data, sessions) = (&mut self.data, &mut self.sessions);
                let result = apply::carry_out(&self.region, data, sessions, &request);
                return Ok(Some(result));
            }
            Proposal::CompactLog { to } => self.apply_compaction(to),
            Proposal::Split(split) => self.apply_split(&split, turn),
        }
        Ok(None)
    }

    pub(super) fn no_command(&self, entry: &Entry) -> Stop {
        let reason = format!(
            "committed entry {} of {} holds no command",
            entry.index, entry.term
        );
        Stop::InconsistentDisk {
            region: self.region.id,
            reason,
        }
    }

    /// Answers whoever waits for what stands at an index. Whose place another entry took hears so.
    fn answer(
        &mut self,
        at: LogPosition,
        result: Option<&Result<CommandResult, ReplyError>>,
        turn: &mut Turn<'_>,
    ) {
        while let Some(waiting) = self.pending.first_entry() {
            if waiting.key().index > at.index {
                break;
            }
            let (place, id) = waiting.remove_entry();
            let result = match result {
                Some(result) if place == at => result.clone(),
                _ => Err(ReplyError::StaleCommand { term: at.term }),
            };
            turn.output.replies.push(Reply { id, result });
        }
        self.answer_the_dead(at.term, turn);
    }

    /// Terms never fall along a log: what was proposed in an earlier term for an index behind a
    /// committed entry of `term` is in no log that can still win.
    fn answer_the_dead(&mut self, term: Term, turn: &mut Turn<'_>) {
        if term <= self.answered_term {
            return;
        }
        self.answered_term = term;
        self.pending.retain(|place, id| {
            let is_alive = place.term >= term;
            if !is_alive {
                turn.refuse(*id, ReplyError::StaleCommand { term });
            }
            is_alive
        });
    }

    /// The group agreed to drop the log up to `to`. An index that is dropped already changes
    /// nothing, and one that the leader had not applied was never asked for.
    fn apply_compaction(&mut self, to: LogPosition) {
        let log = self.raft.log();
        let is_new = to.index > log.truncated().index && to.index < self.applied;
        if is_new && log.term(to.index) == Some(to.term) {
            // Raft compacts only what it was told to be applied.
            self.raft.applied(self.applied.prev());
            self.compact_to(to);
        }
    }

    /// Drops the log up to `to` in memory; its rows go with the next flush.
    pub(super) fn compact_to(&mut self, to: LogPosition) {
        let hash = self.raft.log().prefix_hash(to.index).unwrap_or_default();
        if self.raft.compact(to.index).is_ok() {
            self.storage.compact(to, hash);
        }
    }
}
