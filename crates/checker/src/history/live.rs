//! Judges a history while it happens, key by key, and keeps nothing of the past but what it may
//! have led to: Lowe's "just-in-time" linearizability ("Testing for linearizability", 2017).
//!
//! For each key a set of *worlds* is kept: what the key holds, and which of the open operations
//! took effect. An operation takes effect in a world only once an answer asks for it. When an
//! answer leaves no world, nothing explains the history, and it never will.
//!
//! A key whose past is unknown holds *something*: the first answer that looks at it tells what.
//!
//! Whoever is told of an answer that cannot be explained need not be the culprit: another answer
//! before may be the wrong one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Action;

/// How many operations may be open at one key.
pub const OPEN_MAX: usize = 12;
/// How many worlds a key may have, and how many are looked at for one answer.
const WORLDS_MAX: usize = 20_000;
/// How much of an order is remembered.
const ORDER_KEPT: usize = 12;

/// What a key holds; none for absent.
type Value = Option<Vec<u8>>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Is(Value),
    /// What it held before anybody looked.
    Before,
    /// What it held before anybody looked, and something behind it.
    Grown,
}

/// What an open operation asks for. The answers within are not looked at.
#[derive(Debug, Clone)]
struct Open {
    name: u64,
    ask: Action,
    /// Whether nobody waits for its answer any more. One may come all the same.
    is_given_up: bool,
}

/// One way in which everything so far can have happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    state: State,
    /// The open operations that took effect, by their place.
    done: u16,
    /// What each open operation that looks can have seen, by its place.
    seen: BTreeMap<usize, BTreeSet<State>>,
}

/// The end of an order that leads to a world.
#[derive(Debug, Clone, Default)]
struct Order {
    newest: VecDeque<u64>,
    earlier: u64,
}

impl Order {
    fn push(&mut self, name: u64) {
        if self.newest.len() == ORDER_KEPT {
            self.newest.pop_front();
            self.earlier += 1;
        }
        self.newest.push_back(name);
    }
}

type Worlds = BTreeMap<World, Order>;

/// What is known of one key.
#[derive(Debug, Clone)]
struct Key {
    open: Vec<Option<Open>>,
    worlds: Worlds,
}

/// An answer, or its absence, that leaves no world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexplained {
    /// The key.
    pub key: Vec<u8>,
    /// The operation.
    pub operation: u64,
    /// An order that explains all answers before: the newest operations, the last to take effect
    /// last.
    pub order: Vec<u64>,
    /// How many operations come before those.
    pub earlier: u64,
}

/// What is known of a live history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveVerdict {
    /// All answers so far can be explained.
    Linearizable,
    /// This key is not judged any more, because too much was open there at once. All other answers
    /// can be explained.
    Undecided {
        /// The first such key.
        key: Vec<u8>,
    },
    /// Something cannot be explained.
    Broken(Unexplained),
}

/// A history that goes on. Operations have names that are never used twice.
#[derive(Debug, Clone)]
pub struct LiveHistory {
    is_fresh: bool,
    keys: BTreeMap<Vec<u8>, Key>,
    /// Keys that are not judged any more.
    lost: BTreeSet<Vec<u8>>,
    /// Where each open operation is.
    places: BTreeMap<u64, (Vec<u8>, usize)>,
    judged: u64,
    verdict: LiveVerdict,
}

impl LiveHistory {
    /// A history that begins with every key absent, where it `is_fresh`, else with keys that hold
    /// something unknown.
    #[must_use]
    pub fn new(is_fresh: bool) -> Self {
        Self {
            is_fresh,
            keys: BTreeMap::new(),
            lost: BTreeSet::new(),
            places: BTreeMap::new(),
            judged: 0,
            verdict: LiveVerdict::Linearizable,
        }
    }

    /// What is known.
    #[must_use]
    pub const fn verdict(&self) -> &LiveVerdict {
        &self.verdict
    }

    /// How many operations were judged.
    #[must_use]
    pub const fn judged(&self) -> u64 {
        self.judged
    }

    /// An operation was sent for the first time.
    pub fn invoke(&mut self, name: u64, key: &[u8], ask: Action) {
        if self.is_over() || self.lost.contains(key) {
            return;
        }
        let state = if self.is_fresh {
            State::Is(None)
        } else {
            State::Before
        };
        let known = self
            .keys
            .entry(key.to_vec())
            .or_insert_with(|| Key::new(state));
        let open = Open {
            name,
            ask,
            is_given_up: false,
        };
        match known.invoke(open) {
            Some(place) => {
                self.places.insert(name, (key.to_vec(), place));
            }
            None => self.lose(key.to_vec()),
        }
    }

    /// An operation was answered; `answered` is what was asked together with the answer.
    pub fn answer(&mut self, name: u64, answered: &Action) {
        self.judge(name, |key, place| key.answer(place, answered));
    }

    /// An operation certainly had no effect and never will.
    pub fn call_off(&mut self, name: u64) {
        self.judge(name, Key::call_off);
    }

    /// Nobody waits for the answer of an operation any more: it may have taken effect, or may yet,
    /// or never. An answer that comes all the same counts, if the operation can change the key.
    pub fn give_up(&mut self, name: u64) {
        if let Some((key, place)) = self.places.get(&name)
            && let Some(known) = self.keys.get_mut(key)
            && known.is_at(name, *place)
        {
            known.give_up(*place);
        }
    }

    fn judge(&mut self, name: u64, judge: impl FnOnce(&mut Key, usize) -> Judged) {
        if self.is_over() {
            return;
        }
        let Some((key, place)) = self.places.remove(&name) else {
            return;
        };
        let known = self.keys.get_mut(&key);
        // The place of one that was given up may be another's by now.
        let Some(known) = known.filter(|known| known.is_at(name, place)) else {
            return;
        };
        self.judged += 1;
        match judge(known, place) {
            Judged::Explained => {}
            Judged::TooMany => self.lose(key),
            Judged::Broken(order) => {
                self.verdict = LiveVerdict::Broken(Unexplained {
                    key,
                    operation: name,
                    order: order.newest.into(),
                    earlier: order.earlier,
                });
            }
        }
    }

    const fn is_over(&self) -> bool {
        matches!(self.verdict, LiveVerdict::Broken(_))
    }

    fn lose(&mut self, key: Vec<u8>) {
        self.keys.remove(&key);
        self.places.retain(|_, (other, _)| *other != key);
        if self.verdict == LiveVerdict::Linearizable {
            self.verdict = LiveVerdict::Undecided { key: key.clone() };
        }
        self.lost.insert(key);
    }
}

enum Judged {
    Explained,
    TooMany,
    Broken(Order),
}

impl Key {
    fn new(state: State) -> Self {
        let world = World {
            state,
            done: 0,
            seen: BTreeMap::new(),
        };
        Self {
            open: vec![None; OPEN_MAX],
            worlds: Worlds::from([(world, Order::default())]),
        }
    }

    /// Takes an operation in; nothing when there is no room.
    fn invoke(&mut self, open: Open) -> Option<usize> {
        let place = self.open.iter().position(Option::is_none)?;
        if looks(&open.ask) {
            self.change(|world| {
                world
                    .seen
                    .insert(place, BTreeSet::from([world.state.clone()]));
            });
        }
        self.open[place] = Some(open);
        Some(place)
    }

    fn is_at(&self, name: u64, place: usize) -> bool {
        let open = self.open[place].as_ref();
        open.is_some_and(|open| open.name == name)
    }

    fn change(&mut self, change: impl Fn(&mut World)) {
        let worlds = std::mem::take(&mut self.worlds).into_iter();
        self.worlds = worlds
            .map(|(mut world, order)| {
                change(&mut world);
                (world, order)
            })
            .collect();
    }

    fn answer(&mut self, place: usize, answered: &Action) -> Judged {
        let Some(open) = self.open[place].clone() else {
            return Judged::Explained;
        };
        let mut next = self.worlds.clone();
        let mut looked_at: BTreeSet<World> = BTreeSet::new();
        let mut left = Worlds::new();
        while let Some((world, order)) = next.pop_first() {
            if !looked_at.insert(world.clone()) {
                continue;
            }
            if looked_at.len() > WORLDS_MAX {
                return Judged::TooMany;
            }
            if let Some((mut explained, is_sure)) = world.explains(place, answered) {
                let mut order = order.clone();
                if !acts(answered) {
                    order.push(open.name);
                }
                explained.settle(place);
                left.entry(explained).or_insert(order);
                if is_sure {
                    continue;
                }
            }
            for (other, open) in self.open.iter().enumerate() {
                let Some(open) = open.as_ref().filter(|_| world.done & bit(other) == 0) else {
                    continue;
                };
                if let Some(further) = world.with(other, &open.ask) {
                    let mut order = order.clone();
                    order.push(open.name);
                    next.entry(further).or_insert(order);
                }
            }
        }
        self.settle(place, left)
    }

    /// Keeps the worlds that are left once the operation at `place` is no longer open.
    fn settle(&mut self, place: usize, left: Worlds) -> Judged {
        let before = std::mem::replace(&mut self.worlds, left);
        self.open[place] = None;
        if !self.worlds.is_empty() {
            self.close();
            return Judged::Explained;
        }
        let order = before.into_values().next();
        Judged::Broken(order.unwrap_or_default())
    }

    /// What took effect in every world is open no longer, when nobody waits for its answer.
    fn close(&mut self) {
        let all = self
            .worlds
            .keys()
            .fold(u16::MAX, |all, world| all & world.done);
        for place in 0..OPEN_MAX {
            let is_given_up = matches!(&self.open[place], Some(open) if open.is_given_up);
            if is_given_up && all & bit(place) != 0 {
                self.open[place] = None;
                self.change(|world| world.settle(place));
            }
        }
    }

    fn call_off(&mut self, place: usize) -> Judged {
        let worlds = self.worlds.clone().into_iter();
        let innocent = worlds.filter(|(world, _)| world.done & bit(place) == 0);
        let left = innocent.map(|(mut world, order)| {
            world.settle(place);
            (world, order)
        });
        let left = left.collect();
        self.settle(place, left)
    }

    fn give_up(&mut self, place: usize) {
        let Some(open) = &mut self.open[place] else {
            return;
        };
        open.is_given_up = true;
        // One that only looks has nothing to do any more.
        if !acts(&open.ask) {
            self.open[place] = None;
        }
        self.change(|world| {
            world.seen.remove(&place);
        });
        self.close();
    }
}

const fn bit(place: usize) -> u16 {
    1 << place
}

/// Whether an operation is answered by what it sees.
const fn looks(ask: &Action) -> bool {
    matches!(ask, Action::Get { .. } | Action::CompareAndSet { .. })
}

/// Whether an operation can change the key. One whose answer says that it did not cannot.
const fn acts(ask: &Action) -> bool {
    !matches!(
        ask,
        Action::Get { .. } | Action::CompareAndSet { ok: false, .. }
    )
}

impl World {
    /// The operation at `place` is open no longer.
    fn settle(&mut self, place: usize) {
        self.done &= !bit(place);
        self.seen.remove(&place);
    }

    /// This world, when it explains the answer of the operation at `place`, and whether that says
    /// nothing new. Else it is told what was there before anybody looked, which need not be so:
    /// worlds that come later may explain the answer too.
    fn explains(&self, place: usize, answered: &Action) -> Option<(Self, bool)> {
        let is_done = self.done & bit(place) != 0;
        let sure = || (self.clone(), true);
        if acts(answered) {
            return is_done.then(sure);
        }
        if is_done {
            return None;
        }
        // What one saw that was given up is forgotten.
        let Some(seen) = self.seen.get(&place) else {
            return Some(sure());
        };
        match answered {
            Action::Get { value } => {
                if seen.contains(&State::Is(value.clone())) || seen.contains(&State::Grown) {
                    return Some(sure());
                }
                let before = seen.contains(&State::Before);
                before.then(|| (self.told(value), false))
            }
            Action::CompareAndSet { expected, .. } => {
                let other = |state: &State| *state != State::Is(expected.clone());
                seen.iter().any(other).then(sure)
            }
            _ => None,
        }
    }

    /// The world in which the key held `value` before anybody looked.
    fn told(&self, value: &Value) -> Self {
        let tell = |state: &State| match state {
            State::Before => State::Is(value.clone()),
            other => other.clone(),
        };
        let seen = self.seen.iter();
        let seen = seen.map(|(place, seen)| (*place, seen.iter().map(tell).collect()));
        Self {
            state: tell(&self.state),
            done: self.done,
            seen: seen.collect(),
        }
    }

    /// The world after the open operation at `place` took effect; nothing where it cannot.
    fn with(&self, place: usize, ask: &Action) -> Option<Self> {
        let mut world = self.clone();
        let state = match ask {
            Action::Get { .. } => return None,
            Action::Put { value } => State::Is(Some(value.clone())),
            Action::Delete => State::Is(None),
            Action::Append { value } => match &world.state {
                State::Is(held) => {
                    let mut whole = held.clone().unwrap_or_default();
                    whole.extend_from_slice(value);
                    State::Is(Some(whole))
                }
                State::Before | State::Grown => State::Grown,
            },
            Action::CompareAndSet {
                expected, value, ..
            } => {
                match &world.state {
                    State::Is(held) if held != expected => return None,
                    State::Before => world = world.told(expected),
                    State::Is(_) | State::Grown => {}
                }
                State::Is(Some(value.clone()))
            }
        };
        world.done |= bit(place);
        for seen in world.seen.values_mut() {
            seen.insert(state.clone());
        }
        world.state = state;
        Some(world)
    }
}
