//! Stories of clients and one correct store, told with chance, and how to spoil them.

use crate::history::{Action, Operation};

/// A stream of numbers from a seed: `SplitMix64` (Steele, Lea and Flood, 2014).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = end as u64;
        usize::try_from(self.next() % end).expect("it is below a usize")
    }

    pub(super) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// What a story is made of.
pub(super) struct Story {
    pub(super) operations: usize,
    pub(super) clients: usize,
    pub(super) keys: usize,
    /// How many values puts choose from; more make histories easier.
    pub(super) values: usize,
    /// In percent.
    pub(super) lost: usize,
    /// Time between two things that happen, at most.
    pub(super) pause_max: usize,
    /// How often appends, deletes and compare-and-sets are, in percent each; half of the rest are
    /// gets and half are puts.
    pub(super) others: usize,
}

/// An operation under way.
struct Open {
    position: usize,
    applied: bool,
}

impl Story {
    /// At most eight operations on one key with few values.
    pub(super) fn small(random: &mut Random) -> Self {
        Self {
            operations: 1 + random.below(8),
            clients: 1 + random.below(4),
            keys: 1,
            values: 1 + random.below(3),
            lost: [0, 20, 50][random.below(3)],
            pause_max: random.below(3),
            others: [0, 10, 20][random.below(3)],
        }
    }

    /// What happened between these clients and a correct store.
    pub(super) fn tell(&self, random: &mut Random) -> Vec<Operation> {
        let mut told: Vec<Operation> = Vec::new();
        let mut held: Vec<Option<Vec<u8>>> = vec![None; self.keys];
        let mut open: Vec<Option<Open>> = (0..self.clients).map(|_| None).collect();
        let mut adrift: Vec<usize> = Vec::new();
        let mut keys: Vec<usize> = Vec::new();
        let mut now = 0;
        while told.len() < self.operations || open.iter().any(Option::is_some) {
            now += random.below(self.pause_max + 1) as u64;
            if !adrift.is_empty() && random.percent(10) {
                let position = adrift.swap_remove(random.below(adrift.len()));
                apply(&mut told[position], &mut held[keys[position]]);
            }
            let client = random.below(self.clients);
            match open[client].take() {
                None if told.len() < self.operations => {
                    let key = random.below(self.keys);
                    told.push(self.ask(client, key, now, random));
                    keys.push(key);
                    open[client] = Some(Open {
                        position: told.len() - 1,
                        applied: false,
                    });
                }
                None => {}
                Some(ask) if !ask.applied && random.percent(self.lost) => {
                    adrift.push(ask.position);
                }
                Some(ask) if !ask.applied => {
                    apply(&mut told[ask.position], &mut held[keys[ask.position]]);
                    open[client] = Some(Open {
                        applied: true,
                        ..ask
                    });
                }
                Some(ask) => told[ask.position].returned = Some(now),
            }
        }
        told
    }

    fn ask(&self, client: usize, key: usize, now: u64, random: &mut Random) -> Operation {
        let value = self.value(random);
        let others = self.others;
        let action = match random.below(100) {
            roll if roll < others => Action::Append { value },
            roll if roll < 2 * others => Action::Delete,
            roll if roll < 3 * others => Action::CompareAndSet {
                expected: random.percent(80).then(|| self.value(random)),
                value,
                ok: false,
            },
            roll if roll < 50 + others => Action::Put { value },
            _ => Action::Get { value: None },
        };
        Operation {
            client: client as u64,
            key: format!("key {key}").into_bytes(),
            action,
            invoked: now,
            returned: None,
        }
    }

    fn value(&self, random: &mut Random) -> Vec<u8> {
        random.below(self.values).to_string().into_bytes()
    }
}

/// Takes effect and notes the answer.
fn apply(operation: &mut Operation, held: &mut Option<Vec<u8>>) {
    match &mut operation.action {
        Action::Get { value } => value.clone_from(held),
        Action::Put { value } => *held = Some(value.clone()),
        Action::Append { value } => held.get_or_insert_default().extend_from_slice(value),
        Action::Delete => *held = None,
        Action::CompareAndSet {
            expected,
            value,
            ok,
        } => {
            *ok = held == expected;
            if *ok {
                *held = Some(value.clone());
            }
        }
    }
}

/// Spoils one operation of a history of one key: another answer, or another effect. Times stay,
/// so it is a history still; whether it is linearizable still is for others to say.
pub(super) fn plant(operations: &mut [Operation], random: &mut Random) {
    let other = [None, Some("0"), Some("1"), Some("01"), Some("7")][random.below(5)];
    let other = other.map(|value| value.as_bytes().to_vec());
    let victim = random.below(operations.len());
    let action = &mut operations[victim].action;
    match action {
        Action::Get { value } => *value = other,
        Action::CompareAndSet { ok, .. } if random.percent(50) => *ok = !*ok,
        Action::CompareAndSet { expected, .. } => *expected = other,
        Action::Put { value } | Action::Append { value } => {
            *value = other.unwrap_or_else(|| b"2".to_vec());
        }
        Action::Delete => *action = Action::Get { value: other },
    }
}

/// Up to seven operations whose answers nobody gave.
pub(super) fn noise(random: &mut Random) -> Vec<Operation> {
    let story = Story {
        operations: 1 + random.below(7),
        values: 2,
        others: 16,
        ..Story::small(random)
    };
    let mut operations = story.tell(random);
    for operation in &mut operations {
        let value = [None, Some("0"), Some("1"), Some("11")][random.below(4)];
        match &mut operation.action {
            Action::Get { value: answer } => *answer = value.map(Into::into),
            Action::CompareAndSet { ok, .. } => *ok = random.percent(50),
            _ => {}
        }
    }
    operations
}
