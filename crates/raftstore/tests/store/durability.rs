//! What waits for the disk, what does not, and what goes to it together.

use types::{
    disk::{DiskWrite, RowKey, RowOp},
    event::EventId,
    io::{Delivered, Envelope, Input, Output},
    raft::{
        AppendResult, Entry, EntryKind, LogIndex, LogPosition, MessageBody, RaftFact, Role, Term,
    },
    store::CommandResult,
    time::StoreTime,
    view::FactBody,
};

use crate::harness::{Loop, R1, TICK_US, get, put, request};

fn keys(write: &DiskWrite) -> Vec<RowKey> {
    let keys = write.ops.iter().map(|op| match op {
        RowOp::Put(row) => row.key.clone(),
        RowOp::Delete(key) | RowOp::DeleteRange { from: key, .. } => key.clone(),
    });
    keys.collect()
}

fn log_row(first: u64) -> RowKey {
    RowKey::RaftLog {
        region: R1,
        first: LogIndex::new(first),
    }
}

fn append(prev: (u64, u64), entries: &[(u64, u64)], commit: u64) -> MessageBody {
    let entry = |(index, term): &(u64, u64)| Entry {
        term: Term::new(*term),
        index: LogIndex::new(*index),
        kind: EntryKind::NoOp,
        data: bytes::Bytes::new(),
    };
    MessageBody::Append {
        prev: LogPosition {
            index: LogIndex::new(prev.0),
            term: Term::new(prev.1),
        },
        entries: entries.iter().map(entry).collect(),
        commit: LogIndex::new(commit),
    }
}

/// One store of three whose disk completes when told; every output is kept.
struct Single {
    all: Loop,
    outputs: Vec<Output>,
    seq: u64,
}

impl Single {
    fn new() -> Self {
        let mut all = Loop::new(3);
        all.complete(1);
        Self {
            all,
            outputs: Vec::new(),
            seq: 100,
        }
    }

    fn give(&mut self, input: Input) -> &Output {
        self.seq += 1;
        let event = EventId {
            segment: 1,
            seq: self.seq,
        };
        let now = StoreTime::new(self.all.now);
        let inputs = vec![Delivered { event, input }];
        let store = self.all.node(1).store.as_mut().expect("up");
        let mut output = Output::default();
        store.handle(&Envelope { now, inputs }, &mut output);
        self.outputs.push(output);
        self.outputs.last().expect("pushed")
    }

    fn message(&mut self, from: u64, term: u64, body: MessageBody) -> &Output {
        self.give(Input::Message(Loop::message(from, 1, term, body)))
    }

    fn durable(&mut self) -> &Output {
        let view = self.all.node(1).store.as_ref().expect("up").view();
        self.give(Input::Durable(view.written))
    }
}

fn matched(output: &Output) -> Vec<u64> {
    let bodies = output
        .messages
        .iter()
        .map(|message| &crate::harness::raft(message).body);
    bodies
        .filter_map(|body| match body {
            MessageBody::AppendResponse {
                result: AppendResult::Matched { index },
            } => Some(index.get()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_fresh_store_writes_who_it_is_first() {
    let mut all = Loop::new(3);
    all.settle();
    let write = &all.node(2).writes[0];
    assert_eq!(
        keys(write),
        [
            RowKey::StoreIdent,
            RowKey::RaftState { region: R1 },
            RowKey::ApplyState { region: R1 },
            RowKey::RegionState { region: R1 },
            RowKey::LastCycle,
        ]
    );
    assert_eq!(write.cycle.get(), 1);
}

#[test]
fn nothing_at_all_is_said_before_the_first_write_is_durable() {
    let mut all = Loop::new(3);
    let mut store = all.node(1).store.clone().expect("up");
    let beat = MessageBody::Heartbeat {
        commit: LogIndex::new(5),
        round: 0,
    };
    let inputs = vec![Delivered {
        event: EventId { segment: 1, seq: 9 },
        input: Input::Message(Loop::message(2, 1, 5, beat)),
    }];
    let now = StoreTime::new(2);
    let mut output = Output::default();
    store.handle(&Envelope { now, inputs }, &mut output);
    assert!(output.messages.is_empty() && output.write.is_none());
    let inputs = vec![Delivered {
        event: EventId {
            segment: 1,
            seq: 10,
        },
        input: Input::Durable(store.view().written),
    }];
    store.handle(&Envelope { now, inputs }, &mut output);
    assert_eq!(output.messages.len(), 1);
}

#[test]
fn vote_requests_leave_when_the_vote_for_oneself_is_durable() {
    let mut single = Single::new();
    single.all.now += 20 * TICK_US;
    let output = single.give(Input::Wake);
    assert!(output.messages.is_empty() && output.write.is_some());
    assert_eq!(single.all.node(1).view().role, Role::Candidate);
    assert!(
        single.all.node(1).view().votes.is_empty(),
        "the own vote does not count yet"
    );
    let output = single.durable();
    assert_eq!(output.messages.len(), 2);
    let view = single.all.node(1).view();
    assert_eq!(view.votes, [(view.peer, true)]);
}

#[test]
fn a_vote_is_given_when_it_is_durable() {
    let mut single = Single::new();
    let last = LogPosition {
        index: LogIndex::new(5),
        term: Term::new(5),
    };
    let output = single.message(
        2,
        6,
        MessageBody::RequestVote {
            last,
            transfer: false,
            commit: last,
        },
    );
    assert!(output.messages.is_empty() && output.write.is_some());
    let output = single.durable();
    assert_eq!(
        crate::harness::raft(&output.messages[0]).body,
        MessageBody::RequestVoteResponse {
            granted: true,
            commit: last,
        }
    );
}

#[test]
fn one_write_is_open_at_most_and_what_comes_meanwhile_becomes_one_run() {
    let mut single = Single::new();
    let output = single.message(2, 6, append((5, 5), &[(6, 6)], 5));
    let first = output.write.clone().expect("a write");
    assert_eq!(
        keys(&first),
        [
            log_row(6),
            RowKey::RaftState { region: R1 },
            RowKey::LastCycle
        ]
    );
    for index in 7..10 {
        let body = append((index - 1, 6), &[(index, 6)], 5);
        let output = single.message(2, 6, body);
        assert!(output.write.is_none() && output.messages.is_empty());
    }
    let output = single.durable();
    assert_eq!(matched(output), [6]);
    let second = output.write.clone().expect("the next write");
    assert_eq!(second.cycle, first.cycle.next());
    assert_eq!(
        keys(&second),
        [
            log_row(7),
            RowKey::RaftState { region: R1 },
            RowKey::LastCycle
        ]
    );
    assert_eq!(matched(single.durable()), [7, 8, 9]);
}

#[test]
fn what_a_replaced_term_promised_is_never_said() {
    let mut single = Single::new();
    single.message(2, 6, append((5, 5), &[(6, 6)], 5));
    // Collected behind an open write: accepted in term 7, replaced in term 8.
    single.message(3, 7, append((6, 6), &[(7, 7), (8, 7)], 5));
    single.message(2, 8, append((6, 6), &[(7, 8)], 5));
    assert_eq!(matched(single.durable()), [6]);
    let output = single.durable();
    assert_eq!(
        matched(output),
        [7],
        "the acceptance of term 7 would promise entry 8"
    );
    assert!(
        output
            .messages
            .iter()
            .all(|m| m.body.term() == Term::new(8))
    );
}

#[test]
fn an_empty_append_is_answered_at_once_when_nothing_is_open() {
    let mut single = Single::new();
    single.message(2, 6, append((5, 5), &[(6, 6)], 5));
    let output = single.message(2, 6, append((6, 6), &[], 5));
    assert!(output.messages.is_empty(), "it rests on the open write");
    assert_eq!(matched(single.durable()), [6, 6]);
    let output = single.message(2, 6, append((6, 6), &[], 5));
    assert_eq!(matched(output), [6]);
    assert!(output.write.is_none());
}

#[test]
fn applied_data_waits_while_raft_has_something_that_others_wait_for() {
    let mut all = Loop::new(1);
    all.settle();
    let requests = |from: u64| {
        let puts = (from..from + 3).map(|n| request(n, put(&format!("k{n}"), "v")));
        puts.map(Input::Request).collect::<Vec<_>>()
    };
    all.deliver_all(1, requests(100));
    all.deliver_all(1, requests(200));
    all.complete(1);
    let view = all.node(1).view();
    assert!(view.applied > view.flushed);
    all.complete(1);
    assert!(all.node(1).view().flushed < all.node(1).view().applied);
    all.settle();
    let node = all.node(1);
    assert_eq!(node.view().flushed, node.view().applied);
    let writes = &node.writes[node.writes.len() - 2..];
    assert!(matches!(keys(&writes[0])[0], RowKey::RaftLog { .. }));
    let flush = keys(&writes[1]);
    assert_eq!(
        flush[0],
        RowKey::RaftState { region: R1 },
        "commit goes along"
    );
    let data = flush
        .iter()
        .filter(|key| matches!(key, RowKey::Data { .. }));
    assert_eq!(data.count(), 6);
    assert!(flush.contains(&RowKey::ApplyState { region: R1 }));
}

#[test]
fn much_applied_data_is_flushed_even_while_raft_is_busy() {
    let mut all = Loop::new(1);
    all.settle();
    let puts = (0..raftstore::FLUSH_KEYS).map(|n| request(1_000 + n, put(&format!("k{n}"), "v")));
    all.deliver_all(1, puts.map(Input::Request).collect());
    all.submit(1, put("behind", "v"));
    all.complete(1);
    all.node(1).store_disk();
    let keys = keys(all.node(1).writes.last().expect("a write"));
    assert!(matches!(keys[0], RowKey::RaftLog { .. }));
    let data = keys.iter().filter(|key| matches!(key, RowKey::Data { .. }));
    assert_eq!(data.count() as u64, raftstore::FLUSH_KEYS);
}

#[test]
fn an_idle_cluster_writes_nothing() {
    let mut all = Loop::new(3);
    let leader = all.elect();
    all.ask(leader, put("a", "1"));
    all.run_ms(2_000);
    let cycles = [1, 2, 3].map(|n| all.node(n).disk.cycle());
    all.run_ms(10_000);
    assert_eq!([1, 2, 3].map(|n| all.node(n).disk.cycle()), cycles);
}

#[test]
fn a_read_is_answered_after_its_entry_is_durable_and_applied() {
    let mut all = Loop::new(1);
    all.settle();
    let id = all.submit(1, get("a"));
    assert!(all.answers(id).is_empty() && all.node(1).has_open_write());
    all.complete(1);
    assert_eq!(
        all.answers(id)[0].result,
        Ok(CommandResult::Get { value: None })
    );
}

#[test]
fn facts_name_what_triggered_them_and_the_write_they_waited_for() {
    let mut all = Loop::new(1);
    all.settle();
    all.facts.clear();
    all.submit(1, put("a", "1"));
    all.complete(1);
    let find = |is: fn(&FactBody) -> bool| {
        let fact = all.facts.iter().find(|(_, fact)| is(&fact.body));
        fact.expect("it is told").1.clone()
    };
    let proposed = find(|body| matches!(body, FactBody::Proposed { .. }));
    let appended = find(|body| matches!(body, FactBody::Raft(RaftFact::Appended { .. })));
    let applied = find(|body| matches!(body, FactBody::Applied { .. }));
    assert_eq!(proposed.waited_for, None);
    assert_eq!(appended.cause, proposed.cause);
    assert_eq!(applied.cause, proposed.cause);
    assert_eq!(applied.waited_for, Some(proposed.cause.next()));
}

#[test]
fn a_store_asks_to_be_woken_at_its_deadline_and_bears_other_times() {
    let mut all = Loop::new(3);
    all.settle();
    let deadline = all.node(1).wake_at();
    assert_eq!(deadline.get() % TICK_US, 0);
    let told = all.facts.iter().find_map(|(id, fact)| match fact.body {
        FactBody::TimerReset { deadline, .. } if id.get() == 1 => Some(deadline),
        _ => None,
    });
    assert_eq!(told, Some(deadline));
    all.now = deadline.get() - 1;
    all.deliver(1, Input::Wake);
    assert_eq!(all.node(1).wake_at(), deadline);
    assert_eq!(all.node(1).view().role, Role::Follower);
    all.now = deadline.get() + 7 * TICK_US;
    all.deliver(1, Input::Wake);
    assert_eq!(all.node(1).view().role, Role::Candidate);
    assert_eq!(
        all.node(1).view().hard_state.term,
        Term::new(6),
        "one campaign, however late"
    );
    assert!(all.node(1).wake_at().get() > all.now);
}

#[test]
fn a_new_leader_stops_its_election_timer() {
    let mut all = Loop::new(3);
    let leader = all.elect();
    let told = all
        .facts
        .iter()
        .filter(|(id, fact)| id.get() == leader && matches!(fact.body, FactBody::TimerStopped));
    assert_eq!(told.count(), 1);
}
