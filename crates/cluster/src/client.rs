//! A client of the store: it finds the leader, asks, and says what it knows of the outcome.
//!
//! * One sending of an operation is on its way at a time, each under a new [`RequestId`].
//! * A definite refusal (every [`ReplyError`]: that sending has had no effect and never will) is
//!   tried again, at the leader that was named, else at the next store after a pause. One that
//!   blames the command itself ends it.
//! * Without an answer the outcome becomes unknown at the deadline. It is never sent again then,
//!   because without sessions a second sending could take effect twice. A late answer settles it.
//! * An operation none of whose sendings can take effect ends as never sent.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use types::{
    action::OperationId,
    event::EventId,
    frame::{OPERATIONS_SHOWN, OperationFrame, OperationState},
    id::{ClientId, StoreId},
    settings::Settings,
    store::{Command, Region, Reply, ReplyError, Request, RequestId},
    time::VirtualTime,
};

use crate::{
    dice::Dice,
    network::draw_client_way,
    queue::{Event, Key, Queue, after_ms},
    workload::{History, HistoryEvent, Worker},
};

/// The pause before another try grows by this much, in milliseconds.
const PAUSE_STEP_MS: u64 = 20;
/// The longest pause before another try, in milliseconds.
const PAUSE_MAX_MS: u64 = 200;
/// How many named leaders are followed without a pause.
const HINTS_AT_ONCE: u32 = 3;

/// What a client needs of its surroundings.
pub(crate) struct Desk<'a> {
    pub(crate) now: VirtualTime,
    pub(crate) segment: u32,
    pub(crate) settings: &'a Settings,
    pub(crate) queue: &'a mut Queue,
    pub(crate) dice: &'a mut Dice,
    pub(crate) history: &'a mut History,
}

/// A client with its operations.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Client {
    id: ClientId,
    region: Region,
    /// Whom it asks first, where it has a reason.
    leader: Option<StoreId>,
    /// Whom it asks otherwise.
    next_store: StoreId,
    /// Who left it without an answer until the deadline, and has not answered since. Such a store
    /// is not believed to lead on another's word: the other may be cut off together with it.
    silent: BTreeSet<StoreId>,
    requests: u64,
    last_operation: u64,
    operations: BTreeMap<OperationId, Operation>,
    /// Sendings without an answer so far, also of operations that are given up.
    unanswered: BTreeMap<RequestId, OperationId>,
    /// What drives it, where it runs by itself.
    worker: Option<Worker>,
    /// Whether what it does is kept for a checker. Nothing that happens depends on it.
    #[serde(skip)]
    is_recorded: bool,
}

#[derive(Debug, Clone, Serialize)]
struct Operation {
    frame: OperationFrame,
    in_flight: Option<RequestId>,
    deadline: Option<Key>,
    retry: Option<Key>,
    refusals: u32,
}

impl Operation {
    fn at_rest(frame: OperationFrame) -> Self {
        Self {
            frame,
            in_flight: None,
            deadline: None,
            retry: None,
            refusals: 0,
        }
    }
}

/// Why a sending certainly had no effect.
enum Refusal {
    /// Nobody listened.
    NobodyThere,
    /// The store said so.
    Error(ReplyError),
}

impl Client {
    /// A client that knows the region `region`.
    pub(crate) fn new(id: ClientId, region: Region, worker: Option<Worker>) -> Self {
        Self {
            id,
            region,
            leader: None,
            next_store: StoreId::new(1),
            silent: BTreeSet::new(),
            requests: 0,
            last_operation: 0,
            operations: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            is_recorded: worker.is_some(),
            worker,
        }
    }

    /// From now on what it does is part of the history, as it is of every client that runs by
    /// itself.
    pub(crate) fn record(&mut self) {
        self.is_recorded = true;
    }

    /// Takes over what a client of an earlier segment knew. Its messages were lost with that
    /// segment, so nothing will answer an open operation any more: its outcome is unknown.
    pub(crate) fn restore(
        &mut self,
        operations: Vec<OperationFrame>,
        last_operation: u64,
        now: VirtualTime,
    ) {
        self.last_operation = last_operation;
        for mut frame in operations {
            let id = frame.id;
            if frame.state == OperationState::Open {
                frame.state = OperationState::Unknown { since: now };
            }
            self.operations.insert(id, Operation::at_rest(frame));
        }
    }

    /// The number of the operation taken on last.
    pub(crate) const fn last_operation(&self) -> u64 {
        self.last_operation
    }

    /// The operations that are remembered, oldest first.
    pub(crate) fn operations(&self) -> impl DoubleEndedIterator<Item = &OperationFrame> {
        self.operations.values().map(|operation| &operation.frame)
    }

    /// Takes a command on and sends it.
    pub(crate) fn submit(
        &mut self,
        command: Command,
        via: Option<StoreId>,
        desk: &mut Desk<'_>,
    ) -> OperationId {
        self.last_operation += 1;
        let id = OperationId::new(self.last_operation);
        let deadline = after_ms(desk.now, desk.settings.client_timeout_ms);
        let event = Event::Deadline {
            client: self.id,
            operation: id,
        };
        let mut operation = Operation::at_rest(OperationFrame {
            id,
            command,
            via,
            asked: None,
            sendings: 0,
            submitted: desk.now,
            state: OperationState::Open,
        });
        operation.deadline = Some(desk.queue.push(deadline, event));
        if self.is_recorded {
            desk.history.push(HistoryEvent::Invoked {
                client: self.id,
                operation: id,
                at: desk.now,
                command: operation.frame.command.clone(),
            });
        }
        self.operations.insert(id, operation);
        self.send(id, desk);
        self.forget_old();
        id
    }

    fn send(&mut self, id: OperationId, desk: &mut Desk<'_>) {
        let operation = self
            .operations
            .get_mut(&id)
            .expect("an open operation is kept");
        let store = operation
            .frame
            .via
            .or(self.leader)
            .unwrap_or(self.next_store);
        self.requests += 1;
        let request = Request {
            id: RequestId {
                client: self.id,
                // A segment of its own for each start of the conductor: names are never reused,
                // even where the last words before a crash of the tab were not saved.
                seq: (u64::from(desk.segment) << 32) | self.requests,
            },
            region: self.region.id,
            epoch: self.region.epoch,
            command: operation.frame.command.clone(),
        };
        operation.frame.asked = Some(store);
        operation.frame.sendings += 1;
        operation.in_flight = Some(request.id);
        self.unanswered.insert(request.id, id);
        let way = draw_client_way(desk.settings, desk.dice);
        let due = after_ms(desk.now, way);
        desk.queue.push(due, Event::Request { store, request });
    }

    /// A store's answer.
    pub(crate) fn reply(&mut self, from: StoreId, reply: Reply, desk: &mut Desk<'_>) {
        self.silent.remove(&from);
        let Some(id) = self.take_sending(reply.id) else {
            return;
        };
        match reply.result {
            Ok(result) => {
                self.leader = Some(from);
                let at = desk.now;
                self.settle(id, OperationState::Done { at, result }, desk);
            }
            Err(error) => {
                self.learn(from, &error);
                self.refused(id, Refusal::Error(error), desk);
            }
        }
    }

    /// Nobody listened at `store`.
    pub(crate) fn connection_refused(
        &mut self,
        store: StoreId,
        request: RequestId,
        desk: &mut Desk<'_>,
    ) {
        let Some(id) = self.take_sending(request) else {
            return;
        };
        self.look_beyond(store);
        self.refused(id, Refusal::NobodyThere, desk);
    }

    fn take_sending(&mut self, request: RequestId) -> Option<OperationId> {
        let id = self.unanswered.remove(&request)?;
        let operation = self.operations.get_mut(&id)?;
        if operation.in_flight == Some(request) {
            operation.in_flight = None;
        }
        Some(id)
    }

    fn learn(&mut self, from: StoreId, error: &ReplyError) {
        match error {
            ReplyError::NotLeader {
                leader: Some(peer), ..
            } if peer.store != from && !self.silent.contains(&peer.store) => {
                self.leader = Some(peer.store);
            }
            ReplyError::EpochNotMatch { current } => {
                // A client of one region: the shape that has its id is the newest one it can use.
                if let Some(region) = current.iter().find(|region| region.id == self.region.id) {
                    self.region = region.clone();
                }
            }
            ReplyError::ServerIsBusy { .. } => {}
            // Only a leader applies what it was asked, so it still leads as far as we know.
            ReplyError::ValueTooLong { .. } => self.leader = Some(from),
            ReplyError::NotLeader { .. }
            | ReplyError::KeyNotInRegion { .. }
            | ReplyError::RegionNotFound { .. }
            | ReplyError::StaleCommand { .. } => self.look_beyond(from),
        }
    }

    /// Asks the store after `store` next, unless another leader is known.
    fn look_beyond(&mut self, store: StoreId) {
        if self.leader.is_none_or(|leader| leader == store) {
            self.leader = None;
            let stores: Vec<StoreId> = self.region.peers.iter().map(|peer| peer.store).collect();
            let later = stores.iter().copied().filter(|other| *other > store).min();
            let first = stores.iter().copied().min();
            self.next_store = later.or(first).unwrap_or(store);
        }
    }

    fn refused(&mut self, id: OperationId, refusal: Refusal, desk: &mut Desk<'_>) {
        let Some(operation) = self.operations.get_mut(&id) else {
            return;
        };
        let at = desk.now;
        match (&operation.frame.state, refusal) {
            // Only one sending was ever open, and it was this one.
            (OperationState::Unknown { .. }, Refusal::Error(error)) => {
                self.settle(id, OperationState::Failed { at, error }, desk);
            }
            (OperationState::Unknown { .. }, Refusal::NobodyThere) => {
                self.settle(id, OperationState::NeverSent { at }, desk);
            }
            (OperationState::Open, Refusal::Error(error @ ReplyError::NotLeader { .. }))
                if operation.frame.via.is_some() =>
            {
                self.settle(id, OperationState::Failed { at, error }, desk);
            }
            // The command itself is at fault, and would be wherever it is sent.
            (OperationState::Open, Refusal::Error(error @ ReplyError::ValueTooLong { .. })) => {
                self.settle(id, OperationState::Failed { at, error }, desk);
            }
            (OperationState::Open, refusal) => self.try_again(id, &refusal, desk),
            _ => {}
        }
    }

    fn try_again(&mut self, id: OperationId, refusal: &Refusal, desk: &mut Desk<'_>) {
        let operation = self
            .operations
            .get_mut(&id)
            .expect("an open operation is kept");
        operation.refusals += 1;
        let named = match refusal {
            Refusal::Error(ReplyError::NotLeader { leader, .. }) => {
                leader.is_some_and(|peer| self.leader == Some(peer.store))
            }
            _ => false,
        };
        if named && operation.refusals <= HINTS_AT_ONCE {
            self.send(id, desk);
            return;
        }
        let pause = (PAUSE_STEP_MS * u64::from(operation.refusals)).min(PAUSE_MAX_MS);
        let event = Event::Retry {
            client: self.id,
            operation: id,
        };
        operation.retry = Some(desk.queue.push(after_ms(desk.now, pause), event));
    }

    /// The pause before another try is over.
    pub(crate) fn retry(&mut self, id: OperationId, desk: &mut Desk<'_>) {
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.retry = None;
            self.send(id, desk);
        }
    }

    /// The client's patience ends.
    pub(crate) fn deadline(&mut self, id: OperationId, desk: &mut Desk<'_>) {
        let Some(operation) = self.operations.get_mut(&id) else {
            return;
        };
        operation.deadline = None;
        let (asked, in_flight) = (operation.frame.asked, operation.in_flight);
        if in_flight.is_some() {
            if let Some(store) = asked {
                self.silent.insert(store);
                self.look_beyond(store);
            }
            self.settle(id, OperationState::Unknown { since: desk.now }, desk);
        } else {
            self.settle(id, OperationState::NeverSent { at: desk.now }, desk);
        }
    }

    /// Something is known of the outcome, or known to be unknown.
    fn settle(&mut self, id: OperationId, state: OperationState, desk: &mut Desk<'_>) {
        let Some(operation) = self.operations.get_mut(&id) else {
            return;
        };
        let was_open = operation.frame.state == OperationState::Open;
        for key in [operation.deadline.take(), operation.retry.take()]
            .into_iter()
            .flatten()
        {
            desk.queue.remove(key);
        }
        operation.frame.state = state.clone();
        if let (Some(worker), OperationState::Done { result, .. }) = (&mut self.worker, &state) {
            worker.learn(&operation.frame.command, result);
        }
        if self.is_recorded {
            desk.history.push(HistoryEvent::Returned {
                client: self.id,
                operation: id,
                at: desk.now,
                state,
            });
        }
        let waits = |worker: &Worker| worker.open_max().is_none();
        if was_open && self.worker.as_ref().is_some_and(waits) {
            self.think_later(desk);
        }
        self.forget_old();
    }

    /// Draws when a client that runs by itself wants something new.
    pub(crate) fn think_later(&mut self, desk: &mut Desk<'_>) {
        if let Some(worker) = &mut self.worker {
            let due = after_ms(desk.now, worker.draw_pause());
            desk.queue.push(due, Event::Think { client: self.id });
        }
    }

    /// A client that runs by itself wants something new.
    pub(crate) fn think(&mut self, event: EventId, desk: &mut Desk<'_>) {
        let worker = self.worker.as_mut();
        let Some(worker) = worker.filter(|worker| !worker.is_done(desk.now)) else {
            return;
        };
        let command = worker.draw_command(self.id, event);
        if let Some(open_max) = worker.open_max() {
            self.think_later(desk);
            let states = self
                .operations
                .values()
                .map(|operation| &operation.frame.state);
            let open = states
                .filter(|state| **state == OperationState::Open)
                .count();
            if open as u64 >= u64::from(open_max) {
                desk.history.shed += 1;
                return;
            }
        }
        self.submit(command, None, desk);
    }

    /// Drops settled operations that are older than those that are shown; never an open one.
    fn forget_old(&mut self) {
        let Some((oldest_shown, _)) = self.operations.iter().rev().nth(OPERATIONS_SHOWN - 1) else {
            return;
        };
        let older = self.operations.range(..*oldest_shown);
        let settled = older.filter(|(_, operation)| operation.frame.state != OperationState::Open);
        let old: Vec<OperationId> = settled.map(|(id, _)| *id).collect();
        for id in old {
            self.operations.remove(&id);
            self.unanswered.retain(|_, operation| *operation != id);
        }
    }
}

#[cfg(test)]
mod tests;
