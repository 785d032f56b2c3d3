//! The history of one key up to a cut, in the terms of a search.

use std::collections::BTreeMap;

use crate::history::list::Event;
use crate::history::operation::{Action, History, Operation};
use crate::history::value::{ValueId, Values};

/// What a call asks of what the key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing.
    Anything,
    /// This value.
    Is(ValueId),
    /// Any other than this value.
    IsNot(ValueId),
}

/// What a call makes of what the key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect<'a> {
    /// Leaves it.
    Nothing,
    /// Puts this value.
    Set(ValueId),
    /// Adds these bytes.
    Append(&'a [u8]),
}

/// One operation that can matter.
#[derive(Debug, Clone)]
pub(crate) struct Call<'a> {
    /// Its position in the history.
    pub(crate) position: usize,
    /// What it asks for.
    pub(crate) needs: Needs,
    /// What it does.
    pub(crate) effect: Effect<'a>,
    /// Its number among the returns, if it returned before the cut: it must be in the order.
    pub(crate) returned: Option<usize>,
    /// The call of the same client that ended at the very instant at which this one began.
    pub(crate) after: Option<usize>,
    /// Whether another call names this one as its `after`.
    pub(crate) precedes: bool,
}

impl Call<'_> {
    /// Whether an order without it is no order.
    pub(crate) fn must(&self) -> bool {
        self.returned.is_some()
    }

    /// Whether it writes without a look at what it overwrites.
    pub(crate) fn is_blind_write(&self) -> bool {
        matches!((self.needs, self.effect), (Needs::Anything, Effect::Set(_)))
    }
}

/// The calls of one key up to a cut.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    /// The calls, in the order of their invocations.
    pub(crate) calls: Vec<Call<'a>>,
    /// Invocations and returns in the order of time.
    pub(crate) events: Vec<Event>,
    /// The values that they name.
    pub(crate) values: Values<'a>,
}

impl<'a> Problem<'a> {
    /// The positions of the operations that returned, in the order of their returns.
    pub(crate) fn returns(history: &History, operations: &[usize]) -> Vec<usize> {
        let all = history.operations();
        let mut returned: Vec<(u64, usize)> = operations
            .iter()
            .filter_map(|&position| Some((all[position].returned?, position)))
            .collect();
        // The sort is stable, and operations stand in the order of their invocations.
        returned.sort_by_key(|&(instant, _)| instant);
        returned.into_iter().map(|(_, position)| position).collect()
    }

    /// The problem of ordering the first `cut` returns of these operations of one key, which
    /// stand in the order of `Operation::rank`.
    pub(crate) fn new(history: &'a History, operations: &[usize], cut: usize) -> Self {
        let all = history.operations();
        let returns = Self::returns(history, operations);
        let end = match cut {
            cut if cut == returns.len() => u64::MAX,
            0 => 0,
            cut => all[returns[cut - 1]].returned.unwrap_or(u64::MAX),
        };
        let number_of: BTreeMap<usize, usize> = returns[..cut]
            .iter()
            .enumerate()
            .map(|(number, &position)| (position, number))
            .collect();
        let mut problem = Self {
            calls: Vec::new(),
            events: Vec::new(),
            values: Values::new(),
        };
        let mut last_of_client: BTreeMap<u64, (u64, Option<usize>)> = BTreeMap::new();
        for &position in operations {
            let operation = &all[position];
            if operation.invoked > end {
                break;
            }
            let call = problem.add(position, operation, number_of.get(&position).copied());
            let before = last_of_client.get(&operation.client);
            if let Some(&(instant, Some(before))) = before
                && instant == operation.invoked
                && let Some(call) = call
            {
                problem.calls[call].after = Some(before);
                problem.calls[before].precedes = true;
            }
            if let Some(instant) = operation.returned {
                last_of_client.insert(operation.client, (instant, call));
            }
        }
        problem.order_events(all);
        problem
    }

    /// Adds a call unless it can never matter.
    fn add(
        &mut self,
        position: usize,
        operation: &'a Operation,
        returned: Option<usize>,
    ) -> Option<usize> {
        let known = operation.returned.is_some();
        let values = &mut self.values;
        let (needs, effect) = match &operation.action {
            Action::Get { value } if known => {
                (Needs::Is(values.id(value.as_deref())), Effect::Nothing)
            }
            Action::Get { .. } => return None,
            Action::Put { value } => (Needs::Anything, Effect::Set(values.id(Some(value)))),
            Action::Append { value } => (Needs::Anything, Effect::Append(value)),
            Action::Delete => (Needs::Anything, Effect::Set(values.id(None))),
            Action::CompareAndSet {
                expected,
                value,
                ok,
            } => {
                let expected = values.id(expected.as_deref());
                let value = values.id(Some(value));
                match (known, *ok) {
                    (true, false) => (Needs::IsNot(expected), Effect::Nothing),
                    (false, _) if expected == value => return None,
                    (true, true) if expected == value => (Needs::Is(expected), Effect::Nothing),
                    _ => (Needs::Is(expected), Effect::Set(value)),
                }
            }
        };
        self.calls.push(Call {
            position,
            needs,
            effect,
            returned,
            after: None,
            precedes: false,
        });
        Some(self.calls.len() - 1)
    }

    /// At one instant, invocations come before returns.
    fn order_events(&mut self, all: &[Operation]) {
        let mut events = Vec::with_capacity(self.calls.len() * 2);
        for (number, call) in self.calls.iter().enumerate() {
            let operation = &all[call.position];
            events.push(((operation.invoked, 0, number), Event::Invoke(number)));
            if let (Some(instant), Some(order)) = (operation.returned, call.returned) {
                events.push(((instant, 1, order), Event::Return(number)));
            }
        }
        events.sort_by_key(|(at, _)| *at);
        self.events = events.into_iter().map(|(_, event)| event).collect();
    }
}
