//! Who leaves, and what those who stay learn of it.

use super::*;

fn led_by_1(preset: Preset) -> Network {
    let starts = (1..=3).map(|id| (config_as(preset, id, 3), Restored::default()));
    let mut network = Network::of(starts.collect());
    network.campaign(1);
    network
}

#[test]
fn a_removed_leader_steps_down_in_the_dialect_of_etcd() {
    let mut network = led_by_1(Preset::Etcd);
    network.change(1, &remove(1));
    let removed = network.node(1);
    assert_eq!((removed.role(), removed.leader()), (Role::Follower, None));
    network.campaign(1);
    assert_eq!(network.node(1).role(), Role::Follower);
}

#[test]
fn the_others_learn_of_the_removal_before_the_leader_steps_down() {
    let mut network = led_by_1(Preset::Etcd);
    network.change(1, &remove(1));
    for id in [2, 3] {
        assert_eq!(network.node(id).voters(), peers(&[2, 3]), "peer {id}");
    }
}

#[test]
fn a_removed_leader_goes_on_until_it_is_destroyed_in_the_dialect_of_tinykv() {
    let mut network = led_by_1(Preset::TinyKv);
    network.change(1, &remove(1));
    assert_eq!(network.node(1).role(), Role::Leader);
    for id in [2, 3] {
        assert_eq!(network.node(id).voters(), peers(&[2, 3]), "peer {id}");
    }
    let refused = network.node_mut(1).propose("some data".into());
    assert_eq!(refused, Err(ProposeError::Removed));
}

#[test]
fn a_leader_that_leaves_through_a_joint_phase_ends_it_first() {
    let mut network = led_by_1(Preset::Etcd);
    let leave = change(Transition::JointImplicit, &[Remove(peer(1))]);
    network.change(1, &leave);
    for id in [2, 3] {
        let left = ConfState::of_voters(peers(&[2, 3]));
        assert_eq!(*network.node(id).conf_state(), left, "peer {id}");
    }
    assert_eq!(network.node(1).role(), Role::Follower);
    for id in [2, 3] {
        network.node_mut(id).forget_leader();
    }
    network.campaign(2);
    assert_eq!(network.node(2).role(), Role::Leader);
}

#[test]
fn a_leader_that_removes_itself_leaves_a_group_that_can_elect_another() {
    let starts = (1..=2).map(|id| (config_as(Preset::Etcd, id, 2), Restored::default()));
    let mut network = Network::of(starts.collect());
    network.campaign(1);
    let node = network.node_mut(1);
    propose(node, &remove(1)).expect("a leader");
    // 2 gets the entry, and nothing after its acknowledgement.
    network.turn(1);
    let append = network.in_transit.pop_front().expect("an append");
    network.deliver(append);
    network.cut_one_way(1, 2);
    network
        .node_mut(1)
        .propose("lost".into())
        .expect("a leader");
    network.settle();
    network.heal();
    for _ in 0..10 {
        network.beat(1);
        network.pass(1, 20);
        network.pass(2, 20);
    }
    assert_eq!(network.node(2).role(), Role::Leader);
    assert_eq!(network.node(2).voters(), peers(&[2]));
}

/// A refusal with what its sender knows to be committed.
fn refusal(at: u64, of: u64) -> MessageBody {
    MessageBody::RequestVoteResponse {
        granted: false,
        commit: position(at, of),
    }
}

#[test]
fn a_refusal_tells_the_candidate_what_is_committed_where_its_log_holds_it() {
    for (commit, learned) in [
        (position(2, 1), 2),
        (position(3, 2), 0),
        (position(2, 2), 0),
        (position(4, 2), 0),
    ] {
        let mut node = lone(1, 3, crate::harness::restored(&[1, 1, 1]));
        node.campaign();
        drain(&mut node);
        step(
            &mut node,
            2,
            2,
            refusal(commit.index.get(), commit.term.get()),
        );
        assert_eq!(node.commit(), index(learned), "{commit}");
        assert_eq!(take(&mut node).committed.len() as u64, learned);
    }
}

#[test]
fn requests_and_answers_of_votes_carry_the_committed_position() {
    let restored =
        || crate::harness::restored_with(crate::harness::hard_state(2, 0, 2), &[1, 2, 2]);
    let commit = position(2, 2);
    let mut node = lone(1, 3, restored());
    drain(&mut node);
    node.campaign();
    let body = MessageBody::RequestVote {
        last: position(3, 2),
        transfer: false,
        commit,
    };
    assert_eq!(drain(&mut node)[0], message(1, 2, 3, body));
    let mut voter = lone(1, 3, restored());
    drain(&mut voter);
    let asks = crate::harness::request_vote(position(1, 1));
    step(&mut voter, 2, 3, asks);
    assert_eq!(drain(&mut voter), [message(1, 2, 3, refusal(2, 2))]);
}

#[test]
fn a_vote_request_tells_the_voter_what_is_committed_before_it_answers() {
    let mut voter = lone(1, 3, crate::harness::restored(&[1, 1, 1]));
    let body = MessageBody::RequestVote {
        last: position(1, 1),
        transfer: false,
        commit: position(1, 1),
    };
    step(&mut voter, 2, 2, body);
    assert_eq!(drain(&mut voter), [message(1, 2, 2, refusal(1, 1))]);
    assert_eq!(voter.commit(), index(1));
}

#[test]
fn a_candidate_that_learns_of_its_removal_wins_no_more() {
    for preset in Preset::ALL {
        let mut config = config_as(preset, 2, 4);
        config.pre_vote = false;
        let removal = types::raft::Entry {
            kind: EntryKind::ConfChange,
            data: types::codec::encode(&remove(2)).into(),
            ..crate::harness::entry(1, 1)
        };
        let restored = Restored {
            entries: vec![removal],
            ..crate::harness::restored_with(crate::harness::hard_state(1, 0, 0), &[])
        };
        let mut node = start(config, restored);
        node.campaign();
        drain(&mut node);
        step(&mut node, 1, 2, refusal(1, 1));
        drain(&mut node);
        assert_eq!(node.voters(), peers(&[1, 3, 4]));
        for voter in [3, 4] {
            step(&mut node, voter, 2, vote(true));
        }
        assert_eq!(node.role(), Role::Follower, "{preset:?}");
    }
}

#[test]
fn a_leader_that_becomes_a_learner_steps_down_in_the_dialect_of_etcd() {
    let mut network = led_by_1(Preset::Etcd);
    network.change(1, &add_learner(1));
    assert_eq!(network.node(1).role(), Role::Follower);
    assert_eq!(network.node(1).conf_state().learners, peers(&[1]));
}

#[test]
fn a_removed_leader_does_not_count_itself() {
    let mut node = start(config(1, 3), Restored::default());
    settle_in(&mut node, &[2, 3]);
    propose(&mut node, &remove(1)).expect("a leader");
    node.propose("needs 2 and 3".into()).expect("a leader");
    drain(&mut node);
    step(&mut node, 2, 1, matched(3));
    // The change and what came behind it, by 1 and 2 of three.
    assert_eq!(node.commit(), index(3));
    drain(&mut node);
    assert_eq!(node.voters(), peers(&[2, 3]));
    let why = node.why(index(3));
    assert_eq!(
        (why.incoming.have, why.incoming.lack),
        (peers(&[2]), peers(&[3]))
    );
}

#[test]
fn a_peer_that_does_not_know_of_its_removal_disturbs_nobody_with_pre_vote_and_check_quorum() {
    let mut network = led_by_1(Preset::Etcd);
    network.isolate(3);
    network.change(1, &remove(3));
    network.heal();
    for _ in 0..5 {
        network.time_out(3);
        network.settle();
        network.beat(1);
    }
    assert_eq!(network.node(1).role(), Role::Leader);
    assert_eq!(network.terms(), [1; 3]);
}

#[test]
fn an_answer_of_a_removed_peer_is_refused() {
    let mut node = start(
        Config {
            voters: peers(&[1, 2]),
            ..config(1, 2)
        },
        Restored::default(),
    );
    settle_in(&mut node, &[2]);
    let refused = node.step(message(3, 1, 1, matched(1)));
    assert!(matches!(refused, Err(raft::StepError::UnknownPeer { .. })));
}
