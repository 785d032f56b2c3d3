//! One peer: its raft node, its disk side, its data, and the clients that wait.

use std::collections::BTreeMap;

use raft::{Overseen, ProposeError, RawNode, Ready};
use serde::Serialize;
use types::{
    codec,
    disk::RowOp,
    event::EventId,
    io::{Output, Stop},
    raft::{Entry, EntryKind, LogIndex, LogPosition, Message, Role},
    store::{
        BusyReason, Peer as PeerName, Region, Reply, ReplyError, Request, RequestId, StoreMessage,
    },
    time::StoreTime,
    view::{Fact, FactBody},
};

use crate::{
    apply,
    data::Data,
    storage::{InFlight, PeerStorage},
};

/// Where a peer's doings go, and what caused them.
pub(crate) struct Turn<'a> {
    pub(crate) output: &'a mut Output,
    /// The event that triggered what happens now.
    pub(crate) cause: EventId,
    /// The completed write that it had waited for.
    pub(crate) waited_for: Option<EventId>,
    /// The store's clock in whole ticks, and the length of one.
    pub(crate) ticks: u64,
    pub(crate) tick_us: u64,
}

impl Turn<'_> {
    fn fact(&mut self, region: &Region, body: FactBody) {
        self.output.facts.push(Fact {
            cause: self.cause,
            waited_for: self.waited_for,
            region: region.id,
            body,
        });
    }
}

/// What was last told about the election timer: when it was reset, and its length, in ticks.
/// Nothing for a leader, which has none.
type TimerTold = Option<(u64, u32)>;

/// The replica of a region on this store.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Peer {
    pub(crate) region: Region,
    pub(crate) name: PeerName,
    pub(crate) raft: RawNode<Overseen>,
    pub(crate) storage: PeerStorage,
    pub(crate) data: Data,
    pub(crate) applied: LogIndex,
    /// The applied index that is known to be on the disk.
    pub(crate) flushed: LogIndex,
    /// Requests in the log that have no answer yet. They stay when leadership is lost: only what
    /// is committed at their index tells what became of them.
    pending: BTreeMap<LogPosition, RequestId>,
    in_flight: Option<InFlight>,
    timer: Option<TimerTold>,
}

impl Peer {
    pub(crate) fn new(
        region: Region,
        name: PeerName,
        raft: RawNode<Overseen>,
        storage: PeerStorage,
        data: Data,
    ) -> Self {
        let applied = storage.apply_state().applied;
        Self {
            region,
            name,
            raft,
            storage,
            data,
            applied,
            flushed: applied,
            pending: BTreeMap::new(),
            in_flight: None,
            timer: None,
        }
    }

    /// Everything waits for the write that creates the peer.
    pub(crate) fn wait_for_bootstrap(&mut self, event: EventId) {
        self.in_flight = Some(InFlight {
            creates: true,
            number: 0,
            messages: Vec::new(),
            flushes: None,
            cause: event,
        });
    }

    /// Takes a request into the log, or says at once why not.
    ///
    /// # Errors
    ///
    /// The answer for the client. TinyKV's order of checks: leader, epoch, key, then our own.
    pub(crate) fn propose(
        &mut self,
        request: &Request,
        is_busy: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), ReplyError> {
        if self.raft.role() != Role::Leader {
            return Err(self.not_leader(self.raft.leader()));
        }
        apply::check(&self.region, request)?;
        if is_busy {
            let reason = BusyReason::DirtyData;
            return Err(ReplyError::ServerIsBusy { reason });
        }
        let data = codec::encode(request).into();
        let at = self
            .raft
            .propose(data)
            .map_err(|error| self.refusal(error))?;
        self.pending.insert(at, request.id);
        let request = request.id;
        turn.fact(&self.region, FactBody::Proposed { request, at });
        Ok(())
    }

    /// What a client hears about a proposal that raft did not take. Without a leader's name it
    /// looks for one.
    fn refusal(&self, error: ProposeError) -> ReplyError {
        match error {
            ProposeError::NotLeader { leader } => self.not_leader(leader),
            ProposeError::Transferring { to } => self.not_leader(Some(to)),
            ProposeError::Removed => self.not_leader(None),
            ProposeError::TooMuchUncommitted { .. }
            | ProposeError::ChangePending { .. }
            | ProposeError::BadChange(_) => ReplyError::ServerIsBusy {
                reason: BusyReason::Uncommitted,
            },
        }
    }

    fn not_leader(&self, leader: Option<types::id::PeerId>) -> ReplyError {
        ReplyError::NotLeader {
            region: self.region.id,
            leader: leader.and_then(|id| self.region.peer(id)),
        }
    }

    /// Takes out and carries out every Ready that there is.
    ///
    /// # Errors
    ///
    /// When a committed entry cannot be applied.
    pub(crate) fn drain(&mut self, turn: &mut Turn<'_>) -> Result<(), Stop> {
        while let Some(ready) = self.raft.ready() {
            self.take(ready, turn)?;
        }
        self.tell_timer(turn);
        Ok(())
    }

    fn take(&mut self, ready: Ready, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let must_persist = ready.must_persist();
        for fact in ready.facts {
            turn.fact(&self.region, FactBody::Raft(fact));
        }
        match &mut self.in_flight {
            Some(in_flight) if in_flight.creates => in_flight.messages.extend(ready.messages),
            _ => self.send(ready.messages, turn),
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
        self.apply(&ready.committed, turn)
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
            let Some(to) = self.region.peer(message.to) else {
                continue;
            };
            turn.output.messages.push(StoreMessage {
                region: self.region.id,
                epoch: self.region.epoch,
                from: self.name,
                to,
                message,
            });
        }
    }

    fn apply(&mut self, committed: &[Entry], turn: &mut Turn<'_>) -> Result<(), Stop> {
        let Some(last) = committed.last() else {
            return Ok(());
        };
        for entry in committed {
            let expected = self.applied.next();
            if entry.index != expected {
                return Err(Stop::EntriesSkipped {
                    region: self.region.id,
                    expected,
                    found: entry.index,
                });
            }
            self.apply_entry(entry, turn)?;
            self.applied = entry.index;
        }
        self.raft.applied(last.index);
        let body = FactBody::Applied {
            to: last.index,
            data_hash: self.data.hash(),
        };
        turn.fact(&self.region, body);
        Ok(())
    }

    fn apply_entry(&mut self, entry: &Entry, turn: &mut Turn<'_>) -> Result<(), Stop> {
        let result = match entry.kind {
            EntryKind::NoOp => None,
            EntryKind::Normal | EntryKind::ConfChange => {
                let request = read_request(entry).ok_or_else(|| Stop::InconsistentDisk {
                    region: self.region.id,
                    reason: format!(
                        "committed entry {} of {} holds no command",
                        entry.index, entry.term
                    ),
                })?;
                Some(apply::execute(&self.region, &mut self.data, &request))
            }
        };
        let at = LogPosition {
            index: entry.index,
            term: entry.term,
        };
        while let Some(waiting) = self.pending.first_entry() {
            if waiting.key().index > at.index {
                break;
            }
            let (place, id) = waiting.remove_entry();
            let result = match &result {
                Some(result) if place == at => result.clone(),
                _ => Err(ReplyError::StaleCommand { term: at.term }),
            };
            turn.output.replies.push(Reply { id, result });
        }
        Ok(())
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
        let time = |ticks: u64| StoreTime::new(ticks * turn.tick_us);
        let body = match now {
            None => FactBody::TimerStopped,
            Some((started, timeout)) => FactBody::TimerReset {
                started: time(started),
                deadline: time(started + u64::from(timeout)),
            },
        };
        turn.fact(&self.region, body);
    }

    /// The peer's part of the next write, and what waits for it; with `flush`, what was applied in
    /// memory goes along.
    pub(crate) fn write(&mut self, flush: bool, event: EventId) -> Vec<RowOp> {
        let is_behind = self.applied > self.storage.apply_state().applied;
        let flush = (flush && is_behind).then(|| (self.applied, self.data.flush()));
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
        if let Some(to) = in_flight.flushes {
            self.flushed = to;
            turn.fact(&self.region, FactBody::Flushed { to });
        }
        self.drain(turn)
    }
}

/// The command of an entry; nothing when it holds none.
pub(crate) fn read_request(entry: &Entry) -> Option<Request> {
    match entry.kind {
        EntryKind::Normal => codec::decode(&entry.data).ok(),
        EntryKind::NoOp | EntryKind::ConfChange => None,
    }
}
