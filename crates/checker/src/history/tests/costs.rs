//! What judging costs, in steps: machines differ, counts do not.

use super::random::{Random, Story};
use super::{append, blocked, get, judge, lost, put, swap};
use crate::history::{Action, Budget, History, Operation, Verdict, check};

fn busy(values: usize, lost: usize) -> Story {
    Story {
        operations: 10_000,
        clients: 10,
        keys: 10,
        values,
        lost,
        pause_max: 2,
        others: 5,
    }
}

/// Clients that all ask at once and are all answered at the end, by a store that is correct.
fn crowd(clients: usize, values: usize, others: usize, random: &mut Random) -> Vec<Operation> {
    let story = Story {
        operations: clients,
        clients: 1,
        keys: 1,
        values,
        lost: 0,
        pause_max: 1,
        others,
    };
    let mut operations = story.tell(random);
    for (client, operation) in operations.iter_mut().enumerate() {
        operation.client = client as u64;
        operation.key = b"k".to_vec();
        operation.invoked = random.below(10) as u64;
        operation.returned = Some(1_000 + random.below(10) as u64);
    }
    let mut shuffled = Vec::new();
    while !operations.is_empty() {
        shuffled.push(operations.swap_remove(random.below(operations.len())));
    }
    shuffled
}

fn judge_within(operations: Vec<Operation>, steps: u64, remembered: usize) -> Verdict {
    let budget = Budget { steps, remembered };
    let report = check(&History::new(operations).expect("a history"), budget);
    assert!(report.remembered <= remembered, "{report:?}");
    // The last step may be a walk along a whole window, or a copy of an order.
    assert!(report.steps <= steps + 1_000, "{report:?}");
    report.verdict
}

#[test]
fn ten_thousand_operations_of_ten_clients_on_ten_keys_take_few_steps() {
    for seed in 0..10 {
        for (lost, values) in [(0, 1_000), (0, 5), (1, 50), (5, 1_000)] {
            let operations = busy(values, lost).tell(&mut Random::new(seed));
            let report = judge(&operations);
            let fine = matches!(report.verdict, Verdict::Linearizable { .. });
            assert!(fine, "seed {seed}: {:?}", report.verdict);
            let steps_max = if lost == 0 { 60_000 } else { 500_000 };
            assert!(
                report.steps < steps_max,
                "seed {seed}: {} steps",
                report.steps
            );
            assert!(
                report.remembered < 20_000,
                "{} remembered",
                report.remembered
            );
        }
    }
}

#[test]
fn a_wrong_answer_among_ten_thousand_operations_is_found_in_few_steps() {
    let mut found = 0;
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut operations = busy(1_000, 0).tell(&mut random);
        let read = |operation: &Operation| {
            let value = matches!(operation.action, Action::Get { value: Some(_) });
            value && operation.key == b"key 3"
        };
        let reads: Vec<usize> = (0..operations.len())
            .filter(|&position| read(&operations[position]))
            .collect();
        // An answer that was right long ago.
        let (old, new) = (reads[50], reads[200 + random.below(150)]);
        operations[new].action = operations[old].action.clone();
        let report = judge(&operations);
        assert!(report.steps < 1_000_000, "{} steps", report.steps);
        if let Some((_, longest)) = blocked(&report) {
            assert!(longest);
            found += 1;
        }
    }
    // A value of a thousand may have come back by chance.
    assert!(found >= 19, "{found} of 20 were found");
}

#[test]
fn a_hundred_concurrent_operations_end_within_their_budget_and_never_wrongly() {
    let (mut decided, mut open) = (0, 0);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let values = [2, 5, 1_000][random.below(3)];
        let others = [0, 3, 15][random.below(3)];
        let mut operations = crowd(100, values, others, &mut random);
        match judge_within(operations.clone(), 300_000, 10_000) {
            Verdict::Linearizable { .. } => decided += 1,
            Verdict::NotLinearizable { .. } => panic!("seed {seed}: it is linearizable"),
            Verdict::Unknown { .. } => open += 1,
        }
        // Nobody ever wrote this one.
        operations.push(get(100, Some("nobody"), 0, 1_005));
        match judge_within(operations, 300_000, 10_000) {
            Verdict::Linearizable { .. } => panic!("seed {seed}: it is not linearizable"),
            Verdict::NotLinearizable { .. } => decided += 1,
            Verdict::Unknown { .. } => open += 1,
        }
    }
    assert!(
        decided >= 80,
        "{decided} of 120 were decided, {open} were not"
    );
}

#[test]
fn a_hundred_concurrent_swaps_with_one_that_does_not_fit_end_within_their_budget() {
    // Each value is set by two and wanted by two, and one is wanted a third time: no order, and
    // no reason that a rule sees.
    let name = |number: usize| (number % 50).to_string();
    let mut operations = vec![put(1_000, "0", 0, 1)];
    for client in 0..100 {
        let (from, to) = (name(client), name(client + 1));
        operations.push(swap(client as u64, (Some(&from), &to), true, 2, 100));
    }
    assert!(matches!(
        judge_within(operations.clone(), 1_000_000, 10_000),
        Verdict::Linearizable { .. } | Verdict::Unknown { .. }
    ));
    operations.push(swap(200, (Some("7"), "9"), true, 2, 100));
    assert!(matches!(
        judge_within(operations, 1_000_000, 10_000),
        Verdict::NotLinearizable { .. } | Verdict::Unknown { .. }
    ));
}

#[test]
fn a_hundred_concurrent_appends_and_a_read_of_all_take_few_steps() {
    let mut operations: Vec<Operation> = (0..100)
        .map(|client| append(client, &format!("{client} "), 0, 10))
        .collect();
    let wanted: String = (0..100).rev().map(|client| format!("{client} ")).collect();
    operations.push(get(100, Some(&wanted), 11, 12));
    let report = judge(&operations);
    assert!(matches!(report.verdict, Verdict::Linearizable { .. }));
    assert!(report.steps < 100_000, "{} steps", report.steps);
    operations[100] = get(100, Some(&wanted.replace("50 ", "50 50 ")), 11, 12);
    let report = judge(&operations);
    assert_eq!(blocked(&report), Some((100, true)));
    assert!(report.steps < 1_000_000, "{} steps", report.steps);
}

#[test]
fn writes_of_unknown_outcome_that_nobody_saw_cost_little() {
    let mut operations = Vec::new();
    for number in 0..300_u64 {
        operations.push(lost(put(number, &format!("lost {number}"), number, 0)));
        operations.push(put(
            1_000,
            &number.to_string(),
            10 * number,
            10 * number + 4,
        ));
        let value = number.to_string();
        operations.push(get(1_000, Some(&value), 10 * number + 5, 10 * number + 9));
    }
    let report = judge(&operations);
    assert!(matches!(report.verdict, Verdict::Linearizable { .. }));
    assert!(report.steps < 1_000_000, "{} steps", report.steps);
    operations.push(get(1_000, Some("7"), 5_000, 5_001));
    let report = judge(&operations);
    assert_eq!(blocked(&report), Some((900, true)));
    assert!(report.steps < 20_000_000, "{} steps", report.steps);
}

#[test]
fn a_spent_budget_is_no_answer() {
    let mut random = Random::new(7);
    let operations = busy(50, 1).tell(&mut random);
    let unknown = |verdict| matches!(verdict, Verdict::Unknown { .. });
    assert!(unknown(judge_within(operations.clone(), 0, 10)));
    assert!(unknown(judge_within(operations.clone(), 5_000, 10)));
    // Without memory the search is slower and as right.
    let verdict = judge_within(operations, 50_000_000, 0);
    assert!(matches!(verdict, Verdict::Linearizable { .. }));
}

#[test]
fn a_key_that_is_too_hard_does_not_hide_one_that_is_wrong() {
    let mut operations = crowd(100, 2, 15, &mut Random::new(3));
    operations.push(get(100, Some("nobody"), 0, 1_005));
    let easy = operations.len();
    for mut operation in [put(201, "1", 0, 1), get(201, Some("2"), 2, 3)] {
        operation.key = b"easy".to_vec();
        operations.push(operation);
    }
    let history = History::new(operations).expect("a history");
    let budget = Budget {
        steps: 2_000,
        remembered: 100,
    };
    assert_eq!(blocked(&check(&history, budget)), Some((easy + 1, true)));
}
