//! Reads by index: a quorum confirms that the leader still leads (thesis, section 6.4).

use raft::{Config, Limits, RawNode, ReadError, Restored};
use types::raft::{ConfState, MessageBody, MessageKind, Preset, ReadId, Role};

use crate::harness::{
    Network, acknowledge, config, config_as, drain, elect, heard, heartbeat, heartbeat_of, index,
    lone, message, peer, peers, position, read, remove, request_vote, restored_with, settle_in,
    start, step, take, vote,
};

fn leader() -> RawNode {
    let mut node = lone(1, 3, Restored::default());
    settle_in(&mut node, &[2, 3]);
    node
}

fn ask(node: &mut RawNode, id: u64) {
    node.read_index(ReadId(id)).expect("a known leader");
}

fn network() -> Network {
    let mut network = Network::new(3);
    network.campaign(1);
    network.propose(1, "some data");
    network
}

#[test]
fn a_read_waits_for_one_round_of_heartbeats() {
    let mut node = leader();
    ask(&mut node, 7);
    let taken = take(&mut node);
    assert_eq!(taken.reads, []);
    assert_eq!(
        taken.messages,
        [
            message(1, 2, 1, heartbeat_of(1, 1)),
            message(1, 3, 1, heartbeat_of(1, 1)),
        ],
    );
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, [read(7, 1)]);
    // The second answer confirms nothing again.
    step(&mut node, 3, 1, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, []);
}

#[test]
fn heartbeats_carry_no_round_while_no_read_waits() {
    let mut node = leader();
    ask(&mut node, 7);
    drain(&mut node);
    step(&mut node, 2, 1, heard(1, 1, 1));
    drain(&mut node);
    node.advance_ticks(1);
    assert_eq!(
        drain(&mut node),
        [
            message(1, 2, 1, heartbeat(1)),
            message(1, 3, 1, heartbeat(1)),
        ],
    );
}

#[test]
fn a_read_waits_until_an_entry_of_the_leaders_term_is_committed() {
    let mut node = lone(
        1,
        3,
        restored_with(crate::harness::hard_state(1, 0, 1), &[1, 1]),
    );
    elect(&mut node, &[2]);
    drain(&mut node);
    ask(&mut node, 7);
    let taken = take(&mut node);
    assert_eq!((taken.messages.len(), taken.reads.len()), (0, 0));
    node.advance_ticks(1);
    assert_eq!(drain(&mut node)[0].body, heartbeat(0), "no round for it");
    // What is committed of the last term is not known yet: entry 2 may be.
    acknowledge(&mut node, &[2]);
    assert_eq!(node.commit(), index(3));
    drain(&mut node);
    step(&mut node, 2, 2, heard(3, 3, 1));
    assert_eq!(take(&mut node).reads, [read(7, 3)]);
}

#[test]
fn one_round_confirms_every_read_that_came_before_it_left() {
    let mut node = leader();
    for id in 1..=5 {
        ask(&mut node, id);
    }
    let beats = drain(&mut node);
    assert_eq!(beats.len(), 2, "one for each follower");
    step(&mut node, 3, 1, heard(1, 1, 1));
    let expected: Vec<_> = (1..=5).map(|id| read(id, 1)).collect();
    assert_eq!(take(&mut node).reads, expected);
}

#[test]
fn a_read_is_not_confirmed_by_the_answer_to_a_round_that_left_before_it() {
    let mut node = leader();
    ask(&mut node, 1);
    drain(&mut node);
    ask(&mut node, 2);
    drain(&mut node);
    step(&mut node, 2, 1, heard(1, 1, 1));
    step(&mut node, 3, 1, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, [read(1, 1)]);
    step(&mut node, 3, 1, heard(1, 1, 2));
    assert_eq!(take(&mut node).reads, [read(2, 1)]);
}

#[test]
fn an_answer_to_a_later_round_confirms_all_before_it() {
    let mut node = leader();
    for id in 1..=3 {
        ask(&mut node, id);
        drain(&mut node);
    }
    step(&mut node, 2, 1, heard(1, 1, 3));
    assert_eq!(take(&mut node).reads, [read(1, 1), read(2, 1), read(3, 1)]);
}

#[test]
fn the_index_is_the_commit_index_at_the_moment_of_asking() {
    let mut node = leader();
    ask(&mut node, 1);
    drain(&mut node);
    node.propose("later".into()).expect("a leader");
    drain(&mut node);
    acknowledge(&mut node, &[2]);
    drain(&mut node);
    step(&mut node, 2, 1, heard(2, 2, 1));
    assert_eq!(node.commit(), index(2));
    assert_eq!(take(&mut node).reads, [read(1, 1)]);
}

#[test]
fn a_single_voter_confirms_its_reads_by_itself() {
    let mut network = Network::new(1);
    network.campaign(1);
    network.read(1, 7);
    assert_eq!(network.member(1).reads, [read(7, 1)]);
}

#[test]
fn a_follower_sends_its_read_on_and_is_answered() {
    let mut network = network();
    network.read(2, 7);
    assert_eq!(network.member(2).reads, [read(7, 2)]);
    assert_eq!(network.member(1).reads, []);
}

#[test]
fn a_follower_asks_only_a_leader_that_it_knows() {
    let mut node = lone(2, 3, Restored::default());
    assert_eq!(node.read_index(ReadId(1)), Err(ReadError::NoLeader));
    step(&mut node, 1, 1, heartbeat(0));
    drain(&mut node);
    ask(&mut node, 1);
    let body = MessageBody::ReadIndex { id: ReadId(1) };
    assert_eq!(drain(&mut node), [message(2, 1, 1, body)]);
}

#[test]
fn who_leads_no_more_does_not_answer_what_others_ask() {
    let mut node = lone(2, 3, Restored::default());
    step(&mut node, 1, 1, heartbeat(0));
    drain(&mut node);
    let body = MessageBody::ReadIndex { id: ReadId(1) };
    step(&mut node, 3, 1, body);
    assert_eq!(drain(&mut node), []);
}

#[test]
fn a_deposed_leader_never_answers() {
    let mut network = network();
    network.isolate(1);
    network.read(1, 7);
    network.campaign(2);
    network.propose(2, "the leader does not know this");
    network.heal();
    network.beat(1);
    network.beat(2);
    assert_eq!(network.node(1).leader(), Some(peer(2)));
    assert_eq!(network.node(1).commit(), network.node(2).commit());
    assert_eq!(network.member(1).reads, []);
}

#[test]
fn a_leader_of_a_later_term_does_not_answer_what_it_was_asked_in_an_earlier_one() {
    let mut node = leader();
    ask(&mut node, 7);
    drain(&mut node);
    step(&mut node, 2, 2, request_vote(position(9, 2)));
    elect(&mut node, &[2]);
    drain(&mut node);
    acknowledge(&mut node, &[2, 3]);
    drain(&mut node);
    // Answers to the rounds of the earlier term, and one of this term with their number.
    step(&mut node, 2, 1, heard(1, 1, 1));
    step(&mut node, 3, 3, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, []);
    assert_eq!(node.role(), Role::Leader);
}

#[test]
fn a_lost_round_is_made_up_for_by_the_next_heartbeats() {
    let mut network = network();
    network.ignore(MessageKind::Heartbeat);
    network.read(1, 7);
    assert_eq!(network.member(1).reads, []);
    network.heal();
    network.beat(1);
    assert_eq!(network.member(1).reads, [read(7, 2)]);
}

#[test]
fn a_lost_answer_is_made_up_for_by_asking_again() {
    let mut network = network();
    network.ignore(MessageKind::ReadIndexResponse);
    network.read(2, 7);
    assert_eq!(network.member(2).reads, []);
    network.heal();
    network.propose(1, "between");
    network.read(2, 7);
    assert_eq!(network.member(2).reads, [read(7, 3)]);
}

#[test]
fn a_read_that_arrives_twice_is_answered_twice_with_indexes_that_both_will_do() {
    let mut network = network();
    let body = MessageBody::ReadIndex { id: ReadId(7) };
    network.inject(2, 1, 1, body.clone());
    network.propose(1, "between");
    network.inject(2, 1, 1, body);
    assert_eq!(network.member(2).reads, [read(7, 2), read(7, 3)]);
}

#[test]
fn no_more_reads_wait_than_the_limit_allows() {
    let mut node = start(
        Config {
            limits: Limits {
                waiting_reads: 2,
                ..Limits::default()
            },
            ..config(1, 3)
        },
        Restored::default(),
    );
    settle_in(&mut node, &[2, 3]);
    ask(&mut node, 1);
    ask(&mut node, 2);
    let refused = node.read_index(ReadId(3));
    assert_eq!(refused, Err(ReadError::TooMany { limit: 2 }));
    // A follower that asks is not answered then, and asks again.
    let body = MessageBody::ReadIndex { id: ReadId(4) };
    step(&mut node, 2, 1, body);
    drain(&mut node);
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, [read(1, 1), read(2, 1)]);
    ask(&mut node, 3);
}

fn leader_of(conf_state: ConfState, voters: &[u64]) -> RawNode {
    let mut node = lone(
        1,
        1,
        Restored {
            conf_state: Some(conf_state),
            ..Restored::default()
        },
    );
    settle_in(&mut node, voters);
    node
}

#[test]
fn the_answer_of_a_learner_confirms_nothing() {
    let conf_state = ConfState {
        voters: peers(&[1, 2, 3]),
        learners: peers(&[4, 5]),
        ..ConfState::default()
    };
    let mut node = leader_of(conf_state, &[2, 3]);
    ask(&mut node, 7);
    drain(&mut node);
    step(&mut node, 4, 1, heard(1, 1, 1));
    step(&mut node, 5, 1, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, []);
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, [read(7, 1)]);
}

#[test]
fn both_halves_of_a_joint_membership_confirm_a_read() {
    let conf_state = ConfState {
        voters: peers(&[1, 2, 3]),
        outgoing: peers(&[1, 4, 5]),
        ..ConfState::default()
    };
    let mut node = leader_of(conf_state, &[2, 3, 4, 5]);
    ask(&mut node, 7);
    drain(&mut node);
    step(&mut node, 2, 1, heard(1, 1, 1));
    step(&mut node, 3, 1, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, []);
    step(&mut node, 5, 1, heard(1, 1, 1));
    assert_eq!(take(&mut node).reads, [read(7, 1)]);
}

#[test]
fn a_read_is_confirmed_by_the_smaller_quorum_that_a_change_left() {
    let mut network = Network::new(3);
    network.campaign(1);
    network.isolate(2);
    network.isolate(3);
    network.read(1, 7);
    assert_eq!(network.member(1).reads, []);
    for id in [2, 3] {
        let node = network.node_mut(1);
        node.apply_conf_change(&remove(id)).expect("it can follow");
    }
    network.settle();
    assert_eq!(network.member(1).reads, [read(7, 1)]);
}

#[test]
fn where_heartbeats_are_appends_a_read_sends_a_round_of_its_own() {
    let starts = (1..=3).map(|id| (config_as(Preset::Mit6824, id, 3), Restored::default()));
    let mut network = Network::of(starts.collect());
    network.campaign(1);
    network.read(1, 6);
    assert_eq!(
        network.member(1).reads,
        [],
        "nothing of its term is committed"
    );
    network.propose(1, "the first of its term");
    assert_eq!(network.member(1).reads, [read(6, 1)]);
    network.read(3, 7);
    assert_eq!(network.member(3).reads, [read(7, 1)]);
    network.beat(1);
    assert_eq!(network.count_sent(MessageKind::Heartbeat), 4);
}

#[test]
fn where_heartbeats_are_appends_a_lost_round_is_made_up_for_by_the_next() {
    let starts = (1..=3).map(|id| (config_as(Preset::Mit6824, id, 3), Restored::default()));
    let mut network = Network::of(starts.collect());
    network.campaign(1);
    network.propose(1, "the first of its term");
    network.ignore(MessageKind::Heartbeat);
    network.read(1, 7);
    network.heal();
    network.beat(1);
    assert_eq!(network.member(1).reads, [read(7, 1)]);
}

#[test]
fn a_vote_does_not_confirm_a_read() {
    let mut node = leader();
    ask(&mut node, 7);
    drain(&mut node);
    step(&mut node, 2, 1, vote(true));
    acknowledge(&mut node, &[2, 3]);
    assert_eq!(take(&mut node).reads, []);
}
