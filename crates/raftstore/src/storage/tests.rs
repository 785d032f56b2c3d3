//! Log runs against a plain vector.

use bytes::Bytes;
use proptest::prelude::*;
use types::{
    disk::DiskWrite,
    id::{Cycle, PeerId, StoreId},
    raft::{ConfState, EntryKind},
    store::{Peer, RegionEpoch},
};

use super::*;
use crate::{contents::Contents, image::MemoryDisk};

const R1: RegionId = RegionId::new(1);
const EVENT: EventId = EventId { segment: 1, seq: 1 };

fn entry(index: u64, term: u64) -> Entry {
    Entry {
        term: Term::new(term),
        index: LogIndex::new(index),
        kind: EntryKind::Normal,
        data: Bytes::from(format!("{index}@{term}")),
    }
}

fn region() -> types::store::Region {
    types::store::Region {
        id: R1,
        start: Bytes::new(),
        end: Bytes::new(),
        epoch: RegionEpoch::default(),
        peers: vec![Peer {
            id: PeerId::new(1),
            store: StoreId::new(1),
        }],
    }
}

/// A storage, its disk, and the log as a plain vector: what was kept, and what each write held.
struct Bench {
    storage: PeerStorage,
    disk: MemoryDisk,
    number: u64,
    model: Vec<Entry>,
    durable: Vec<Entry>,
}

impl Bench {
    fn new() -> Self {
        let storage = PeerStorage::bootstrap(R1);
        let mut bench = Self {
            disk: MemoryDisk::new(),
            number: 0,
            model: Vec::new(),
            durable: Vec::new(),
            storage,
        };
        let ops = bench.storage.bootstrap_ops(RegionState {
            state: PeerState::Normal,
            region: region(),
            peer: PeerId::new(1),
            conf_state: ConfState::of_voters(vec![PeerId::new(1)]),
        });
        bench.commit(ops);
        bench
    }

    fn commit(&mut self, mut ops: Vec<RowOp>) {
        let cycle: Cycle = self.disk.cycle().next();
        ops.push(put(RowKey::LastCycle, &Content::LastCycle(cycle)));
        self.disk.apply(&DiskWrite { cycle, ops });
    }

    /// Replaces the log from `first` on, in `term`.
    fn keep(&mut self, first: u64, count: u64, term: u64) {
        self.number += 1;
        let entries: Vec<Entry> = (first..first + count).map(|i| entry(i, term)).collect();
        self.model.retain(|entry| entry.index.get() < first);
        self.model.extend(entries.iter().cloned());
        let hard_state = HardState {
            term: Term::new(term),
            ..self.storage.hard_state()
        };
        let hard_state = Some(hard_state);
        let number = self.number;
        self.storage
            .keep(number, hard_state, entries, Vec::new(), EVENT);
    }

    fn write(&mut self) {
        if let Some((ops, _)) = self.storage.write(None, EVENT) {
            self.commit(ops);
            self.durable = self.model.clone();
        }
    }

    /// What a restart finds.
    fn reload(&self) -> Vec<Entry> {
        let contents = Contents::read(&self.disk.image()).expect("sound rows");
        let (_, entries) = PeerStorage::load(R1, &contents.regions[&R1]).expect("a sound log");
        entries
    }
}

#[test]
fn an_old_tail_does_not_come_back_after_a_restart() {
    let mut bench = Bench::new();
    bench.keep(6, 5, 6);
    bench.write();
    bench.keep(8, 1, 7);
    bench.write();
    let log = [entry(6, 6), entry(7, 6), entry(8, 7)];
    assert_eq!(bench.reload(), log);
    let runs = |bench: &Bench| {
        bench
            .storage
            .runs
            .iter()
            .map(|i| i.get())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        runs(&bench),
        [6, 8],
        "the first row is as it was, its tail is dead"
    );
    bench.keep(9, 1, 7);
    bench.write();
    bench.keep(7, 1, 8);
    bench.write();
    assert_eq!(
        runs(&bench),
        [6, 7],
        "a run removes every row from its start on"
    );
    assert_eq!(bench.reload(), [entry(6, 6), entry(7, 8)]);
}

#[test]
fn readys_collected_behind_a_write_become_one_run() {
    let mut bench = Bench::new();
    bench.keep(6, 3, 6);
    bench.keep(7, 4, 7);
    bench.keep(9, 1, 8);
    bench.write();
    let log = [entry(6, 6), entry(7, 7), entry(8, 7), entry(9, 8)];
    assert_eq!(bench.reload(), log);
    assert_eq!(bench.storage.runs.len(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Keep { back: u64, count: u64, bump: u64 },
    Write,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let keep = (0_u64..12, 1_u64..8, 0_u64..3);
    let step = prop_oneof![
        4 => keep.prop_map(|(back, count, bump)| Step::Keep { back, count, bump }),
        3 => Just(Step::Write),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(400)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn runs_make_the_log_that_a_vector_makes(steps in steps()) {
        let mut bench = Bench::new();
        let mut term = 6;
        for step in steps {
            match step {
                Step::Keep { back, count, bump } => {
                    let last = 5 + bench.model.len() as u64;
                    let first = (last + 1).saturating_sub(back).max(6);
                    // Only a later term replaces entries.
                    term += bump.max(u64::from(first <= last));
                    bench.keep(first, count, term);
                }
                Step::Write => bench.write(),
                Step::Restart => {
                    let contents = Contents::read(&bench.disk.image()).expect("sound rows");
                    let rows = &contents.regions[&R1];
                    let (storage, entries) = PeerStorage::load(R1, rows).expect("a sound log");
                    prop_assert_eq!(&entries, &bench.durable);
                    bench.storage = storage;
                    bench.model = entries;
                }
            }
            prop_assert_eq!(&bench.reload(), &bench.durable);
        }
    }
}
