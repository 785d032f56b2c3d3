//! A peer under arbitrary messages, driven by numbers from anywhere: a seeded generator in the
//! test suite, a fuzzer's bytes in `fuzz/`.

use bytes::Bytes;
use raft::{Config, Lease, Limits, Overseen, Oversight, RawNode, Ready, Restored, Unwatched};
use types::codec;
use types::id::PeerId;
use types::raft::{
    AppendResult, ConfChange, ConfState, Entry, EntryKind, HardState, LogIndex, LogPosition,
    Message, MessageBody, Preset, ReadId, SingleChange, Snapshot, Term, Transition,
};

/// Where the numbers come from.
pub(crate) trait Numbers {
    /// A number below `bound`, which is not zero.
    fn below(&mut self, bound: u64) -> u64;

    /// True in one case of `cases`.
    fn one_in(&mut self, cases: u64) -> bool {
        self.below(cases) == 0
    }
}

/// Small, so that they are reached.
pub(crate) const LIMITS: Limits = Limits {
    in_flight_appends: 3,
    in_flight_bytes: 120,
    append_entries: 4,
    append_bytes: 60,
    uncommitted_bytes: 400,
    committed_bytes: 80,
    waiting_reads: 5,
};

/// What happened to the messages of one sequence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Messages that were taken in.
    pub(crate) taken: u64,
    /// Messages that were refused with a typed error.
    pub(crate) refused: u64,
    /// How often the peer led.
    pub(crate) led: u64,
}

/// Throws `messages` arbitrary messages at a peer, with timers, proposals and its disk between
/// them.
///
/// # Panics
///
/// When a refused message changed the peer, or anything passes its limit.
pub(crate) fn run(numbers: &mut dyn Numbers, messages: usize) -> Tally {
    if numbers.one_in(2) {
        Driven::new(numbers, Overseen::TRACED).endure(numbers, messages)
    } else {
        Driven::new(numbers, Unwatched).endure(numbers, messages)
    }
}

/// A peer and its host.
struct Driven<O: Oversight> {
    node: RawNode<O>,
    /// Readys that are on their way to the disk.
    open: Vec<u64>,
    /// What is applied once the open Readys are durable.
    to_apply: LogIndex,
    clock_us: u64,
    tally: Tally,
}

impl<O: Oversight> Driven<O> {
    fn new(numbers: &mut dyn Numbers, oversight: O) -> Self {
        let preset = Preset::ALL[usize::try_from(numbers.below(3)).expect("three")];
        let voters = (1..=1 + numbers.below(5)).map(PeerId::new).collect();
        let lease = Lease {
            duration_us: 900,
            refusal_us: 1_000,
        };
        let config = Config {
            limits: LIMITS,
            lease: numbers.one_in(3).then_some(lease),
            seed: numbers.below(1_000),
            ..Config::preset(preset, PeerId::new(1), voters)
        };
        let restored = Restored {
            hard_state: HardState {
                term: Term::new(3),
                vote: None,
                commit: LogIndex::new(2),
            },
            entries: (1..=4).map(|at| entry(at, 1 + at / 3, 5)).collect(),
            ..Restored::default()
        };
        Self {
            node: RawNode::with_oversight(config, restored, oversight).expect("a sound start"),
            open: Vec::new(),
            to_apply: LogIndex::ZERO,
            clock_us: 0,
            tally: Tally::default(),
        }
    }

    fn endure(mut self, numbers: &mut dyn Numbers, messages: usize) -> Tally {
        for _ in 0..messages {
            self.disturb(numbers);
            let message = self.any_message(numbers);
            let before = codec::hash_of(&self.node);
            if self.node.step(message).is_err() {
                self.tally.refused += 1;
                let after = codec::hash_of(&self.node);
                assert_eq!(before, after, "a refused message changed something");
            } else {
                self.tally.taken += 1;
            }
            self.check();
        }
        self.tally
    }

    /// What a host does between messages.
    fn disturb(&mut self, numbers: &mut dyn Numbers) {
        match numbers.below(16) {
            0 => {
                self.clock_us += numbers.below(500);
                self.node.set_clock(self.clock_us);
                self.node
                    .advance_ticks(u32::try_from(numbers.below(25)).expect("few"));
            }
            1 => self.node.campaign(),
            2 => {
                let size = usize::try_from(numbers.below(100)).expect("few");
                let _ = self.node.propose(Bytes::from(vec![7; size]));
            }
            3 => {
                let _ = self.node.propose_conf_change(&any_change(numbers));
            }
            4 => {
                let _ = self.node.transfer_leader(PeerId::new(numbers.below(7)));
            }
            5 => {
                let _ = self.node.read_index(ReadId(numbers.below(9)));
            }
            6 => {
                let _ = self.node.compact(LogIndex::new(numbers.below(12)));
            }
            7 => self.node.forget_leader(),
            8 => self
                .node
                .report_snapshot(PeerId::new(numbers.below(7)), numbers.one_in(2)),
            9..=11 => self.take(),
            12..=13 => self.persist(),
            _ => {}
        }
        if self.node.role() == types::raft::Role::Leader {
            self.tally.led += 1;
        }
    }

    fn take(&mut self) {
        let Some(ready) = self.node.ready() else {
            return;
        };
        check_ready(&ready);
        self.open.push(ready.number);
        if let Some(snapshot) = &ready.snapshot {
            self.to_apply = snapshot.last.index;
        }
        for entry in &ready.committed {
            if let Some(change) = raft::conf_change_of(entry) {
                let _ = self.node.apply_conf_change(&change);
            }
            self.to_apply = entry.index;
        }
        for to in ready.snapshots_wanted {
            let (last, conf_state) = (self.node.applied_index(), self.node.conf_state().clone());
            if let Some(term) = self.node.log().term(last) {
                let last = LogPosition { index: last, term };
                let snapshot = Snapshot {
                    last,
                    conf_state,
                    ..Snapshot::default()
                };
                let _ = self.node.send_snapshot(to, snapshot);
            }
        }
    }

    fn persist(&mut self) {
        if let Some(last) = self.open.last().copied() {
            self.open.clear();
            self.node.persisted(last);
            self.node.applied(self.to_apply);
        }
    }

    fn check(&self) {
        let (node, log) = (&self.node, self.node.log());
        assert!(node.applied_index() <= node.commit() && node.commit() <= log.last_index());
        assert!(node.applied_index() <= log.persisted() && log.persisted() <= log.last_index());
        assert!(node.waiting_reads() <= LIMITS.waiting_reads);
        assert!(node.votes().len() <= node.voters().len());
        assert!(node.ticks_to_deadline() >= 1);
        for follower in node.progress() {
            assert!(follower.matched() < follower.next(), "{follower:?}");
            assert!(
                follower.in_flight() <= LIMITS.in_flight_appends,
                "{follower:?}"
            );
            let most = LIMITS.in_flight_bytes + LIMITS.append_bytes.max(100);
            assert!(follower.in_flight_bytes() <= most, "{follower:?}");
        }
    }

    fn any_message(&self, numbers: &mut dyn Numbers) -> Message {
        let from = numbers.below(7);
        let to = if numbers.one_in(50) { 2 } else { 1 };
        Message {
            from: PeerId::new(from),
            to: PeerId::new(to),
            term: self.near_term(numbers),
            body: self.any_body(numbers),
        }
    }

    /// Mostly the own term or close to it, so that messages get somewhere.
    fn near_term(&self, numbers: &mut dyn Numbers) -> Term {
        let own = self.node.term().get();
        match numbers.below(40) {
            0 => Term::new(types::id::MAX_SAFE - numbers.below(3)),
            1 => Term::new(raft::OUTSIDE_MAX + numbers.below(2)),
            2 => Term::ZERO,
            3..=7 => Term::new(own.saturating_sub(numbers.below(3))),
            8..=10 => Term::new(
                own.saturating_add(numbers.below(3))
                    .min(types::id::MAX_SAFE),
            ),
            _ => Term::new(own),
        }
    }

    fn near_index(&self, numbers: &mut dyn Numbers) -> LogIndex {
        let last = self.node.log().last_index().get();
        LogIndex::new(match numbers.below(60) {
            0 => types::id::MAX_SAFE - numbers.below(3),
            1 => raft::OUTSIDE_MAX + numbers.below(2),
            2 => numbers.below(types::id::MAX_SAFE),
            3..=20 => last,
            21..=25 => last.saturating_add(1).min(types::id::MAX_SAFE),
            _ => last.saturating_sub(numbers.below(6)),
        })
    }

    fn near_position(&self, numbers: &mut dyn Numbers) -> LogPosition {
        let index = self.near_index(numbers);
        let term = match self.node.log().term(index) {
            Some(term) if !numbers.one_in(6) => term,
            _ => self.near_term(numbers),
        };
        LogPosition { index, term }
    }

    fn any_body(&self, numbers: &mut dyn Numbers) -> MessageBody {
        match numbers.below(16) {
            0 => MessageBody::PreVote {
                last: self.near_position(numbers),
                commit: self.near_position(numbers),
            },
            1 => MessageBody::PreVoteResponse {
                granted: numbers.one_in(2),
                commit: self.near_position(numbers),
            },
            2 => MessageBody::RequestVote {
                last: self.near_position(numbers),
                transfer: numbers.one_in(3),
                commit: self.near_position(numbers),
            },
            3 | 4 => MessageBody::RequestVoteResponse {
                granted: !numbers.one_in(4),
                commit: self.near_position(numbers),
            },
            5..=7 => self.any_append(numbers),
            8 | 9 => MessageBody::AppendResponse {
                result: self.any_result(numbers),
            },
            10 => MessageBody::Heartbeat {
                commit: self.near_index(numbers),
                round: numbers.below(9),
            },
            11 => MessageBody::HeartbeatResponse {
                commit: self.near_index(numbers),
                last: self.near_index(numbers),
                round: numbers.below(9),
            },
            12 => MessageBody::Snapshot {
                snapshot: Box::new(Snapshot {
                    last: self.near_position(numbers),
                    conf_state: any_conf_state(numbers),
                    ..Snapshot::default()
                }),
            },
            13 => MessageBody::TimeoutNow,
            14 => MessageBody::TransferLeader {
                transferee: PeerId::new(numbers.below(7)),
            },
            _ if numbers.one_in(2) => MessageBody::ReadIndex {
                id: ReadId(numbers.below(9)),
            },
            _ => MessageBody::ReadIndexResponse {
                id: ReadId(numbers.below(9)),
                index: self.near_index(numbers),
            },
        }
    }

    fn any_append(&self, numbers: &mut dyn Numbers) -> MessageBody {
        let prev = self.near_position(numbers);
        let term = self.near_term(numbers).get();
        let count = numbers.below(4);
        let first = prev.index.get().saturating_add(1);
        let entries = (0..count)
            .map(|nth| first.saturating_add(nth).min(types::id::MAX_SAFE))
            .map(|at| {
                entry(
                    at,
                    term.saturating_sub(numbers.below(8) / 7),
                    numbers.below(30),
                )
            })
            .collect();
        MessageBody::Append {
            prev,
            entries,
            commit: self.near_index(numbers),
        }
    }

    fn any_result(&self, numbers: &mut dyn Numbers) -> AppendResult {
        match numbers.below(5) {
            0 => AppendResult::Stale,
            1 => AppendResult::Rejected {
                refused: self.near_index(numbers),
                hint: self.near_position(numbers),
            },
            _ => AppendResult::Matched {
                index: self.near_index(numbers),
            },
        }
    }
}

fn check_ready(ready: &Ready) {
    let size = |entries: &[Entry]| entries.iter().map(|entry| entry.data.len()).sum::<usize>();
    let committed = &ready.committed;
    assert!(committed.len() <= 1 || size(committed) <= LIMITS.committed_bytes);
    for message in ready.messages.iter().chain(&ready.messages_after_persist) {
        if let MessageBody::Append { entries, .. } = &message.body {
            assert!(entries.len() <= LIMITS.append_entries);
            assert!(entries.len() <= 1 || size(entries) <= LIMITS.append_bytes);
        }
    }
}

fn entry(at: u64, term: u64, size: u64) -> Entry {
    let size = usize::try_from(size).expect("few");
    Entry {
        term: Term::new(term),
        index: LogIndex::new(at),
        kind: EntryKind::Normal,
        data: Bytes::from(vec![1; size]),
    }
}

fn any_change(numbers: &mut dyn Numbers) -> ConfChange {
    let changes = (0..numbers.below(4)).map(|_| {
        let peer = PeerId::new(numbers.below(7));
        match numbers.below(3) {
            0 => SingleChange::AddVoter(peer),
            1 => SingleChange::AddLearner(peer),
            _ => SingleChange::Remove(peer),
        }
    });
    ConfChange {
        changes: changes.collect(),
        transition: match numbers.below(3) {
            0 => Transition::Auto,
            1 => Transition::JointImplicit,
            _ => Transition::JointExplicit,
        },
        ..ConfChange::default()
    }
}

fn any_conf_state(numbers: &mut dyn Numbers) -> ConfState {
    if numbers.one_in(2) {
        return ConfState::of_voters([1, 2, 3].map(PeerId::new).to_vec());
    }
    let mut peers = || {
        (0..numbers.below(4))
            .map(|_| PeerId::new(numbers.below(7)))
            .collect()
    };
    ConfState {
        voters: peers(),
        learners: peers(),
        outgoing: peers(),
        learners_next: peers(),
        auto_leave: numbers.one_in(2),
    }
}
