//! Reads by lease: a promise in time instead of a round of heartbeats (thesis, section 6.4.1).

use raft::{Config, ConfigError, Lease, RawNode, Restored};
use types::raft::{MessageBody, ReadId, Role};

use crate::harness::{
    Network, add_learner, append, config, drain, elect, heard, heartbeat_of, message, peer,
    position, read, request_vote, settle_in, snapshot_body, start, step, take, vote,
};

/// Refusal for a second, and a lease that is shorter by a drift of a twentieth.
const LEASE: Lease = Lease {
    duration_us: 950_000,
    refusal_us: 1_000_000,
};

fn with_lease(config: Config) -> Config {
    Config {
        lease: Some(LEASE),
        ..config
    }
}

/// A peer whose promise from its start has run out.
fn node(id: u64) -> RawNode {
    let mut node = start(with_lease(config(id, 3)), Restored::default());
    node.set_clock(LEASE.refusal_us);
    node
}

/// A leader of term 1 that sent its first round at `sent_us`; nobody answered.
fn leader_with_a_round_at(sent_us: u64) -> RawNode {
    let mut node = node(1);
    settle_in(&mut node, &[2, 3]);
    node.set_clock(sent_us);
    node.advance_ticks(1);
    let beat = heartbeat_of(1, 1);
    assert_eq!(
        drain(&mut node),
        [message(1, 2, 1, beat.clone()), message(1, 3, 1, beat)]
    );
    assert_eq!(node.lease_until_us(), None);
    node
}

fn reads_at(node: &mut RawNode, now_us: u64, id: u64) -> bool {
    node.set_clock(now_us);
    node.read_index(ReadId(id)).expect("a leader");
    let reads = take(node).reads;
    assert!(reads.is_empty() || reads == [read(id, 1)]);
    !reads.is_empty()
}

/// Whether a later candidate is heard, with an answer of whatever kind.
fn hears_a_candidate(node: &mut RawNode, of: u64) -> bool {
    step(node, 3, of, request_vote(position(9, of - 1)));
    !drain(node).is_empty()
}

#[test]
fn a_lease_counts_from_when_the_round_was_sent_not_from_its_answer() {
    let mut node = leader_with_a_round_at(5_000_000);
    node.set_clock(5_400_000);
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert_eq!(node.lease_until_us(), Some(5_000_000 + LEASE.duration_us));
}

#[test]
fn a_read_within_the_lease_needs_no_message() {
    let mut node = leader_with_a_round_at(5_000_000);
    step(&mut node, 2, 1, heard(1, 1, 1));
    node.set_clock(5_949_999);
    node.read_index(ReadId(7)).expect("a leader");
    let taken = take(&mut node);
    assert_eq!(taken.reads, [read(7, 1)]);
    assert_eq!(taken.messages, []);
}

#[test]
fn a_read_at_the_end_of_the_lease_waits_for_a_round() {
    let mut node = leader_with_a_round_at(5_000_000);
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert!(reads_at(&mut node, 5_949_999, 1));
    assert!(!reads_at(&mut node, 5_950_000, 2));
    step(&mut node, 3, 1, heard(1, 1, 2));
    assert_eq!(take(&mut node).reads, [read(2, 1)]);
    assert_eq!(node.lease_until_us(), Some(5_950_000 + LEASE.duration_us));
}

#[test]
fn a_quorum_that_answered_different_rounds_gives_the_lease_of_the_older() {
    let mut node = start(with_lease(config(1, 5)), Restored::default());
    node.set_clock(LEASE.refusal_us);
    settle_in(&mut node, &[2, 3]);
    for (round, sent_us) in [(1, 5_000_000), (2, 5_100_000)] {
        node.set_clock(sent_us);
        node.advance_ticks(1);
        assert_eq!(drain(&mut node).len(), 4);
        step(&mut node, 2, 1, heard(1, 1, round));
    }
    assert_eq!(node.lease_until_us(), None, "two of five");
    step(&mut node, 3, 1, heard(1, 1, 1));
    assert_eq!(node.lease_until_us(), Some(5_000_000 + LEASE.duration_us));
    step(&mut node, 4, 1, heard(1, 1, 2));
    assert_eq!(node.lease_until_us(), Some(5_100_000 + LEASE.duration_us));
}

#[test]
fn an_answer_that_comes_late_takes_no_lease_back() {
    let mut node = leader_with_a_round_at(5_000_000);
    node.set_clock(5_100_000);
    node.advance_ticks(1);
    drain(&mut node);
    step(&mut node, 2, 1, heard(1, 1, 2));
    step(&mut node, 3, 1, heard(1, 1, 1));
    assert_eq!(node.lease_until_us(), Some(5_100_000 + LEASE.duration_us));
}

#[test]
fn a_read_waits_for_the_first_commit_of_the_term_even_within_a_lease() {
    let mut node = node(1);
    elect(&mut node, &[2]);
    node.advance_ticks(1);
    drain(&mut node);
    step(&mut node, 2, 1, heard(0, 0, 1));
    assert!(node.lease_until_us().is_some());
    node.read_index(ReadId(7)).expect("a leader");
    assert_eq!(take(&mut node).reads, []);
    step(&mut node, 2, 1, crate::harness::matched(1));
    assert_eq!(take(&mut node).reads, [read(7, 1)]);
}

#[test]
fn who_heard_its_leader_refuses_every_vote_for_the_whole_promise() {
    for word in [
        heartbeat_of(0, 1),
        append(position(0, 0), vec![], 0),
        snapshot_body(position(5, 1), &[1, 2, 3]),
    ] {
        let mut node = node(2);
        node.set_clock(5_000_000);
        step(&mut node, 1, 1, word);
        drain(&mut node);
        node.set_clock(5_999_999);
        assert!(!hears_a_candidate(&mut node, 2));
        node.set_clock(6_000_000);
        assert!(hears_a_candidate(&mut node, 2));
    }
}

#[test]
fn a_question_before_a_vote_is_refused_as_long() {
    let mut node = node(2);
    node.set_clock(5_000_000);
    step(&mut node, 1, 1, heartbeat_of(0, 1));
    drain(&mut node);
    let ask = || MessageBody::PreVote {
        last: position(9, 1),
        commit: position(0, 0),
    };
    node.set_clock(5_999_999);
    step(&mut node, 3, 2, ask());
    assert_eq!(drain(&mut node), []);
    node.set_clock(6_000_000);
    step(&mut node, 3, 2, ask());
    assert_eq!(drain(&mut node).len(), 1);
}

#[test]
fn an_old_leaders_word_promises_nothing() {
    let mut node = node(2);
    step(&mut node, 1, 4, heartbeat_of(0, 1));
    drain(&mut node);
    node.set_clock(1_900_000);
    step(&mut node, 3, 2, heartbeat_of(0, 1));
    drain(&mut node);
    node.set_clock(2_000_000);
    assert!(hears_a_candidate(&mut node, 5));
}

#[test]
fn who_starts_may_have_promised_and_refuses_as_long() {
    let mut node = start(
        Config {
            clock_us: 3_000_000,
            ..with_lease(config(2, 3))
        },
        Restored::default(),
    );
    node.set_clock(3_999_999);
    assert!(!hears_a_candidate(&mut node, 2));
    node.set_clock(4_000_000);
    assert!(hears_a_candidate(&mut node, 2));
}

#[test]
fn a_peer_refuses_its_own_vote_as_long() {
    let mut node = node(2);
    node.set_clock(5_000_000);
    step(&mut node, 1, 1, heartbeat_of(0, 1));
    drain(&mut node);
    node.set_clock(5_999_999);
    for _ in 0..10 {
        node.advance_ticks(20);
        node.campaign();
        assert_eq!(
            (node.role(), node.leader()),
            (Role::Follower, Some(peer(1)))
        );
    }
    node.set_clock(6_000_000);
    node.campaign();
    assert_eq!(node.role(), Role::Candidate);
}

#[test]
fn forgetting_the_leader_breaks_no_promise() {
    let mut node = node(2);
    node.set_clock(5_000_000);
    step(&mut node, 1, 1, heartbeat_of(0, 1));
    drain(&mut node);
    node.forget_leader();
    assert!(!hears_a_candidate(&mut node, 2));
}

#[test]
fn a_clock_never_runs_backwards() {
    let mut node = leader_with_a_round_at(5_000_000);
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert!(!reads_at(&mut node, 6_000_000, 1));
    assert!(!reads_at(&mut node, 5_500_000, 2), "it is still past");
}

#[test]
fn a_transfer_gives_the_lease_up_for_the_rest_of_the_term() {
    let mut node = leader_with_a_round_at(5_000_000);
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert!(reads_at(&mut node, 5_100_000, 1));
    node.transfer_leader(peer(2)).expect("a voter");
    let body = MessageBody::TimeoutNow;
    assert!(drain(&mut node).contains(&message(1, 2, 1, body)));
    assert_eq!(node.lease_until_us(), None);
    assert!(!reads_at(&mut node, 5_200_000, 2));
    // It is called off, but 2 may have been told.
    node.transfer_leader(peer(1)).expect("a voter");
    node.advance_ticks(1);
    drain(&mut node);
    step(&mut node, 3, 1, heard(1, 1, 3));
    assert_eq!(take(&mut node).reads, [read(2, 1)], "by a round");
    assert_eq!(node.lease_until_us(), None);
    assert!(!reads_at(&mut node, 5_300_000, 3));
}

#[test]
fn a_transfer_that_waits_for_its_target_keeps_the_lease() {
    let mut node = leader_with_a_round_at(5_000_000);
    step(&mut node, 2, 1, heard(1, 1, 1));
    node.propose("3 does not have this".into())
        .expect("a leader");
    drain(&mut node);
    node.transfer_leader(peer(3)).expect("a voter");
    assert!(reads_at(&mut node, 5_100_000, 1));
}

#[test]
fn who_is_asked_to_take_over_waits_for_no_promise_and_neither_do_its_voters() {
    let mut target = node(2);
    target.set_clock(5_000_000);
    step(&mut target, 1, 1, heartbeat_of(0, 1));
    drain(&mut target);
    step(&mut target, 1, 1, MessageBody::TimeoutNow);
    assert_eq!(target.role(), Role::Candidate);
    let request = drain(&mut target)[1].clone();
    let mut voter = node(3);
    voter.set_clock(5_000_000);
    step(&mut voter, 1, 1, heartbeat_of(0, 1));
    drain(&mut voter);
    voter.step(request).expect("an honest message");
    assert_eq!(drain(&mut voter), [message(3, 2, 2, vote(true))]);
}

#[test]
fn a_membership_change_ends_the_lease_until_a_new_round_is_answered() {
    let mut node = leader_with_a_round_at(5_000_000);
    node.set_clock(5_100_000);
    node.advance_ticks(1);
    drain(&mut node);
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert!(node.lease_until_us().is_some());
    node.apply_conf_change(&add_learner(4))
        .expect("it can follow");
    assert_eq!(node.lease_until_us(), None);
    // Round 2 left under the earlier membership.
    step(&mut node, 2, 1, heard(1, 1, 2));
    assert_eq!(node.lease_until_us(), None);
    node.set_clock(5_200_000);
    node.advance_ticks(1);
    drain(&mut node);
    step(&mut node, 2, 1, heard(1, 1, 3));
    assert_eq!(node.lease_until_us(), Some(5_200_000 + LEASE.duration_us));
}

#[test]
fn a_leader_that_steps_down_holds_no_lease_and_the_next_term_starts_without() {
    let mut node = leader_with_a_round_at(5_000_000);
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert!(node.lease_until_us().is_some());
    step(&mut node, 3, 2, request_vote(position(9, 1)));
    assert_eq!(node.lease_until_us(), None);
    drain(&mut node);
    elect(&mut node, &[2]);
    assert_eq!(node.lease_until_us(), None);
    drain(&mut node);
    step(&mut node, 2, 3, heard(1, 1, 1));
    assert_eq!(
        node.lease_until_us(),
        None,
        "no round of this term was sent"
    );
}

#[test]
fn a_single_voter_leases_itself() {
    let mut node = start(with_lease(config(1, 1)), Restored::default());
    node.set_clock(LEASE.refusal_us);
    settle_in(&mut node, &[]);
    node.advance_ticks(1);
    assert_eq!(
        node.lease_until_us(),
        Some(LEASE.refusal_us + LEASE.duration_us)
    );
}

#[test]
fn rounds_that_nobody_answered_for_long_are_forgotten() {
    let mut node = leader_with_a_round_at(5_000_000);
    for round in 2..200 {
        node.set_clock(5_000_000 + round);
        node.advance_ticks(1);
        drain(&mut node);
    }
    step(&mut node, 2, 1, heard(1, 1, 1));
    assert_eq!(node.lease_until_us(), None);
    step(&mut node, 2, 1, heard(1, 1, 199));
    assert_eq!(node.lease_until_us(), Some(5_000_199 + LEASE.duration_us));
}

#[test]
fn a_lease_longer_than_the_refusal_is_refused() {
    let lease = Lease {
        duration_us: 1_000_001,
        refusal_us: 1_000_000,
    };
    let refused = RawNode::new(
        Config {
            lease: Some(lease),
            ..config(1, 3)
        },
        Restored::default(),
    );
    assert_eq!(refused.err(), Some(ConfigError::LeaseTooLong { lease }));
}

/// The whole argument at once: as long as the old leader answers by its lease, nobody else is
/// elected, whoever campaigns how often.
#[test]
fn no_second_leader_is_elected_while_a_lease_holds() {
    let mut network = Network::with(3, with_lease);
    let set_all = |network: &mut Network, now_us| {
        for member in network.members.values_mut() {
            member.node.set_clock(now_us);
        }
    };
    set_all(&mut network, LEASE.refusal_us);
    network.campaign(1);
    network.beat(1);
    let until_us = network.node(1).lease_until_us().expect("a lease");
    network.isolate(1);
    let mut now_us = LEASE.refusal_us;
    while network.node(2).role() != Role::Leader {
        set_all(&mut network, now_us);
        network.campaign(2);
        network.campaign(3);
        network.campaign(2);
        now_us += 10_000;
    }
    assert!(now_us > until_us, "{now_us} {until_us}");
    network.propose(2, "the old leader does not know this");
    network.read(1, 9);
    assert_eq!(network.member(1).reads, []);
}

#[test]
fn where_heartbeats_are_appends_a_lease_has_rounds_too() {
    let mut network = Network::with(3, |config| Config {
        heartbeat_as_append: true,
        ..with_lease(config)
    });
    for id in 1..=3 {
        network.node_mut(id).set_clock(LEASE.refusal_us);
    }
    network.campaign(1);
    network.beat(1);
    assert!(network.node(1).lease_until_us().is_some());
    network.read(1, 7);
    assert_eq!(network.member(1).reads, [read(7, 1)]);
}
