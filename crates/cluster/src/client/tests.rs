use bytes::Bytes;
use types::{
    frame::OperationState,
    id::{PeerId, RegionId},
    raft::Term,
    store::{CommandResult, Peer, RegionEpoch},
};

use super::*;

fn peer(id: u64) -> Peer {
    Peer {
        id: PeerId::new(id),
        store: StoreId::new(id),
    }
}

/// A client and what surrounds it.
struct Bench {
    client: Client,
    now: VirtualTime,
    settings: Settings,
    queue: Queue,
    dice: Dice,
    history: History,
}

impl Bench {
    fn new() -> Self {
        let region = Region {
            id: RegionId::new(1),
            start: Bytes::new(),
            end: Bytes::new(),
            epoch: RegionEpoch::default(),
            peers: (1..=3).map(peer).collect(),
        };
        Self {
            client: Client::new(ClientId::new(1), region, None),
            now: VirtualTime::ZERO,
            settings: Settings::default(),
            queue: Queue::default(),
            dice: Dice::new(&1_u64),
            history: History::default(),
        }
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Client, &mut Desk<'_>) -> T) -> T {
        let mut desk = Desk {
            now: self.now,
            segment: 1,
            settings: &self.settings,
            queue: &mut self.queue,
            dice: &mut self.dice,
            history: &mut self.history,
        };
        call(&mut self.client, &mut desk)
    }

    fn put(&mut self, via: Option<u64>) -> OperationId {
        let key = Bytes::from_static(b"k");
        let value = Bytes::from_static(b"v");
        let command = Command::Put { key, value };
        let via = via.map(StoreId::new);
        self.with(|client, desk| client.submit(command, via, desk))
    }

    /// Runs the client's own events until its next request arrives somewhere, or its patience
    /// ends.
    fn next_request(&mut self) -> Option<(StoreId, RequestId)> {
        while let Some((key, _)) = self.queue.first() {
            self.now = key.due;
            match self.queue.remove(key)? {
                Event::Request { store, request } => return Some((store, request.id)),
                Event::Retry { operation, .. } => {
                    self.with(|client, desk| client.retry(operation, desk));
                }
                Event::Deadline { operation, .. } => {
                    self.with(|client, desk| client.deadline(operation, desk));
                }
                other => panic!("a client does not schedule {other:?}"),
            }
        }
        None
    }

    fn answer(&mut self, from: StoreId, id: RequestId, result: Result<CommandResult, ReplyError>) {
        self.with(|client, desk| client.reply(from, Reply { id, result }, desk));
    }

    fn state(&self, id: OperationId) -> OperationState {
        self.client.operations[&id].frame.state.clone()
    }
}

fn not_leader(leader: Option<u64>) -> ReplyError {
    ReplyError::NotLeader {
        region: RegionId::new(1),
        leader: leader.map(peer),
    }
}

#[test]
fn a_client_follows_the_named_leader_with_a_new_request() {
    let mut bench = Bench::new();
    let id = bench.put(None);
    let (first, request) = bench.next_request().expect("sent");
    assert_eq!(first, StoreId::new(1));
    bench.answer(first, request, Err(not_leader(Some(3))));
    let (second, again) = bench.next_request().expect("sent again");
    assert_eq!(second, StoreId::new(3));
    assert_ne!(again, request);
    bench.answer(second, again, Ok(CommandResult::Put));
    assert!(matches!(bench.state(id), OperationState::Done { .. }));
    assert_eq!(bench.next_request(), None, "nothing is left to do");
}

#[test]
fn a_client_without_a_hint_tries_the_next_store_after_a_pause() {
    let mut bench = Bench::new();
    bench.put(None);
    let (first, request) = bench.next_request().expect("sent");
    let asked_at = bench.now;
    bench.answer(first, request, Err(not_leader(None)));
    let (second, _) = bench.next_request().expect("sent again");
    assert_eq!(second, StoreId::new(2));
    assert!(bench.now.since(asked_at) >= PAUSE_STEP_MS * 1_000);
}

#[test]
fn without_an_answer_the_outcome_is_unknown_and_a_late_answer_settles_it() {
    let mut bench = Bench::new();
    let id = bench.put(None);
    let (store, request) = bench.next_request().expect("sent");
    assert_eq!(
        bench.next_request(),
        None,
        "a sent command is never sent again"
    );
    assert!(matches!(bench.state(id), OperationState::Unknown { .. }));
    bench.answer(store, request, Ok(CommandResult::Put));
    assert!(matches!(bench.state(id), OperationState::Done { .. }));
}

#[test]
fn a_late_refusal_makes_an_unknown_outcome_a_failure() {
    let mut bench = Bench::new();
    let id = bench.put(None);
    let (store, request) = bench.next_request().expect("sent");
    assert_eq!(bench.next_request(), None);
    let term = Term::new(7);
    bench.answer(store, request, Err(ReplyError::StaleCommand { term }));
    assert!(matches!(bench.state(id), OperationState::Failed { .. }));
}

#[test]
fn a_command_whose_place_was_taken_is_sent_again() {
    let mut bench = Bench::new();
    bench.put(None);
    let (store, request) = bench.next_request().expect("sent");
    let term = Term::new(7);
    bench.answer(store, request, Err(ReplyError::StaleCommand { term }));
    assert!(bench.next_request().is_some());
}

#[test]
fn a_command_that_is_itself_at_fault_is_not_sent_again() {
    let mut bench = Bench::new();
    let id = bench.put(None);
    let (store, request) = bench.next_request().expect("sent");
    let (bytes, limit) = (2, 1);
    let error = ReplyError::ValueTooLong { bytes, limit };
    bench.answer(store, request, Err(error));
    assert!(matches!(bench.state(id), OperationState::Failed { .. }));
    assert_eq!(bench.next_request(), None);
}

#[test]
fn an_operation_that_only_met_refusals_was_never_sent() {
    let mut bench = Bench::new();
    let id = bench.put(None);
    while let Some((store, request)) = bench.next_request() {
        bench.with(|client, desk| client.connection_refused(store, request, desk));
    }
    assert!(matches!(bench.state(id), OperationState::NeverSent { .. }));
    assert!(bench.client.operations[&id].frame.sendings > 3);
}

#[test]
fn a_client_that_may_ask_one_store_only_takes_its_no_for_an_answer() {
    let mut bench = Bench::new();
    let id = bench.put(Some(2));
    let (store, request) = bench.next_request().expect("sent");
    assert_eq!(store, StoreId::new(2));
    bench.answer(store, request, Err(not_leader(Some(1))));
    assert!(matches!(bench.state(id), OperationState::Failed { .. }));
}

#[test]
fn the_second_answer_to_a_request_changes_nothing() {
    let mut bench = Bench::new();
    let id = bench.put(None);
    let (store, request) = bench.next_request().expect("sent");
    bench.answer(store, request, Ok(CommandResult::Put));
    let state = bench.state(id);
    bench.answer(store, request, Err(not_leader(None)));
    assert_eq!(bench.state(id), state);
}

#[test]
fn a_client_does_not_take_another_stores_word_for_a_leader_that_left_it_waiting() {
    let mut bench = Bench::new();
    bench.put(None);
    let (silent, _) = bench.next_request().expect("sent");
    assert_eq!(bench.next_request(), None, "the deadline passes");
    bench.put(None);
    let (ally, request) = bench.next_request().expect("sent");
    assert_ne!(ally, silent);
    bench.answer(ally, request, Err(not_leader(Some(silent.get()))));
    let (third, _) = bench.next_request().expect("sent again");
    assert!(third != silent && third != ally, "{third}");
}

#[test]
fn settled_operations_beyond_those_shown_are_forgotten_and_open_ones_never() {
    let mut bench = Bench::new();
    bench.settings.client_timeout_ms = 600_000;
    let open = bench.put(None);
    let (_, unanswered) = bench.next_request().expect("sent");
    for _ in 0..200 {
        bench.put(None);
        let (store, request) = bench.next_request().expect("sent");
        assert_ne!(request, unanswered);
        bench.answer(store, request, Ok(CommandResult::Put));
    }
    assert_eq!(bench.state(open), OperationState::Open);
    assert_eq!(bench.client.operations.len(), OPERATIONS_SHOWN + 1);
}

#[test]
fn an_operation_of_a_session_stays_open_while_any_of_its_sendings_may_take_effect() {
    for via in [None, Some(1)] {
        let mut bench = Bench::new();
        bench.settings.sessions = 1;
        let id = bench.put(via);
        let (first, unanswered) = bench.next_request().expect("sent");
        for _ in 0..100 {
            let (store, request) = bench.next_request().expect("sent again");
            bench.answer(store, request, Err(not_leader(None)));
            assert_eq!(bench.state(id), OperationState::Open);
        }
        bench.answer(first, unanswered, Ok(CommandResult::Put));
        assert!(matches!(bench.state(id), OperationState::Done { .. }));
    }
}
