//! What recorders and stores get wrong, planted one kind at a time into a right history.

use super::random::{Random, Story};
use super::{append, blocked, delete, get, judge, lost, put, swap};
use crate::history::{Operation, Verdict};

/// The client of the plants; the others are below.
const OURS: u64 = 100;

/// A right history of 300 operations, then `plant` on the same key at instants from 0 on, then
/// 300 right operations more. The position of the first planted one.
fn surround(plant: &[Operation], seed: u64) -> (Vec<Operation>, usize) {
    let story = Story {
        operations: 300,
        clients: 5,
        keys: 1,
        values: 20,
        lost: 0,
        pause_max: 3,
        others: 10,
    };
    let mut random = Random::new(seed);
    let mut operations = Vec::new();
    let mut now = 0;
    let mut first = 0;
    let before = story.tell(&mut random);
    // What comes after does not know what was held before it.
    let mut after = vec![delete(OURS, 0, 1)];
    for mut operation in story.tell(&mut random) {
        operation.invoked += 2;
        operation.returned = operation.returned.map(|returned| returned + 2);
        after.push(operation);
    }
    for (number, part) in [&before, plant, &after].into_iter().enumerate() {
        if number == 1 {
            first = operations.len();
        }
        let begin = now;
        for operation in part {
            let mut operation = operation.clone();
            operation.key = b"k".to_vec();
            operation.invoked += begin;
            operation.returned = operation.returned.map(|returned| returned + begin);
            now = now.max(operation.returned.unwrap_or(0) + 1);
            operations.push(operation);
        }
    }
    (operations, first)
}

/// Checks that `right` is right and that the operation of `wrong` at position `culprit` is what
/// cannot be placed, wherever they stand.
fn caught(right: &[Operation], wrong: &[Operation], culprit: usize) {
    for seed in 0..20 {
        let (operations, _) = surround(right, seed);
        let verdict = judge(&operations).verdict;
        assert!(
            matches!(verdict, Verdict::Linearizable { .. }),
            "{verdict:?}"
        );
        let (operations, first) = surround(wrong, seed);
        let report = judge(&operations);
        assert_eq!(
            blocked(&report),
            Some((first + culprit, true)),
            "{report:?}"
        );
    }
}

#[test]
fn a_stale_read_is_caught() {
    let story = |seen| {
        [
            put(OURS, "a", 0, 1),
            put(OURS, "b", 2, 4),
            get(101, Some(seen), 5, 6),
        ]
    };
    caught(&story("b"), &story("a"), 2);
    // While the second write is under way, both are right; once one was seen, only one is.
    let story = |first, second| {
        [
            put(OURS, "a", 0, 1),
            put(OURS, "b", 2, 9),
            get(101, Some(first), 3, 4),
            get(102, Some(second), 5, 6),
        ]
    };
    caught(&story("a", "b"), &story("b", "a"), 3);
    caught(&story("a", "a"), &story("b", "a"), 3);
}

#[test]
fn a_lost_write_is_caught() {
    let story = |value| {
        [
            delete(OURS, 0, 1),
            put(OURS, "a", 2, 3),
            get(OURS, value, 4, 5),
        ]
    };
    caught(&story(Some("a")), &story(None), 2);
    // Nobody promised a write whose outcome is unknown.
    let unknown = |value| {
        [
            delete(OURS, 0, 1),
            lost(put(OURS, "a", 2, 3)),
            get(OURS, value, 4, 5),
        ]
    };
    caught(&unknown(None), &story(None), 2);
    caught(&unknown(Some("a")), &story(None), 2);
}

#[test]
fn an_append_that_took_effect_twice_is_caught() {
    let story = |value| {
        [
            put(OURS, "a", 0, 1),
            append(OURS, "b", 2, 3),
            get(OURS, Some(value), 4, 5),
        ]
    };
    caught(&story("ab"), &story("abb"), 2);
    caught(&story("ab"), &story("a"), 2);
    caught(&story("ab"), &story("ba"), 2);
    // Two that are under way may come in either order, and neither twice.
    let story = |value| {
        [
            put(OURS, "a", 0, 1),
            append(OURS, "b", 2, 5),
            lost(append(101, "c", 2, 5)),
            get(OURS, Some(value), 6, 7),
        ]
    };
    caught(&story("acb"), &story("abbc"), 3);
    caught(&story("ab"), &story("ac"), 3);
}

#[test]
fn a_value_from_nowhere_is_caught() {
    let story = |value| [put(OURS, "a", 0, 1), get(OURS, Some(value), 2, 3)];
    caught(&story("a"), &story("nowhere"), 1);
    // A write cannot be seen before it was asked for.
    let story = |from| {
        [
            put(OURS, "a", 0, 1),
            get(OURS, Some("early"), 5, 6),
            put(101, "early", from, 20),
        ]
    };
    caught(&story(4), &story(7), 1);
}

#[test]
fn a_swap_that_succeeded_on_another_value_is_caught() {
    let story = |expected, ok| {
        [
            put(OURS, "a", 0, 1),
            swap(OURS, (expected, "b"), ok, 2, 3),
            put(OURS, "c", 4, 5),
        ]
    };
    caught(&story(Some("a"), true), &story(Some("x"), true), 1);
    caught(&story(Some("x"), false), &story(Some("a"), false), 1);
    caught(&story(None, false), &story(None, true), 1);
    // One that failed changed nothing.
    let story = |ok, value| {
        [
            put(OURS, "a", 0, 1),
            swap(OURS, (Some(if ok { "a" } else { "x" }), "b"), ok, 2, 3),
            get(OURS, Some(value), 4, 5),
        ]
    };
    caught(&story(true, "b"), &story(false, "b"), 2);
    // Of two that want the same value, one can have it.
    let both = |first, second| {
        [
            put(OURS, "a", 0, 1),
            swap(OURS, (Some("a"), "b"), first, 2, 5),
            swap(101, (Some("a"), "c"), second, 2, 6),
        ]
    };
    caught(&both(false, true), &both(true, true), 2);
    caught(&both(true, false), &both(false, false), 1);
}

#[test]
fn a_deleted_value_that_came_back_is_caught() {
    let story = |value| {
        [
            put(OURS, "a", 0, 1),
            delete(OURS, 2, 3),
            get(101, value, 4, 5),
        ]
    };
    caught(&story(None), &story(Some("a")), 2);
    // A write that was given up may still come after the delete, once.
    let story = |last| {
        [
            lost(put(OURS, "a", 0, 1)),
            get(101, Some("a"), 2, 3),
            delete(101, 4, 5),
            get(101, last, 6, 7),
        ]
    };
    caught(&story(None), &story(Some("a")), 3);
}

#[test]
fn instants_that_were_recorded_out_of_order_are_caught() {
    let story = |invoked, returned| {
        [
            put(OURS, "a", 0, 1),
            put(101, "b", invoked, returned),
            get(OURS, Some("a"), 5, 6),
            get(OURS, Some("b"), 10, 11),
        ]
    };
    caught(&story(7, 8), &story(2, 3), 2);
    caught(&story(2, 5), &story(2, 4), 2);
}

#[test]
fn at_one_instant_clients_are_concurrent_and_a_client_keeps_its_order() {
    let story = |client| [put(OURS, "a", 0, 5), get(client, None, 5, 9)];
    let began = |client| [&[delete(client, 0, 0)], &story(client)[..]].concat();
    assert!(blocked(&judge(&began(101))).is_none());
    assert_eq!(blocked(&judge(&began(OURS))), Some((2, true)));
}
