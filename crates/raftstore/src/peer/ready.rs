//! What raft wants done, and what waits for the disk.

use raft::Ready;
use types::{
    disk::RowOp,
    event::EventId,
    io::Stop,
    raft::{Message, MessageBody, Role},
    store::{PeerMessage, StoreMessage},
    time::StoreTime,
    view::FactBody,
};

use super::{Peer, Turn};

impl Peer {
    /// Tells raft how far the clock is.
    pub(crate) fn catch_up(&mut self, ticks: u64, now_us: u64) {
        self.raft.set_clock(now_us);
        let passed = ticks.saturating_sub(self.ticked);
        self.ticked = self.ticked.max(ticks);
        if passed > 0 {
            self.raft
                .advance_ticks(u32::try_from(passed).unwrap_or(u32::MAX));
        }
    }

    /// Takes out and carries out every Ready that there is, unless a barrier stands before it.
    ///
    /// # Errors
    ///
    /// When a committed entry cannot be applied.
    pub(crate) fn drain(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        while !self.is_blocked
            && let Some(ready) = self.raft.ready()
        {
            self.take(ready, turn)?;
        }
        if !self.is_blocked {
            self.serve_reads(turn);
            self.do_duties(turn);
        }
        // A duty can be a proposal.
        while !self.is_blocked
            && let Some(ready) = self.raft.ready()
        {
            self.take(ready, turn)?;
        }
        self.tell_timer(turn);
        Ok(())
    }

    fn take(&mut self, ready: Ready, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let must_persist = ready.must_persist();
        for fact in ready.facts {
            turn.fact(self.region.id, FactBody::Raft(fact));
        }
        match &mut self.in_flight {
            Some(in_flight) if in_flight.creates => in_flight.messages.extend(ready.messages),
            _ => self.send(ready.messages, turn),
        }
        if let Some(snapshot) = ready.snapshot {
            self.install(&snapshot, turn)?;
        }
        let (number, mut held) = (ready.number, ready.messages_after_persist);
        if must_persist {
            self.storage.keep(
                number,
                ready.hard_state,
                ready.entries.to_vec(),
                held,
                turn.cause,
            );
        } else {
            if let Some(hard_state) = ready.hard_state {
                self.storage.note(hard_state);
            }
            if !self.storage.hold(number, &mut held) {
                self.hold_in_flight_or_say(number, held, turn);
            }
        }
        self.reads_confirmed(ready.reads);
        self.snapshots_wanted.extend(ready.snapshots_wanted);
        self.apply(&ready.committed, turn)?;
        if !self.is_blocked {
            self.provide_snapshots(turn);
        }
        Ok(())
    }

    /// A Ready with nothing to write waits for the writes before it, and for nothing else.
    fn hold_in_flight_or_say(&mut self, number: u64, mut held: Vec<Message>, turn: &mut Turn<'_>) {
        match &mut self.in_flight {
            Some(in_flight) if in_flight.creates || in_flight.number > 0 => {
                in_flight.number = number;
                in_flight.messages.append(&mut held);
            }
            _ => {
                self.raft.persisted(number);
                self.send(held, turn);
            }
        }
    }

    fn send(&self, messages: Vec<Message>, turn: &mut Turn<'_>) {
        for message in messages {
            let Some(to) = self.address(message.to) else {
                continue;
            };
            let creates = self.is_initialised() && can_create(&message.body);
            let range = creates.then(|| (self.region.start.clone(), self.region.end.clone()));
            turn.output.messages.push(StoreMessage {
                region: self.region.id,
                epoch: self.region.epoch,
                from: self.name,
                to,
                range,
                body: PeerMessage::Raft(message),
            });
        }
    }

    fn tell_timer(&mut self, turn: &mut Turn<'_>) {
        let timer = self.raft.timer();
        let (elapsed, timeout) = (timer.elapsed(), timer.timeout());
        let now = match self.raft.role() {
            Role::Leader => None,
            Role::Follower | Role::PreCandidate | Role::Candidate => {
                Some((turn.ticks.saturating_sub(u64::from(elapsed)), timeout))
            }
        };
        if self.timer == Some(now) {
            return;
        }
        self.timer = Some(now);
        let tick_us = turn.options.tick_us;
        let time = |ticks: u64| StoreTime::new(ticks * tick_us);
        let body = match now {
            None => FactBody::TimerStopped,
            Some((started, timeout)) => FactBody::TimerReset {
                started: time(started),
                deadline: time(started + u64::from(timeout)),
            },
        };
        turn.fact(self.region.id, body);
    }

    /// The peer's part of the next write, and what waits for it; with `flush`, what was applied in
    /// memory goes along.
    pub(crate) fn write(&mut self, flush: bool, event: EventId) -> Vec<RowOp> {
        let is_behind = self.applied > self.storage.apply_state().applied;
        let flush = flush && !self.is_blocked && (is_behind || self.storage.is_compacted());
        let flush = flush.then(|| (self.applied, self.changed_rows()));
        let Some((ops, in_flight)) = self.storage.write(flush, event) else {
            return Vec::new();
        };
        assert!(
            self.in_flight.is_none(),
            "{}: a second write while one is open",
            self.region.id
        );
        self.in_flight = Some(in_flight);
        ops
    }

    fn changed_rows(&mut self) -> Vec<RowOp> {
        let mut ops = self.data.flush();
        ops.extend(self.sessions.flush(self.region.id));
        ops
    }

    /// The open write is durable: says what waited for it. `turn` names the completion as what was
    /// waited for; the cause is the event that made the first Ready of the write.
    ///
    /// # Errors
    ///
    /// As [`Peer::drain`].
    pub(crate) fn durable(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let Some(in_flight) = self.in_flight.take() else {
            return Ok(());
        };
        turn.cause = in_flight.cause;
        if in_flight.number > 0 {
            self.raft.persisted(in_flight.number);
        }
        self.send(in_flight.messages, turn);
        if let Some(to) = in_flight.flushes.filter(|to| *to > self.flushed) {
            self.flushed = to;
            turn.fact(self.region.id, FactBody::Flushed { to });
        }
        if in_flight.is_barrier {
            self.is_blocked = false;
            self.finish_install(turn);
            self.apply_waiting(turn)?;
        }
        if !self.is_blocked {
            self.provide_snapshots(turn);
        }
        self.drain(turn)
    }

    /// Whether there is anything that the disk does not have.
    pub(crate) fn is_unwritten(&self) -> bool {
        let is_behind = self.applied > self.storage.apply_state().applied;
        self.storage.is_urgent() || is_behind || self.storage.is_compacted()
    }

    /// Whether the peer waits for a write at all.
    pub(crate) fn has_open_write(&self) -> bool {
        self.in_flight.is_some()
    }

    /// After how many ticks it wants to be woken.
    pub(crate) fn ticks_to_deadline(&self) -> u64 {
        u64::from(self.raft.ticks_to_deadline())
    }
}

/// Whether a message may bring its receiver into being (TinyKV: `IsInitialMsg`): a question for a
/// vote, or a heartbeat to someone of whom nothing is known to match.
pub(crate) const fn can_create(body: &MessageBody) -> bool {
    match body {
        MessageBody::PreVote { .. } | MessageBody::RequestVote { .. } => true,
        MessageBody::Heartbeat { commit, .. } => commit.get() == 0,
        _ => false,
    }
}
