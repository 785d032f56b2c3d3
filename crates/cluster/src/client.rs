//! A client of the store: it finds the leader, asks, and says what it knows of the outcome.
//!
//! * One sending of an operation is on its way at a time, each under a new [`RequestId`].
//! * A definite refusal (every [`ReplyError`]: that sending has had no effect and never will) is
//!   tried again, at the leader that was named, else at the next store after a pause. One that
//!   blames the command itself ends it.
//! * Without an answer the outcome becomes unknown at the deadline. It is never sent again then,
//!   because without sessions a second sending could take effect twice. A late answer settles it.
//! * With sessions (`Settings::sessions`) operations are numbered, one is open at a time, and each
//!   is sent again until it is answered, as MIT 6.824's clerk does: it takes effect once.
//! * An operation none of whose sendings can take effect ends as never sent.

mod routes;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Serialize;
use types::{
    action::OperationId,
    event::EventId,
    frame::{OPERATIONS_SHOWN, OperationFrame, OperationState},
    id::{ClientId, RegionId, StoreId},
    scheduler::{RouteReply, RouteRequest},
    settings::Settings,
    store::{Command, Region, Reply, ReplyError, Request, RequestId},
    time::VirtualTime,
};

use self::routes::Routes;
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
    routes: Routes,
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
    /// The region that it was sent to last.
    region: RegionId,
    /// Where that region ended. Nothing that happens depends on it.
    #[serde(skip)]
    region_end: Bytes,
    in_flight: Option<RequestId>,
    /// Whether a sending was answered in a way that leaves open whether it takes effect.
    is_undetermined: bool,
    deadline: Option<Key>,
    retry: Option<Key>,
    refusals: u32,
}

impl Operation {
    fn at_rest(frame: OperationFrame) -> Self {
        Self {
            frame,
            region: RegionId::ZERO,
            region_end: Bytes::new(),
            in_flight: None,
            is_undetermined: false,
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
            routes: Routes::of(region),
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

    /// An operation that was to go to one store may go to any.
    pub(crate) fn ask_anyone(&mut self, operation: OperationId) {
        if let Some(operation) = self.operations.get_mut(&operation) {
            operation.frame.via = None;
        }
    }

    /// Where the region of an operation ended when it was sent last.
    pub(crate) fn scanned_to(&self, operation: OperationId) -> Option<Bytes> {
        let operation = self.operations.get(&operation)?;
        Some(operation.region_end.clone())
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
        if !self.waits_its_turn(id, desk) {
            self.send(id, desk);
        }
        self.forget_old();
        id
    }

    /// Whether an earlier operation of the session is still open.
    fn waits_its_turn(&self, id: OperationId, desk: &Desk<'_>) -> bool {
        let mut earlier = self.operations.range(..id);
        let is_open = |operation: &Operation| operation.frame.state == OperationState::Open;
        has_session(desk) && earlier.any(|(_, operation)| is_open(operation))
    }

    /// The next operation of the session has its turn.
    fn send_next(&mut self, desk: &mut Desk<'_>) {
        let is_open = |operation: &Operation| operation.frame.state == OperationState::Open;
        let mut open = self.operations.iter();
        let next = open.find(|(_, operation)| is_open(operation));
        let next = next.filter(|(_, operation)| operation.frame.sendings == 0);
        if let Some(id) = next.map(|(id, _)| *id)
            && has_session(desk)
        {
            self.send(id, desk);
        }
    }

    fn send(&mut self, id: OperationId, desk: &mut Desk<'_>) {
        let operation = self
            .operations
            .get_mut(&id)
            .expect("an open operation is kept");
        let Some(known) = self.routes.find(operation.frame.command.key()) else {
            self.ask_route(id, desk);
            return;
        };
        let store = operation.frame.via.unwrap_or_else(|| known.store());
        operation.region = known.region.id;
        operation.region_end = known.region.end.clone();
        self.requests += 1;
        let request = Request {
            id: RequestId {
                client: self.id,
                // A segment of its own for each start of the conductor: names are never reused,
                // even where the last words before a crash of the tab were not saved.
                seq: (u64::from(desk.segment) << 32) | self.requests,
            },
            region: known.region.id,
            epoch: known.region.epoch,
            command: operation.frame.command.clone(),
            session: has_session(desk).then(|| id.get()),
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
                if let Some(operation) = self.operations.get(&id) {
                    self.routes.leads(operation.region, from);
                }
                let at = desk.now;
                self.settle(id, OperationState::Done { at, result }, desk);
            }
            Err(error) => {
                self.learn(id, from, &error);
                if is_lost(&error)
                    && let Some(operation) = self.operations.get(&id)
                {
                    let key = operation.frame.command.key().clone();
                    self.find_route(key, desk);
                }
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
        self.look_beyond(id, store);
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

    fn learn(&mut self, id: OperationId, from: StoreId, error: &ReplyError) {
        let Some(region) = self.operations.get(&id).map(|operation| operation.region) else {
            return;
        };
        match error {
            ReplyError::NotLeader {
                leader: Some(peer), ..
            } if peer.store != from && !self.silent.contains(&peer.store) => {
                self.routes.leads(region, peer.store);
            }
            ReplyError::EpochNotMatch { current } => {
                for region in current {
                    self.routes.learn(region.clone());
                }
            }
            ReplyError::ServerIsBusy { .. } => {}
            // Only a leader applies what it was asked, so it still leads as far as we know.
            ReplyError::ValueTooLong { .. } | ReplyError::SessionAhead { .. } => {
                self.routes.leads(region, from);
            }
            ReplyError::NotLeader { .. }
            | ReplyError::KeyNotInRegion { .. }
            | ReplyError::RegionNotFound { .. }
            | ReplyError::Undetermined { .. }
            | ReplyError::StaleCommand { .. } => self.routes.look_beyond(region, from),
        }
    }

    fn look_beyond(&mut self, id: OperationId, store: StoreId) {
        if let Some(operation) = self.operations.get(&id) {
            self.routes.look_beyond(operation.region, store);
        }
    }

    fn refused(&mut self, id: OperationId, refusal: Refusal, desk: &mut Desk<'_>) {
        let Some(operation) = self.operations.get_mut(&id) else {
            return;
        };
        let at = desk.now;
        // Only a session sends an operation again while an earlier sending is unanswered.
        let is_sent = self.unanswered.values().any(|open| *open == id);
        let is_undetermined = matches!(
            refusal,
            Refusal::Error(ReplyError::Undetermined { .. } | ReplyError::SessionAhead { .. })
        );
        operation.is_undetermined |= is_undetermined;
        let is_sent_elsewhere = is_sent || operation.is_undetermined;
        match (&operation.frame.state, refusal) {
            (OperationState::Open, _) if is_undetermined && has_session(desk) => {
                self.send(id, desk);
            }
            (OperationState::Open, _) if is_undetermined => {
                self.settle(id, OperationState::Unknown { since: at }, desk);
            }
            (OperationState::Unknown { .. }, _) if is_undetermined => {}
            // Only one sending was ever open, and it was this one.
            (OperationState::Unknown { .. }, Refusal::Error(error)) => {
                self.settle(id, OperationState::Failed { at, error }, desk);
            }
            (OperationState::Unknown { .. }, Refusal::NobodyThere) => {
                self.settle(id, OperationState::NeverSent { at }, desk);
            }
            (OperationState::Open, Refusal::Error(error @ ReplyError::NotLeader { .. }))
                if operation.frame.via.is_some() && !is_sent_elsewhere =>
            {
                self.settle(id, OperationState::Failed { at, error }, desk);
            }
            // The command itself is at fault, and would be wherever it is sent.
            (OperationState::Open, Refusal::Error(error @ ReplyError::ValueTooLong { .. }))
                if !is_sent_elsewhere =>
            {
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
                let known = self.routes.leader(operation.region);
                leader.is_some_and(|peer| known == Some(peer.store))
            }
            // What the shape is now was just said.
            Refusal::Error(ReplyError::EpochNotMatch { .. }) => true,
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
                self.look_beyond(id, store);
            }
            if has_session(desk) {
                self.go_on(id, desk);
                return;
            }
            self.settle(id, OperationState::Unknown { since: desk.now }, desk);
        } else if has_session(desk)
            && (operation.is_undetermined || self.unanswered.values().any(|open| *open == id))
        {
            // An earlier sending may still take effect; another try is due anyway.
            self.be_patient(id, desk);
        } else {
            self.settle(id, OperationState::NeverSent { at: desk.now }, desk);
        }
    }

    /// Sends an operation of a session again: whichever sending comes first takes effect, and no
    /// other.
    fn go_on(&mut self, id: OperationId, desk: &mut Desk<'_>) {
        self.be_patient(id, desk);
        self.send(id, desk);
    }

    /// Sets another deadline.
    fn be_patient(&mut self, id: OperationId, desk: &mut Desk<'_>) {
        let deadline = after_ms(desk.now, desk.settings.client_timeout_ms);
        let client = self.id;
        let event = Event::Deadline {
            client,
            operation: id,
        };
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.deadline = Some(desk.queue.push(deadline, event));
        }
    }

    /// Nothing is known of a key: the client asks again a little later.
    fn ask_route(&mut self, id: OperationId, desk: &mut Desk<'_>) {
        let Some(operation) = self.operations.get_mut(&id) else {
            return;
        };
        let event = Event::Retry {
            client: self.id,
            operation: id,
        };
        let due = after_ms(desk.now, PAUSE_MAX_MS);
        operation.retry = Some(desk.queue.push(due, event));
        let key = operation.frame.command.key().clone();
        self.find_route(key, desk);
    }

    /// Asks the scheduler, where there is one, where a key is.
    fn find_route(&mut self, key: Bytes, desk: &mut Desk<'_>) {
        if desk.settings.scheduler == 0 {
            return;
        }
        self.requests += 1;
        let id = RequestId {
            client: self.id,
            seq: (u64::from(desk.segment) << 32) | self.requests,
        };
        let request = RouteRequest { id, key };
        let due = after_ms(desk.now, draw_client_way(desk.settings, desk.dice));
        desk.queue.push(due, Event::FindRoute { request });
    }

    /// The scheduler's answer. Operations that wait for it are sent at once.
    pub(crate) fn routed(&mut self, reply: RouteReply, desk: &mut Desk<'_>) {
        let Some(route) = reply.route else {
            return;
        };
        let (region, start) = (route.region.id, route.region.start.clone());
        self.routes.learn(route.region);
        let leader = route.leader.map(|leader| leader.store);
        if let Some(leader) = leader.filter(|leader| !self.silent.contains(leader)) {
            self.routes.leads_unless_known(region, leader);
        }
        let waits = |operation: &Operation| {
            let is_open = operation.frame.state == OperationState::Open;
            let key = operation.frame.command.key();
            let held = self.routes.find(key);
            is_open
                && operation.retry.is_some()
                && operation.region == RegionId::ZERO
                && held.is_some_and(|known| known.region.start == start)
        };
        let waiting = self.operations.iter();
        let waiting: Vec<OperationId> = waiting
            .filter(|(_, operation)| waits(operation))
            .map(|(id, _)| *id)
            .collect();
        for id in waiting {
            let operation = self.operations.get_mut(&id);
            if let Some(key) = operation.and_then(|operation| operation.retry.take()) {
                desk.queue.remove(key);
            }
            self.send(id, desk);
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
        if was_open {
            self.send_next(desk);
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

/// Whether an answer says that the client knows too little of where keys are.
const fn is_lost(error: &ReplyError) -> bool {
    matches!(
        error,
        ReplyError::RegionNotFound { .. } | ReplyError::KeyNotInRegion { .. }
    )
}

fn has_session(desk: &Desk<'_>) -> bool {
    desk.settings.sessions == 1
}

#[cfg(test)]
mod tests;
