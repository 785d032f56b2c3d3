//! Project 2AB: replication, in a network of peers.

use types::raft::{MessageKind, Role};

use crate::harness::{
    Network, append, command, config, entry, hard_state, index, peer, position, restored_with,
    term, vote,
};

#[test]
fn leader_sync_follower_log_ends_with_the_leaders_log_whatever_was_there_before() {
    let leaders = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    for followers in [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6][..],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ] {
        let starts = vec![
            (config(1, 3), restored_with(hard_state(8, 0, 10), &leaders)),
            (config(2, 3), restored_with(hard_state(7, 0, 0), followers)),
        ];
        // Peer 3 does not answer by itself: its vote is made up, as 2 may not vote for this log.
        let mut network = Network::of(starts);
        network.campaign(1);
        network.inject(3, 1, 9, vote(true));
        network.propose(1, "some data");
        let mut expected = leaders.to_vec();
        expected.extend([9, 9]);
        for id in 1..=2 {
            assert_eq!(network.log_terms(id), expected, "{followers:?}");
            assert_eq!(network.node(id).commit(), index(12));
            assert_eq!(network.node(id).applied_index(), index(12));
        }
    }
}

#[test]
fn leader_election_overwrite_newer_logs_that_were_never_committed() {
    let voted_for_3 = || restored_with(hard_state(2, 3, 0), &[]);
    let mut network = Network::of(vec![
        (config(1, 5), restored_with(hard_state(1, 0, 0), &[1])),
        (config(2, 5), restored_with(hard_state(1, 0, 0), &[1])),
        (config(3, 5), restored_with(hard_state(2, 3, 0), &[2])),
        (config(4, 5), voted_for_3()),
        (config(5, 5), voted_for_3()),
    ]);
    network.campaign(1);
    let loser = network.node(1);
    assert_eq!((loser.role(), loser.term()), (Role::Follower, term(2)));
    network.campaign(1);
    let winner = network.node(1);
    assert_eq!((winner.role(), winner.term()), (Role::Leader, term(3)));
    for id in 1..=5 {
        assert_eq!(network.log_terms(id), [1, 3], "peer {id}");
    }
}

#[test]
fn log_replication_brings_every_proposal_to_every_peer_in_order() {
    let mut network = Network::new(3);
    network.campaign(1);
    network.propose(1, "some data");
    assert_eq!(network.commits(), [2; 3]);
    for id in 1..=3 {
        assert_eq!(network.applied(id), ["some data"]);
    }
}

#[test]
fn log_replication_goes_on_under_the_next_leader() {
    let mut network = Network::new(3);
    network.campaign(1);
    network.propose(1, "first");
    network.campaign(2);
    network.propose(2, "second");
    assert_eq!(network.commits(), [4; 3]);
    for id in 1..=3 {
        assert_eq!(network.applied(id), ["first", "second"]);
    }
}

#[test]
fn single_node_commit_needs_nobody_else() {
    let mut network = Network::new(1);
    network.campaign(1);
    network.propose(1, "first");
    network.propose(1, "second");
    assert_eq!(network.commits(), [3]);
}

#[test]
fn commit_without_new_term_entry_waits_for_the_no_op_of_the_next_leader() {
    let mut network = Network::new(5);
    network.campaign(1);
    for other in 3..=5 {
        network.cut(1, other);
    }
    network.propose(1, "first");
    network.propose(1, "second");
    assert_eq!(network.node(1).commit(), index(1));
    network.heal();
    network.campaign(2);
    assert_eq!(network.node(1).commit(), index(4));
    assert_eq!(network.log_terms(1), [1, 1, 1, 2]);
}

#[test]
fn commit_with_heartbeat_reaches_a_peer_that_missed_the_proposals() {
    let mut network = Network::new(5);
    network.campaign(1);
    network.isolate(5);
    network.propose(1, "first");
    network.propose(1, "second");
    network.heal();
    assert_eq!(network.node(5).commit(), index(1));
    network.beat(1);
    assert_eq!(network.node(5).commit(), index(3));
}

#[test]
fn dueling_candidates_end_as_followers_when_the_one_with_the_shorter_log_tries_again() {
    let mut network = Network::new(3);
    network.cut(1, 3);
    network.campaign_together(&[1, 3]);
    assert_eq!(network.node(1).role(), Role::Leader);
    // One refusal of two leaves the election open.
    assert_eq!(network.node(3).role(), Role::Candidate);
    network.heal();
    network.campaign(3);
    assert_eq!(network.roles(), [Role::Follower; 3]);
    assert_eq!(network.terms(), [2; 3]);
    for (id, terms) in [(1, &[1][..]), (2, &[1]), (3, &[])] {
        assert_eq!(network.log_terms(id), terms);
    }
    assert_eq!(network.commits(), [1, 1, 0]);
}

#[test]
fn candidate_concede_to_a_leader_of_its_own_term_and_takes_its_log() {
    let mut network = Network::new(3);
    network.isolate(1);
    network.campaign(1);
    network.campaign(3);
    network.heal();
    network.beat(3);
    network.propose(3, "force follower");
    network.beat(3);
    let conceded = network.node(1);
    assert_eq!(
        (conceded.role(), conceded.term()),
        (Role::Follower, term(1))
    );
    assert_eq!(conceded.leader(), Some(peer(3)));
    for id in 1..=3 {
        assert_eq!(network.log_terms(id), [1, 1]);
        assert_eq!(network.node(id).commit(), index(2));
    }
}

#[test]
fn old_messages_of_an_earlier_term_are_ignored() {
    let mut network = Network::new(3);
    for leader in [1, 2, 1] {
        network.campaign(leader);
    }
    assert_eq!(network.node(1).term(), term(3));
    network.inject(2, 1, 2, append(position(2, 2), vec![entry(3, 2)], 2));
    network.propose(1, "some data");
    for id in 1..=3 {
        assert_eq!(network.log_terms(id), [1, 2, 3, 3]);
        assert_eq!(network.node(id).commit(), index(4));
        assert_eq!(network.applied(id), ["some data"]);
    }
}

#[test]
fn proposal_commits_when_and_only_when_a_majority_is_there() {
    for (count, black_holes, commits) in [
        (3, 0, true),
        (3, 1, true),
        (3, 2, false),
        (4, 2, false),
        (5, 2, true),
    ] {
        let mut network = Network::new(count);
        for id in 2..2 + black_holes {
            network.silence(id);
        }
        network.campaign(1);
        let proposed = network.node_mut(1).propose("some data".into());
        network.settle();
        // Without a majority there is no leader to take it.
        assert_eq!(proposed.is_ok(), commits, "{count} with {black_holes}");
        assert_eq!(network.node(1).term(), term(1));
        let expected = if commits { 2 } else { 0 };
        for member in network.members.values() {
            assert_eq!(member.node.commit(), index(expected));
            assert_eq!(member.node.log().last_index(), index(expected));
        }
        if commits {
            let last = network.node(1).log().entry(index(2)).cloned();
            assert_eq!(last, Some(command(2, 1, "some data")));
        }
    }
}

#[test]
fn heartbeat_update_commit_never_commits_what_the_receiver_holds_of_another_leader() {
    for (failures, successes) in [(1, 1), (5, 3), (5, 10)] {
        let mut network = Network::new(3);
        network.campaign(1);
        network.isolate(1);
        for _ in 0..failures {
            network.propose(1, "lost");
        }
        network.campaign(2);
        for _ in 0..successes {
            network.propose(2, "kept");
        }
        assert_eq!(network.node(2).commit(), index(2 + successes));
        network.heal();
        network.ignore(MessageKind::Append);
        network.beat(2);
        assert_eq!(network.node(1).role(), Role::Follower);
        assert_eq!(network.node(1).leader(), Some(peer(2)));
        assert!(network.node(1).commit() <= index(1));
    }
}
