//! Faults of a store's machine: frozen, drifting, without room, spoiled, emptied, and dying at
//! places that no person can hit.

use checker::Invariant;
use cluster::{
    sim::{CrashPoint, Deed, SimulationConfig},
    watch::Watch,
};
use types::{
    action::{Acted, Action, Identity, Misuse},
    frame::{Life, OperationState, StoreFrame},
    id::StoreId,
    io::Stop,
    raft::{ConfState, Role},
    time::ClockRate,
};

use crate::support::{
    Sim, act, all, commit, converge, demand_replay, done, frame, kill, leader, led, peer, put,
    quiet, read, seconds, set, start, state, store, submit, wait_for_leader, write,
};

fn shown(sim: &mut Sim, id: StoreId) -> Option<StoreFrame> {
    let stores = frame(sim).stores;
    stores.into_iter().find(|store| store.id == id)
}

fn follower(sim: &Sim) -> StoreId {
    let led_by = leader(sim, &[]);
    let mut others = all(sim).into_iter().filter(|id| Some(*id) != led_by);
    others.next().expect("a store that follows")
}

#[test]
fn a_paused_leader_is_replaced_and_gives_way_when_it_goes_on() {
    let (mut sim, old) = led(1);
    act(&mut sim, Action::Pause { store: old });
    assert_eq!(
        shown(&mut sim, old).map(|store| store.life),
        Some(Life::Paused)
    );
    let new = wait_for_leader(&mut sim, &[old]);
    write(&mut sim, "key", "value");
    assert_eq!(peer(&sim, old).role, Role::Leader, "it did not hear of it");
    act(&mut sim, Action::Resume { store: old });
    sim.run_ms(500);
    assert_eq!(peer(&sim, old).role, Role::Follower);
    assert_eq!(leader(&sim, &[]), Some(new));
    converge(&mut sim);
    demand_replay(&mut sim);
}

#[test]
fn nothing_comes_out_of_a_paused_store_and_a_pause_in_vain_is_a_misuse() {
    let (mut sim, _) = led(2);
    let store = follower(&sim);
    act(&mut sim, Action::Pause { store });
    assert_eq!(
        sim.act(Action::Pause { store }),
        Err(Misuse::AlreadyPaused { store })
    );
    // What it sent before is on its way still.
    sim.run_ms(100);
    let sent = |sim: &mut Sim| {
        let flying = frame(sim).messages;
        flying
            .iter()
            .filter(|message| message.from == store)
            .count()
    };
    for _ in 0..200 {
        sim.run_ms(5);
        assert_eq!(sent(&mut sim), 0);
    }
    let before = peer(&sim, store).applied;
    write(&mut sim, "key", "value");
    assert_eq!(peer(&sim, store).applied, before);
    kill(&mut sim, store);
    assert_eq!(
        sim.act(Action::Resume { store }),
        Err(Misuse::NotPaused { store })
    );
    start(&mut sim, store);
    converge(&mut sim);
    demand_replay(&mut sim);
}

#[test]
fn a_store_whose_clock_runs_twice_as_fast_loses_patience_first() {
    let mut firsts = 0;
    for seed in 0..20 {
        let mut sim = quiet(seed);
        let store = store(3);
        let rate = ClockRate { ahead: 2, of: 1 };
        act(&mut sim, Action::Drift { store, rate });
        firsts += u32::from(wait_for_leader(&mut sim, &[]) == store);
        assert_eq!(
            shown(&mut sim, store).map(|store| store.clock_rate),
            Some(rate)
        );
        sim.run_ms(300);
        let rate = ClockRate { ahead: 1, of: 2 };
        act(&mut sim, Action::Drift { store, rate });
        write(&mut sim, "key", "value");
        converge(&mut sim);
        demand_replay(&mut sim);
    }
    assert!(firsts >= 18, "the fast clock came first in {firsts} of 20");
    let rate = ClockRate { ahead: 3, of: 1 };
    let drift = Action::Drift {
        store: store(1),
        rate,
    };
    assert_eq!(quiet(1).act(drift), Err(Misuse::BadRate));
}

#[test]
fn a_store_without_room_acknowledges_nothing_and_recovers_when_there_is_room() {
    let (mut sim, led_by) = led(3);
    let settings = *sim.conductor().settings();
    let full: Vec<StoreId> = all(&sim).into_iter().filter(|id| *id != led_by).collect();
    for store in full.clone() {
        act(&mut sim, Action::FillDisk { store, full: true });
    }
    let before = commit(&sim, led_by);
    let id = submit(&mut sim, put("key", "value"), None);
    sim.run_ms(settings.client_timeout_ms + 500);
    assert!(matches!(
        state(&mut sim, id),
        OperationState::Unknown { .. }
    ));
    assert_eq!(
        commit(&sim, led_by),
        before,
        "only the leader has it on its disk"
    );
    for store in full.clone() {
        let shown = shown(&mut sim, store).expect("it is there");
        assert!(shown.disk_full && shown.writing.is_some(), "{shown:?}");
    }
    assert!(sim.counts().full_disks > 0);
    // A majority with the leader.
    for &store in &full[..full.len() / 2] {
        act(&mut sim, Action::FillDisk { store, full: false });
    }
    let committed = |sim: &mut Sim| leader(sim, &[]).is_some_and(|id| commit(sim, id) > before);
    assert!(sim.run_while_not(10_000, committed));
    for store in full {
        act(&mut sim, Action::FillDisk { store, full: false });
    }
    converge(&mut sim);
    assert_eq!(read(&mut sim, "key").as_deref(), Some("value"));
    demand_replay(&mut sim);
}

#[test]
fn a_write_that_a_full_disk_refused_is_gone_with_its_store() {
    for seed in 0..20 {
        let (mut sim, _) = led(seed);
        let store = follower(&sim);
        let before = peer(&sim, store).last;
        act(&mut sim, Action::FillDisk { store, full: true });
        write(&mut sim, "key", "value");
        sim.run_ms(100);
        kill(&mut sim, store);
        assert!(sim.counts().entries_lost > 0, "seed {seed}");
        start(&mut sim, store);
        let up = |sim: &mut Sim| sim.node(store).is_some();
        assert!(sim.run_while_not(1_000, up));
        assert_eq!(peer(&sim, store).persisted, before.index, "seed {seed}");
        act(&mut sim, Action::FillDisk { store, full: false });
        converge(&mut sim);
        demand_replay(&mut sim);
    }
}

#[test]
fn a_spoiled_row_is_found_at_the_start_and_the_store_stays_down_until_it_is_wiped() {
    let rows = {
        let (mut sim, _) = led(4);
        write(&mut sim, "key", "value");
        sim.run_ms(500);
        sim.disk(follower(&sim)).expect("it has one").rows().len()
    };
    for nth in 0..u64::try_from(rows).expect("few rows") {
        let (mut sim, _) = led(4);
        write(&mut sim, "key", "value");
        sim.run_ms(500);
        let store = follower(&sim);
        assert_eq!(
            sim.act(Action::CorruptRow { store, nth }),
            Err(Misuse::NotDown { store })
        );
        kill(&mut sim, store);
        act(&mut sim, Action::CorruptRow { store, nth });
        for _ in 0..2 {
            start(&mut sim, store);
            sim.run_ms(500);
            let life = shown(&mut sim, store).map(|store| store.life);
            assert!(
                matches!(life, Some(Life::Stopped(Stop::CorruptRow { .. }))),
                "row {nth}: {life:?}"
            );
        }
        let identity = Identity::New;
        let heir = StoreId::new(sim.conductor().settings().stores + 1);
        let wiped = sim.act(Action::Wipe { store, identity });
        assert_eq!(wiped, Ok(Acted::ReturnsAs(heir)));
        sim.run_ms(500);
        assert_eq!(shown(&mut sim, store), None, "its id is never used again");
        assert_eq!(
            shown(&mut sim, heir).map(|store| store.life),
            Some(Life::Up)
        );
        assert_eq!(read(&mut sim, "key").as_deref(), Some("value"));
        demand_replay(&mut sim);
    }
}

#[test]
fn a_wiped_machine_keeps_its_place_in_the_network_and_its_new_name_over_a_reload() {
    let (mut sim, _) = led(5);
    let store = follower(&sim);
    let others = all(&sim).into_iter().filter(|id| *id != store).collect();
    let groups = vec![vec![store], others];
    act(&mut sim, Action::Cut { groups });
    act(&mut sim, Action::FillDisk { store, full: true });
    kill(&mut sim, store);
    let identity = Identity::New;
    let Ok(Acted::ReturnsAs(heir)) = sim.act(Action::Wipe { store, identity }) else {
        panic!("it is down");
    };
    sim.reload();
    sim.run_ms(500);
    let cut = frame(&mut sim).cut;
    assert_eq!(cut[0], vec![heir]);
    let shown = shown(&mut sim, heir).expect("it is there");
    assert!(shown.disk_full && shown.life == Life::Up, "{shown:?}");
    write(&mut sim, "key", "value");
    demand_replay(&mut sim);
}

/// A watch over a run from its start, as its stores bootstrap their region.
fn watch(sim: &Sim) -> Watch {
    let region = sim.conductor().region();
    let peers = region.peers.iter().map(|peer| peer.id).collect();
    Watch::new(region.id, &ConfState::of_voters(peers))
}

/// Wipes stores under their own names, one after the other, and says what is seen of it.
fn forgetful(seed: u64, identity: Identity) -> Option<checker::Violation> {
    let mut config = SimulationConfig::quiet(seed);
    config.host.observe = true;
    let mut sim = Sim::new(config);
    let mut watch = watch(&sim);
    for _ in 0..2 {
        wait_for_leader(&mut sim, &[]);
        write(&mut sim, "key", "value");
        let store = follower(&sim);
        kill(&mut sim, store);
        assert!(sim.act(Action::Wipe { store, identity }).is_ok());
        sim.run_ms(1_000);
        if let Err(violation) = watch.take(&sim.take_observed()) {
            return Some(*violation);
        }
        if identity == Identity::New {
            return None;
        }
    }
    None
}

#[test]
fn a_store_that_comes_back_empty_under_its_own_name_is_named_and_one_with_a_new_name_is_not() {
    for seed in 0..10 {
        let violation = forgetful(seed, Identity::Kept);
        let violation = violation.expect("what it forgot is missed");
        assert_eq!(violation.invariant, Invariant::Monotonic, "{violation}");
        assert_eq!(forgetful(seed, Identity::New), None, "seed {seed}");
    }
}

#[test]
fn a_process_dies_at_each_named_place_and_nothing_is_lost_by_it() {
    let mut fired = [0; 3];
    for seed in 0..15 {
        let points = [
            CrashPoint::BeforeWrite,
            CrashPoint::AfterWrite,
            CrashPoint::AfterMessages,
        ];
        for (nth, point) in points.into_iter().enumerate() {
            let mut config = SimulationConfig::from_seed(seed, seconds(8));
            config.host.observe = true;
            config.script.clear();
            for turn in 1..8 {
                let store = StoreId::new(turn % config.cluster.settings.stores + 1);
                let deed = Deed::CrashAt { store, point };
                config.script.push((seconds(turn), deed));
            }
            let mut sim = Sim::new(config);
            let mut watch = watch(&sim);
            for _ in 0..100 {
                sim.run_ms(80);
                watch.take(&sim.take_observed()).expect("nothing is broken");
            }
            converge(&mut sim);
            watch.take(&sim.take_observed()).expect("nothing is broken");
            demand_replay(&mut sim);
            let counts = sim.counts();
            fired[nth] += [
                counts.crashes_before_write,
                counts.crashes_after_write,
                counts.crashes_after_messages,
            ][nth];
        }
    }
    assert!(fired.iter().all(|count| *count >= 40), "{fired:?}");
}

#[test]
fn a_store_that_dies_before_its_write_has_lost_it_and_one_that_dies_after_has_it() {
    for (point, has_it) in [
        (CrashPoint::BeforeWrite, false),
        (CrashPoint::AfterWrite, true),
    ] {
        for seed in 0..10 {
            let (mut sim, _) = led(seed);
            sim.run_ms(500);
            let id = follower(&sim);
            let before = sim.disk(id).expect("it has one").cycle();
            set(&mut sim, "disk_ms_max", 200);
            sim.crash_at(id, point);
            let put = submit(&mut sim, put("key", "value"), None);
            let down = |sim: &mut Sim| sim.node(id).is_none();
            assert!(sim.run_while_not(5_000, down), "seed {seed}");
            let after = sim.disk(id).expect("it has one").cycle();
            assert_eq!(after > before, has_it, "seed {seed}: {before} {after}");
            done(&mut sim, put);
            converge(&mut sim);
        }
    }
}

#[test]
fn pauses_end_with_the_conductor_and_clocks_never_run_backwards_over_a_reload() {
    let (mut sim, _) = led(6);
    let store = follower(&sim);
    let rate = ClockRate { ahead: 2, of: 1 };
    act(&mut sim, Action::Drift { store, rate });
    sim.run_ms(2_000);
    let before = sim
        .node(store)
        .expect("it runs")
        .store()
        .expect("a store")
        .view()
        .now;
    act(&mut sim, Action::Pause { store });
    sim.reload();
    sim.run_ms(200);
    assert!(!sim.conductor().is_paused(store));
    let after = sim
        .node(store)
        .expect("it runs")
        .store()
        .expect("a store")
        .view()
        .now;
    assert!(after > before, "{before} {after}");
    demand_replay(&mut sim);
}
