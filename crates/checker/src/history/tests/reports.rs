//! What is accepted as a history, and what a verdict says.

use super::brute::replay;
use super::{delete, get, judge, lost, operation, put, swap};
use crate::history::{Action, Budget, History, HistoryError, KeyOrder, Verdict, check};

#[test]
fn nothing_is_linearizable() {
    let report = judge(&[]);
    let witness = Vec::new();
    assert_eq!(report.verdict, Verdict::Linearizable { witness });
    assert_eq!((report.steps, report.remembered), (0, 0));
}

#[test]
fn a_client_that_does_two_things_at_once_is_refused() {
    let error = |operations: &[_]| History::new(operations.to_vec()).expect_err("no history");
    let overlap = error(&[put(2, "a", 0, 9), put(1, "b", 7, 9), put(1, "a", 5, 8)]);
    let wanted = HistoryError::Overlap {
        client: 1,
        operation: 1,
        earlier: 2,
        invoked: 7,
        busy: 8,
    };
    assert_eq!(overlap, wanted);
    assert_eq!(overlap.operation(), Some(1));
    let twice = error(&[put(1, "a", 5, 8), put(1, "a", 5, 8)]);
    assert_eq!(twice.operation(), Some(1));
    let late = error(&[put(1, "a", 5, 8), lost(put(1, "a", 7, 0))]);
    assert_eq!(late.operation(), Some(1));
}

#[test]
fn a_client_may_go_on_after_it_gave_up_and_at_the_instant_of_an_answer() {
    let operations = [
        put(1, "c", 9, 9),
        lost(put(1, "a", 3, 0)),
        put(1, "b", 3, 5),
        get(1, Some("a"), 5, 9),
        get(1, Some("c"), 9, 9),
    ];
    assert!(matches!(
        judge(&operations).verdict,
        Verdict::Linearizable { .. }
    ));
}

#[test]
fn an_answer_before_the_question_is_refused() {
    let error = History::new(vec![put(1, "a", 0, 1), put(2, "b", 5, 4)]).expect_err("no history");
    assert_eq!(error.operation(), Some(1));
    let words = "it returned at 4, before it was invoked at 5";
    assert_eq!(error.to_string(), words);
}

#[test]
fn each_key_has_an_order_of_its_own() {
    let mut operations = vec![
        put(1, "1", 0, 1),
        put(1, "2", 2, 3),
        get(2, Some("1"), 0, 9),
    ];
    operations[1].key = b"a".to_vec();
    let Verdict::Linearizable { witness } = judge(&operations).verdict else {
        panic!("it is linearizable");
    };
    let order = |key: &[u8], order: &[usize]| KeyOrder {
        key: key.to_vec(),
        order: order.to_vec(),
    };
    assert_eq!(witness, [order(b"a", &[1]), order(b"k", &[0, 2])]);
}

#[test]
fn the_longest_prefix_has_all_that_returned_before_the_one_that_cannot_be_placed() {
    let operations = [
        put(1, "a", 0, 10),
        put(2, "b", 0, 20),
        get(3, Some("b"), 1, 5),
        get(3, Some("a"), 6, 11),
        get(4, Some("b"), 12, 15),
        put(5, "z", 13, 30),
    ];
    let Verdict::NotLinearizable {
        key,
        prefix,
        blocked,
        longest,
    } = judge(&operations).verdict
    else {
        panic!("b was seen, then a, then b again");
    };
    assert_eq!((key.as_slice(), blocked, longest), (&b"k"[..], 4, true));
    assert_eq!(prefix, [1, 2, 0, 3]);
    replay(&operations, &prefix, |position| {
        [0, 2, 3].contains(&position)
    });
}

#[test]
fn what_was_open_at_the_cut_is_bound_by_its_later_answer() {
    // The swap says later that it failed, so it cannot be what the get saw.
    let operations = [
        put(1, "a", 0, 1),
        swap(2, (Some("x"), "b"), false, 2, 9),
        get(3, Some("b"), 3, 4),
    ];
    let Verdict::NotLinearizable { blocked, .. } = judge(&operations).verdict else {
        panic!("nobody put b");
    };
    assert_eq!(blocked, 2);
}

#[test]
fn what_an_unknown_operation_says_it_was_answered_does_not_count() {
    let asked = Action::CompareAndSet {
        expected: None,
        value: b"a".to_vec(),
        ok: false,
    };
    let answer = |value| {
        let nonsense = lost(get(3, Some("nonsense"), 0, 0));
        let asked = operation(1, asked.clone(), 0, None);
        judge(&[nonsense, asked, get(2, value, 5, 6)]).verdict
    };
    for value in [None, Some("a")] {
        assert!(matches!(answer(value), Verdict::Linearizable { .. }));
    }
    assert!(matches!(answer(Some("b")), Verdict::NotLinearizable { .. }));
}

#[test]
fn a_prefix_is_not_called_the_longest_when_the_budget_ended_first() {
    let mut operations = vec![put(0, "start", 0, 1)];
    for number in 0..200 {
        let at = 10 * number;
        operations.push(put(1, &number.to_string(), 10 + at, 12 + at));
        operations.push(get(1, Some(&number.to_string()), 13 + at, 15 + at));
    }
    operations.push(get(1, Some("nobody"), 5_000, 5_001));
    operations.push(delete(1, 5_002, 5_003));
    let history = History::new(operations).expect("a history");
    let short = Budget {
        steps: 100,
        remembered: 100,
    };
    let Verdict::NotLinearizable {
        blocked, longest, ..
    } = check(&history, short).verdict
    else {
        panic!("nobody put it");
    };
    assert!(!longest && blocked >= 401, "{blocked}");
    let Verdict::NotLinearizable {
        blocked, longest, ..
    } = check(&history, Budget::default()).verdict
    else {
        panic!("nobody put it");
    };
    assert!(longest && blocked == 401, "{blocked}");
}
