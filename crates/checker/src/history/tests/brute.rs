//! Brute force: every order that respects real time, without any rule that leaves one out.
//! Written apart from the search, on the operations themselves.

use std::collections::BTreeMap;

use super::judge;
use super::random::{Random, Story, plant};
use crate::history::{Action, Operation, Verdict};

/// Program order of one client.
fn rank(operations: &[Operation], position: usize) -> (u64, Option<u64>, usize) {
    let operation = &operations[position];
    (operation.invoked, operation.returned, position)
}

fn comes_before(operations: &[Operation], first: usize, second: usize) -> bool {
    let (a, b) = (&operations[first], &operations[second]);
    let Some(returned) = a.returned else {
        return false;
    };
    let same_client = a.client == b.client
        && returned == b.invoked
        && rank(operations, first) < rank(operations, second);
    returned < b.invoked || same_client
}

/// What the key holds after the operation; none if the operation cannot take effect like that.
fn effect(operation: &Operation, held: Option<&[u8]>) -> Option<Option<Vec<u8>>> {
    let known = operation.returned.is_some();
    let same = || Some(held.map(<[u8]>::to_vec));
    match &operation.action {
        Action::Get { value } if known && value.as_deref() != held => None,
        Action::Get { .. } => same(),
        Action::Put { value } => Some(Some(value.clone())),
        Action::Append { value } => Some(Some([held.unwrap_or_default(), value].concat())),
        Action::Delete => Some(None),
        Action::CompareAndSet {
            expected,
            value,
            ok,
        } => {
            let found = expected.as_deref() == held;
            match (known && found != *ok, found) {
                (true, _) => None,
                (false, true) => Some(Some(value.clone())),
                (false, false) => same(),
            }
        }
    }
}

/// Whether those in `must` can be ordered, with any of the others among them.
fn can_be_ordered(
    operations: &[Operation],
    must: &[bool],
    placed: &mut [bool],
    held: Option<&[u8]>,
) -> bool {
    let all = || 0..operations.len();
    if all().all(|position| placed[position] || !must[position]) {
        return true;
    }
    all().any(|position| {
        let waits = all().any(|other| !placed[other] && comes_before(operations, other, position));
        if placed[position] || waits {
            return false;
        }
        let Some(next) = effect(&operations[position], held) else {
            return false;
        };
        placed[position] = true;
        let found = can_be_ordered(operations, must, placed, next.as_deref());
        placed[position] = false;
        found
    })
}

/// Positions of known operations in the order of their returns.
fn returns(operations: &[Operation]) -> Vec<usize> {
    let known = |position: &usize| operations[*position].returned.is_some();
    let mut returns: Vec<usize> = (0..operations.len()).filter(known).collect();
    returns.sort_by_key(|&position| (operations[position].returned, rank(operations, position)));
    returns
}

/// Whether the first `cut` returns of one key can be ordered.
fn cut_can_be_ordered(operations: &[Operation], cut: usize) -> bool {
    let mut must = vec![false; operations.len()];
    for &position in &returns(operations)[..cut] {
        must[position] = true;
    }
    let mut placed = vec![false; operations.len()];
    can_be_ordered(operations, &must, &mut placed, None)
}

/// Whether a history of one key is linearizable.
pub(super) fn is_linearizable(operations: &[Operation]) -> bool {
    cut_can_be_ordered(operations, returns(operations).len())
}

/// The first return that breaks the order of a history that is not linearizable.
fn first_break(operations: &[Operation]) -> usize {
    let returns = returns(operations);
    let breaks = |cut: &usize| !cut_can_be_ordered(operations, *cut);
    let cut = (1..=returns.len()).find(breaks).expect("some cut breaks");
    returns[cut - 1]
}

/// Panics unless `order` is an order of operations on one key that holds all of `must`.
pub(super) fn replay(operations: &[Operation], order: &[usize], must: impl Fn(usize) -> bool) {
    let mut turn = BTreeMap::new();
    let mut held: Option<Vec<u8>> = None;
    for (number, &position) in order.iter().enumerate() {
        assert_eq!(turn.insert(position, number), None, "{position} comes once");
        held = effect(&operations[position], held.as_deref()).expect("the answer fits");
    }
    for position in 0..operations.len() {
        let placed = turn.get(&position);
        assert!(placed.is_some() || !must(position), "{position} is missing");
        for other in 0..operations.len() {
            if comes_before(operations, other, position) && placed.is_some() {
                let first = turn.get(&other);
                assert!(
                    first.is_some() && first < placed,
                    "{other}, then {position}"
                );
            }
        }
    }
}

/// Compares the verdict on a history of one key with brute force.
fn agrees(operations: &[Operation], linearizable: bool) {
    match judge(operations).verdict {
        Verdict::Linearizable { witness } => {
            assert!(linearizable, "{operations:?}");
            assert!(witness.len() <= 1);
            for key in &witness {
                replay(operations, &key.order, |position| {
                    operations[position].returned.is_some()
                });
            }
        }
        Verdict::NotLinearizable {
            prefix,
            blocked,
            longest,
            ..
        } => {
            assert!(!linearizable && longest, "{operations:?}");
            let wanted = first_break(operations);
            assert_eq!(blocked, wanted, "{operations:?}");
            let returns = returns(operations);
            let cut = returns.iter().position(|&position| position == blocked);
            let before = &returns[..cut.expect("it returned")];
            replay(operations, &prefix, |position| before.contains(&position));
        }
        Verdict::Unknown { .. } => panic!("eight operations are few: {operations:?}"),
    }
}

#[test]
fn it_agrees_with_brute_force_on_50_000_right_and_50_000_wrong_histories() {
    let (mut right, mut wrong, mut open, mut ties) = (0, 0, 0, 0);
    let mut seed = 0;
    while right < 50_000 || wrong < 50_000 {
        seed += 1;
        let mut random = Random::new(seed);
        let mut operations = Story::small(&mut random).tell(&mut random);
        if right < 50_000 {
            assert!(is_linearizable(&operations), "{operations:?}");
            agrees(&operations, true);
            right += 1;
        }
        for _ in 0..8 {
            plant(&mut operations, &mut random);
            if wrong < 50_000 && !is_linearizable(&operations) {
                agrees(&operations, false);
                wrong += 1;
                break;
            }
        }
        let unknown = |operation: &Operation| operation.returned.is_none();
        open += u32::from(operations.iter().any(unknown));
        let tied = |a: &Operation| operations.iter().any(|b| a.returned == Some(b.invoked));
        ties += u32::from(operations.iter().any(tied));
    }
    assert!(open > 20_000, "{open} histories have unknown outcomes");
    assert!(ties > 20_000, "{ties} histories have equal instants");
}

#[test]
fn whether_any_answers_fit_agrees_with_brute_force_where_nothing_was_planted() {
    let (mut right, mut wrong) = (0, 0);
    for seed in 0..40_000 {
        let mut random = Random::new(1 << 40 | seed);
        let operations = super::random::noise(&mut random);
        let linearizable = is_linearizable(&operations);
        agrees(&operations, linearizable);
        right += u32::from(linearizable);
        wrong += u32::from(!linearizable);
    }
    assert!(
        right > 5_000 && wrong > 5_000,
        "{right} right, {wrong} wrong"
    );
}
