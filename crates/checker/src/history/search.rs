//! The search for an order, depth first.

use std::collections::BTreeSet;

use crate::history::Spent;
use crate::history::list::{Event, List, Place};
use crate::history::problem::{Call, Effect, Needs, Problem};
use crate::history::seen::Seen;
use crate::history::value::{ABSENT, State, Undo, ValueId, hash};
use crate::history::verdict::Budget;

/// What a search found. Orders are positions of operations in the history.
#[derive(Debug)]
pub(crate) enum Found {
    /// An order of all that must be in one.
    Order(Vec<usize>),
    /// There is none.
    Nothing {
        /// The most returns, from the first on, that were ordered.
        returns: usize,
        /// The order that did it.
        best: Vec<usize>,
    },
    /// The budget was spent first.
    Budget {
        /// The most returns, from the first on, that were ordered.
        returns: usize,
        /// The order that did it.
        best: Vec<usize>,
    },
}

/// Looks for an order. `limits.steps` counts from the first search of a history on.
pub(crate) fn search(problem: &Problem, limits: Budget, spent: &mut Spent) -> Found {
    let mut search = Search::new(problem, limits, spent.steps);
    let found = search.run();
    spent.steps = search.steps;
    spent.remembered = spent.remembered.max(search.seen.len());
    match found {
        Some(true) => Found::Order(search.order()),
        Some(false) => Found::Nothing {
            returns: search.best_returns,
            best: search.best,
        },
        None => Found::Budget {
            returns: search.best_returns,
            best: search.best,
        },
    }
}

/// The calls that are not in the order yet, counted by what they could bring or want.
#[derive(Debug)]
struct Left {
    /// Calls that must be placed.
    must: usize,
    appends: usize,
    /// Calls that set a value.
    sets: usize,
    /// Calls that set this value.
    producers: Vec<usize>,
    /// Calls that must be placed and need this value.
    readers: Vec<usize>,
    /// Calls that need this value.
    wishes: Vec<usize>,
    /// Calls that need any other than some value.
    refusals: usize,
}

#[derive(Debug)]
struct Frame {
    call: usize,
    /// Whether there was no reason to try anything else in its place.
    forced: bool,
    undo: Undo,
}

struct Search<'a> {
    problem: &'a Problem<'a>,
    list: List,
    state: State,
    frames: Vec<Frame>,
    placed: Vec<bool>,
    left: Left,
    /// Calls that must be placed and need a value, in the order of their returns.
    readers: Vec<usize>,
    /// The place of each call in `readers`.
    reader_number: Vec<Option<usize>>,
    /// All readers before this one are placed.
    first_reader: usize,
    seen: Seen,
    /// A number for each call; the sum over those placed stands for their set.
    numbers: Vec<u128>,
    sum: u128,
    best_returns: usize,
    best: Vec<usize>,
    steps: u64,
    steps_max: u64,
}

const KIND_CALL: u64 = 3;
/// Tells situations apart in which a blind write may not come next.
const IDLE: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
/// So many bytes of a value, or copied places of an order, cost a step.
const BYTES_PER_STEP: usize = 64;

impl<'a> Search<'a> {
    fn new(problem: &'a Problem<'a>, limits: Budget, steps: u64) -> Self {
        let calls = &problem.calls;
        let mut readers: Vec<usize> = (0..calls.len())
            .filter(|&call| wanted(&calls[call]).is_some())
            .collect();
        readers.sort_by_key(|&call| calls[call].returned);
        let mut reader_number = vec![None; calls.len()];
        for (number, &call) in readers.iter().enumerate() {
            reader_number[call] = Some(number);
        }
        let number = |call: usize| hash(KIND_CALL, &(call as u64).to_le_bytes());
        Self {
            problem,
            list: List::new(calls.len(), &problem.events),
            state: State::Named(ABSENT),
            frames: Vec::with_capacity(calls.len()),
            placed: vec![false; calls.len()],
            left: Left::of(problem),
            readers,
            reader_number,
            first_reader: 0,
            seen: Seen::new(limits.remembered),
            numbers: (0..calls.len()).map(number).collect(),
            sum: 0,
            best_returns: 0,
            best: Vec::new(),
            steps,
            steps_max: limits.steps,
        }
    }

    /// Whether there is an order; none when the budget was spent first.
    fn run(&mut self) -> Option<bool> {
        if self.is_hopeless() {
            return Some(false);
        }
        self.absorb();
        let mut at = self.list.first();
        while self.left.must > 0 {
            if self.steps > self.steps_max {
                return None;
            }
            if let Some(call) = self.candidate(at)
                && self.try_next(call)
            {
                at = self.list.first();
            } else {
                match self.back() {
                    Some(place) => at = place,
                    None => return Some(false),
                }
            }
        }
        Some(true)
    }

    /// The first call from here on that may come next and that makes a difference.
    fn candidate(&mut self, mut at: Option<Place>) -> Option<usize> {
        let hidden = self.is_idle();
        while let Some(place) = at {
            self.steps += 1;
            match self.list.event(place) {
                Event::Return(call) => {
                    self.stuck_at(call);
                    return None;
                }
                Event::Invoke(call) => {
                    if self.may_come_next(call) && self.makes_a_difference(call, hidden) {
                        return Some(call);
                    }
                }
            }
            at = self.list.after(place);
        }
        None
    }

    /// Whether the last call may be left out and nothing has looked at its effect. An order in
    /// which a blind write hides it is also one without it.
    fn is_idle(&self) -> bool {
        self.frames.last().is_some_and(|frame| {
            let last = self.call(frame.call);
            !last.must() && !last.precedes && last.effect != Effect::Nothing
        })
    }

    fn may_come_next(&self, call: usize) -> bool {
        let call = self.call(call);
        let fits = match call.needs {
            Needs::Anything => true,
            Needs::Is(value) => self.state.is(value),
            Needs::IsNot(value) => !self.state.is(value),
        };
        fits && call.after.is_none_or(|before| self.placed[before])
    }

    fn makes_a_difference(&self, call: usize, hidden: bool) -> bool {
        let call = self.call(call);
        let changes = match call.effect {
            Effect::Nothing => false,
            Effect::Set(value) => !self.state.is(value),
            Effect::Append(piece) => !piece.is_empty() || self.state.is(ABSENT),
        };
        let useful = changes && self.may_be_seen(call.effect);
        let wanted = call.must() || call.precedes || useful;
        call.effect != Effect::Nothing && wanted && !(hidden && call.is_blind_write())
    }

    /// Whether anything is left that could look at what this effect makes.
    fn may_be_seen(&self, effect: Effect) -> bool {
        match effect {
            Effect::Set(value) => {
                let left = &self.left;
                left.wishes[value] + left.refusals + left.appends > 0
            }
            Effect::Nothing | Effect::Append(_) => true,
        }
    }

    /// Places all calls that change nothing and whose answers fit: if there is an order from here
    /// on, there is one in which they come first.
    fn absorb(&mut self) {
        let mut at = self.list.first();
        while let Some(place) = at {
            self.steps += 1;
            let Event::Invoke(call) = self.list.event(place) else {
                return;
            };
            if self.call(call).effect == Effect::Nothing && self.may_come_next(call) {
                self.place(call, true);
            }
            at = self.list.after(place);
        }
    }

    /// Places a call and all that follows from it. Says no, with the call still placed, where no
    /// order begins like that or this situation has been seen.
    fn try_next(&mut self, call: usize) -> bool {
        let before = match self.state {
            State::Named(value) => Some(value),
            State::Other { .. } => None,
        };
        self.place(call, false);
        if self.gave_up(before) {
            return false;
        }
        self.absorb();
        if self.left.must == 0 {
            return true;
        }
        let idle = if self.is_idle() { IDLE } else { 0 };
        let state = self.state.hash(&self.problem.values);
        let key = self.sum.wrapping_add(state).wrapping_add(idle);
        self.seen.insert(key)
    }

    fn place(&mut self, number: usize, forced: bool) {
        let call = self.call(number);
        let values = &self.problem.values;
        self.list.take(number);
        self.placed[number] = true;
        self.sum = self.sum.wrapping_add(self.numbers[number]);
        self.left.take(call);
        let undo = match call.effect {
            Effect::Nothing => Undo::Nothing,
            Effect::Set(value) => self.state.set(value),
            Effect::Append(piece) => {
                let undo = self.state.append(piece, values);
                let length = self.state.bytes(values).map_or(0, <[u8]>::len);
                self.steps += (length / BYTES_PER_STEP) as u64;
                undo
            }
        };
        self.frames.push(Frame {
            call: number,
            forced,
            undo,
        });
    }

    /// Takes calls back up to and with the last that had a choice. The place at which the next
    /// choice is looked for; none where no choice is left.
    fn back(&mut self) -> Option<Option<Place>> {
        while let Some(frame) = self.frames.pop() {
            let number = frame.call;
            self.state.undo(frame.undo);
            self.left.put_back(self.call(number));
            self.sum = self.sum.wrapping_sub(self.numbers[number]);
            self.placed[number] = false;
            self.list.put_back(number);
            if let Some(reader) = self.reader_number[number] {
                self.first_reader = self.first_reader.min(reader);
            }
            self.steps += 1;
            if !frame.forced {
                return Some(self.list.after(self.list.invoked_at(number)));
            }
        }
        None
    }

    /// Remembers how far this order came if none came further.
    fn stuck_at(&mut self, call: usize) {
        let returns = self.call(call).returned.unwrap_or(0);
        if returns > self.best_returns {
            self.best_returns = returns;
            self.best = self.order();
            self.steps += (self.best.len() / BYTES_PER_STEP) as u64;
        }
    }

    /// Whether some value is read that nothing writes and no append ends.
    fn is_hopeless(&mut self) -> bool {
        let mut pieces: BTreeSet<&[u8]> = BTreeSet::new();
        for call in &self.problem.calls {
            if let Effect::Append(piece) = call.effect {
                pieces.insert(piece);
            }
        }
        let lengths: BTreeSet<usize> = pieces.iter().map(|piece| piece.len()).collect();
        for id in ABSENT + 1..self.problem.values.len() {
            if self.left.readers[id] == 0 || self.left.producers[id] > 0 {
                continue;
            }
            let value = self.problem.values.bytes(id).unwrap_or_default();
            let fitting = lengths.range(..=value.len());
            let ends_with_one = fitting.clone().any(|length| {
                let end = &value[value.len() - length..];
                pieces.contains(end)
            });
            self.steps += fitting.count() as u64;
            if !ends_with_one {
                return true;
            }
        }
        self.misses_next_reader()
    }

    /// Whether the value that was held until now is still to be read and cannot come back, or
    /// what is held now can never become what is to be read next.
    fn gave_up(&mut self, before: Option<ValueId>) -> bool {
        let left = &self.left;
        let lost = before.is_some_and(|value| {
            !self.state.is(value)
                && left.readers[value] > 0
                && left.producers[value] == 0
                && left.appends == 0
        });
        lost || self.misses_next_reader()
    }

    /// Whether, with nothing but appends left, what is held is no beginning of what the first of
    /// the readers wants.
    fn misses_next_reader(&mut self) -> bool {
        if self.left.sets > 0 {
            return false;
        }
        while let Some(&reader) = self.readers.get(self.first_reader)
            && self.placed[reader]
        {
            self.first_reader += 1;
        }
        let reader = self.readers.get(self.first_reader);
        let Some(value) = reader.and_then(|&reader| wanted(self.call(reader))) else {
            return false;
        };
        if self.state.is(value) {
            return false;
        }
        let values = &self.problem.values;
        let held = self.state.bytes(values).unwrap_or_default();
        self.steps += (held.len() / BYTES_PER_STEP) as u64;
        let grows = values
            .bytes(value)
            .is_some_and(|wanted| wanted.starts_with(held));
        self.left.appends == 0 || !grows
    }

    fn call(&self, call: usize) -> &'a Call<'a> {
        &self.problem.calls[call]
    }

    fn order(&self) -> Vec<usize> {
        let position = |frame: &Frame| self.problem.calls[frame.call].position;
        self.frames.iter().map(position).collect()
    }
}

/// The value that a call needs, if it must be placed.
fn wanted(call: &Call) -> Option<ValueId> {
    match call.needs {
        Needs::Is(value) if call.must() => Some(value),
        _ => None,
    }
}

impl Left {
    fn of(problem: &Problem) -> Self {
        let values = problem.values.len();
        let mut left = Self {
            must: 0,
            appends: 0,
            sets: 0,
            producers: vec![0; values],
            readers: vec![0; values],
            wishes: vec![0; values],
            refusals: 0,
        };
        for call in &problem.calls {
            left.put_back(call);
        }
        left
    }

    fn put_back(&mut self, call: &Call) {
        self.must += usize::from(call.must());
        if let Some(value) = wanted(call) {
            self.readers[value] += 1;
        }
        match call.needs {
            Needs::Anything => {}
            Needs::Is(value) => self.wishes[value] += 1,
            Needs::IsNot(_) => self.refusals += 1,
        }
        match call.effect {
            Effect::Nothing => {}
            Effect::Set(value) => {
                self.sets += 1;
                self.producers[value] += 1;
            }
            Effect::Append(_) => self.appends += 1,
        }
    }

    fn take(&mut self, call: &Call) {
        self.must -= usize::from(call.must());
        if let Some(value) = wanted(call) {
            self.readers[value] -= 1;
        }
        match call.needs {
            Needs::Anything => {}
            Needs::Is(value) => self.wishes[value] -= 1,
            Needs::IsNot(_) => self.refusals -= 1,
        }
        match call.effect {
            Effect::Nothing => {}
            Effect::Set(value) => {
                self.sets -= 1;
                self.producers[value] -= 1;
            }
            Effect::Append(_) => self.appends -= 1,
        }
    }
}
