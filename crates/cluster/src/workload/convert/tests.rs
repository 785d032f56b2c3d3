use checker::history::{self, Budget, Verdict};
use types::{raft::Term, store::ReplyError};

use super::*;

fn b(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// A history that is written down step by step, by instants in microseconds.
#[derive(Default)]
struct Script {
    history: History,
    operations: u64,
}

impl Script {
    fn invoke(&mut self, at: u64, client: u64, command: Command) -> (ClientId, OperationId) {
        self.operations += 1;
        let (client, operation) = (ClientId::new(client), OperationId::new(self.operations));
        self.history.push(HistoryEvent::Invoked {
            client,
            operation,
            at: VirtualTime::new(at),
            command,
        });
        (client, operation)
    }

    fn settle(&mut self, at: u64, name: (ClientId, OperationId), state: OperationState) {
        let (client, operation) = name;
        let at = VirtualTime::new(at);
        self.history.push(HistoryEvent::Returned {
            client,
            operation,
            at,
            state,
        });
    }

    fn done(&mut self, at: u64, name: (ClientId, OperationId), result: CommandResult) {
        let state = OperationState::Done {
            at: VirtualTime::new(at),
            result,
        };
        self.settle(at, name, state);
    }

    fn give_up(&mut self, at: u64, name: (ClientId, OperationId)) {
        let since = VirtualTime::new(at);
        self.settle(at, name, OperationState::Unknown { since });
    }

    fn converted(&self) -> Converted {
        self.history.convert().expect("a sound history")
    }

    fn is_linearizable(&self) -> bool {
        let operations = self.converted().operations;
        let history = history::History::new(operations).expect("one thing at a time");
        match history::check(&history, Budget::default()).verdict {
            Verdict::Linearizable { .. } => true,
            Verdict::NotLinearizable { .. } => false,
            unknown @ Verdict::Unknown { .. } => panic!("{unknown:?}"),
        }
    }
}

fn put(value: &'static str) -> Command {
    Command::Put {
        key: b("k"),
        value: b(value),
    }
}

fn get() -> Command {
    Command::Get { key: b("k") }
}

fn got(value: Option<&'static str>) -> CommandResult {
    CommandResult::Get {
        value: value.map(b),
    }
}

fn swap(expected: Option<&'static str>, new: &'static str) -> Command {
    Command::CompareAndSet {
        key: b("k"),
        expected: expected.map(b),
        new: b(new),
    }
}

fn swapped(swapped: bool, found: Option<&'static str>) -> CommandResult {
    CommandResult::CompareAndSet {
        swapped,
        found: found.map(b),
    }
}

#[test]
fn every_kind_of_operation_is_judged_by_its_answer() {
    let append = Command::Append {
        key: b("k"),
        value: b("2"),
    };
    let delete = Command::Delete { key: b("k") };
    let steps = [
        (put("1"), CommandResult::Put, Some(CommandResult::Delete)),
        (append, CommandResult::Append, None),
        (get(), got(Some("12")), Some(got(Some("1")))),
        (
            swap(Some("1"), "3"),
            swapped(false, Some("12")),
            Some(swapped(false, Some("2"))),
        ),
        (
            swap(Some("12"), "4"),
            swapped(true, Some("12")),
            Some(swapped(false, Some("12"))),
        ),
        (get(), got(Some("4")), Some(got(Some("12")))),
        (delete, CommandResult::Delete, None),
        (
            swap(None, "5"),
            swapped(true, None),
            Some(swapped(false, None)),
        ),
    ];
    let script = |spoiled: Option<usize>| {
        let mut script = Script::default();
        for (nth, (command, right, wrong)) in steps.iter().enumerate() {
            let at = nth as u64 * 10;
            let name = script.invoke(at, 1, command.clone());
            let wrong = wrong.as_ref().filter(|_| spoiled == Some(nth));
            script.done(at + 5, name, wrong.unwrap_or(right).clone());
        }
        script
    };
    assert!(script(None).is_linearizable());
    for nth in [2, 3, 4, 5, 7] {
        assert!(!script(Some(nth)).is_linearizable(), "step {nth}");
    }
    let mismatch = script(Some(0)).history.convert();
    assert!(matches!(mismatch, Err(HistoryFault::Mismatch { .. })));
}

#[test]
fn what_certainly_had_no_effect_and_scans_are_left_out_and_counted() {
    let mut script = Script::default();
    let failed = script.invoke(0, 1, put("1"));
    let term = Term::new(7);
    let (at, error) = (VirtualTime::new(1), ReplyError::StaleCommand { term });
    script.give_up(0, failed);
    script.settle(1, failed, OperationState::Failed { at, error });
    let never = script.invoke(2, 1, put("2"));
    script.settle(3, never, OperationState::NeverSent { at });
    let scan = Command::Scan {
        start: Bytes::new(),
        end: Bytes::new(),
        limit: 1,
    };
    let scan = script.invoke(4, 1, scan);
    script.done(5, scan, CommandResult::Scan { pairs: Vec::new() });
    let converted = script.converted();
    assert_eq!(converted.operations, []);
    assert_eq!((converted.without_effect, converted.scans), (2, 1));
}

#[test]
fn an_operation_without_an_answer_is_open_to_the_end() {
    let mut script = Script::default();
    let lost = script.invoke(0, 1, put("1"));
    script.give_up(10, lost);
    for (at, value) in [(20, None), (30, Some("1"))] {
        let read = script.invoke(at, 1, get());
        script.done(at + 5, read, got(value));
    }
    let converted = script.converted();
    assert_eq!(converted.operations[0].returned, None);
    assert_eq!(converted.unknown, 1);
    assert!(script.is_linearizable());
    let read = script.invoke(40, 1, get());
    script.done(45, read, got(None));
    assert!(!script.is_linearizable(), "it cannot be taken back");
}

#[test]
fn a_late_answer_counts_from_the_instant_at_which_it_came() {
    let mut script = Script::default();
    let late = script.invoke(0, 1, put("1"));
    script.give_up(10, late);
    let read = script.invoke(20, 1, get());
    script.done(25, read, got(None));
    script.done(30, late, CommandResult::Put);
    assert_eq!(script.converted().operations[0].returned, Some(30));
    assert!(script.is_linearizable());
    let read = script.invoke(40, 1, get());
    script.done(45, read, got(None));
    assert!(!script.is_linearizable(), "it was done at 30");
}

#[test]
fn a_client_that_does_several_things_at_once_is_several_clients() {
    let mut script = Script::default();
    let first = script.invoke(0, 1, put("1"));
    let second = script.invoke(5, 1, get());
    script.done(10, second, got(None));
    // At one instant nobody knows which came first, so a client that asks then is another.
    let third = script.invoke(10, 1, get());
    script.done(15, third, got(Some("1")));
    script.done(20, first, CommandResult::Put);
    let fourth = script.invoke(30, 1, get());
    script.done(40, fourth, got(Some("1")));
    let clients = |script: &Script| {
        let operations = script.converted().operations;
        operations.iter().map(|one| one.client).collect::<Vec<_>>()
    };
    assert_eq!(clients(&script), [1, 2, 3, 1]);
    assert!(script.is_linearizable());
}

#[test]
fn a_history_with_gaps_is_not_judged() {
    let mut script = Script::default();
    let name = script.invoke(0, 1, put("1"));
    script.done(1, name, CommandResult::Put);
    let whole = script.history.clone();
    let mut gap = whole.clone();
    gap.skipped = 1;
    assert_eq!(gap.convert(), Err(HistoryFault::Incomplete { events: 1 }));
    let mut headless = whole.clone();
    headless.events.remove(0);
    assert!(matches!(
        headless.convert(),
        Err(HistoryFault::Stray { .. })
    ));
    let mut doubled = whole.clone();
    doubled.extend(whole);
    assert!(matches!(doubled.convert(), Err(HistoryFault::Twice { .. })));
}
