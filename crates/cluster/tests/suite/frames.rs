use std::collections::BTreeSet;

use cluster::sim::{HostConfig, SimulationConfig};
use types::{
    frame::{Life, OPERATIONS_SHOWN, StoreFrame},
    id::StoreId,
    raft::Role,
    time::VirtualTime,
    view::PeerView,
};

use crate::support::{Sim, all, led, peer, put, submit, write};

#[test]
fn what_is_shown_of_a_store_is_what_its_memory_holds() {
    for seed in 0..30 {
        let until = VirtualTime::new(8_000_000);
        let mut config = SimulationConfig::from_seed(seed, until);
        config.host = HostConfig::restless(seed);
        let mut sim = Sim::new(config);
        for moment in 1..=80 {
            sim.run_until(VirtualTime::new(moment * 100_000));
            let frame = sim.conductor_mut().frame();
            for (id, incarnation) in sim.conductor().running() {
                let shown = frame
                    .stores
                    .iter()
                    .find(|store| store.id == id)
                    .expect("shown");
                assert_eq!(shown.incarnation, incarnation);
                demand_equal(seed, shown, &peer(&sim, id));
            }
        }
    }
}

fn demand_equal(seed: u64, shown: &StoreFrame, view: &PeerView) {
    let name = format!("seed {seed}: {}", shown.id);
    let store = |peer: types::id::PeerId| StoreId::new(peer.get());
    assert_eq!(shown.life, Life::Up, "{name}");
    assert_eq!(shown.role, view.role, "{name}");
    assert_eq!(shown.term, view.hard_state.term, "{name}");
    assert_eq!(shown.vote, view.hard_state.vote.map(store), "{name}");
    assert_eq!(shown.leader, view.leader.map(store), "{name}");
    assert_eq!(shown.last, view.last, "{name}");
    assert_eq!(shown.commit, view.hard_state.commit, "{name}");
    assert_eq!(shown.durable, view.persisted, "{name}");
    assert_eq!(shown.applied, view.applied, "{name}");
    assert_eq!(shown.flushed, view.flushed, "{name}");
    assert_eq!(shown.timer.is_some(), view.role != Role::Leader, "{name}");
    let newest = view.log.iter().rev().take(shown.entries.len()).rev();
    let newest: Vec<_> = newest.map(|entry| (&entry.entry).into()).collect();
    assert_eq!(shown.entries, newest, "{name}");
    if view.role == Role::Leader {
        let progress = view.progress.iter();
        let others = progress.filter(|progress| store(progress.peer) != shown.id);
        let matched: Vec<_> = others.map(|p| (store(p.peer), p.matched)).collect();
        for (id, shown_matched, _) in &shown.progress {
            let known = matched.iter().find(|(other, _)| other == id);
            assert!(
                known.is_none_or(|(_, index)| index == shown_matched),
                "{name} {id}"
            );
        }
    }
}

#[test]
fn messages_on_their_way_have_unique_names_and_are_due_after_now() {
    let (mut sim, _) = led(3);
    crate::support::set(&mut sim, "duplicate_permille", 300);
    for _ in 0..200 {
        sim.run_ms(7);
        let frame = sim.conductor_mut().frame();
        let names: BTreeSet<_> = frame
            .messages
            .iter()
            .map(|message| (message.id, message.duplicate))
            .collect();
        assert_eq!(names.len(), frame.messages.len());
        assert!(frame.messages.iter().all(|message| message.due > frame.now));
    }
}

#[test]
fn a_frame_shows_the_newest_operations_and_says_how_many_facts_it_left_out() {
    let (mut sim, _) = led(1);
    write(&mut sim, "key", "value");
    sim.conductor_mut().frame();
    let ids: Vec<_> = (0..100)
        .map(|_| submit(&mut sim, put("key", "value"), None))
        .collect();
    sim.run_ms(2_000);
    let frame = sim.conductor_mut().frame();
    let shown: Vec<_> = frame
        .operations
        .iter()
        .map(|operation| operation.id)
        .collect();
    assert_eq!(shown, ids[100 - OPERATIONS_SHOWN..]);
    assert_eq!(frame.facts.len(), types::frame::FACTS_SHOWN);
    assert!(frame.facts_skipped > 0);
    let frame = sim.conductor_mut().frame();
    assert_eq!(
        (frame.facts.len(), frame.facts_skipped),
        (0, 0),
        "facts come once"
    );
}

#[test]
fn a_dead_store_shows_its_last_known_state() {
    let (mut sim, leader) = led(1);
    write(&mut sim, "key", "value");
    let last = peer(&sim, leader).last;
    crate::support::kill(&mut sim, leader);
    sim.run_ms(100);
    let frame = sim.conductor_mut().frame();
    let shown = frame
        .stores
        .iter()
        .find(|store| store.id == leader)
        .expect("shown");
    assert_eq!(
        (&shown.life, shown.last, shown.timer),
        (&Life::Killed, last, None)
    );
    assert_eq!(frame.stores.len(), all(&sim).len());
}

#[test]
fn a_store_that_was_killed_while_it_wrote_shows_the_write_until_it_starts_again() {
    let (mut sim, leader) = led(1);
    submit(&mut sim, put("key", "value"), Some(leader));
    let writing = |sim: &mut Sim| {
        let frame = sim.conductor_mut().frame();
        let shown = frame.stores.into_iter().find(|store| store.id == leader);
        shown.expect("shown").writing
    };
    assert!(sim.run_while_not(1_000, |sim| writing(sim).is_some()));
    let cycle = writing(&mut sim);
    crate::support::kill(&mut sim, leader);
    sim.run_ms(100);
    assert_eq!(writing(&mut sim), cycle);
    crate::support::start(&mut sim, leader);
    assert_eq!(writing(&mut sim), None);
}
