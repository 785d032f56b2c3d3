//! What the scheduler does by itself: repair, and evening stores out.

use std::collections::BTreeMap;

use scheduler::{
    operator::Operator,
    rules::{CORRECT, LEADER_MARGIN},
};
use types::{
    id::{RegionId, StoreId},
    io::Input,
    scheduler::{
        FromScheduler, OperatorEnd, OperatorReason, OperatorRequest, OperatorStep, RegionHeartbeat,
        SchedulerOptions, StoreState,
    },
    store::Region,
};

use crate::support::{
    Rig, SECOND, config, epoch, first_region, heartbeat, only_step, passive, peer, region, says,
    store,
};

fn only_repair() -> SchedulerOptions {
    SchedulerOptions {
        repair: true,
        ..passive()
    }
}

/// Regions whose leaders do at once what they are told.
pub(crate) struct Obedient {
    pub(crate) rig: Rig,
    pub(crate) words: BTreeMap<RegionId, RegionHeartbeat>,
    /// How often a leader was told something.
    pub(crate) steps: u64,
    /// Stores that say nothing.
    pub(crate) silent: Vec<StoreId>,
}

impl Obedient {
    pub(crate) fn new(rig: Rig, words: Vec<RegionHeartbeat>) -> Self {
        let words = words.into_iter().map(|word| (word.region.id, word));
        Self {
            rig,
            words: words.collect(),
            steps: 0,
            silent: Vec::new(),
        }
    }

    /// A second of life: stores and leaders report, and leaders obey.
    pub(crate) fn live(&mut self, stores: &[u64]) {
        self.rig.now = self.rig.now.plus(SECOND);
        let silent = &self.silent;
        let speaks = |id: &StoreId| !silent.contains(id);
        let stores: Vec<u64> = stores
            .iter()
            .copied()
            .filter(|id| speaks(&store(*id)))
            .collect();
        let mut told = self.rig.stores_report(&stores);
        let words = self
            .words
            .values()
            .filter(|word| speaks(&word.leader.store));
        let inputs: Vec<Input> = words.map(says).collect();
        told.extend(self.rig.give(inputs).from_scheduler);
        for (to, word) in told {
            self.obey(to, &word);
        }
    }

    fn obey(&mut self, to: StoreId, word: &FromScheduler) {
        let FromScheduler::Step {
            region,
            epoch,
            step,
        } = word
        else {
            return;
        };
        let Some(known) = self.words.get_mut(region) else {
            return;
        };
        if known.leader.store != to || known.region.epoch != *epoch {
            return;
        }
        self.steps += 1;
        match step {
            OperatorStep::AddPeer { peer } => {
                known.region.peers.push(*peer);
                known.region.epoch.conf_ver += 1;
            }
            OperatorStep::RemovePeer { peer } => {
                assert_ne!(known.leader, *peer, "a leader is told to remove itself");
                known.region.peers.retain(|it| it != peer);
                known.region.epoch.conf_ver += 1;
            }
            OperatorStep::TransferLeader { to } => known.leader = *to,
            OperatorStep::PromoteLearner { peer } => {
                known.learners.retain(|it| *it != peer.id);
                known.region.epoch.conf_ver += 1;
            }
            OperatorStep::AddLearner { .. } | OperatorStep::Split { .. } => {}
        }
    }

    /// On which stores a region is, in order.
    pub(crate) fn stores_of(&self, region: u64) -> Vec<u64> {
        let word = &self.words[&RegionId::new(region)];
        let mut stores: Vec<u64> = word.region.peers.iter().map(|it| it.store.get()).collect();
        stores.sort_unstable();
        stores
    }

    fn reasons(&self) -> Vec<OperatorReason> {
        let ended = self.rig.scheduler.operators().ended();
        let finished = ended.filter(|it| it.end == Some(OperatorEnd::Finished));
        finished.map(|it| it.reason).collect()
    }
}

/// `count` regions of three replicas on stores 1 to 3, all led by store 1, size 100 each.
pub(crate) fn on_three_stores(count: u64) -> Vec<RegionHeartbeat> {
    let of = |at: u64| {
        let key = |at: u64| {
            if at == 0 || at == count {
                String::new()
            } else {
                format!("{at:03}")
            }
        };
        let peers = [
            peer(at * 10 + 1, 1),
            peer(at * 10 + 2, 2),
            peer(at * 10 + 3, 3),
        ];
        RegionHeartbeat {
            approximate_size: Some(100),
            ..heartbeat(&region(
                at + 1,
                (&key(at), &key(at + 1)),
                epoch(1, 2),
                &peers,
            ))
        }
    };
    (0..count).map(of).collect()
}

fn one_region(options: SchedulerOptions) -> Obedient {
    Obedient::new(Rig::new(options), vec![heartbeat(&first_region())])
}

#[test]
fn a_replica_on_a_store_that_is_down_is_replaced_and_no_sooner() {
    let mut cluster = one_region(only_repair());
    cluster.live(&[1, 2, 3, 4]);
    cluster.silent = vec![store(3)];
    for _ in 0..1_799 {
        cluster.live(&[1, 2, 3, 4]);
    }
    assert_eq!((cluster.stores_of(1), cluster.steps), (vec![1, 2, 3], 0));
    for _ in 0..5 {
        cluster.live(&[1, 2, 3, 4]);
    }
    assert_eq!(cluster.stores_of(1), [1, 2, 4]);
    assert_eq!(cluster.reasons(), [OperatorReason::ReplaceDown]);
    assert_eq!(cluster.steps, 2);
}

#[test]
fn a_scheduler_that_was_cut_off_holds_nobodys_silence_against_them() {
    let mut cluster = one_region(only_repair());
    cluster.live(&[1, 2, 3, 4]);
    cluster.rig.pass(3_600 * SECOND);
    // Only the leader and the empty store have come through yet.
    cluster.live(&[1, 4]);
    assert_eq!(cluster.steps, 0);
    assert_eq!(cluster.rig.scheduler.operators().running().count(), 0);
    // Who stays silent is down when it would have been.
    cluster.silent = vec![store(2), store(3)];
    for _ in 0..1_796 {
        cluster.live(&[1, 4]);
    }
    assert_eq!(cluster.steps, 0);
    for _ in 0..5 {
        cluster.live(&[1, 4]);
    }
    assert_eq!(cluster.stores_of(1), [1, 3, 4]);
}

#[test]
fn the_lead_leaves_a_store_that_is_being_emptied_before_its_replica_does() {
    let mut cluster = one_region(only_repair());
    cluster.live(&[1, 2, 3, 4]);
    cluster
        .rig
        .by_hand(OperatorRequest::TakeOffline { store: store(1) });
    for _ in 0..5 {
        cluster.live(&[1, 2, 3, 4]);
    }
    assert_eq!(cluster.stores_of(1), [2, 3, 4]);
    assert_eq!(cluster.reasons(), [OperatorReason::ReplaceOffline]);
    assert_eq!(cluster.steps, 3);
    let emptied = &cluster.rig.scheduler.view().stores[0];
    assert_eq!(
        (emptied.state, emptied.status.regions),
        (StoreState::Offline, 0)
    );
}

#[test]
fn missing_replicas_are_added_where_least_is_stored() {
    let mut rig = Rig::new(only_repair());
    rig.stores_report(&[1, 2, 3]);
    let full = RegionHeartbeat {
        approximate_size: Some(1_000),
        ..heartbeat(&region(
            2,
            ("m", ""),
            epoch(1, 2),
            &[peer(21, 3), peer(22, 2), peer(23, 1)],
        ))
    };
    let lone = heartbeat(&region(1, ("", "m"), epoch(1, 2), &[peer(1, 1)]));
    let mut cluster = Obedient::new(rig, vec![lone, full]);
    for _ in 0..6 {
        cluster.live(&[1, 2, 3, 4, 5]);
    }
    assert_eq!(cluster.stores_of(1), [1, 4, 5]);
    assert_eq!(cluster.stores_of(2), [1, 2, 3]);
    assert_eq!(cluster.reasons(), [OperatorReason::AddMissing; 2]);
}

#[test]
fn a_replica_too_many_is_removed_from_the_fullest_store_and_not_from_the_leader() {
    let four = [peer(1, 1), peer(2, 2), peer(3, 3), peer(4, 4)];
    let crowded = heartbeat(&region(1, ("", "m"), epoch(4, 2), &four));
    let other = [peer(21, 1), peer(22, 2), peer(23, 4)];
    let other = heartbeat(&region(2, ("m", ""), epoch(4, 2), &other));
    let mut cluster = Obedient::new(Rig::new(only_repair()), vec![crowded, other]);
    for _ in 0..5 {
        cluster.live(&[1, 2, 3, 4]);
    }
    // Stores 1, 2 and 4 hold the same; store 1 leads, and of the others the last one goes.
    assert_eq!(cluster.stores_of(1), [1, 2, 3]);
    assert_eq!(cluster.reasons(), [OperatorReason::RemoveExtra]);
}

/// Region 1 on stores 1 to 4, and how it is told to lose one of them.
fn removal_of(change: impl Fn(&mut Obedient)) -> (OperatorStep, OperatorReason) {
    let four = [peer(1, 1), peer(2, 2), peer(3, 3), peer(4, 4)];
    let crowded = heartbeat(&region(1, ("", "m"), epoch(4, 2), &four));
    let other = [peer(21, 1), peer(22, 2), peer(23, 4)];
    let other = heartbeat(&region(2, ("m", ""), epoch(4, 2), &other));
    let mut cluster = Obedient::new(Rig::new(passive()), vec![crowded, other]);
    change(&mut cluster);
    cluster.live(&[1, 2, 3, 4, 5]);
    let switch = Input::SchedulerOptions(only_repair());
    cluster.rig.give(vec![switch]);
    let running = cluster.rig.scheduler.operators().get(RegionId::new(1));
    let operator = running.expect("it runs");
    assert_eq!(operator.steps().len(), 1);
    (operator.steps()[0].clone(), operator.reason())
}

#[test]
fn of_replicas_too_many_one_out_of_reach_goes_first_then_one_that_is_pending() {
    let remove = |id, on| OperatorStep::RemovePeer { peer: peer(id, on) };
    let extra = OperatorReason::RemoveExtra;
    let led_by_4 = |cluster: &mut Obedient| {
        for word in cluster.words.values_mut() {
            word.leader = *word.region.peers.last().expect("it has peers");
        }
    };
    assert_eq!(removal_of(led_by_4), (remove(2, 2), extra));
    let pending = |cluster: &mut Obedient| {
        for word in cluster.words.values_mut() {
            word.pending = word
                .region
                .peer(peer(3, 3).id)
                .iter()
                .map(|it| it.id)
                .collect();
        }
    };
    assert_eq!(removal_of(pending), (remove(3, 3), extra));
    let silent_for = |seconds: u64| {
        move |cluster: &mut Obedient| {
            pending(cluster);
            cluster.silent = vec![store(2)];
            for _ in 0..seconds {
                cluster.live(&[1, 3, 4, 5]);
            }
        }
    };
    assert_eq!(removal_of(silent_for(21)), (remove(2, 2), extra));
    // One on a store that is down goes too, and needs nobody in its place.
    let down = OperatorReason::ReplaceDown;
    assert_eq!(removal_of(silent_for(1_801)), (remove(2, 2), down));
}

#[test]
fn a_learner_beyond_the_replicas_that_a_region_shall_have_stays_one() {
    let mut word = heartbeat(&first_region());
    word.region.peers.push(peer(4, 4));
    word.learners = vec![peer(4, 4).id];
    let mut cluster = Obedient::new(Rig::new(only_repair()), vec![word]);
    for _ in 0..3 {
        cluster.live(&[1, 2, 3, 4]);
    }
    assert_eq!((cluster.steps, cluster.stores_of(1)), (0, vec![1, 2, 3, 4]));
}

#[test]
fn a_learner_that_was_left_behind_gets_its_vote() {
    let mut word = heartbeat(&first_region());
    word.learners = vec![first_region().peers[2].id];
    let mut cluster = Obedient::new(Rig::new(only_repair()), vec![word]);
    for _ in 0..3 {
        cluster.live(&[1, 2, 3, 4]);
    }
    assert!(cluster.words.values().all(|word| word.learners.is_empty()));
    assert_eq!(cluster.reasons(), [OperatorReason::PromoteLearner]);
}

#[test]
fn what_is_switched_off_does_not_happen() {
    let mut words = on_three_stores(40);
    words[0].region.peers.truncate(1);
    let mut cluster = Obedient::new(Rig::new(passive()), words);
    for _ in 0..60 {
        cluster.live(&[1, 2, 3, 4]);
    }
    assert_eq!((cluster.steps, cluster.rig.wake_at), (0, None));
    for (on, reason) in [
        (only_repair(), OperatorReason::AddMissing),
        (
            SchedulerOptions {
                balance_leader: true,
                ..passive()
            },
            OperatorReason::BalanceLeader,
        ),
        (
            SchedulerOptions {
                balance_region: true,
                ..passive()
            },
            OperatorReason::BalanceRegion,
        ),
    ] {
        cluster.rig.give(vec![Input::SchedulerOptions(on)]);
        cluster.live(&[1, 2, 3, 4]);
        let running = cluster.rig.scheduler.operators().running();
        let reasons: Vec<OperatorReason> = running.map(Operator::reason).collect();
        assert!(reasons.contains(&reason), "{reason:?}: {reasons:?}");
        assert!(
            reasons.iter().all(|it| *it == reason),
            "{reason:?}: {reasons:?}"
        );
        cluster.rig.give(vec![Input::SchedulerOptions(passive())]);
        for id in 1..=40 {
            let region = RegionId::new(id);
            cluster.rig.by_hand(OperatorRequest::Cancel { region });
        }
    }
}

fn leaders(cluster: &Obedient) -> [u64; 3] {
    let count = |id| {
        let led = cluster
            .words
            .values()
            .filter(|word| word.leader.store == store(id));
        led.count() as u64
    };
    [count(1), count(2), count(3)]
}

#[test]
fn leaders_move_while_stores_differ_by_ten_and_no_longer() {
    let balance_leader = SchedulerOptions {
        balance_leader: true,
        ..passive()
    };
    let mut cluster = Obedient::new(Rig::new(balance_leader), on_three_stores(LEADER_MARGIN - 1));
    for _ in 0..60 {
        cluster.live(&[1, 2, 3]);
    }
    assert_eq!((leaders(&cluster), cluster.steps), ([9, 0, 0], 0));
    let mut cluster = Obedient::new(Rig::new(balance_leader), on_three_stores(LEADER_MARGIN));
    for _ in 0..60 {
        cluster.live(&[1, 2, 3]);
    }
    assert!(cluster.steps > 0);
    let mut cluster = Obedient::new(Rig::new(balance_leader), on_three_stores(40));
    for _ in 0..100 {
        cluster.live(&[1, 2, 3]);
    }
    let counts = leaders(&cluster);
    let (most, fewest) = (counts.iter().max(), counts.iter().min());
    let difference = most.expect("three") - fewest.expect("three");
    assert!(difference < LEADER_MARGIN, "{counts:?}");
    let steps = cluster.steps;
    for _ in 0..100 {
        cluster.live(&[1, 2, 3]);
    }
    assert_eq!(cluster.steps, steps, "leaders go on moving");
}

#[test]
fn the_store_with_most_leaders_gives_first_and_only_to_one_within_reach() {
    let balance_leader = SchedulerOptions {
        balance_leader: true,
        ..passive()
    };
    let mut words = on_three_stores(45);
    for word in &mut words[30..] {
        word.leader = word.region.peers[1];
    }
    let first = |cluster: &mut Obedient| {
        cluster.rig.stores_report(&[1, 2, 3]);
        let inputs: Vec<Input> = cluster.words.values().map(says).collect();
        let told = cluster.rig.give(inputs).from_scheduler;
        only_step(&told)
    };
    let mut cluster = Obedient::new(Rig::new(balance_leader), words.clone());
    let (from, step) = first(&mut cluster);
    let to = |step: OperatorStep| match step {
        OperatorStep::TransferLeader { to } => to.store,
        other => panic!("another step: {other:?}"),
    };
    assert_eq!((from, to(step)), (store(1), store(3)));
    let mut cluster = Obedient::new(Rig::new(passive()), words);
    cluster.silent = vec![store(3)];
    for _ in 0..21 {
        cluster.live(&[1, 2]);
    }
    cluster
        .rig
        .give(vec![Input::SchedulerOptions(balance_leader)]);
    let running: Vec<&Operator> = cluster.rig.scheduler.operators().running().collect();
    let targets: Vec<StoreId> = running.iter().map(|it| to(it.steps()[0].clone())).collect();
    assert_eq!(targets, [store(2)]);
}

#[test]
fn moves_that_are_under_way_count_as_done() {
    let balance_region = SchedulerOptions {
        balance_region: true,
        ..passive()
    };
    let mut rig = Rig::new(balance_region);
    rig.give(on_three_stores(20).iter().map(says).collect());
    rig.stores_report(&[1, 2, 3, 4]);
    // Nobody does what is asked.
    for _ in 0..300 {
        rig.pass(100_000);
        rig.stores_report(&[1, 2, 3, 4]);
    }
    let mut lost = BTreeMap::new();
    for operator in rig.scheduler.operators().running() {
        for step in operator.steps() {
            if let OperatorStep::RemovePeer { peer } = step {
                *lost.entry(peer.store.get()).or_insert(0) += 1;
            }
        }
    }
    // 60 replicas on 4 stores: 15 each, give or take the margin.
    let moves: i32 = lost.values().sum();
    assert!((12..=15).contains(&moves), "{lost:?}");
    assert!((1..=3).all(|id| (4..=6).contains(&lost[&id])), "{lost:?}");
}

#[test]
fn a_store_that_is_down_loses_nothing_to_balance() {
    let mut cluster = Obedient::new(Rig::new(passive()), on_three_stores(20));
    cluster.silent = vec![store(3)];
    for _ in 0..1_801 {
        cluster.live(&[1, 2, 4]);
    }
    let balance_region = SchedulerOptions {
        balance_region: true,
        ..passive()
    };
    cluster
        .rig
        .give(vec![Input::SchedulerOptions(balance_region)]);
    for _ in 0..50 {
        cluster.live(&[1, 2, 4]);
    }
    let sizes = sizes(&cluster, 4);
    assert_eq!(sizes[2], 2_000);
    assert!(sizes[3] >= 1_000, "{sizes:?}");
}

fn sizes(cluster: &Obedient, stores: u64) -> Vec<u64> {
    let size = |id| {
        let words = cluster.words.values();
        let here = words.filter(|word| word.region.peer_on(store(id)).is_some());
        here.map(|word| word.approximate_size.unwrap_or(0)).sum()
    };
    (1..=stores).map(size).collect()
}

#[test]
fn regions_move_until_stores_are_even_and_then_stay() {
    let balance_region = SchedulerOptions {
        balance_region: true,
        ..passive()
    };
    let mut cluster = Obedient::new(Rig::new(balance_region), on_three_stores(20));
    for _ in 0..200 {
        cluster.live(&[1, 2, 3, 4, 5]);
    }
    let even = sizes(&cluster, 5);
    let (most, least) = (even.iter().max(), even.iter().min());
    let difference = most.expect("five") - least.expect("five");
    assert!(difference <= 200, "{even:?}");
    // 24 of 60 replicas have to move; what runs is counted, so that none moves twice.
    let moved = cluster
        .words
        .values()
        .map(|word| word.region.epoch.conf_ver - 1)
        .sum::<u64>()
        / 2;
    assert!((20..=26).contains(&moved), "{moved} moves");
    let steps = cluster.steps;
    for _ in 0..200 {
        cluster.live(&[1, 2, 3, 4, 5]);
    }
    assert_eq!(cluster.steps, steps, "regions go on moving");
    assert!(
        cluster
            .words
            .keys()
            .all(|id| cluster.stores_of(id.get()).len() == 3)
    );
}

#[test]
fn a_store_out_of_reach_gets_nothing() {
    let options = SchedulerOptions {
        balance_region: true,
        balance_leader: true,
        ..only_repair()
    };
    let mut cluster = Obedient::new(Rig::new(options), on_three_stores(20));
    cluster.rig.stores_report(&[4]);
    cluster.silent = vec![store(4)];
    let held_back = SchedulerOptions {
        balance_region: false,
        ..options
    };
    cluster.rig.give(vec![Input::SchedulerOptions(held_back)]);
    for _ in 0..21 {
        cluster.live(&[1, 2, 3, 4]);
    }
    cluster.rig.give(vec![Input::SchedulerOptions(options)]);
    for _ in 0..100 {
        cluster.live(&[1, 2, 3, 4]);
    }
    assert_eq!(sizes(&cluster, 4), [2_000, 2_000, 2_000, 0]);
    cluster.silent.clear();
    for _ in 0..100 {
        cluster.live(&[1, 2, 3, 4]);
    }
    assert!(sizes(&cluster, 4)[3] > 0);
}

#[test]
fn four_fifths_of_all_regions_report_before_it_acts_or_five_minutes_pass() {
    // Every region lacks a replica.
    let words = on_three_stores(10);
    let mut rig = Rig::new(SchedulerOptions {
        max_replicas: 4,
        ..only_repair()
    });
    rig.give(words.iter().map(says).collect());
    for heard in [7_usize, 8] {
        rig.restart().expect("its disk is sound");
        rig.stores_report(&[1, 2, 3, 4]);
        rig.give(words[..heard].iter().map(says).collect());
        let view = rig.scheduler.view();
        let (is_prepared, acts) = if heard == 8 { (true, 8) } else { (false, 0) };
        assert_eq!(
            (view.is_prepared, view.operators.len()),
            (is_prepared, acts)
        );
        assert_eq!(view.regions.len(), 10);
    }
    rig.restart().expect("its disk is sound");
    let until = rig.wake_at.expect("it waits for the reports");
    assert_eq!(until, rig.now.plus(300 * SECOND));
    rig.pass(300 * SECOND - 1);
    assert!(!rig.scheduler.view().is_prepared);
    rig.pass(1);
    assert!(rig.scheduler.view().is_prepared);
}

#[test]
fn a_region_that_has_not_reported_since_the_start_is_left_alone() {
    let mut lone = on_three_stores(10);
    lone[9].region.peers.truncate(1);
    let mut rig = Rig::new(only_repair());
    rig.give(lone.iter().map(says).collect());
    rig.restart().expect("its disk is sound");
    rig.stores_report(&[1, 2, 3]);
    rig.give(lone[..9].iter().map(says).collect());
    assert!(rig.scheduler.view().is_prepared);
    assert_eq!(rig.pass(SECOND), []);
    let told = rig.hears(&lone[9]);
    let told = if told.is_empty() {
        rig.pass(SECOND)
    } else {
        told
    };
    assert!(matches!(only_step(&told).1, OperatorStep::AddPeer { .. }));
}

#[test]
fn every_region_is_looked_at_in_turn() {
    // More regions than one patrol looks at, and the last one needs a replica.
    let mut words = on_three_stores(300);
    words[299].region.peers.truncate(2);
    let mut rig = Rig::new(passive());
    rig.stores_report(&[1, 2, 3]);
    rig.give(words.iter().map(says).collect());
    rig.give(vec![Input::SchedulerOptions(only_repair())]);
    let mut told = Vec::new();
    for _ in 0..3 {
        told.extend(rig.pass(100_000));
    }
    assert!(matches!(only_step(&told).1, OperatorStep::AddPeer { peer } if peer.store == store(3)));
}

#[test]
fn the_same_words_bring_the_same_answers() {
    let run = || {
        let options = SchedulerOptions::default();
        let mut cluster = Obedient::new(Rig::by(config(options), &CORRECT), on_three_stores(30));
        for _ in 0..50 {
            cluster.live(&[1, 2, 3, 4]);
        }
        let regions: Vec<Region> = cluster
            .words
            .into_values()
            .map(|word| word.region)
            .collect();
        (cluster.rig.scheduler.state_hash(), cluster.steps, regions)
    };
    let first = run();
    assert_eq!(first, run());
    assert!(first.1 > 10);
}

#[test]
fn a_balancer_that_finds_nothing_looks_ever_less_often() {
    let balance_region = SchedulerOptions {
        balance_region: true,
        ..passive()
    };
    let mut rig = Rig::new(balance_region);
    rig.hears(&heartbeat(&first_region()));
    let mut waits = Vec::new();
    for _ in 0..40 {
        let at = rig.wake_at.expect("a balancer looks again");
        waits.push(at.since(rig.now));
        rig.pass(at.since(rig.now));
    }
    assert_eq!(waits[..3], [13_000, 16_900, 21_970]);
    assert_eq!(waits.last(), Some(&5_000_000));
    assert!(waits.is_sorted());
}
