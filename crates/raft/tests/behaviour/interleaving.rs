//! Any order of messages, writes and crashes: what must hold however they fall.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use raft::rules::Release;
use raft::{CORRECT, Rules};
use types::id::PeerId;
use types::raft::{LogIndex, Message, Role, Term};

use crate::group::{Group, index};

/// One thing that happens to a group; numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Happening {
    Deliver(usize),
    Duplicate(usize),
    Lose(usize),
    FinishWrite(u64),
    Crash(u64),
    Campaign(u64),
    Propose(u64),
    Beat(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        30 => (0_usize..8).prop_map(Happening::Deliver),
        3 => (0_usize..8).prop_map(Happening::Duplicate),
        3 => (0_usize..8).prop_map(Happening::Lose),
        20 => (1_u64..=3).prop_map(Happening::FinishWrite),
        2 => (1_u64..=3).prop_map(Happening::Crash),
        2 => (1_u64..=3).prop_map(Happening::Campaign),
        6 => (1_u64..=3).prop_map(Happening::Propose),
        3 => (1_u64..=3).prop_map(Happening::Beat),
    ]
}

/// What must never differ: the leader of a term, and the entry committed at an index.
#[derive(Default)]
struct History {
    leaders: BTreeMap<Term, PeerId>,
    committed: BTreeMap<LogIndex, Term>,
}

impl History {
    fn check(&mut self, group: &Group) -> Result<(), String> {
        for member in group.members.values() {
            let node = &member.node;
            if node.role() == Role::Leader {
                let leader = *self.leaders.entry(node.term()).or_insert(node.id());
                if leader != node.id() {
                    return Err(format!("{leader} and {} lead {}", node.id(), node.term()));
                }
            }
            for entry in node.log().entries(index(1), node.commit()) {
                let known = self.committed.len();
                let term = *self.committed.entry(entry.index).or_insert(entry.term);
                if term != entry.term {
                    return Err(format!(
                        "{} committed with {term} and {}",
                        entry.index, entry.term
                    ));
                }
                if self.committed.len() > known {
                    check_on_quorum(group, entry.index, entry.term)?;
                }
            }
            let durable = member
                .disk
                .entries
                .last()
                .map_or(LogIndex::ZERO, |last| last.index);
            if node.log().persisted() > durable {
                return Err(format!(
                    "{} believes more durable than {durable}",
                    node.id()
                ));
            }
        }
        Ok(())
    }
}

/// An entry is on a majority of disks when it is first known to be committed (R6).
fn check_on_quorum(group: &Group, at: LogIndex, of: Term) -> Result<(), String> {
    let disks = group.members.values().map(|member| &member.disk);
    let holders = disks
        .filter(|disk| disk.entries.iter().any(|e| e.index == at && e.term == of))
        .count();
    if 2 * holders > group.members.len() {
        Ok(())
    } else {
        Err(format!("{at}@{of} is committed and on {holders} disks"))
    }
}

fn happen(group: &mut Group, happening: &Happening) -> Result<(), String> {
    let pick = |group: &Group, at: usize| match group.in_transit.len() {
        0 => None,
        messages => Some(at % messages),
    };
    match *happening {
        Happening::Deliver(at) => {
            if let Some(message) = pick(group, at).and_then(|at| group.in_transit.remove(at)) {
                deliver(group, message)?;
            }
        }
        Happening::Duplicate(at) => {
            if let Some(at) = pick(group, at) {
                let message = group.in_transit[at].clone();
                deliver(group, message)?;
            }
        }
        Happening::Lose(at) => {
            if let Some(at) = pick(group, at) {
                group.in_transit.remove(at);
            }
        }
        Happening::FinishWrite(id) => group.finish_write(id),
        Happening::Crash(id) => group.crash(id),
        Happening::Campaign(id) => group.member(id).node.campaign(),
        Happening::Propose(id) => {
            let _ = group.member(id).node.propose(Bytes::from_static(b"word"));
        }
        Happening::Beat(id) => group.member(id).node.advance_ticks(1),
    }
    group.turn_all();
    Ok(())
}

fn deliver(group: &mut Group, message: Message) -> Result<(), String> {
    let to = message.to.get();
    let member = group.member(to);
    member
        .node
        .step(message)
        .map_err(|error| error.to_string())?;
    group.turn(to);
    Ok(())
}

fn run(rules: &'static Rules, happenings: &[Happening]) -> Result<History, String> {
    let mut group = Group::with_rules(3, rules);
    for member in group.members.values_mut() {
        member.is_slow = true;
    }
    let mut history = History::default();
    for happening in happenings {
        happen(&mut group, happening)?;
        history.check(&group)?;
    }
    Ok(history)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_messages_writes_and_crashes_is_safe(
        happenings in prop::collection::vec(happening(), 100..500),
    ) {
        let outcome = run(&CORRECT, &happenings);
        prop_assert!(outcome.is_ok(), "{:?}", outcome.err());
    }
}

/// Runs many random orders until `rules` break something; says after how many.
fn runs_until_caught(rules: &'static Rules) -> Option<usize> {
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(happening(), 100..500);
    (1..=3_000).find(|_| {
        let tree = strategy.new_tree(&mut runner).expect("a value");
        run(rules, &tree.current()).is_err()
    })
}

#[test]
fn the_check_catches_rules_that_do_not_wait_for_the_disk() {
    static OWN_MATCH: Rules = Rules {
        own_match: |_, last| last,
        ..CORRECT
    };
    static RELEASE: Rules = Rules {
        release: |_| Release::AtOnce,
        ..CORRECT
    };
    static LATE_WRITE: Rules = Rules {
        durable: |written, _| written,
        ..CORRECT
    };
    for (name, rules) in [
        ("own_match", &OWN_MATCH),
        ("release", &RELEASE),
        ("durable", &LATE_WRITE),
    ] {
        let runs = runs_until_caught(rules);
        assert!(runs.is_some(), "{name} was not caught");
    }
}

#[test]
fn random_orders_do_commit_and_change_leaders() {
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(happening(), 500..501);
    let (mut commits, mut leaders) = (0, 0);
    for _ in 0..100 {
        let tree = strategy.new_tree(&mut runner).expect("a value");
        let history = run(&CORRECT, &tree.current()).expect("a safe run");
        commits += history.committed.len();
        leaders += history.leaders.len();
    }
    assert!(commits > 100, "{commits} commits in 100 runs");
    assert!(leaders > 100, "{leaders} leaders in 100 runs");
}
