//! A leader that lost its quorum steps down, and who hears its leader votes for nobody else
//! (thesis, sections 4.2.3 and 6.2).

use raft::{Config, RawNode, ReadError, Restored};
use types::raft::{ConfState, MessageBody, MessageKind, Preset, ReadId, Role};

use crate::harness::{
    Network, config, config_as, drain, elect, hard_state, heard, heartbeat, message, peer, peers,
    position, request_vote, restored_with, settle_in, start, step, term, vote,
};

const T: u32 = 10;

fn with_check_quorum(config: Config) -> Config {
    Config {
        check_quorum: true,
        ..config
    }
}

fn node(id: u64, restored: Restored) -> RawNode {
    start(with_check_quorum(config(id, 3)), restored)
}

fn network(count: u64) -> Network {
    Network::with(count, with_check_quorum)
}

fn leader() -> RawNode {
    let mut node = node(1, Restored::default());
    settle_in(&mut node, &[2, 3]);
    node
}

/// A follower of peer 1 in term 1 that has just heard it.
fn follower() -> RawNode {
    let mut node = node(2, Restored::default());
    step(&mut node, 1, 1, heartbeat(0));
    drain(&mut node);
    node
}

#[test]
fn a_leader_that_hears_nobody_steps_down_within_two_election_timeouts() {
    let mut node = leader();
    for _ in 0..T {
        assert_eq!(node.role(), Role::Leader);
        node.advance_ticks(1);
        drain(&mut node);
    }
    // Everybody was heard before the first look; nobody was between the first and the second.
    for _ in 0..T {
        assert_eq!(node.role(), Role::Leader);
        node.advance_ticks(1);
        drain(&mut node);
    }
    assert_eq!((node.role(), node.leader()), (Role::Follower, None));
    assert_eq!(node.term(), term(1), "no term was made for it");
}

#[test]
fn a_leader_that_hears_a_majority_goes_on_leading() {
    let mut node = leader();
    for _ in 0..5 * T {
        step(&mut node, 2, 1, heard(1, 1, 0));
        node.advance_ticks(1);
        drain(&mut node);
    }
    assert_eq!(node.role(), Role::Leader);
}

#[test]
fn any_word_of_a_follower_shows_that_it_lives() {
    let words = [
        heard(0, 0, 0),
        crate::harness::matched(1),
        crate::harness::rejected(9, position(1, 1)),
    ];
    for word in words {
        let mut node = leader();
        node.advance_ticks(T);
        step(&mut node, 3, 1, word);
        node.advance_ticks(T);
        assert_eq!(node.role(), Role::Leader);
    }
}

#[test]
fn a_learner_is_nobody_to_lose_or_to_rest_on() {
    let conf_state = ConfState {
        voters: peers(&[1, 2, 3]),
        learners: peers(&[4]),
        ..ConfState::default()
    };
    let mut node = node(
        1,
        Restored {
            conf_state: Some(conf_state),
            ..Restored::default()
        },
    );
    settle_in(&mut node, &[2, 3]);
    node.advance_ticks(T);
    step(&mut node, 4, 1, heard(0, 0, 0));
    node.advance_ticks(T);
    assert_eq!(node.role(), Role::Follower);
}

#[test]
fn both_halves_of_a_joint_membership_must_be_heard() {
    let conf_state = ConfState {
        voters: peers(&[1, 2, 3]),
        outgoing: peers(&[1, 4, 5]),
        ..ConfState::default()
    };
    for (heard_of, role) in [
        (&[2, 3][..], Role::Follower),
        (&[4, 5], Role::Follower),
        (&[2, 5], Role::Leader),
    ] {
        let mut node = node(
            1,
            Restored {
                conf_state: Some(conf_state.clone()),
                ..Restored::default()
            },
        );
        elect(&mut node, &[2, 4]);
        node.advance_ticks(T);
        for &from in heard_of {
            step(&mut node, from, 1, heard(0, 0, 0));
        }
        node.advance_ticks(T);
        assert_eq!(node.role(), role, "{heard_of:?}");
    }
}

#[test]
fn an_old_leader_that_was_cut_off_steps_down_before_it_comes_back() {
    let mut network = network(3);
    network.campaign(1);
    network.isolate(1);
    for _ in 0..2 * T {
        network.pass(1, 1);
    }
    assert_eq!(network.node(1).role(), Role::Follower);
    let refused = network.node_mut(1).propose("lost".into());
    assert!(refused.is_err());
}

#[test]
fn a_vote_request_goes_unheard_while_the_leader_lives() {
    let mut node = follower();
    assert!(node.timer().timeout() > T, "it campaigns later than that");
    for waited in 0..T {
        step(&mut node, 3, 7, request_vote(position(9, 6)));
        assert_eq!(drain(&mut node), [], "after {waited} ticks");
        assert_eq!((node.term(), node.leader()), (term(1), Some(peer(1))));
        node.advance_ticks(1);
    }
    step(&mut node, 3, 7, request_vote(position(9, 6)));
    assert_eq!(drain(&mut node), [message(2, 3, 7, vote(true))]);
}

#[test]
fn every_word_of_the_leader_renews_the_loyalty_to_it() {
    let mut node = follower();
    for _ in 0..3 {
        node.advance_ticks(T - 1);
        step(&mut node, 1, 1, heartbeat(0));
        drain(&mut node);
    }
    node.advance_ticks(T - 1);
    step(&mut node, 3, 7, request_vote(position(9, 6)));
    assert_eq!(drain(&mut node), []);
}

#[test]
fn a_leader_does_not_hear_vote_requests_either() {
    let mut node = leader();
    step(&mut node, 3, 7, request_vote(position(9, 6)));
    assert_eq!(drain(&mut node), []);
    assert_eq!((node.role(), node.term()), (Role::Leader, term(1)));
}

#[test]
fn a_vote_request_in_the_leaders_name_is_heard_at_once() {
    let mut node = follower();
    let body = MessageBody::RequestVote {
        last: position(0, 0),
        transfer: true,
        commit: position(0, 0),
    };
    step(&mut node, 3, 2, body);
    assert_eq!(drain(&mut node), [message(2, 3, 2, vote(true))]);
}

#[test]
fn who_knows_no_leader_votes_at_once() {
    let mut node = node(2, Restored::default());
    step(&mut node, 3, 1, request_vote(position(0, 0)));
    assert_eq!(drain(&mut node), [message(2, 3, 1, vote(true))]);
}

#[test]
fn without_check_quorum_a_vote_request_of_a_later_term_is_heard_at_once() {
    let mut node = start(config(2, 3), Restored::default());
    step(&mut node, 1, 1, heartbeat(0));
    drain(&mut node);
    step(&mut node, 3, 2, request_vote(position(0, 0)));
    assert_eq!(drain(&mut node), [message(2, 3, 2, vote(true))]);
}

#[test]
fn a_candidate_takes_over_once_the_others_have_missed_the_leader_for_long_enough() {
    let mut network = network(3);
    network.campaign(1);
    network.campaign(3);
    assert_eq!(
        network.node(3).role(),
        Role::Candidate,
        "2 hears its leader"
    );
    network.isolate(1);
    network.node_mut(2).advance_ticks(T);
    network.campaign(3);
    assert_eq!(network.node(3).role(), Role::Leader);
    network.heal();
    network.beat(3);
    assert_eq!(network.node(1).leader(), Some(peer(3)));
}

#[test]
fn a_candidate_stuck_in_a_higher_term_is_freed_by_its_answer_to_the_leader() {
    let mut network = network(3);
    network.campaign(1);
    network.isolate(3);
    for _ in 0..3 {
        network.time_out(3);
        network.settle();
    }
    let stuck = network.node(3).term();
    assert!(stuck > network.node(1).term());
    network.heal();
    network.campaign(3);
    assert_eq!(network.node(1).role(), Role::Leader, "nobody heard it");
    network.beat(1);
    assert_eq!(network.node(1).role(), Role::Follower);
    assert_eq!(network.node(1).term(), network.node(3).term());
    network.campaign(1);
    assert_eq!(network.node(1).role(), Role::Leader);
    assert_eq!(network.node(3).leader(), Some(peer(1)));
}

#[test]
fn a_single_voter_is_its_own_quorum() {
    let mut network = network(1);
    network.campaign(1);
    for _ in 0..5 {
        network.pass(1, T);
    }
    assert_eq!(network.node(1).role(), Role::Leader);
}

#[test]
fn a_new_leader_has_a_whole_timeout_to_be_heard() {
    let mut node = node(1, Restored::default());
    elect(&mut node, &[2]);
    node.advance_ticks(T);
    assert_eq!(node.role(), Role::Leader);
}

#[test]
fn the_deadline_of_a_leader_covers_its_look_at_the_quorum() {
    let mut node = start(
        Config {
            heartbeat_ticks: 9,
            ..with_check_quorum(config(1, 3))
        },
        Restored::default(),
    );
    settle_in(&mut node, &[2, 3]);
    let mut waits = Vec::new();
    while node.role() == Role::Leader {
        let ticks = node.ticks_to_deadline();
        waits.push(ticks);
        node.advance_ticks(ticks);
        drain(&mut node);
    }
    // Heartbeats after 9 and 18 ticks, looks after 10 and 20.
    assert_eq!(waits, [9, 1, 8, 2]);
}

mod forget_leader {
    use super::*;

    #[test]
    fn who_forgets_its_leader_votes_for_another_at_once() {
        let mut node = follower();
        node.forget_leader();
        assert_eq!((node.role(), node.leader()), (Role::Follower, None));
        step(&mut node, 3, 2, request_vote(position(0, 0)));
        assert_eq!(drain(&mut node), [message(2, 3, 2, vote(true))]);
    }

    #[test]
    fn the_same_term_and_vote_go_on() {
        let mut node = node(2, restored_with(hard_state(1, 1, 0), &[]));
        step(&mut node, 1, 1, heartbeat(0));
        drain(&mut node);
        node.forget_leader();
        assert_eq!(node.hard_state(), hard_state(1, 1, 0));
        step(&mut node, 3, 1, request_vote(position(0, 0)));
        assert_eq!(drain(&mut node), [message(2, 3, 1, vote(false))]);
    }

    #[test]
    fn it_is_followed_again_once_it_is_heard() {
        let mut node = follower();
        node.forget_leader();
        step(&mut node, 1, 1, heartbeat(0));
        assert_eq!(node.leader(), Some(peer(1)));
    }

    #[test]
    fn only_followers_forget() {
        let mut node = leader();
        node.forget_leader();
        assert_eq!((node.role(), node.leader()), (Role::Leader, Some(peer(1))));
        assert!(!node.has_ready());
    }

    #[test]
    fn a_read_finds_no_leader_then() {
        let mut node = follower();
        node.forget_leader();
        assert_eq!(node.read_index(ReadId(1)), Err(ReadError::NoLeader));
    }

    #[test]
    fn a_quorum_that_forgets_can_elect_another_without_waiting() {
        let starts = (1..=3).map(|id| (config_as(Preset::Etcd, id, 3), Restored::default()));
        let mut network = Network::of(starts.collect());
        network.campaign(1);
        network.isolate(1);
        network.campaign(3);
        assert_eq!(network.node(3).role(), Role::PreCandidate, "2 is loyal");
        network.node_mut(2).forget_leader();
        network.campaign(3);
        assert_eq!(network.node(3).role(), Role::Leader);
        assert_eq!(network.count_sent(MessageKind::RequestVote), 4);
    }
}
