//! Asking whether an election could be won before a term is taken for it (thesis, section 9.6).

use raft::{Config, RawNode, Restored};
use types::raft::{Message, MessageBody, MessageKind, Role};

use crate::harness::{
    Network, append, config, drain, elect, hard_state, heartbeat, index, message, no_op, peer,
    position, pre_vote, request_vote, restored, restored_with, start, step, term, vote,
};

fn with_pre_vote(config: Config) -> Config {
    Config {
        pre_vote: true,
        ..config
    }
}

fn node(id: u64, restored: Restored) -> RawNode {
    start(with_pre_vote(config(id, 3)), restored)
}

fn network() -> Network {
    Network::with(3, with_pre_vote)
}

fn ask(last: (u64, u64)) -> MessageBody {
    MessageBody::PreVote {
        last: position(last.0, last.1),
        commit: position(0, 0),
    }
}

/// Checks that a message leaves a peer as it was; its answers.
fn unmoved(node: &mut RawNode, from: u64, of: u64, body: MessageBody) -> Vec<Message> {
    let before = (node.role(), node.hard_state(), node.leader());
    step(node, from, of, body);
    assert_eq!((node.role(), node.hard_state(), node.leader()), before);
    drain(node)
}

#[test]
fn a_pre_candidate_asks_about_the_next_term_and_enters_none() {
    let mut node = node(1, restored(&[1, 2]));
    node.campaign();
    assert_eq!((node.role(), node.term()), (Role::PreCandidate, term(2)));
    assert_eq!(node.hard_state().vote, None);
    let ready = node.ready().expect("questions");
    // A question promises nothing, so that nothing has to be written for it.
    assert!(!ready.must_persist());
    assert_eq!(ready.hard_state, None);
    assert_eq!(
        ready.messages,
        [message(1, 2, 3, ask((2, 2))), message(1, 3, 3, ask((2, 2))),],
    );
}

#[test]
fn a_yes_binds_nobody_and_carries_the_asked_term() {
    let mut voter = node(1, restored_with(hard_state(4, 3, 0), &[1, 2]));
    // Two ask in one term, and both hear a yes.
    for asker in [2, 3] {
        let answer = unmoved(&mut voter, asker, 7, ask((2, 2)));
        assert_eq!(answer, [message(1, asker, 7, pre_vote(true))]);
    }
}

#[test]
fn a_shorter_log_is_refused_in_a_term_that_the_asker_can_take_as_its_own() {
    let mut voter = node(1, restored(&[1, 2]));
    let answer = unmoved(&mut voter, 2, 7, ask((1, 2)));
    assert_eq!(answer, [message(1, 2, 6, pre_vote(false))]);
}

#[test]
fn a_question_of_an_older_term_is_answered_with_the_newer_one() {
    let mut voter = node(1, restored_with(hard_state(5, 0, 0), &[]));
    let answer = unmoved(&mut voter, 2, 3, ask((9, 2)));
    assert_eq!(answer, [message(1, 2, 5, pre_vote(false))]);
    let mut asker = node(2, restored_with(hard_state(2, 0, 0), &[]));
    asker.campaign();
    drain(&mut asker);
    step(&mut asker, 1, 5, pre_vote(false));
    assert_eq!((asker.role(), asker.term()), (Role::Follower, term(5)));
}

#[test]
fn a_question_about_the_own_term_is_decided_like_a_vote_in_it() {
    let mut voter = node(1, restored_with(hard_state(5, 3, 0), &[]));
    let to_another = unmoved(&mut voter, 2, 5, ask((9, 4)));
    assert_eq!(to_another, [message(1, 2, 5, pre_vote(false))]);
    let to_the_same = unmoved(&mut voter, 3, 5, ask((9, 4)));
    assert_eq!(to_the_same, [message(1, 3, 5, pre_vote(true))]);
}

#[test]
fn a_majority_of_yes_starts_the_election_in_earnest() {
    let mut node = node(1, Restored::default());
    node.campaign();
    drain(&mut node);
    step(&mut node, 3, 1, pre_vote(true));
    assert_eq!((node.role(), node.term()), (Role::Candidate, term(1)));
    let request = request_vote(position(0, 0));
    assert_eq!(
        drain(&mut node),
        [message(1, 2, 1, request.clone()), message(1, 3, 1, request),],
    );
    // The yes was none to the election itself.
    assert_eq!(node.votes().collect::<Vec<_>>(), [(peer(1), true)]);
}

#[test]
fn a_majority_of_no_makes_a_follower_in_the_same_term() {
    let mut node = node(1, restored(&[1]));
    node.campaign();
    drain(&mut node);
    for refusing in [2, 3] {
        step(&mut node, refusing, 1, pre_vote(false));
    }
    assert_eq!((node.role(), node.term()), (Role::Follower, term(1)));
}

#[test]
fn a_late_yes_to_an_earlier_question_does_not_count() {
    let mut node = node(1, restored(&[1]));
    node.campaign();
    drain(&mut node);
    step(&mut node, 2, 2, pre_vote(true));
    assert_eq!(node.role(), Role::Candidate);
    drain(&mut node);
    // Its election in term 2 fails and it asks about term 3.
    node.campaign();
    drain(&mut node);
    assert_eq!((node.role(), node.term()), (Role::PreCandidate, term(2)));
    unmoved(&mut node, 3, 2, pre_vote(true));
    unmoved(&mut node, 3, 9, pre_vote(true));
    step(&mut node, 3, 3, pre_vote(true));
    assert_eq!((node.role(), node.term()), (Role::Candidate, term(3)));
}

#[test]
fn a_vote_in_earnest_does_not_answer_the_question_before_it() {
    let mut node = node(1, restored(&[1]));
    node.campaign();
    drain(&mut node);
    unmoved(&mut node, 2, 1, vote(true));
}

#[test]
fn a_pre_candidate_follows_the_leader_that_it_hears() {
    for body in [heartbeat(0), append(position(0, 0), vec![], 0)] {
        let mut node = node(1, restored(&[1]));
        node.campaign();
        drain(&mut node);
        step(&mut node, 2, 1, body);
        assert_eq!(
            (node.role(), node.leader()),
            (Role::Follower, Some(peer(2)))
        );
        assert_eq!(node.term(), term(1));
    }
}

#[test]
fn a_pre_candidate_votes_for_another() {
    let mut node = node(1, restored(&[1]));
    node.campaign();
    drain(&mut node);
    step(&mut node, 2, 2, request_vote(position(1, 1)));
    assert_eq!(drain(&mut node), [message(1, 2, 2, vote(true))]);
    assert_eq!(node.hard_state().vote, Some(peer(2)));
}

#[test]
fn a_single_voter_needs_to_ask_nobody() {
    let mut network = Network::with(1, with_pre_vote);
    network.campaign(1);
    assert_eq!(network.node(1).role(), Role::Leader);
    assert_eq!(network.node(1).term(), term(1));
}

#[test]
fn an_isolated_peer_does_not_raise_its_term_however_often_it_asks() {
    let mut network = network();
    network.campaign(1);
    network.isolate(3);
    for _ in 0..20 {
        network.time_out(3);
        network.settle();
    }
    assert_eq!(network.terms(), [1; 3]);
}

#[test]
fn a_peer_that_comes_back_with_a_shorter_log_does_not_depose_the_leader() {
    let mut network = network();
    network.campaign(1);
    network.isolate(3);
    network.propose(1, "it misses this");
    network.time_out(3);
    network.settle();
    network.heal();
    network.campaign(3);
    assert_eq!(network.node(1).role(), Role::Leader);
    assert_eq!(network.terms(), [1; 3]);
    network.beat(1);
    assert_eq!(network.node(3).leader(), Some(peer(1)));
    assert_eq!(network.commits(), [2; 3]);
}

/// With check-quorum, which comes with it in the preset of etcd, the loyalty to a leader that
/// lives keeps even an equal log from winning.
#[test]
fn a_returning_peer_does_not_depose_the_leader() {
    let mut network = Network::with(3, |config| Config {
        check_quorum: true,
        ..with_pre_vote(config)
    });
    network.campaign(1);
    network.isolate(3);
    for _ in 0..5 {
        network.time_out(3);
        network.settle();
    }
    network.heal();
    network.campaign(3);
    assert_eq!(network.node(3).role(), Role::PreCandidate);
    assert_eq!(network.node(1).role(), Role::Leader);
    assert_eq!(network.terms(), [1; 3]);
    network.beat(1);
    assert_eq!(network.node(3).leader(), Some(peer(1)));
}

#[test]
fn two_that_ask_together_split_the_vote_and_the_next_to_ask_wins() {
    let mut network = network();
    network.campaign(1);
    network.isolate(1);
    network.campaign_together(&[2, 3]);
    for id in [2, 3] {
        let node = network.node(id);
        assert_eq!((node.role(), node.term()), (Role::Candidate, term(2)));
    }
    network.campaign(3);
    assert_eq!(network.node(3).role(), Role::Leader);
    assert_eq!(network.node(3).term(), term(3));
    assert_eq!(network.node(2).leader(), Some(peer(3)));
}

/// A peer without pre-vote went up to term 4 alone, with the shorter log; the others are at term 1
/// with the longer one. Then all ask first. The network, without a cut.
fn with_a_high_term_on_a_short_log() -> Network {
    let starts = vec![
        (with_pre_vote(config(1, 3)), restored(&[1, 1])),
        (with_pre_vote(config(2, 3)), restored(&[1, 1])),
        (
            with_pre_vote(config(3, 3)),
            restored_with(hard_state(4, 3, 0), &[1]),
        ),
    ];
    Network::of(starts)
}

#[test]
fn who_has_the_better_log_and_the_lower_term_learns_the_term_and_wins_the_next_time() {
    let mut network = with_a_high_term_on_a_short_log();
    network.isolate(1);
    // Only 3 could give 2 a majority, and its term is beyond what 2 asks about.
    network.campaign(2);
    assert_eq!(
        (network.node(2).role(), network.node(2).term().get()),
        (Role::Follower, 4)
    );
    network.campaign(3);
    assert_ne!(network.node(3).role(), Role::Leader, "its log is shorter");
    network.campaign(2);
    assert_eq!(network.node(2).role(), Role::Leader);
    assert_eq!(network.node(2).term(), term(5));
    assert_eq!(network.log_terms(3), [1, 1, 5]);
}

#[test]
fn a_pre_candidate_of_a_higher_term_is_freed_by_the_leader_that_it_answers() {
    let mut network = with_a_high_term_on_a_short_log();
    network.isolate(3);
    network.campaign(1);
    assert_eq!(network.terms(), [2, 2, 4]);
    network.campaign(3);
    assert_eq!(network.node(3).role(), Role::PreCandidate);
    network.heal();
    // Its term is too high for the leader's words and its log too short for a yes.
    network.campaign(3);
    assert_ne!(network.node(3).role(), Role::Leader);
    network.beat(1);
    assert_eq!(network.node(1).term(), term(4), "it learned the term");
    network.campaign(1);
    assert_eq!(network.node(1).role(), Role::Leader);
    assert_eq!(network.node(3).leader(), Some(peer(1)));
    assert_eq!(network.log_terms(3), network.log_terms(1));
}

#[test]
fn some_that_ask_first_and_some_that_do_not_elect_a_leader_together() {
    let mut network = Network::of(vec![
        (with_pre_vote(config(1, 3)), Restored::default()),
        (with_pre_vote(config(2, 3)), Restored::default()),
        (config(3, 3), Restored::default()),
    ]);
    for (id, of) in [(1, 1), (3, 2), (2, 3)] {
        network.campaign(id);
        assert_eq!(network.node(id).role(), Role::Leader);
        assert_eq!(network.node(id).term(), term(of));
    }
    assert_eq!(network.commits(), [3; 3]);
}

#[test]
fn who_is_asked_by_the_leader_to_take_over_does_not_ask_first() {
    let mut node = node(2, Restored::default());
    step(
        &mut node,
        1,
        1,
        append(position(0, 0), vec![no_op(1, 1)], 0),
    );
    drain(&mut node);
    step(&mut node, 1, 1, MessageBody::TimeoutNow);
    assert_eq!((node.role(), node.term()), (Role::Candidate, term(2)));
    let kinds: Vec<_> = drain(&mut node)
        .iter()
        .map(|message| message.body.kind())
        .collect();
    assert_eq!(kinds, [MessageKind::RequestVote; 2]);
}

#[test]
fn a_leader_answers_the_question_and_goes_on_leading() {
    let mut leader = node(1, Restored::default());
    leader.campaign();
    drain(&mut leader);
    step(&mut leader, 2, 1, pre_vote(true));
    drain(&mut leader);
    step(&mut leader, 2, 1, vote(true));
    drain(&mut leader);
    assert_eq!(leader.role(), Role::Leader);
    let answer = unmoved(&mut leader, 3, 2, ask((0, 0)));
    assert_eq!(answer, [message(1, 3, 1, pre_vote(false))]);
    let answer = unmoved(&mut leader, 3, 2, ask((1, 1)));
    assert_eq!(answer, [message(1, 3, 2, pre_vote(true))]);
}

#[test]
fn a_candidate_that_waits_too_long_asks_again_in_its_term() {
    let mut node = node(1, Restored::default());
    node.campaign();
    drain(&mut node);
    step(&mut node, 2, 1, pre_vote(true));
    drain(&mut node);
    assert_eq!((node.role(), node.term()), (Role::Candidate, term(1)));
    let ticks = node.ticks_to_deadline();
    node.advance_ticks(ticks);
    assert_eq!((node.role(), node.term()), (Role::PreCandidate, term(1)));
    let asked: Vec<_> = drain(&mut node).into_iter().map(|m| m.term).collect();
    assert_eq!(asked, [term(2); 2]);
    assert_eq!(node.commit(), index(0));
}

#[test]
fn a_leader_without_pre_vote_is_elected_as_ever() {
    let mut node = start(config(1, 3), Restored::default());
    elect(&mut node, &[2]);
    assert_eq!(node.term(), term(1));
}
