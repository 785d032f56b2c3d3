//! Each rule that a bug lab breaks shows in something that a student can see. The same scene under
//! the correct rules is in each test too.

use scheduler::{
    Refused, Scheduler,
    rules::{CORRECT, HeartbeatVerdict, MoveVerdict, RuleBook, Rules},
};
use types::{
    disk::DiskImage,
    io::{Delivered, Envelope, Input, Output},
    scheduler::{OperatorEnd, OperatorRequest, SchedulerOptions},
    time::StoreTime,
};

use crate::{
    support::{
        EVENT, Rig, asks_split, config, epoch, first_region, heartbeat, passive, peer, region,
        store,
    },
    watch::{Obedient, on_three_stores},
};

/// X21: any heartbeat is believed.
static BELIEVES_ANYBODY: Rules = Rules {
    check_heartbeat: |_| HeartbeatVerdict::Fresh,
    ..CORRECT
};

/// X22: any difference is worth a move.
static NO_MARGIN: Rules = Rules {
    is_worth_moving: |check| {
        if check.source > check.target {
            MoveVerdict::Worth
        } else {
            MoveVerdict::TooClose { difference: 0 }
        }
    },
    ..CORRECT
};

static ANY_LEADER_MOVES: Rules = Rules {
    is_worth_leading: |source, target| source > target,
    ..CORRECT
};

static NEVER_OVERTAKEN: Rules = Rules {
    is_overtaken: |_| false,
    ..CORRECT
};

static NAMES_ANY_ID: Rules = Rules {
    may_hand_out: |_, _, _| true,
    ..CORRECT
};

/// The region splits and the new leaders report; then a leader that was cut off before the split
/// reports the region as it was. What the map says of key `z` then.
fn after_an_old_leader_spoke(rules: &'static Rules) -> Option<u64> {
    let mut rig = Rig::by(config(passive()), rules);
    let old = heartbeat(&first_region());
    rig.hears(&old);
    let peers = [peer(2, 2), peer(3, 3)];
    rig.hears(&heartbeat(&region(1, ("", "m"), epoch(2, 2), &peers)));
    let right = region(9, ("m", ""), epoch(2, 2), &[peer(10, 2), peer(11, 3)]);
    rig.hears(&heartbeat(&right));
    rig.hears(&old);
    let stale = rig.scheduler.refused().get(&Refused::StaleHeartbeat);
    assert_eq!(stale.is_some(), std::ptr::eq(rules, &CORRECT));
    rig.route("z").map(|route| route.region.id.get())
}

#[test]
fn x21_an_old_leader_rolls_the_map_back_when_any_heartbeat_is_believed() {
    assert_eq!(after_an_old_leader_spoke(&CORRECT), Some(9));
    assert_eq!(after_an_old_leader_spoke(&BELIEVES_ANYBODY), Some(1));
}

/// How many steps leaders are told in the second hundred seconds of a cluster whose stores are
/// nearly even.
fn steps_of_an_even_cluster(rules: &'static Rules, options: SchedulerOptions) -> u64 {
    let rig = Rig::by(config(options), rules);
    let mut cluster = Obedient::new(rig, on_three_stores(5));
    for _ in 0..100 {
        cluster.live(&[1, 2, 3, 4]);
    }
    let before = cluster.steps;
    for _ in 0..100 {
        cluster.live(&[1, 2, 3, 4]);
    }
    cluster.steps - before
}

#[test]
fn x22_replicas_wander_for_ever_without_the_margin() {
    let options = SchedulerOptions {
        balance_region: true,
        ..passive()
    };
    assert_eq!(steps_of_an_even_cluster(&CORRECT, options), 0);
    let steps = steps_of_an_even_cluster(&NO_MARGIN, options);
    assert!(steps > 50, "only {steps} steps");
}

#[test]
fn leaders_wander_for_ever_without_their_margin() {
    let options = SchedulerOptions {
        balance_leader: true,
        ..passive()
    };
    assert_eq!(steps_of_an_even_cluster(&CORRECT, options), 0);
    let steps = steps_of_an_even_cluster(&ANY_LEADER_MOVES, options);
    assert!(steps > 50, "only {steps} steps");
}

#[test]
fn steps_go_on_for_a_membership_of_the_past_when_nobody_looks_at_it() {
    let told_after_a_foreign_change = |rules| {
        let mut rig = Rig::by(config(passive()), rules);
        rig.stores_report(&[4]);
        rig.hears(&heartbeat(&first_region()));
        let (region, to) = (first_region().id, store(4));
        rig.by_hand(OperatorRequest::MovePeer {
            region,
            from: store(3),
            to,
        });
        let mut word = heartbeat(&first_region());
        word.region.peers.pop();
        word.region.epoch.conf_ver += 1;
        let told = rig.hears(&word).len();
        let end = rig
            .scheduler
            .operators()
            .ended()
            .last()
            .and_then(|it| it.end);
        (told, end)
    };
    assert_eq!(
        told_after_a_foreign_change(&CORRECT),
        (0, Some(OperatorEnd::Overtaken))
    );
    assert_eq!(told_after_a_foreign_change(&NEVER_OVERTAKEN), (1, None));
}

#[test]
fn ids_come_twice_when_they_are_named_before_they_are_durable() {
    let named_around_a_crash = |rules| {
        let mut rig = Rig::held(config(passive()), rules);
        let mut words = Vec::new();
        for _ in 0..2 {
            let output = rig.give(vec![asks_split(&first_region(), "m")]);
            words.extend(output.from_scheduler);
            rig.restart().expect("an empty disk is sound");
        }
        words
    };
    assert_eq!(named_around_a_crash(&CORRECT), []);
    let words = named_around_a_crash(&NAMES_ANY_ID);
    assert_eq!(words.len(), 2);
    assert_eq!(words[0], words[1]);
}

#[test]
fn rules_are_chosen_by_name_from_the_book_of_the_host() {
    let book = RuleBook::new(|name| (name == "believes_anybody").then_some(&BELIEVES_ANYBODY));
    assert!(book.knows("believes_anybody") && !book.knows("other"));
    let (mut output, now) = (Output::default(), StoreTime::ZERO);
    let (config, image) = (config(passive()), DiskImage::default());
    let scheduler = Scheduler::boot_with(&config, book, &image, now, EVENT, &mut output);
    let mut scheduler = scheduler.expect("an empty disk is sound");
    let mut give = |input: Input| {
        let inputs = vec![Delivered {
            event: EVENT,
            input,
        }];
        scheduler.handle(&Envelope { now, inputs }, &mut output);
        scheduler.view()
    };
    let old = region(1, ("", ""), epoch(0, 0), &[peer(1, 1)]);
    let refused = give(crate::support::says(&heartbeat(&old))).refused;
    assert_eq!(refused, 1);
    let name = Some("believes_anybody".to_owned());
    assert_eq!(give(Input::Rules(name.clone())).rules, name);
    let view = give(crate::support::says(&heartbeat(&old)));
    assert_eq!((view.refused, &view.regions[0].region), (1, &old));
    assert_eq!(give(Input::Rules(None)).rules, None);
}
