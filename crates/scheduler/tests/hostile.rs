//! Words that no correct store sends: refused and counted, never a panic.

use scheduler::{Refused, dice::Dice, heartbeat::PEERS_MAX, region::RegionInfo};
use types::{
    id::{Cycle, MAX_SAFE, PeerId, RegionId, StoreId},
    io::Input,
    scheduler::{
        FromScheduler, OperatorRequest, OperatorStep, RegionHeartbeat, SchedulerOptions,
        StoreHeartbeat, ToScheduler,
    },
    store::{Peer, Region},
};

use crate::support::{
    Rig, asks_split, epoch, first_region, heartbeat, options, passive, peer, region, says, store,
};

fn is_refused(rig: &mut Rig, input: &Input, reason: Refused) {
    let before = rig.scheduler.refused().get(&reason).copied();
    let cluster = rig.scheduler.cluster().map().clone();
    let output = rig.give(vec![input.clone()]);
    assert_eq!(output.from_scheduler, [], "{input:?}");
    let after = rig.scheduler.refused().get(&reason).copied();
    assert_eq!(after, Some(before.unwrap_or(0) + 1), "{input:?}");
    assert_eq!(*rig.scheduler.cluster().map(), cluster);
}

type Change = fn(&mut RegionHeartbeat);

/// Reports region 1, changed in one of these ways; each is refused for the reason beside it.
fn each_is_refused(changes: &[(Change, Refused)]) {
    let mut rig = Rig::new(passive());
    rig.hears(&heartbeat(&first_region()));
    for (change, reason) in changes {
        let mut word = heartbeat(&first_region());
        change(&mut word);
        is_refused(&mut rig, &says(&word), *reason);
    }
}

#[test]
fn a_heartbeat_that_no_leader_sends_changes_nothing() {
    use Refused::{BadLeader, DoublePeer, EmptyRange, NoPeers, TooManyPeers, UnknownMember};
    each_is_refused(&[
        (|it| it.region.peers.clear(), NoPeers),
        (|it| it.region.peers = crowd(), TooManyPeers),
        (|it| it.region.peers[1] = peer(1, 2), DoublePeer),
        (|it| it.region.peers[1] = peer(2, 1), DoublePeer),
        (|it| it.leader = peer(9, 1), BadLeader),
        (|it| it.learners = vec![PeerId::new(1)], BadLeader),
        (|it| it.pending = vec![PeerId::new(9)], UnknownMember),
        (|it| it.learners = vec![PeerId::new(9)], UnknownMember),
        (|it| turn_around(it, b"m"), EmptyRange),
        (|it| turn_around(it, b"z"), EmptyRange),
    ]);
    let mut rig = Rig::new(passive());
    let word = ToScheduler::Region(heartbeat(&first_region()));
    let from = store(2);
    is_refused(&mut rig, &Input::ToScheduler { from, word }, BadLeader);
}

/// Its range begins at `start` and ends at `m`.
fn turn_around(word: &mut RegionHeartbeat, start: &[u8]) {
    word.region.start = start.to_vec().into();
    word.region.end = b"m".to_vec().into();
}

fn crowd() -> Vec<Peer> {
    (1..=PEERS_MAX as u64 + 1).map(|id| peer(id, id)).collect()
}

#[test]
fn ids_and_epochs_that_cannot_be_and_those_of_the_past_change_nothing() {
    use Refused::{OutOfRange, StaleHeartbeat};
    each_is_refused(&[
        (|it| it.region.id = RegionId::ZERO, OutOfRange),
        (|it| it.region.peers[1] = peer(0, 2), OutOfRange),
        (|it| it.region.peers[1] = peer(2, 0), OutOfRange),
        (|it| it.region.peers[1] = peer(MAX_SAFE, 2), OutOfRange),
        (|it| it.region.peers[1] = peer(2, MAX_SAFE), OutOfRange),
        (|it| it.region.epoch.conf_ver = u64::MAX, OutOfRange),
        (|it| it.region.epoch.version = MAX_SAFE + 1, OutOfRange),
        (|it| it.region.epoch = epoch(0, 1), StaleHeartbeat),
        (|it| it.region.epoch = epoch(9, 0), StaleHeartbeat),
    ]);
}

#[test]
fn a_question_for_ids_that_makes_no_sense_gets_none() {
    let mut rig = Rig::new(passive());
    let mut current = first_region();
    current.epoch = epoch(2, 2);
    rig.hears(&heartbeat(&current));
    let mut unknown = current.clone();
    unknown.id = RegionId::new(9);
    is_refused(&mut rig, &asks_split(&unknown, "m"), Refused::UnknownRegion);
    for old in [epoch(1, 2), epoch(2, 1)] {
        let mut stale = current.clone();
        stale.epoch = old;
        is_refused(&mut rig, &asks_split(&stale, "m"), Refused::StaleEpoch);
    }
    is_refused(&mut rig, &asks_split(&current, ""), Refused::BadSplitKey);
    let mut part = current.clone();
    part.end = b"m".to_vec().into();
    is_refused(&mut rig, &asks_split(&part, "m"), Refused::BadSplitKey);
    let mut nobody = current.clone();
    let word = ToScheduler::AskSplit {
        region: {
            nobody.peers.clear();
            nobody
        },
        key: b"m".to_vec().into(),
    };
    let from = store(1);
    is_refused(
        &mut rig,
        &Input::ToScheduler { from, word },
        Refused::NoPeers,
    );
    assert!(rig.asks_split(&current, "m").is_some());
}

#[test]
fn inputs_for_others_are_refused() {
    let mut rig = Rig::new(passive());
    let word = ToScheduler::Store(StoreHeartbeat {
        regions: 0,
        leaders: 0,
        size: 0,
    });
    for from in [StoreId::SCHEDULER, store(MAX_SAFE)] {
        let input = Input::ToScheduler {
            from,
            word: word.clone(),
        };
        is_refused(&mut rig, &input, Refused::OutOfRange);
    }
    let step = FromScheduler::Step {
        region: first_region().id,
        epoch: epoch(1, 1),
        step: OperatorStep::Split { key: None },
    };
    is_refused(&mut rig, &Input::FromScheduler(step), Refused::NotForMe);
    is_refused(
        &mut rig,
        &Input::Durable(Cycle::new(77)),
        Refused::UnknownCycle,
    );
    is_refused(
        &mut rig,
        &Input::Durable(Cycle::new(1)),
        Refused::UnknownCycle,
    );
    let rules = Input::Rules(Some("no such rules".to_owned()));
    is_refused(&mut rig, &rules, Refused::UnknownRules);
}

#[test]
fn options_out_of_range_count_as_the_nearest_that_are_not() {
    let mut rig = Rig::new(SchedulerOptions {
        max_replicas: 0,
        patrol_us: 0,
        region_operator_us: 0,
        ..options()
    });
    rig.hears(&heartbeat(&first_region()));
    let view = rig.scheduler.view();
    assert_eq!(
        (view.options.max_replicas, view.options.patrol_us),
        (1, 1_000)
    );
    assert!(rig.wake_at.is_some_and(|at| at > rig.now));
}

/// A word made of small numbers, so that words often name the same things.
fn any_word(dice: &mut Dice) -> Input {
    let number = |dice: &mut Dice| dice.pick(&[0, 1, 2, 3, 4, 5, 6, 7]).unwrap_or(0);
    let key = |dice: &mut Dice| dice.pick(&["", "a", "c", "m", "z"]).unwrap_or("");
    let (start, end) = (key(dice), key(dice));
    let at = epoch(number(dice), number(dice));
    let count = number(dice) % 5;
    let peers: Vec<Peer> = (0..count)
        .map(|_| peer(number(dice), number(dice)))
        .collect();
    let region: Region = region(number(dice), (start, end), at, &peers);
    let from = store(number(dice));
    let id = region.id;
    match number(dice) {
        0 => Input::ToScheduler {
            from,
            word: ToScheduler::AskSplit {
                region,
                key: key(dice).as_bytes().to_vec().into(),
            },
        },
        1 => Input::Operator(match number(dice) % 4 {
            0 => OperatorRequest::AddPeer {
                region: id,
                store: from,
            },
            1 => OperatorRequest::MovePeer {
                region: id,
                from,
                to: store(number(dice)),
            },
            2 => OperatorRequest::RemovePeer {
                region: id,
                store: from,
            },
            _ => OperatorRequest::TakeOffline { store: from },
        }),
        _ => {
            let leader = dice.pick(&peers).unwrap_or(peer(1, 1));
            let some = |dice: &mut Dice| dice.pick(&peers).map(|it| it.id);
            let word = RegionHeartbeat {
                region,
                leader,
                pending: some(dice)
                    .filter(|id| id.get() % 2 == 0)
                    .into_iter()
                    .collect(),
                learners: some(dice)
                    .filter(|id| id.get() % 3 == 0)
                    .into_iter()
                    .collect(),
                approximate_size: Some(number(dice) * 100),
            };
            says(&word)
        }
    }
}

#[test]
fn any_words_in_any_order_leave_the_map_whole() {
    let mut taken = 0;
    for seed in 0..40 {
        let mut rig = Rig::new(options());
        let mut dice = Dice::new(seed);
        for round in 0..300 {
            let word = any_word(&mut dice);
            let ids = rig.scheduler.view().next_id;
            rig.give(vec![word]);
            assert!(rig.scheduler.view().next_id >= ids);
            let map = rig.scheduler.cluster().map();
            let regions: Vec<&RegionInfo> = map.in_key_order().collect();
            assert_eq!(regions.len(), map.len());
            for pair in regions.windows(2) {
                let (before, after) = (&pair[0].region, &pair[1].region);
                assert!(!before.end.is_empty() && before.end <= after.start);
            }
            for known in rig.scheduler.cluster().stores().iter() {
                assert_eq!(known.status, map.status_of(known.id));
            }
            taken = taken.max(regions.len());
            if round % 7 == 0 {
                rig.pass(11_000_000);
            }
            if round % 50 == 49 {
                rig.restart().expect("its disk is sound");
            }
        }
    }
    assert!(taken >= 3, "hardly a word was taken in");
}
