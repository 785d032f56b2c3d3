//! Tests of the whole: against brute force, with planted bugs, and for what it costs.

mod brute;
mod costs;
mod live;
mod planted;
mod random;
mod reports;

use crate::history::{Action, Budget, History, Operation, Report, Verdict, check};

/// Judges with the default budget.
fn judge(operations: &[Operation]) -> Report {
    let history = History::new(operations.to_vec()).expect("a history");
    check(&history, Budget::default())
}

fn operation(client: u64, action: Action, invoked: u64, returned: Option<u64>) -> Operation {
    Operation {
        client,
        key: b"k".to_vec(),
        action,
        invoked,
        returned,
    }
}

fn get(client: u64, value: Option<&str>, invoked: u64, returned: u64) -> Operation {
    let value = value.map(|value| value.as_bytes().to_vec());
    operation(client, Action::Get { value }, invoked, Some(returned))
}

fn put(client: u64, value: &str, invoked: u64, returned: u64) -> Operation {
    let value = value.as_bytes().to_vec();
    operation(client, Action::Put { value }, invoked, Some(returned))
}

fn append(client: u64, value: &str, invoked: u64, returned: u64) -> Operation {
    let value = value.as_bytes().to_vec();
    operation(client, Action::Append { value }, invoked, Some(returned))
}

fn delete(client: u64, invoked: u64, returned: u64) -> Operation {
    operation(client, Action::Delete, invoked, Some(returned))
}

fn swap(
    client: u64,
    (expected, value): (Option<&str>, &str),
    ok: bool,
    invoked: u64,
    returned: u64,
) -> Operation {
    let action = Action::CompareAndSet {
        expected: expected.map(|value| value.as_bytes().to_vec()),
        value: value.as_bytes().to_vec(),
        ok,
    };
    operation(client, action, invoked, Some(returned))
}

/// The same operation with an unknown outcome.
fn lost(mut operation: Operation) -> Operation {
    operation.returned = None;
    operation
}

/// What cannot be placed, and whether the prefix is the longest.
fn blocked(report: &Report) -> Option<(usize, bool)> {
    match report.verdict {
        Verdict::NotLinearizable {
            blocked, longest, ..
        } => Some((blocked, longest)),
        _ => None,
    }
}
