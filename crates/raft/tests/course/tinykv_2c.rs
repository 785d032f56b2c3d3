//! Project 2C: snapshots, as far as the core goes.

use raft::progress::{Progress, ProgressState};
use raft::{RawNode, Restored};
use types::raft::{ConfState, Role};

use crate::harness::{
    Network, config, drain, elect, entry, hard_state, index, lone, matched, message, only_to_apply,
    peer, peers, position, rejected, restored_snapshot, restored_with, settle_in, snapshot,
    snapshot_body, start, step, take, term, vote,
};

#[test]
fn restore_snapshot_replaces_log_and_membership() {
    let mut node = lone(1, 2, Restored::default());
    step(
        &mut node,
        2,
        11,
        snapshot_body(position(11, 11), &[1, 2, 3]),
    );
    assert_eq!(node.log().last_index(), index(11));
    assert_eq!(node.log().term(index(11)), Some(term(11)));
    assert_eq!(node.voters(), peers(&[1, 2, 3]));
    assert_eq!(node.commit(), index(11));
    // The course's snapshot counts as applied at once; here it does once the host says so.
    assert_eq!(node.applied_index(), index(0));
    let answer = message(1, 2, 11, matched(11));
    assert_eq!(drain(&mut node), [answer]);
    assert_eq!(node.applied_index(), index(11));
}

#[test]
fn restore_ignore_snapshot_that_is_behind_the_commit_index() {
    let mut node = lone(1, 2, restored_with(hard_state(1, 0, 3), &[1, 1, 1]));
    drain(&mut node);
    step(&mut node, 2, 1, snapshot_body(position(1, 1), &[1, 2]));
    assert_eq!(node.commit(), index(3));
    assert_eq!(node.log().last_index(), index(3));
    let ready = node.ready().expect("an answer");
    assert_eq!(ready.snapshot, None);
    assert_eq!(ready.messages, [message(1, 2, 1, matched(3))]);
}

/// A leader of 1 and 2 whose log begins behind a snapshot at 11, and that has learned that 2 holds
/// nothing.
fn leader_behind_a_snapshot() -> RawNode {
    let mut node = lone(1, 2, restored_snapshot(position(11, 11), &[1, 2]));
    elect(&mut node, &[2]);
    drain(&mut node);
    step(&mut node, 2, 12, rejected(11, position(0, 0)));
    let next: Vec<_> = node.progress().map(Progress::next).collect();
    assert!(next[0] <= index(11));
    node
}

#[test]
fn provide_snap_sends_exactly_one_snapshot_in_the_place_of_appends() {
    let mut node = leader_behind_a_snapshot();
    node.propose("some data".into()).expect("a leader");
    let taken = take(&mut node);
    // Where the course asks its storage, here the host is asked, and answers when it can.
    assert_eq!(taken.messages, []);
    assert_eq!(taken.snapshots_wanted, [peer(2)]);
    let at_11 = snapshot(position(11, 11), &[1, 2]);
    node.send_snapshot(peer(2), at_11.clone())
        .expect("it is wanted");
    let body = snapshot_body(position(11, 11), &[1, 2]);
    assert_eq!(drain(&mut node), [message(1, 2, 12, body)]);
    node.propose("more data".into()).expect("a leader");
    assert_eq!(drain(&mut node), []);
    let states: Vec<_> = node.progress().map(Progress::state).collect();
    let last = Some(index(11));
    assert_eq!(states, [ProgressState::Snapshot { last }]);
}

#[test]
fn restore_from_snap_msg_makes_the_sender_the_known_leader() {
    let mut node = lone(2, 2, Restored::default());
    step(&mut node, 1, 2, snapshot_body(position(11, 1), &[1, 2]));
    assert_eq!(node.leader(), Some(peer(1)));
    assert_eq!((node.role(), node.term()), (Role::Follower, term(2)));
}

#[test]
fn restore_from_snap_with_overlaping_peers_msg_takes_over_exactly_its_members() {
    // The course restores into peer 1, which is not in {2, 3, 4}. Here such a snapshot is refused
    // (`StepError::NotInSnapshot`), so that the receiver is one of both memberships.
    let mut node = lone(3, 3, Restored::default());
    step(&mut node, 2, 2, snapshot_body(position(11, 1), &[2, 3, 4]));
    assert_eq!(*node.conf_state(), ConfState::of_voters(peers(&[2, 3, 4])));
    let mut outside = lone(1, 3, Restored::default());
    let for_others = message(2, 1, 2, snapshot_body(position(11, 1), &[2, 3, 4]));
    assert!(outside.step(for_others).is_err());
    assert_eq!(outside.voters(), peers(&[1, 2, 3]));
}

#[test]
fn slow_node_restore_catches_up_by_a_snapshot_and_goes_on_with_appends() {
    let mut network = Network::new(3);
    network.campaign(1);
    network.isolate(3);
    for _ in 0..=100 {
        network.propose(1, "some data");
    }
    network.compact(1);
    network.heal();
    // The first heartbeat is answered, which makes the leader look for where 3 is.
    network.beat(1);
    network.propose(1, "trigger a snapshot");
    network.propose(1, "trigger a commit");
    assert_eq!(network.node(3).commit(), network.node(1).commit());
    assert_eq!(network.node(3).commit(), index(104));
    let truncated = network.node(3).log().truncated();
    assert_eq!(truncated, position(102, 1), "it came by a snapshot");
}

#[test]
fn raw_node_restart_from_snapshot_first_gives_out_what_is_committed_behind_it() {
    let mut restored = restored_snapshot(position(2, 1), &[1, 2]);
    restored.entries = vec![entry(3, 1)];
    restored.hard_state = hard_state(1, 0, 3);
    let mut node = start(config(1, 1), restored);
    let ready = node.ready().expect("an entry to apply");
    assert_eq!(ready, only_to_apply(vec![entry(3, 1)]));
    node.applied(index(3));
    assert!(!node.has_ready());
    assert_eq!(node.voters(), peers(&[1, 2]));
}

#[test]
fn provide_snap_goes_on_with_appends_once_the_snapshot_is_acknowledged() {
    let mut node = lone(1, 3, restored_snapshot(position(11, 11), &[1, 2, 3]));
    settle_in(&mut node, &[3]);
    step(&mut node, 2, 12, rejected(11, position(0, 0)));
    drain(&mut node);
    node.send_snapshot(peer(2), snapshot(position(11, 11), &[1, 2, 3]))
        .expect("it is wanted");
    drain(&mut node);
    step(&mut node, 2, 12, matched(11));
    let sent = drain(&mut node);
    let behind = crate::harness::append(position(11, 11), vec![crate::harness::no_op(12, 12)], 12);
    assert_eq!(sent, [message(1, 2, 12, behind)]);
    assert!(node.step(message(2, 1, 12, vote(true))).is_ok());
}
