//! Answers to clients, and refusals.

use raftstore::{FLUSH_BYTES, FLUSH_KEYS, Refused, Store};
use types::{
    id::{Cycle, RegionId, StoreId},
    io::{Delivered, Envelope, Input, Output, Stop},
    raft::{Entry, EntryKind, LogIndex, LogPosition, MessageBody, Term},
    store::{AdminCommand, AdminRequest, BusyReason, CommandResult, ReplyError, StoreMessage},
    time::StoreTime,
};

use crate::harness::{Loop, R1, b, get, peer, put, raft_mut, region, request};

fn others(leader: u64) -> [u64; 2] {
    let mut others = (1..=3).filter(|n| *n != leader);
    [0; 2].map(|_| others.next().expect("two others"))
}

#[test]
fn a_follower_names_the_leader() {
    let mut all = Loop::new(3);
    let leader = all.elect();
    all.run_ms(200);
    let [follower, _] = others(leader);
    let error = ReplyError::NotLeader {
        region: R1,
        leader: Some(peer(leader)),
    };
    assert_eq!(all.ask(follower, put("a", "1")).result, Err(error.clone()));
    assert_eq!(all.ask(follower, get("a")).result, Err(error));
}

#[test]
fn a_request_that_does_not_fit_the_region_is_answered_at_once() {
    let mut all = Loop::new(3);
    let leader = all.elect();
    let last = all.node(leader).view().last;
    let mut elsewhere = request(900, get("a"));
    elsewhere.region = RegionId::new(7);
    let mut outdated = request(901, get("a"));
    outdated.epoch.version = 2;
    all.deliver_all(
        leader,
        vec![Input::Request(elsewhere), Input::Request(outdated)],
    );
    let found: Vec<_> = all.replies.iter().map(|(_, reply)| &reply.result).collect();
    assert_eq!(
        found,
        [
            &Err(ReplyError::RegionNotFound {
                region: RegionId::new(7)
            }),
            &Err(ReplyError::EpochNotMatch {
                current: vec![region(3)]
            })
        ]
    );
    assert_eq!(all.node(leader).view().last, last);
}

#[test]
fn a_command_whose_place_another_entry_took_is_stale_and_answered_once() {
    let mut all = Loop::new(3);
    let old = all.elect();
    all.run_ms(200);
    all.cut.insert(StoreId::new(old));
    let lost = all.submit(old, put("a", "lost"));
    let also_lost = all.submit(old, get("a"));
    all.settle();
    all.run_ms(3_000);
    let new = all.leader().expect("the others elect");
    assert_ne!(new, old);
    all.ask(new, put("a", "kept"));
    assert!(all.answers(lost).is_empty() && all.answers(also_lost).is_empty());
    all.cut.clear();
    all.run_ms(1_000);
    let term = all.node(new).view().hard_state.term;
    for id in [lost, also_lost] {
        let answers = all.answers(id);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].result, Err(ReplyError::StaleCommand { term }));
    }
    assert_eq!(all.node(old).view().data, [(b("a"), b("kept"))]);
}

#[test]
fn a_command_that_the_next_leader_commits_is_answered_by_the_old_one() {
    let mut all = Loop::new(3);
    let old = all.elect();
    all.run_ms(200);
    let [one, other] = others(old);
    all.cut.insert(StoreId::new(other));
    // The entry reaches one follower, and its acceptance never comes back.
    all.node(one).disk_stalls = true;
    let id = all.submit(old, put("a", "1"));
    all.settle();
    all.cut.insert(StoreId::new(old));
    all.cut.remove(&StoreId::new(other));
    all.node(one).disk_stalls = false;
    all.run_ms(5_000);
    assert_eq!(all.leader(), Some(one), "only it has the newest entry");
    assert!(all.answers(id).is_empty());
    all.cut.clear();
    all.run_ms(1_000);
    let answers = all.answers(id);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].result, Ok(CommandResult::Put));
}

#[test]
fn every_request_of_a_long_run_with_leader_changes_is_answered_exactly_once() {
    let mut all = Loop::new(3);
    let mut ids = Vec::new();
    for round in 0..12 {
        let leader = all.elect();
        for n in 0..5 {
            ids.push(all.submit(leader, put(&format!("k{n}"), &format!("{round}"))));
        }
        all.cut.insert(StoreId::new(leader));
        ids.push(all.submit(leader, get("k1")));
        all.run_ms(2_000);
        all.cut.clear();
        all.run_ms(1_000);
    }
    let leader = all.elect();
    all.ask(leader, put("end", "1"));
    all.run_ms(1_000);
    for id in ids {
        assert_eq!(all.answers(id).len(), 1, "{id}");
    }
}

/// A store alone in its region, leading, with nothing open.
fn alone() -> Loop {
    let mut all = Loop::new(1);
    all.settle();
    all
}

fn flood(all: &mut Loop, count: u64, value: &str) -> Vec<Input> {
    let puts = (0..count).map(|n| put(&format!("k{n}"), value));
    let requests = puts.zip(1_000..).map(|(put, seq)| request(seq, put));
    all.deliver_all(1, requests.map(Input::Request).collect());
    let written = all.node(1).store.as_ref().expect("up").view().written;
    // The durable entries are applied, and the next request comes before the flush leaves.
    all.node(1).store_disk();
    let next = Input::Request(request(801, put("one more", "v")));
    let read = Input::Request(request(802, get("k0")));
    vec![Input::Durable(written), next, read]
}

#[test]
fn writes_are_refused_while_too_much_waits_for_the_disk() {
    let megabyte = "x".repeat(1 << 20);
    let floods = [
        (2 * FLUSH_KEYS + 1, "v"),
        (2 * FLUSH_BYTES / (1 << 20), megabyte.as_str()),
    ];
    for (count, value) in floods {
        let mut all = alone();
        let inputs = flood(&mut all, count, value);
        all.deliver_all(1, inputs);
        let busy = ReplyError::ServerIsBusy {
            reason: BusyReason::DirtyData,
        };
        let found = all.answers(request(801, get("")).id);
        assert_eq!(found[0].result, Err(busy));
        assert!(
            all.answers(request(802, get("")).id).is_empty(),
            "reads go on"
        );
        all.settle();
        assert_eq!(all.answers(request(802, get("")).id).len(), 1);
        assert_eq!(all.ask(1, put("later", "v")).result, Ok(CommandResult::Put));
    }
}

#[test]
fn a_write_is_taken_while_less_waits_for_the_disk() {
    let mut all = alone();
    let inputs = flood(&mut all, 2 * FLUSH_KEYS, "v");
    all.deliver_all(1, inputs);
    all.settle();
    let found = all.answers(request(801, get("")).id);
    assert_eq!(found[0].result, Ok(CommandResult::Put));
}

/// A follower of three with its first write durable, for words from outside.
fn follower() -> (Loop, Store) {
    let mut all = Loop::new(3);
    all.settle();
    let store = all.node(1).store.clone().expect("up");
    (all, store)
}

fn handle(store: &mut Store, input: Input) -> Output {
    let mut output = Output::default();
    let inputs = vec![Delivered {
        event: types::event::EventId {
            segment: 1,
            seq: 99,
        },
        input,
    }];
    let now = StoreTime::new(2);
    store.handle(&Envelope { now, inputs }, &mut output);
    output
}

fn append(prev: (u64, u64), entries: Vec<Entry>, commit: u64) -> MessageBody {
    MessageBody::Append {
        prev: LogPosition {
            index: LogIndex::new(prev.0),
            term: Term::new(prev.1),
        },
        entries: entries.into(),
        commit: LogIndex::new(commit),
    }
}

fn entry(index: u64, term: u64, kind: EntryKind, data: &'static [u8]) -> Entry {
    Entry {
        term: Term::new(term),
        index: LogIndex::new(index),
        kind,
        data: bytes::Bytes::from_static(data),
    }
}

fn assert_refused(mut store: Store, input: &Input, refused: Refused) {
    let before = store.view().peers;
    let output = handle(&mut store, input.clone());
    assert_eq!(output.stop, None);
    assert!(
        output.messages.is_empty() && output.write.is_none(),
        "{input:?}"
    );
    assert_eq!(store.refused().get(&refused), Some(&1), "{input:?}");
    assert_eq!(store.view().peers, before);
}

#[test]
fn bad_words_from_outside_are_counted_and_change_nothing() {
    let (_, store) = follower();
    let good = Loop::message(2, 1, 6, append((5, 5), vec![], 5));
    let change = |change: fn(&mut StoreMessage)| {
        let mut message = good.clone();
        change(&mut message);
        Input::Message(message)
    };
    let with = |entry: Entry| {
        let body = append((5, 5), vec![entry], 5);
        Input::Message(Loop::message(2, 1, 6, body))
    };
    let campaign = AdminRequest {
        region: R1,
        command: AdminCommand::ChangePeers {
            change: types::raft::ConfChange::leave_joint(),
        },
    };
    let cases = [
        (change(|m| m.to = peer(2)), Refused::WrongStore),
        (
            change(|m| m.region = RegionId::new(9)),
            Refused::UnknownRegion,
        ),
        (change(|m| m.to.id = peer(9).id), Refused::WrongPeer),
        (change(|m| raft_mut(m).to = peer(2).id), Refused::WrongPeer),
        (change(|m| m.from = peer(9)), Refused::UnknownSender),
        (
            change(|m| m.from.store = StoreId::new(3)),
            Refused::UnknownSender,
        ),
        (
            change(|m| raft_mut(m).from = peer(3).id),
            Refused::UnknownSender,
        ),
        (
            change(|m| raft_mut(m).term = Term::ZERO),
            Refused::ImpossibleMessage,
        ),
        (
            with(entry(6, 6, EntryKind::Normal, b"\xff\xff")),
            Refused::MalformedEntry,
        ),
        (
            with(entry(6, 6, EntryKind::Normal, b"")),
            Refused::MalformedEntry,
        ),
        (
            with(entry(6, 6, EntryKind::NoOp, b"x")),
            Refused::MalformedEntry,
        ),
        (
            with(entry(6, 6, EntryKind::ConfChange, b"")),
            Refused::MalformedEntry,
        ),
        (
            with(entry(7, 6, EntryKind::NoOp, b"")),
            Refused::ImpossibleMessage,
        ),
        (Input::Durable(Cycle::new(2)), Refused::UnknownCycle),
        (Input::Admin(campaign), Refused::AdminCommand),
    ];
    for (input, refused) in cases {
        assert_refused(store.clone(), &input, refused);
    }
    let mut store = store;
    let output = handle(&mut store, Input::Message(good));
    assert!(output.write.is_some() && store.refused().is_empty());
}

#[test]
fn an_entry_over_a_committed_one_is_the_stores_last_word() {
    let mut all = Loop::new(3);
    let leader = all.elect();
    all.ask(leader, put("a", "1"));
    all.run_ms(300);
    let [follower, liar] = others(leader);
    let mut store = all.node(follower).store.clone().expect("up");
    let bad = append((5, 5), vec![entry(6, 9, EntryKind::NoOp, b"")], 5);
    let message = Loop::message(liar, follower, 9, bad);
    let output = handle(&mut store, Input::Message(message.clone()));
    let stop = Stop::CommittedOverwritten {
        region: R1,
        index: LogIndex::new(6),
        term: Term::new(9),
    };
    assert_eq!(output.stop, Some(stop));
    assert!(output.write.is_none() && output.messages.is_empty());
    let after = handle(&mut store, Input::Message(message));
    assert_eq!(after, Output::default());
}
