//! The live judge says at each answer what the judge of whole histories says.

use super::judge;
use super::random::{Random, Story, plant};
use crate::history::{Action, LiveHistory, LiveVerdict, OPEN_MAX, Operation, Verdict};

/// A moment of a history: the operation, and whether it returns.
type Event = (usize, bool);

/// The events in order; of one instant, returns come first.
fn events(operations: &[Operation]) -> Vec<Event> {
    let mut events = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        events.push((operation.invoked, true, (number, false)));
        if let Some(returned) = operation.returned {
            let at_once = returned == operation.invoked;
            events.push((returned, at_once, (number, true)));
        }
    }
    events.sort_by_key(|(at, later, _)| (*at, *later));
    events.into_iter().map(|(_, _, event)| event).collect()
}

/// The same history at instants that all differ, in the order of `events`.
fn apart(operations: &[Operation], events: &[Event]) -> Vec<Operation> {
    let mut apart = operations.to_vec();
    for (client, operation) in (0..).zip(&mut apart) {
        operation.client = client;
    }
    for (at, (number, returns)) in (0..).zip(events) {
        if *returns {
            apart[*number].returned = Some(at);
        } else {
            apart[*number].invoked = at;
        }
    }
    apart
}

fn asked(action: &Action) -> Action {
    match action.clone() {
        Action::Get { .. } => Action::Get { value: None },
        Action::CompareAndSet {
            expected, value, ..
        } => Action::CompareAndSet {
            expected,
            value,
            ok: true,
        },
        other => other,
    }
}

/// The number of the event that nothing explains.
fn first_broken(
    operations: &[Operation],
    events: &[Event],
    is_fresh: bool,
    gives_up: bool,
) -> Option<usize> {
    let mut live = LiveHistory::new(is_fresh);
    for (at, (number, returns)) in events.iter().enumerate() {
        let (name, operation) = (*number as u64, &operations[*number]);
        if *returns {
            live.answer(name, &operation.action);
        } else {
            live.invoke(name, &operation.key, asked(&operation.action));
            if gives_up && operation.returned.is_none() {
                live.give_up(name);
            }
        }
        match live.verdict() {
            LiveVerdict::Linearizable => {}
            LiveVerdict::Undecided { .. } => panic!("few operations are decided"),
            LiveVerdict::Broken(unexplained) => {
                assert_eq!(unexplained.operation, name);
                return Some(at);
            }
        }
    }
    None
}

fn is_linearizable(operations: &[Operation]) -> bool {
    match judge(operations).verdict {
        Verdict::Linearizable { .. } => true,
        Verdict::NotLinearizable { .. } => false,
        Verdict::Unknown { .. } => panic!("a small history is decided"),
    }
}

#[test]
fn thirty_thousand_small_histories_are_judged_as_they_are_when_they_are_over() {
    let mut random = Random::new(7);
    let (mut good, mut bad) = (0, 0);
    for round in 0..30_000 {
        let mut operations = Story::small(&mut random).tell(&mut random);
        if random.percent(50) {
            plant(&mut operations, &mut random);
        }
        let events = events(&operations);
        let apart = apart(&operations, &events);
        let found = first_broken(&apart, &events, true, round % 2 == 0);
        assert_eq!(found.is_none(), is_linearizable(&apart), "{apart:?}");
        if found.is_none() {
            // Of a key whose past is unknown less is demanded.
            assert_eq!(
                first_broken(&apart, &events, false, true),
                None,
                "{apart:?}"
            );
            good += 1;
        } else {
            bad += 1;
        }
    }
    assert!(good > 5_000 && bad > 5_000, "{good} good, {bad} bad");
}

#[test]
fn the_answer_that_breaks_a_history_is_the_one_that_cannot_be_placed() {
    let mut random = Random::new(99);
    let mut broken = 0;
    while broken < 500 {
        let mut operations = Story::small(&mut random).tell(&mut random);
        plant(&mut operations, &mut random);
        let events = events(&operations);
        let apart = apart(&operations, &events);
        let Some(at) = first_broken(&apart, &events, true, true) else {
            continue;
        };
        broken += 1;
        let blocked = super::blocked(&judge(&apart)).expect("it is broken");
        assert_eq!(blocked, (events[at].0, true), "{apart:?}");
    }
}

fn put(value: &str) -> Action {
    Action::Put {
        value: value.as_bytes().to_vec(),
    }
}

fn get(value: Option<&str>) -> Action {
    Action::Get {
        value: value.map(|value| value.as_bytes().to_vec()),
    }
}

#[test]
fn a_key_whose_past_is_unknown_is_held_to_the_first_answer() {
    let mut live = LiveHistory::new(false);
    for (name, value) in [(1, Some("old")), (2, Some("old")), (3, None)] {
        live.invoke(name, b"k", get(None));
        live.answer(name, &get(value));
    }
    let LiveVerdict::Broken(unexplained) = live.verdict() else {
        panic!("nobody deleted it: {:?}", live.verdict());
    };
    assert_eq!(
        (unexplained.operation, &unexplained.order[..]),
        (3, &[1, 2][..])
    );
    assert_eq!(live.judged(), 3);
}

#[test]
fn a_lost_put_whose_value_was_seen_is_open_no_longer() {
    let mut live = LiveHistory::new(true);
    for name in 0..100 {
        let value = name.to_string();
        live.invoke(2 * name, b"k", put(&value));
        live.give_up(2 * name);
        live.invoke(2 * name + 1, b"k", get(None));
        live.answer(2 * name + 1, &get(Some(&value)));
    }
    assert_eq!(live.verdict(), &LiveVerdict::Linearizable);
    live.invoke(1_000, b"k", get(None));
    live.answer(1_000, &get(Some("7")));
    assert!(
        matches!(live.verdict(), LiveVerdict::Broken(_)),
        "7 is over"
    );
}

#[test]
fn more_open_operations_than_a_key_may_have_leave_it_undecided_and_others_judged() {
    let mut live = LiveHistory::new(true);
    for name in 0..=OPEN_MAX as u64 {
        live.invoke(name, b"busy", put(&name.to_string()));
    }
    let key = b"busy".to_vec();
    assert_eq!(live.verdict(), &LiveVerdict::Undecided { key });
    live.answer(3, &put("3"));
    live.invoke(100, b"other", get(None));
    live.answer(100, &get(Some("never written")));
    assert!(matches!(live.verdict(), LiveVerdict::Broken(_)));
}

#[test]
fn an_operation_that_was_called_off_and_seen_all_the_same_is_found() {
    let mut live = LiveHistory::new(true);
    live.invoke(1, b"k", put("never"));
    live.invoke(2, b"k", get(None));
    live.answer(2, &get(Some("never")));
    live.call_off(1);
    let LiveVerdict::Broken(unexplained) = live.verdict() else {
        panic!("it had an effect");
    };
    assert_eq!(unexplained.operation, 1);
}

#[test]
fn twelve_writes_at_once_are_decided_or_given_up_in_little_time() {
    let mut live = LiveHistory::new(true);
    for name in 0..OPEN_MAX as u64 - 1 {
        live.invoke(name, b"k", put(&name.to_string()));
    }
    live.invoke(50, b"k", get(None));
    live.answer(50, &get(Some("nobody wrote this")));
    assert_ne!(live.verdict(), &LiveVerdict::Linearizable);
}
