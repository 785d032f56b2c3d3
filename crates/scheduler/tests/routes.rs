//! Routes: where a key is, as far as anybody has said so.

use crate::support::{Rig, epoch, first_region, heartbeat, passive, peer, region};

#[test]
fn before_anybody_reports_the_first_region_holds_every_key_and_nobody_leads_it() {
    let mut rig = Rig::new(passive());
    let route = rig.route("k").expect("it is there from the start");
    assert_eq!((route.region, route.leader), (first_region(), None));
}

#[test]
fn a_route_names_the_leader_that_reported_last() {
    let mut rig = Rig::new(passive());
    let mut word = heartbeat(&first_region());
    rig.hears(&word);
    assert_eq!(rig.route("k").and_then(|it| it.leader), Some(peer(1, 1)));
    word.leader = peer(3, 3);
    rig.hears(&word);
    assert_eq!(rig.route("k").and_then(|it| it.leader), Some(peer(3, 3)));
}

#[test]
fn a_half_that_has_not_reported_after_a_split_is_a_hole() {
    let mut rig = Rig::new(passive());
    rig.hears(&heartbeat(&first_region()));
    let peers = first_region().peers;
    let left = region(1, ("", "m"), epoch(1, 2), &peers);
    rig.hears(&heartbeat(&left));
    let id = |rig: &mut Rig, key: &str| rig.route(key).map(|it| it.region.id.get());
    assert_eq!((id(&mut rig, "a"), id(&mut rig, "m")), (Some(1), None));
    let right = region(5, ("m", ""), epoch(1, 2), &[peer(6, 2)]);
    rig.hears(&heartbeat(&right));
    assert_eq!((id(&mut rig, "lzz"), id(&mut rig, "m")), (Some(1), Some(5)));
    assert_eq!(id(&mut rig, "zzz"), Some(5));
}

#[test]
fn an_old_leader_of_a_region_that_was_displaced_does_not_bring_it_back() {
    let mut rig = Rig::new(passive());
    let old = heartbeat(&first_region());
    rig.hears(&old);
    // The new half reports first, so that nothing is known of region 1 for a while.
    let right = region(5, ("m", ""), epoch(1, 2), &[peer(6, 2)]);
    rig.hears(&heartbeat(&right));
    let cluster = rig.scheduler.cluster();
    assert_eq!(
        (cluster.map().len(), cluster.is_heard(old.region.id)),
        (1, false)
    );
    assert_eq!(rig.route("a"), None);
    rig.hears(&old);
    assert_eq!(rig.route("a"), None);
    assert_eq!(rig.route("z").map(|it| it.region), Some(right));
    // Nor does one that changed members since, but never learnt of the split.
    let mut grown = old;
    grown.region.epoch.conf_ver = 9;
    rig.hears(&grown);
    assert_eq!((rig.route("a"), rig.scheduler.refused().len()), (None, 1));
}

#[test]
fn routes_are_there_at_once_after_a_restart() {
    let mut rig = Rig::new(passive());
    let left = region(1, ("", "m"), epoch(1, 2), &first_region().peers);
    let right = region(5, ("m", ""), epoch(1, 2), &[peer(6, 2)]);
    rig.hears(&heartbeat(&left));
    rig.hears(&heartbeat(&right));
    let before = (rig.route("a"), rig.route("z"));
    assert_eq!(before.1.as_ref().and_then(|it| it.leader), Some(peer(6, 2)));
    rig.restart().expect("its disk is sound");
    assert_eq!((rig.route("a"), rig.route("z")), before);
    // What was evicted before does not come back.
    let old = region(1, ("", ""), epoch(1, 1), &first_region().peers);
    rig.hears(&heartbeat(&old));
    assert_eq!((rig.route("a"), rig.route("z")), before);
}
