//! All features at once under random faults: messages that are lost, repeated and overtaken,
//! disks and state machines that lag, crashes, cuts, membership changes, transfers, snapshots.
//!
//! What must hold: one leader for each term, the same entry at each index in every state machine
//! (both watched by the network), no message that an honest peer refuses, and reads that are never
//! older than what anybody had committed when they were asked. Afterwards, when the faults end,
//! the group must agree and take commands again.

use std::collections::BTreeMap;
use std::ops::Range;

use raft::progress::ProgressState;
use raft::{Config, Lease, Limits, Oversight, Restored, Unwatched};
use rand_core::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256StarStar;
use types::id::PeerId;
use types::raft::{ConfChange, Preset, ReadId, Role, SingleChange, Transition};

use crate::harness::{Network, change, config_as, peer};

const PEERS: u64 = 5;
const STEPS: u32 = 3_000;
const TICK_US: u64 = 100_000;

/// Clocks differ by up to a twenty-fifth.
const DRIFT: u64 = 25;

struct Storm<O: Oversight> {
    network: Network<O>,
    random: Xoshiro256StarStar,
    /// The highest commit index anywhere when each read was asked.
    asked: BTreeMap<u64, u64>,
    /// Answered reads.
    answered: usize,
    /// Reads of each peer that were looked at.
    seen: BTreeMap<u64, usize>,
    now_us: u64,
}

impl<O: Oversight> Storm<O> {
    fn new(seed: u64, preset: Preset, oversight: O, alter: impl Fn(Config) -> Config) -> Self {
        let start = |id: u64| {
            let limits = Limits {
                in_flight_appends: 3,
                append_entries: 4,
                committed_bytes: 40,
                ..Limits::default()
            };
            let config = Config {
                limits,
                // Where a removed leader goes on, its host destroys it; this one does not.
                step_down_on_removal: true,
                seed: seed.wrapping_mul(31) + id,
                ..config_as(preset, id, 3)
            };
            (alter(config), Restored::default())
        };
        Self {
            network: Network::overseen((1..=PEERS).map(start).collect(), oversight),
            random: Xoshiro256StarStar::seed_from_u64(seed),
            asked: BTreeMap::new(),
            answered: 0,
            seen: BTreeMap::new(),
            now_us: 0,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.next_u64() % bound
    }

    fn any_peer(&mut self) -> u64 {
        1 + self.below(PEERS)
    }

    /// A peer that leads, by its own word; any where none does.
    fn leader(&mut self) -> u64 {
        let any = self.any_peer();
        let leads = |id: &u64| self.network.node(*id).role() == Role::Leader;
        let after = (any..=PEERS).chain(1..any).find(leads);
        after.unwrap_or(any)
    }

    /// One random happening.
    fn step(&mut self) {
        let (id, leader) = (self.any_peer(), self.leader());
        match self.below(1_000) {
            0..=549 => self.deliver(),
            550..=669 => self.tick(id, 1),
            670..=739 => self.propose(leader),
            740..=759 => self.read(id),
            760..=789 => self.read(leader),
            790..=819 => self.change(leader),
            820..=889 => self.finish_or_apply(id),
            890..=899 => self.network.member(id).is_slow ^= true,
            900..=909 => self.network.member(id).is_lazy ^= true,
            910..=919 => self.transfer(leader),
            920..=924 => self.transfer(id),
            925..=934 => self.compact(leader),
            935..=944 => self.crash(id),
            945..=954 => self.cut(id),
            955..=958 => self.network.heal(),
            959..=969 => self.report(leader),
            970..=974 => self.network.node_mut(id).forget_leader(),
            975..=984 => self.network.node_mut(id).campaign(),
            _ => self.lag(id),
        }
        self.look_at_reads();
    }

    /// A peer that was not scheduled for a while.
    fn lag(&mut self, id: u64) {
        let ticks = u32::try_from(self.below(25)).expect("a few");
        self.tick(id, ticks);
    }

    fn deliver(&mut self) {
        let waiting = self.network.in_transit.len() as u64;
        if waiting == 0 {
            return;
        }
        // Mostly the oldest, sometimes any.
        let at = if self.below(4) == 0 {
            self.below(waiting)
        } else {
            0
        };
        let at = usize::try_from(at).expect("a few");
        let message = self.network.in_transit.remove(at).expect("it waits");
        match self.below(20) {
            0 => {}
            1 => {
                self.network.in_transit.push_back(message.clone());
                self.network.deliver(message);
            }
            _ => self.network.deliver(message),
        }
    }

    /// Time passes for all clocks, each at its own speed, and ticks for one peer.
    fn tick(&mut self, id: u64, ticks: u32) {
        self.now_us += u64::from(ticks) * TICK_US / PEERS;
        for other in 1..=PEERS {
            let now_us = self.clock(other);
            self.network.node_mut(other).set_clock(now_us);
        }
        self.network.node_mut(id).advance_ticks(ticks);
        self.network.turn(id);
    }

    fn clock(&self, id: u64) -> u64 {
        self.now_us + self.now_us * (id - 1) / (DRIFT * (PEERS - 1))
    }

    fn propose(&mut self, id: u64) {
        // Only leaders take it.
        let _ = self.network.node_mut(id).propose("some data".into());
        self.network.turn(id);
    }

    fn read(&mut self, id: u64) {
        let read = self.asked.len() as u64 + 1;
        let commits = self.network.commits();
        let floor = commits.into_iter().max().unwrap_or(0);
        self.asked.insert(read, floor);
        let _ = self.network.node_mut(id).read_index(ReadId(read));
        self.network.turn(id);
    }

    fn look_at_reads(&mut self) {
        for (&id, member) in &self.network.members {
            let seen = self.seen.entry(id).or_default();
            for read in &member.reads[(*seen).min(member.reads.len())..] {
                let floor = self.asked[&read.id.0];
                assert!(read.index.get() >= floor, "{read:?} is below {floor}");
                self.answered += 1;
            }
            *seen = member.reads.len();
        }
    }

    fn change(&mut self, id: u64) {
        let single = |storm: &mut Self| {
            let of = PeerId::new(storm.any_peer());
            match storm.below(5) {
                0..=2 => SingleChange::AddVoter(of),
                3 => SingleChange::AddLearner(of),
                _ => SingleChange::Remove(of),
            }
        };
        let first = single(self);
        let second = single(self);
        let proposed = match self.below(6) {
            0 | 1 => ConfChange::single(first),
            2 => ConfChange::leave_joint(),
            3 => change(Transition::JointExplicit, &[first, second]),
            _ => change(Transition::Auto, &[first, second]),
        };
        if self.leaves_a_voter(id, &proposed) {
            let _ = self.network.node_mut(id).propose_conf_change(&proposed);
        }
        self.network.turn(id);
    }

    /// Whether anybody is left to vote; a single step may remove the last, and then all ends.
    fn leaves_a_voter(&self, id: u64, change: &ConfChange) -> bool {
        let voters = self.network.node(id).conf_state().voters.len();
        voters > change.changes.len()
    }

    fn finish_or_apply(&mut self, id: u64) {
        self.network.finish_write(id);
        self.network.apply(id);
        self.network.turn(id);
    }

    fn transfer(&mut self, id: u64) {
        let to = peer(self.any_peer());
        let _ = self.network.node_mut(id).transfer_leader(to);
        self.network.turn(id);
    }

    fn compact(&mut self, id: u64) {
        let node = self.network.node(id);
        // What a snapshot on its way to the disk holds is not there to be compacted.
        if node.applied_index() <= node.log().persisted() {
            self.network.compact(id);
        }
    }

    fn crash(&mut self, id: u64) {
        let clock_us = self.clock(id);
        self.network.member(id).config.clock_us = clock_us;
        self.network.crash(id);
        self.seen.insert(id, 0);
        self.network.turn(id);
    }

    fn cut(&mut self, id: u64) {
        let (other, leader) = (self.any_peer(), self.leader());
        match self.below(4) {
            0 => self.network.isolate(id),
            1 => self.network.isolate(leader),
            2 => self.split(),
            _ => self.network.cut_one_way(id, other),
        }
    }

    /// Two sides that do not hear each other.
    fn split(&mut self) {
        let sides = self.below(1 << PEERS);
        let side = |id: u64| sides >> (id - 1) & 1;
        for a in 1..=PEERS {
            for b in (a + 1..=PEERS).filter(|&b| side(a) != side(b)) {
                self.network.cut(a, b);
            }
        }
    }

    /// A host says that its snapshots were lost, true or not.
    fn report(&mut self, id: u64) {
        let node = self.network.node_mut(id);
        let sent: Vec<PeerId> = node
            .progress()
            .filter(|follower| {
                matches!(follower.state(), ProgressState::Snapshot { last: Some(_) })
            })
            .map(raft::progress::Progress::id)
            .collect();
        for to in sent {
            node.report_snapshot(to, false);
        }
        self.network.turn(id);
    }

    /// The faults end. The group must agree on a leader's log and take a command.
    fn calm_down(&mut self) {
        self.network.heal();
        for id in 1..=PEERS {
            self.network.member(id).is_slow = false;
            self.network.member(id).is_lazy = false;
            while !self.network.member(id).writing.is_empty() {
                self.network.finish_write(id);
            }
            self.network.apply(id);
        }
        self.network.settle();
        for round in 0..2_000 {
            for id in 1..=PEERS {
                self.tick(id, 1);
            }
            if round % 30 == 0 {
                (1..=PEERS).for_each(|id| self.report(id));
            }
            self.network.settle();
            if round % 10 == 9 && self.agrees() {
                return;
            }
        }
        let states: Vec<_> = self.network.members.values().map(describe).collect();
        panic!("no agreement: {states:#?}");
    }

    fn agrees(&mut self) -> bool {
        let leads = |id: &u64| self.network.node(*id).role() == Role::Leader;
        let leaders: Vec<u64> = (1..=PEERS).filter(leads).collect();
        let [leader] = leaders[..] else {
            return false;
        };
        let node = self.network.node_mut(leader);
        if node.conf_state().is_joint() {
            let _ = node.propose_conf_change(&ConfChange::leave_joint());
        }
        if node.propose("fresh".into()).is_err() {
            return false;
        }
        self.network.settle();
        let node = self.network.node(leader);
        let last = node.log().last_index();
        let members = node.conf_state();
        let has_all = |id: u64| self.network.node(id).applied_index() == last;
        !members.is_joint() && (1..=PEERS).all(|id| !members.contains(peer(id)) || has_all(id))
    }
}

fn describe<O: Oversight>(member: &crate::harness::Member<O>) -> String {
    let node = &member.node;
    format!(
        "{:?} {:?} {:?} leader {:?} last {} applied {} {:?} {:?}",
        node.id(),
        node.role(),
        node.hard_state(),
        node.leader(),
        node.log().last(),
        node.applied_index(),
        node.conf_state(),
        node.progress()
            .map(|p| (p.id(), p.state()))
            .collect::<Vec<_>>(),
    )
}

/// What a sweep did: committed entries, answered reads, snapshots, terms.
#[derive(Debug, Default)]
struct Seen {
    commits: u64,
    reads: usize,
    snapshots: usize,
    terms: u64,
}

fn sweep(seeds: Range<u64>, preset: Preset, alter: impl Fn(Config) -> Config) -> Seen {
    sweep_overseen(seeds, preset, Unwatched, alter)
}

fn sweep_overseen(
    seeds: Range<u64>,
    preset: Preset,
    oversight: impl Oversight,
    alter: impl Fn(Config) -> Config,
) -> Seen {
    let mut seen = Seen::default();
    for seed in seeds {
        let mut storm = Storm::new(seed, preset, oversight, &alter);
        for _ in 0..STEPS {
            storm.step();
        }
        storm.calm_down();
        seen.commits += storm.network.commits().into_iter().max().unwrap_or(0);
        seen.terms += storm.network.terms().into_iter().max().unwrap_or(0);
        seen.reads += storm.answered;
        let kind = types::raft::MessageKind::Snapshot;
        seen.snapshots += storm.network.count_sent(kind);
    }
    seen
}

const SEEDS: u64 = 100;

/// Checks that a sweep did something.
fn did_much(seen: &Seen) {
    let runs = usize::try_from(SEEDS).expect("a few");
    assert!(seen.commits > SEEDS * 10, "{seen:?}");
    assert!(seen.reads > runs && seen.snapshots > runs, "{seen:?}");
    assert!(seen.terms > SEEDS * 3, "{seen:?}");
}

#[test]
fn the_dialect_of_tinykv_is_safe_in_a_storm_and_agrees_after_it() {
    did_much(&sweep(0..SEEDS, Preset::TinyKv, |config| config));
}

#[test]
fn the_dialect_of_etcd_is_safe_in_a_storm_and_agrees_after_it() {
    did_much(&sweep(0..SEEDS, Preset::Etcd, |config| config));
}

#[test]
fn the_dialect_of_mit_is_safe_in_a_storm_and_agrees_after_it() {
    did_much(&sweep(0..SEEDS, Preset::Mit6824, |config| config));
}

#[test]
fn reads_by_lease_are_never_old_in_a_storm() {
    let with_lease = |config| Config {
        lease: Some(Lease {
            duration_us: 900_000,
            refusal_us: 1_000_000,
        }),
        ..config
    };
    did_much(&sweep(0..SEEDS, Preset::TinyKv, with_lease));
    did_much(&sweep(SEEDS..2 * SEEDS, Preset::Etcd, with_lease));
}

/// A storm that lets a broken rule pass would say nothing about the right one.
mod notices {
    use raft::rules::{Promise, Release};
    use raft::{CORRECT, Overseen, Rules};

    use super::*;

    fn sweep_with(rules: &'static Rules, preset: Preset, alter: impl Fn(Config) -> Config) {
        let oversight = Overseen {
            rules,
            trace: false,
        };
        sweep_overseen(0..100 * SEEDS, preset, oversight, alter);
    }

    #[test]
    #[should_panic(expected = "is below")]
    fn a_read_that_is_confirmed_by_an_old_round() {
        static RULES: Rules = Rules {
            read_waits_for: |round| round,
            ..CORRECT
        };
        sweep_with(&RULES, Preset::TinyKv, |config| config);
    }

    #[test]
    #[should_panic(expected = "is below")]
    fn a_lease_that_never_ends() {
        static RULES: Rules = Rules {
            holds_lease: |check| check.until_us.is_some(),
            ..CORRECT
        };
        sweep_with(&RULES, Preset::TinyKv, |config| Config {
            lease: Some(Lease {
                duration_us: 900_000,
                refusal_us: 1_000_000,
            }),
            ..config
        });
    }

    #[test]
    #[should_panic]
    fn promises_that_do_not_wait_for_the_disk() {
        static RULES: Rules = Rules {
            release: |_: &Promise| Release::AtOnce,
            ..CORRECT
        };
        sweep_with(&RULES, Preset::TinyKv, |config| config);
    }

    #[test]
    #[should_panic]
    fn a_learner_that_counts() {
        static RULES: Rules = Rules {
            is_counted: |_| true,
            ..CORRECT
        };
        sweep_with(&RULES, Preset::TinyKv, |config| config);
    }

    #[test]
    #[should_panic]
    fn one_half_that_decides_for_both() {
        static RULES: Rules = Rules {
            jointly_reached: |incoming, _| incoming,
            ..CORRECT
        };
        sweep_with(&RULES, Preset::Etcd, |config| config);
    }

    #[test]
    #[should_panic(expected = "no agreement")]
    fn a_transfer_that_is_never_called_off() {
        static RULES: Rules = Rules {
            ends_transfer: |_| false,
            ..CORRECT
        };
        sweep_with(&RULES, Preset::TinyKv, |config| config);
    }
}
