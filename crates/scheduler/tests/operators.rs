//! Operators: told step by step, told again until they are done, and given up in time.

use types::{
    id::{PeerId, RegionId},
    scheduler::{
        FromScheduler, OperatorEnd, OperatorReason, OperatorRequest, OperatorStep, RegionHeartbeat,
        SchedulerOptions,
    },
    store::Peer,
};

use scheduler::Refused;

use crate::support::{
    Rig, SECOND, epoch, first_region, heartbeat, only_step, passive, peer, region, store,
};

const R1: RegionId = RegionId::new(1);

fn add_peer(on: u64) -> OperatorRequest {
    OperatorRequest::AddPeer {
        region: R1,
        store: store(on),
    }
}

/// A scheduler that does nothing by itself, to which region 1 and stores 1 to 5 have reported.
fn rig(options: SchedulerOptions) -> Rig {
    let mut rig = Rig::new(options);
    rig.stores_report(&[1, 2, 3, 4, 5]);
    assert_eq!(rig.hears(&heartbeat(&first_region())), []);
    rig
}

fn last_end(rig: &Rig) -> Option<OperatorEnd> {
    rig.scheduler.operators().ended().last()?.end
}

/// Region 1 with one more peer, at one more `conf_ver`.
fn with(peer: Peer) -> RegionHeartbeat {
    let mut word = heartbeat(&first_region());
    word.region.peers.push(peer);
    word.region.epoch.conf_ver += 1;
    word
}

#[test]
fn a_peer_is_added_once_it_is_there_and_has_caught_up() {
    let mut rig = rig(passive());
    let (to, step) = only_step(&rig.by_hand(add_peer(4)));
    let added = match step {
        OperatorStep::AddPeer { peer } => peer,
        other => panic!("another step: {other:?}"),
    };
    assert_eq!((to, added.store), (store(1), store(4)));
    // It is not there yet, then it has not caught up: the step comes again each time.
    let again = rig.hears(&heartbeat(&first_region()));
    assert_eq!(only_step(&again), (store(1), step.clone()));
    let mut word = with(added);
    word.pending = vec![added.id];
    let again = rig.hears(&word);
    assert_eq!(only_step(&again).1, step);
    match &again[0].1 {
        FromScheduler::Step { epoch: at, .. } => assert_eq!(*at, epoch(2, 1)),
        other => panic!("another word: {other:?}"),
    }
    word.pending.clear();
    assert_eq!(rig.hears(&word), []);
    assert_eq!(last_end(&rig), Some(OperatorEnd::Finished));
    assert_eq!(rig.hears(&word), []);
}

#[test]
fn a_step_goes_to_whoever_leads_now() {
    let mut rig = rig(passive());
    let (_, step) = only_step(&rig.by_hand(add_peer(4)));
    let mut word = heartbeat(&first_region());
    word.leader = peer(2, 2);
    assert_eq!(only_step(&rig.hears(&word)), (store(2), step));
}

#[test]
fn a_leader_that_moves_away_hands_over_before_it_goes() {
    let mut rig = rig(passive());
    let request = OperatorRequest::MovePeer {
        region: R1,
        from: store(1),
        to: store(4),
    };
    let (_, step) = only_step(&rig.by_hand(request));
    let added = match step {
        OperatorStep::AddPeer { peer } => peer,
        other => panic!("another step: {other:?}"),
    };
    let mut word = with(added);
    let transfer = OperatorStep::TransferLeader { to: peer(2, 2) };
    assert_eq!(only_step(&rig.hears(&word)), (store(1), transfer));
    word.leader = peer(2, 2);
    let removal = OperatorStep::RemovePeer { peer: peer(1, 1) };
    assert_eq!(only_step(&rig.hears(&word)), (store(2), removal));
    word.region.peers.remove(0);
    word.region.epoch.conf_ver += 1;
    assert_eq!(rig.hears(&word), []);
    assert_eq!(last_end(&rig), Some(OperatorEnd::Finished));
}

#[test]
fn only_a_follower_that_is_up_to_date_and_within_reach_takes_over() {
    let request = OperatorRequest::RemovePeer {
        region: R1,
        store: store(1),
    };
    let transfer_to = |rig: &mut Rig| match rig.by_hand(request.clone()).as_slice() {
        [] => None,
        words => Some(only_step(words).1),
    };
    let mut rig = rig(passive());
    let first = OperatorStep::TransferLeader { to: peer(2, 2) };
    assert_eq!(transfer_to(&mut rig), Some(first));
    let mut word = heartbeat(&first_region());
    word.pending = vec![PeerId::new(2)];
    rig.hears(&word);
    let second = OperatorStep::TransferLeader { to: peer(3, 3) };
    assert_eq!(transfer_to(&mut rig), Some(second));
    // Store 3 falls silent: nobody is left.
    rig.now = rig.now.plus(19 * SECOND);
    rig.stores_report(&[1, 2]);
    rig.now = rig.now.plus(SECOND);
    assert_eq!(transfer_to(&mut rig), None);
}

#[test]
fn a_learner_gets_its_vote_once_it_has_caught_up() {
    let mut rig = rig(SchedulerOptions {
        via_learner: true,
        ..passive()
    });
    let (_, step) = only_step(&rig.by_hand(add_peer(4)));
    let added = match step {
        OperatorStep::AddLearner { peer } => peer,
        other => panic!("another step: {other:?}"),
    };
    let mut word = with(added);
    word.learners = vec![added.id];
    word.pending = vec![added.id];
    let (_, again) = only_step(&rig.hears(&word));
    assert_eq!(again, OperatorStep::AddLearner { peer: added });
    word.pending.clear();
    let (_, promotion) = only_step(&rig.hears(&word));
    assert_eq!(promotion, OperatorStep::PromoteLearner { peer: added });
    word.learners.clear();
    word.region.epoch.conf_ver += 1;
    assert_eq!(rig.hears(&word), []);
    assert_eq!(last_end(&rig), Some(OperatorEnd::Finished));
}

#[test]
fn a_transfer_is_given_up_after_ten_seconds_and_a_move_after_ten_minutes() {
    let mut rig = rig(passive());
    let to = store(2);
    let transfer = OperatorRequest::TransferLeader { region: R1, to };
    for (request, allowed_us) in [(transfer, 10 * SECOND), (add_peer(4), 600 * SECOND)] {
        assert_eq!(rig.by_hand(request).len(), 1);
        assert_eq!(rig.wake_at, Some(rig.now.plus(allowed_us)));
        assert_eq!(rig.pass(allowed_us - 1), []);
        assert_eq!(rig.hears(&heartbeat(&first_region())).len(), 1);
        if allowed_us > 10 * SECOND {
            assert_eq!(rig.pass(1), []);
        } else {
            rig.now = rig.now.plus(1);
        }
        assert_eq!(rig.hears(&heartbeat(&first_region())), []);
        assert_eq!(last_end(&rig), Some(OperatorEnd::TimedOut));
        assert_eq!(rig.hears(&heartbeat(&first_region())), []);
        assert_eq!(rig.wake_at, None);
    }
}

#[test]
fn an_operator_that_is_done_in_its_last_moment_is_finished() {
    let mut rig = rig(passive());
    let to = store(2);
    rig.by_hand(OperatorRequest::TransferLeader { region: R1, to });
    rig.now = rig.now.plus(10 * SECOND);
    let mut word = heartbeat(&first_region());
    word.leader = peer(2, 2);
    assert_eq!(rig.hears(&word), []);
    assert_eq!(last_end(&rig), Some(OperatorEnd::Finished));
}

#[test]
fn a_change_by_somebody_else_calls_an_operator_off() {
    let mut rig = rig(passive());
    rig.by_hand(add_peer(4));
    let foreign = with(peer(77, 5));
    assert_eq!(rig.hears(&foreign), []);
    assert_eq!(last_end(&rig), Some(OperatorEnd::Overtaken));
}

#[test]
fn a_split_under_an_operator_does_not_disturb_it() {
    let mut rig = rig(passive());
    let (_, step) = only_step(&rig.by_hand(add_peer(4)));
    let mut word = heartbeat(&first_region());
    word.region.end = b"m".to_vec().into();
    word.region.epoch.version += 1;
    assert_eq!(only_step(&rig.hears(&word)).1, step);
}

#[test]
fn a_split_by_hand_is_done_when_the_version_rises() {
    let mut rig = rig(passive());
    for key in [None, Some(b"m".to_vec().into())] {
        let split = OperatorRequest::Split {
            region: R1,
            key: key.clone(),
        };
        let told = only_step(&rig.by_hand(split));
        assert_eq!(told, (store(1), OperatorStep::Split { key }));
    }
    let mut word = heartbeat(&first_region());
    assert_eq!(rig.hears(&word).len(), 1);
    word.region.end = b"m".to_vec().into();
    word.region.epoch.version += 1;
    assert_eq!(rig.hears(&word), []);
    assert_eq!(last_end(&rig), Some(OperatorEnd::Finished));
}

#[test]
fn what_a_person_asks_for_takes_the_place_of_what_was_going_on() {
    let mut rig = rig(passive());
    rig.by_hand(add_peer(4));
    let (_, step) = only_step(&rig.by_hand(add_peer(5)));
    assert!(matches!(step, OperatorStep::AddPeer { peer } if peer.store == store(5)));
    assert_eq!(last_end(&rig), Some(OperatorEnd::CalledOff));
    let running: Vec<_> = rig.scheduler.operators().running().collect();
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].reason(), OperatorReason::ByHand);
    rig.by_hand(OperatorRequest::Cancel { region: R1 });
    assert_eq!(rig.scheduler.operators().running().count(), 0);
    assert_eq!(rig.hears(&heartbeat(&first_region())), []);
}

#[test]
fn an_operator_ends_with_its_region() {
    let mut rig = rig(passive());
    rig.by_hand(add_peer(4));
    let other = region(9, ("", ""), epoch(2, 2), &[peer(11, 2)]);
    rig.hears(&heartbeat(&other));
    assert_eq!(last_end(&rig), Some(OperatorEnd::RegionGone));
}

#[test]
fn what_cannot_be_done_is_refused_and_nothing_happens() {
    let mut rig = rig(passive());
    let (r1, r9) = (R1, RegionId::new(9));
    let remove = |on| OperatorRequest::RemovePeer {
        region: r1,
        store: store(on),
    };
    let move_peer = |from, to| OperatorRequest::MovePeer {
        region: r1,
        from: store(from),
        to: store(to),
    };
    let lead = |on| OperatorRequest::TransferLeader {
        region: r1,
        to: store(on),
    };
    let split = |key: &[u8]| OperatorRequest::Split {
        region: r1,
        key: Some(key.to_vec().into()),
    };
    let impossible = [
        add_peer(1),
        add_peer(42),
        remove(4),
        move_peer(4, 5),
        move_peer(1, 2),
        move_peer(1, 42),
        lead(1),
        lead(4),
        split(b""),
        OperatorRequest::Cancel { region: r1 },
        OperatorRequest::TakeOffline { store: store(42) },
    ];
    let count = impossible.len() as u64;
    for request in impossible {
        assert_eq!(rig.by_hand(request.clone()), [], "{request:?}");
    }
    assert_eq!(
        rig.by_hand(OperatorRequest::Split {
            region: r9,
            key: None
        }),
        []
    );
    assert_eq!(rig.scheduler.refused()[&Refused::Impossible], count);
    assert_eq!(rig.scheduler.refused()[&Refused::UnknownRegion], 1);
    assert_eq!(rig.scheduler.operators().running().count(), 0);
}

#[test]
fn the_last_voter_of_a_region_is_never_removed() {
    let mut rig = rig(passive());
    let mut word = heartbeat(&first_region());
    word.region.epoch.conf_ver = 3;
    word.region.peers.truncate(2);
    word.learners = vec![PeerId::new(2)];
    rig.hears(&word);
    let request = OperatorRequest::RemovePeer {
        region: R1,
        store: store(1),
    };
    assert_eq!(rig.by_hand(request), []);
    let request = OperatorRequest::RemovePeer {
        region: R1,
        store: store(2),
    };
    let removal = OperatorStep::RemovePeer { peer: peer(2, 2) };
    assert_eq!(only_step(&rig.by_hand(request)), (store(1), removal));
}

#[test]
fn a_scheduler_that_starts_anew_forgets_its_operators() {
    let mut rig = rig(passive());
    rig.by_hand(add_peer(4));
    rig.restart().expect("its disk is sound");
    assert_eq!(rig.hears(&heartbeat(&first_region())), []);
}
