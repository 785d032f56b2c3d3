use types::{
    action::{Action, Misuse},
    frame::LossReason,
    raft::Role,
};

use crate::support::{
    act, agreement, all, commit, converge, isolate, kill, leader, led, peer, quiet, read, set,
    start, store, submit, wait_for_leader, write,
};

#[test]
fn a_new_cluster_elects_one_leader_within_three_seconds() {
    for seed in 0..60 {
        let mut sim = quiet(seed);
        let elected = sim.run_while_not(3_000, |sim| leader(sim, &[]).is_some());
        assert!(elected, "seed {seed}");
        sim.run_ms(500);
        let running = sim.conductor().running();
        let leads = running
            .iter()
            .filter(|(id, _)| peer(&sim, *id).role == Role::Leader);
        assert_eq!(leads.count(), 1, "seed {seed}");
    }
}

#[test]
fn a_written_value_can_be_read_and_is_on_every_store() {
    for seed in 0..20 {
        let mut sim = quiet(seed);
        write(&mut sim, "key", "value");
        assert_eq!(
            read(&mut sim, "key").as_deref(),
            Some("value"),
            "seed {seed}"
        );
        assert_eq!(read(&mut sim, "other"), None, "seed {seed}");
        sim.run_ms(500);
        assert_eq!(agreement(&sim), Ok(()), "seed {seed}");
    }
}

#[test]
fn when_the_leader_dies_another_takes_over_and_the_value_is_still_there() {
    for seed in 0..20 {
        let (mut sim, first) = led(seed);
        write(&mut sim, "key", "value");
        kill(&mut sim, first);
        let second = wait_for_leader(&mut sim, &[first]);
        assert_ne!(first, second);
        assert_eq!(
            read(&mut sim, "key").as_deref(),
            Some("value"),
            "seed {seed}"
        );
        start(&mut sim, first);
        sim.run_ms(2_000);
        assert_eq!(agreement(&sim), Ok(()), "seed {seed}");
    }
}

#[test]
fn a_minority_commits_nothing_and_elects_nobody() {
    for seed in 0..10 {
        let (mut sim, old) = led(seed);
        let ally = if old == store(1) { store(2) } else { store(1) };
        isolate(&mut sim, &[old, ally]);
        sim.run_ms(50);
        let stood = commit(&sim, old);
        let term = peer(&sim, old).hard_state.term;
        submit(&mut sim, crate::support::put("key", "lost?"), Some(old));
        let new = wait_for_leader(&mut sim, &[old, ally]);
        write(&mut sim, "other", "value");
        assert!(commit(&sim, new) > stood, "the majority commits");
        assert_eq!(
            commit(&sim, old),
            stood,
            "seed {seed}: the minority committed"
        );
        let elected = leader(&sim, &[new]).filter(|id| peer(&sim, *id).hard_state.term > term);
        assert_eq!(elected, None, "seed {seed}: the minority elected a leader");
        converge(&mut sim);
    }
}

#[test]
fn a_cluster_that_was_down_as_a_whole_comes_back_with_its_data() {
    for seed in 0..10 {
        let (mut sim, _) = led(seed);
        write(&mut sim, "key", "value");
        for id in 1..=5 {
            kill(&mut sim, store(id));
        }
        sim.run_ms(1_000);
        assert_eq!(sim.conductor().running(), []);
        for id in 1..=5 {
            start(&mut sim, store(id));
        }
        assert_eq!(
            read(&mut sim, "key").as_deref(),
            Some("value"),
            "seed {seed}"
        );
    }
}

#[test]
fn a_message_to_an_earlier_life_reaches_the_store_in_its_next_life() {
    for seed in 0..10 {
        let (mut sim, leader) = led(seed);
        set(&mut sim, "latency_ms_max", 300);
        set(&mut sim, "latency_ms_min", 300);
        sim.run_ms(150);
        let frame = sim.conductor_mut().frame();
        let now = frame.now;
        let slow = |message: &&types::frame::MessageFrame| {
            message.from == leader && message.due.since(now) > 50_000
        };
        let message = frame
            .messages
            .iter()
            .find(slow)
            .expect("a heartbeat is on its way");
        let follower = message.to;
        kill(&mut sim, follower);
        start(&mut sim, follower);
        sim.run_until(message.due);
        let frame = sim.conductor_mut().frame();
        let life = frame
            .stores
            .iter()
            .find(|frame| frame.id == follower)
            .expect("a store");
        assert_eq!(life.incarnation.get(), 2);
        assert!(
            !frame.messages.iter().any(|other| other.id == message.id),
            "it arrived"
        );
        assert!(
            !frame.lost.iter().any(|lost| lost.message.id == message.id),
            "somewhere"
        );
    }
}

#[test]
fn a_message_of_a_dead_sender_still_arrives_and_one_to_a_dead_receiver_is_lost() {
    let (mut sim, leader) = led(3);
    set(&mut sim, "latency_ms_max", 300);
    set(&mut sim, "latency_ms_min", 300);
    sim.run_ms(150);
    kill(&mut sim, leader);
    let frame = sim.conductor_mut().frame();
    let from = frame
        .messages
        .iter()
        .rfind(|message| message.from == leader)
        .expect("on its way");
    let to = frame
        .messages
        .iter()
        .rfind(|message| message.to == leader)
        .expect("on its way");
    sim.run_until(from.due.max(to.due));
    let lost = sim.conductor_mut().frame().lost;
    assert!(!lost.iter().any(|lost| lost.message.id == from.id));
    let lost = lost
        .iter()
        .find(|lost| lost.message.id == to.id)
        .expect("lost");
    assert_eq!(lost.reason, LossReason::Down);
}

#[test]
fn a_message_that_is_on_its_way_when_the_network_is_cut_is_lost() {
    let (mut sim, leader) = led(4);
    set(&mut sim, "latency_ms_max", 300);
    set(&mut sim, "latency_ms_min", 300);
    sim.run_ms(150);
    isolate(&mut sim, &[leader]);
    let frame = sim.conductor_mut().frame();
    let message = frame.messages.first().expect("on its way");
    sim.run_until(message.due);
    let lost = sim.conductor_mut().frame().lost;
    let lost = lost
        .iter()
        .find(|lost| lost.message.id == message.id)
        .expect("lost");
    assert_eq!(lost.reason, LossReason::Cut);
    assert!(sim.act(Action::Heal).is_ok());
}

#[test]
fn a_blocked_way_deposes_a_leader_that_hears_everybody() {
    let (mut sim, leader) = led(5);
    let others = all(&sim).into_iter().filter(|other| *other != leader);
    let ways = others.map(|other| (leader, other)).collect();
    act(&mut sim, Action::Block { ways });
    wait_for_leader(&mut sim, &[leader]);
    sim.reload();
    assert_eq!(
        sim.conductor().saved().blocked.len(),
        4,
        "it outlives the page"
    );
    let next = wait_for_leader(&mut sim, &[leader]);
    act(&mut sim, Action::Heal);
    sim.run_ms(1_000);
    let term = peer(&sim, next).hard_state.term;
    assert_eq!(peer(&sim, leader).hard_state.term, term);
}

#[test]
fn a_block_between_stores_that_do_not_exist_is_refused() {
    let (mut sim, leader) = led(6);
    let ways = vec![(leader, store(99))];
    let refused = sim.act(Action::Block { ways });
    assert_eq!(refused, Err(Misuse::NoSuchStore { store: store(99) }));
}
