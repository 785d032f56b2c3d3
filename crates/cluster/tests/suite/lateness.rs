use types::{
    frame::{Life, OperationState},
    id::StoreId,
};

use crate::support::{
    Sim, agreement, converge, demand_replay, frame, kill, led, peer, start, state, submit,
    wait_for_leader, write,
};

fn life(sim: &mut Sim, id: StoreId) -> Life {
    let frame = frame(sim);
    let store = frame.stores.into_iter().find(|store| store.id == id);
    store.expect("the store is on the stage").life
}

#[test]
fn a_late_leader_does_not_hold_the_others_and_catches_up_when_it_goes_on() {
    for seed in 0..10 {
        let (mut sim, stuck) = led(seed);
        sim.set_stuck(stuck, true);
        let leader = wait_for_leader(&mut sim, &[stuck]);
        assert_eq!(life(&mut sim, stuck), Life::Late);
        assert_ne!(leader, stuck);
        write(&mut sim, "key", "value");
        sim.run_ms(1_000);
        sim.set_stuck(stuck, false);
        sim.run_ms(2_000);
        assert_eq!(life(&mut sim, stuck), Life::Up);
        assert_eq!(agreement(&sim), Ok(()), "seed {seed}");
        demand_replay(&mut sim);
    }
}

#[test]
fn what_comes_for_a_late_store_waits_and_none_of_it_is_lost() {
    let (mut sim, leader) = led(11);
    let follower = if leader == StoreId::new(1) {
        StoreId::new(2)
    } else {
        StoreId::new(1)
    };
    write(&mut sim, "key", "the client knows the leader now");
    sim.set_stuck(follower, true);
    for nth in 0..5 {
        write(&mut sim, "key", &nth.to_string());
    }
    let behind = peer(&sim, leader).last.index;
    sim.set_stuck(follower, false);
    sim.run_ms(200);
    assert!(
        peer(&sim, follower).last.index >= behind,
        "appends waited for the store"
    );
}

#[test]
fn a_late_store_can_be_killed_and_comes_back() {
    for seed in 0..10 {
        let (mut sim, stuck) = led(seed);
        sim.set_stuck(stuck, true);
        sim.run_ms(700);
        assert_eq!(life(&mut sim, stuck), Life::Late);
        kill(&mut sim, stuck);
        sim.run_ms(200);
        start(&mut sim, stuck);
        converge(&mut sim);
        demand_replay(&mut sim);
    }
}

#[test]
fn a_command_in_the_hands_of_a_late_store_ends_unknown_and_is_settled_when_it_goes_on() {
    let (mut sim, stuck) = led(2);
    sim.set_stuck(stuck, true);
    sim.run_ms(200);
    let id = submit(&mut sim, crate::support::put("key", "value"), Some(stuck));
    sim.run_ms(4_000);
    assert!(matches!(
        state(&mut sim, id),
        OperationState::Unknown { .. }
    ));
    sim.set_stuck(stuck, false);
    sim.run_ms(2_000);
    let settled = state(&mut sim, id);
    let known = matches!(
        settled,
        OperationState::Failed { .. } | OperationState::Done { .. }
    );
    assert!(known, "{settled:?}");
}
