//! Members without a vote (thesis, section 4.2.1).

use raft::{RawNode, Restored, TransferError};
use types::raft::{ConfState, MessageBody, Role};

use crate::harness::{
    Network, acknowledge, add, add_learner, drain, elect, index, lone, matched, message, peer,
    peers, position, remove, request_vote, settle_in, step, take, term, vote,
};

fn with_learners(voters: &[u64], learners: &[u64]) -> Restored {
    Restored {
        conf_state: Some(ConfState {
            voters: peers(voters),
            learners: peers(learners),
            ..ConfState::default()
        }),
        ..Restored::default()
    }
}

/// The leader 1 of voters 1 and 2 and learners 3 and 4.
fn leader() -> RawNode {
    let mut node = lone(1, 1, with_learners(&[1, 2], &[3, 4]));
    settle_in(&mut node, &[2]);
    node
}

/// Voters 1 and 2, and 3 as a learner that joined by a change.
fn network() -> Network {
    let mut network = Network::new(2);
    network.add_blank(3);
    network.campaign(1);
    network.change(1, &add_learner(3));
    network
}

#[test]
fn a_learner_gets_the_log_and_applies_it() {
    let mut network = network();
    network.propose(1, "some data");
    assert_eq!(network.applied(3), ["some data"]);
    assert_eq!(network.node(3).conf_state().learners, peers(&[3]));
    assert_eq!(network.node(3).voters(), peers(&[1, 2]));
}

#[test]
fn a_learners_acknowledgement_does_not_count_for_a_commit() {
    let mut node = leader();
    node.propose("some data".into()).expect("a leader");
    drain(&mut node);
    acknowledge(&mut node, &[3, 4]);
    assert_eq!(node.commit(), index(1));
    acknowledge(&mut node, &[2]);
    assert_eq!(node.commit(), index(2));
}

#[test]
fn a_single_voter_commits_whatever_its_learners_do() {
    let mut node = lone(1, 1, with_learners(&[1], &[2, 3, 4]));
    settle_in(&mut node, &[]);
    node.propose("some data".into()).expect("a leader");
    drain(&mut node);
    assert_eq!(node.commit(), index(2));
}

#[test]
fn a_learner_does_not_campaign_however_long_it_hears_nobody() {
    let mut node = lone(3, 1, with_learners(&[1, 2], &[3]));
    for _ in 0..10 {
        node.advance_ticks(20);
        node.campaign();
        step(&mut node, 1, 1, MessageBody::TimeoutNow);
        assert_eq!((node.role(), node.term()), (Role::Follower, term(1)));
        assert_eq!(drain(&mut node), []);
    }
}

#[test]
fn a_candidate_asks_no_learner_and_counts_none() {
    let mut node = lone(1, 1, with_learners(&[1, 2, 3], &[4, 5]));
    node.campaign();
    let asked: Vec<_> = drain(&mut node).into_iter().map(|m| m.to).collect();
    assert_eq!(asked, peers(&[2, 3]));
    for learner in [4, 5] {
        step(&mut node, learner, 1, vote(true));
        assert_eq!(node.role(), Role::Candidate);
    }
    step(&mut node, 3, 1, vote(true));
    assert_eq!(node.role(), Role::Leader);
}

/// It may have been promoted without knowing it yet, and its vote may be needed.
#[test]
fn a_learner_that_is_asked_votes() {
    let mut node = lone(3, 1, with_learners(&[1, 2], &[3]));
    step(&mut node, 2, 2, request_vote(position(0, 0)));
    assert_eq!(drain(&mut node), [message(3, 2, 2, vote(true))]);
}

#[test]
fn a_promoted_learner_counts_and_campaigns() {
    let mut network = network();
    network.change(1, &add(3));
    for id in 1..=3 {
        assert_eq!(network.node(id).voters(), peers(&[1, 2, 3]));
        assert_eq!(network.node(id).conf_state().learners, []);
    }
    network.isolate(2);
    network.propose(1, "with the vote of 3");
    assert_eq!(network.node(1).commit(), index(4));
    network.heal();
    network.campaign(3);
    assert_eq!(network.node(3).role(), Role::Leader);
}

#[test]
fn a_promotion_counts_what_the_learner_acknowledged_before() {
    let mut node = leader();
    node.propose("some data".into()).expect("a leader");
    drain(&mut node);
    acknowledge(&mut node, &[3]);
    assert_eq!(node.commit(), index(1));
    node.apply_conf_change(&add(3)).expect("it can follow");
    assert_eq!(node.commit(), index(2), "1 and 3 of three");
}

#[test]
fn a_demoted_voter_goes_on_as_a_learner() {
    let mut network = Network::new(3);
    network.campaign(1);
    network.change(1, &add_learner(3));
    network.isolate(2);
    let proposed = network.node_mut(1).propose("with 3 alone".into());
    assert!(proposed.is_ok());
    network.settle();
    assert_eq!(network.node(1).commit(), index(2));
    assert_eq!(network.node(3).log().last_index(), index(3));
    network.heal();
    network.beat(1);
    assert_eq!(network.applied(3), ["with 3 alone"]);
}

#[test]
fn a_learner_leaves_like_a_voter() {
    let mut network = network();
    network.change(1, &remove(3));
    let before = network.sent.len();
    network.propose(1, "some data");
    network.beat(1);
    let sent = &network.sent[before..];
    assert!(sent.iter().all(|message| message.to != peer(3)));
    assert_eq!(network.node(1).progress().len(), 1);
    assert_eq!(network.applied(2), ["some data"]);
    assert_eq!(network.applied(3), Vec::<&str>::new());
}

#[test]
fn leadership_is_not_handed_to_a_learner() {
    let mut node = leader();
    let refused = node.transfer_leader(peer(3));
    assert_eq!(refused, Err(TransferError::NotAVoter { to: peer(3) }));
    assert_eq!(drain(&mut node), []);
}

#[test]
fn a_learner_is_brought_up_by_a_snapshot_and_stays_a_learner() {
    let mut network = Network::new(2);
    network.campaign(1);
    for _ in 0..10 {
        network.propose(1, "some data");
    }
    network.add_blank(3);
    network.isolate(3);
    network.change(1, &add_learner(3));
    network.compact(1);
    network.heal();
    network.beat(1);
    assert_eq!(network.node(3).log().truncated(), position(12, 1));
    assert_eq!(network.node(3).conf_state().learners, peers(&[3]));
    assert_eq!(network.node(3).applied_index(), index(12));
    network.time_out_as_learner(3);
}

#[test]
fn a_restarted_learner_is_still_one() {
    let mut network = network();
    network.crash(3);
    assert_eq!(network.node(3).conf_state().learners, peers(&[3]));
    network.time_out_as_learner(3);
}

#[test]
fn a_learner_answers_as_far_as_it_holds() {
    let mut node = lone(3, 1, with_learners(&[1, 2], &[3]));
    let body = crate::harness::append(position(0, 0), crate::harness::entries(&[1, 1]), 2);
    step(&mut node, 1, 1, body);
    let taken = take(&mut node);
    assert_eq!(taken.messages, [message(3, 1, 1, matched(2))]);
    assert_eq!(taken.committed, crate::harness::entries(&[1, 1]));
}

#[test]
fn a_voter_that_became_a_learner_campaigns_no_more() {
    let mut node = lone(1, 3, Restored::default());
    node.apply_conf_change(&add_learner(1))
        .expect("it can follow");
    node.campaign();
    assert_eq!(node.role(), Role::Follower);
}

impl Network {
    /// Lets twice the longest election timeout pass for a learner, which asks for nothing.
    fn time_out_as_learner(&mut self, id: u64) {
        let term = self.node(id).term();
        self.pass(id, 20);
        self.pass(id, 20);
        assert_eq!(self.node(id).role(), Role::Follower);
        assert_eq!(self.node(id).term(), term);
    }
}

#[test]
fn a_learner_elects_nobody_by_its_own_vote() {
    let mut node = lone(1, 1, with_learners(&[1, 2], &[3]));
    elect(&mut node, &[2]);
    let voters: Vec<_> = node
        .progress()
        .map(|follower| (follower.id(), follower.is_voter()))
        .collect();
    assert_eq!(voters, [(peer(2), true), (peer(3), false)]);
}
