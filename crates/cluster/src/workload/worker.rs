//! What drives one client of a workload.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::Serialize;
use types::{
    event::EventId,
    id::ClientId,
    store::{Command, CommandResult},
    time::VirtualTime,
};

use super::{ClientLoop, KeyChoice, WorkloadPlan};
use crate::dice::Dice;

/// How much of a scan a client wants at most, in pairs.
const SCAN_PAIRS_MAX: u64 = 8;
/// Of how many keys a client remembers what they held.
const SEEN_KEYS_MAX: usize = 64;
/// The longest value that a client remembers, in bytes.
const SEEN_BYTES_MAX: usize = 1_024;
/// The weight of the first key under Zipf's law; the n-th has an n-th of it.
const ZIPF_WEIGHT: u64 = 1_000_000;

/// How a key is chosen, worked out once for all clients of a workload.
#[derive(Debug, Clone)]
pub(crate) enum KeyTable {
    /// So many keys, all alike.
    Even(u64),
    /// The weights of the keys up to each one, itself included.
    Weights(Arc<[u64]>),
}

impl KeyTable {
    pub(crate) fn of(plan: &WorkloadPlan) -> Self {
        let keys = u64::from(plan.keys);
        match plan.key_choice {
            KeyChoice::Uniform => Self::Even(keys),
            KeyChoice::Zipf => {
                let weights = (1..=keys).scan(0, |sum, nth| {
                    *sum += ZIPF_WEIGHT / nth;
                    Some(*sum)
                });
                Self::Weights(weights.collect())
            }
        }
    }

    fn draw(&self, dice: &mut Dice) -> u64 {
        match self {
            Self::Even(keys) => dice.below(*keys),
            Self::Weights(sums) => {
                let at = dice.below(*sums.last().expect("a workload has a key"));
                sums.partition_point(|sum| *sum <= at) as u64
            }
        }
    }
}

/// What drives a client that runs by itself. It has a stream of chance of its own.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Worker {
    plan: WorkloadPlan,
    dice: Dice,
    /// What keys held when it last heard of them: what its compare-and-sets expect.
    seen: BTreeMap<Bytes, Option<Bytes>>,
    /// It follows from the plan.
    #[serde(skip)]
    keys: KeyTable,
}

impl Worker {
    pub(crate) fn new(
        plan: WorkloadPlan,
        keys: KeyTable,
        seed: u64,
        segment: u32,
        client: ClientId,
    ) -> Self {
        Self {
            plan,
            dice: Dice::new(&("workload", seed, segment, client)),
            seen: BTreeMap::new(),
            keys,
        }
    }

    /// The pause before the next operation, in milliseconds.
    pub(crate) fn draw_pause(&mut self) -> u64 {
        self.dice.between(1, u64::from(self.plan.think_ms_max))
    }

    /// Whether the client wants nothing new any more.
    pub(crate) fn is_done(&self, now: VirtualTime) -> bool {
        self.plan.until.is_some_and(|until| now >= until)
    }

    /// How many operations it may have open, where it does not wait for them.
    pub(crate) const fn open_max(&self) -> Option<u32> {
        match self.plan.client_loop {
            ClientLoop::Closed => None,
            ClientLoop::Open { open_max } => Some(open_max),
        }
    }

    /// The next command. Its value, where it has one, is named after the event that made it, so
    /// no two values are equal.
    pub(crate) fn draw_command(&mut self, client: ClientId, event: EventId) -> Command {
        let key = self.keys.draw(&mut self.dice);
        let key = Bytes::from(format!("k{key:03}"));
        let mut left = self.dice.below(1_000);
        let mut is = |permille: u32| {
            let share = u64::from(permille);
            let hit = left < share;
            left = left.saturating_sub(share);
            hit
        };
        let value = || Bytes::from(format!("{client}@{event}"));
        if is(self.plan.put_permille) {
            let value = value();
            Command::Put { key, value }
        } else if is(self.plan.delete_permille) {
            Command::Delete { key }
        } else if is(self.plan.append_permille) {
            let value = Bytes::from(format!("+{client}@{event}"));
            Command::Append { key, value }
        } else if is(self.plan.scan_permille) {
            let limit = self.dice.between(1, SCAN_PAIRS_MAX);
            Command::Scan {
                start: key,
                end: Bytes::new(),
                limit: u32::try_from(limit).expect("a few pairs"),
            }
        } else if is(self.plan.compare_and_set_permille) {
            Command::CompareAndSet {
                expected: self.seen.get(&key).cloned().flatten(),
                new: value(),
                key,
            }
        } else {
            Command::Get { key }
        }
    }

    /// Remembers what an answer tells of a key.
    pub(crate) fn learn(&mut self, command: &Command, result: &CommandResult) {
        if self.plan.compare_and_set_permille == 0 {
            return;
        }
        let held = match (command, result) {
            (Command::Put { value, .. }, CommandResult::Put) => Some(value),
            (Command::Delete { .. }, CommandResult::Delete) => None,
            (Command::Get { .. }, CommandResult::Get { value }) => value.as_ref(),
            (
                Command::CompareAndSet { new, .. },
                CommandResult::CompareAndSet { swapped, found },
            ) => {
                if *swapped {
                    Some(new)
                } else {
                    found.as_ref()
                }
            }
            _ => return,
        };
        if held.is_some_and(|value| value.len() > SEEN_BYTES_MAX) {
            return;
        }
        self.seen.insert(command.key().clone(), held.cloned());
        if self.seen.len() > SEEN_KEYS_MAX {
            self.seen.pop_first();
        }
    }
}
