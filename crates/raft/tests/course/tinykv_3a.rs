//! Project 3A: membership changes and the transfer of leadership.

use raft::{ProposeError, RawNode, Restored, TransferError};
use types::codec;
use types::raft::{ConfChange, Entry, EntryKind, MessageBody, Role};

use crate::harness::{
    Network, acknowledge, add, config, drain, elect, entry, heard, index, log_of, lone, matched,
    message, peer, peers, position, remove, restored_with, start, step, take, term, vote,
};

fn change_entry(at: u64, of: u64, change: &ConfChange) -> Entry {
    Entry {
        term: term(of),
        index: index(at),
        kind: EntryKind::ConfChange,
        data: codec::encode(change).into(),
    }
}

#[test]
fn raw_node_propose_and_conf_change_appends_both_before_anything_is_applied() {
    let mut node = lone(1, 1, Restored::default());
    node.campaign();
    // The own vote counts once it is durable; nothing is said to be applied.
    let ready = node.ready().expect("a vote to write");
    node.persisted(ready.number);
    assert_eq!(node.leader(), Some(peer(1)));
    let named = ConfChange {
        context: "its store".into(),
        ..add(1)
    };
    node.propose("some data".into()).expect("a leader");
    node.propose_conf_change(&named).expect("none is pending");
    let log = log_of(&node);
    assert_eq!(
        log[log.len() - 2..],
        [
            crate::harness::command(2, 1, "some data"),
            change_entry(3, 1, &named)
        ],
    );
    assert_eq!(raft::conf_change_of(&log[2]), Some(named));
}

#[test]
fn raw_node_propose_add_duplicate_node_appends_every_change_once_the_last_is_applied() {
    let mut node = lone(1, 1, Restored::default());
    elect(&mut node, &[]);
    drain(&mut node);
    let changes = [add(1), add(1), add(2)];
    for change in &changes {
        node.propose_conf_change(change).expect("none is pending");
        let refused = node.propose_conf_change(change);
        let at = node.log().last_index();
        assert_eq!(refused, Err(ProposeError::ChangePending { index: at }));
        take(&mut node);
    }
    let log = log_of(&node);
    let expected: Vec<_> = (2..)
        .zip(&changes)
        .map(|(at, change)| change_entry(at, 1, change))
        .collect();
    assert_eq!(log[1..], expected);
    assert_eq!(node.voters(), peers(&[1, 2]));
}

#[test]
fn add_node_makes_it_a_voter() {
    let mut node = lone(1, 1, Restored::default());
    node.apply_conf_change(&add(2)).expect("it can follow");
    assert_eq!(node.voters(), peers(&[1, 2]));
}

#[test]
fn remove_node_leaves_the_others_and_may_leave_nobody() {
    let mut node = lone(1, 2, Restored::default());
    node.apply_conf_change(&remove(2)).expect("it can follow");
    assert_eq!(node.voters(), peers(&[1]));
    node.apply_conf_change(&remove(1)).expect("it can follow");
    assert_eq!(node.voters(), []);
    node.campaign();
    assert_eq!(node.role(), Role::Follower);
}

#[test]
fn commit_after_remove_node_counts_the_smaller_membership_at_once() {
    let mut node = lone(1, 2, Restored::default());
    elect(&mut node, &[2]);
    drain(&mut node);
    node.propose_conf_change(&remove(2)).expect("a leader");
    drain(&mut node);
    let ready = node.ready();
    assert_eq!(ready, None, "nothing commits without 2");
    node.propose("hello".into()).expect("a leader");
    step(&mut node, 2, 1, matched(2));
    let ready = node.ready().expect("the change to apply");
    node.persisted(ready.number);
    let kinds: Vec<_> = ready.committed.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::NoOp, EntryKind::ConfChange]);
    node.apply_conf_change(&remove(2)).expect("it can follow");
    node.applied(index(2));
    let committed = take(&mut node).committed;
    assert_eq!(committed, [crate::harness::command(3, 1, "hello")]);
}

/// Checks who leads, by its own word and everybody else's.
fn leads(network: &Network, leader: u64) {
    for member in network.members.values() {
        let id = member.node.id();
        let is_leader = member.node.role() == Role::Leader;
        assert_eq!(is_leader, id == peer(leader), "{id}");
        assert_eq!(member.node.leader(), Some(peer(leader)), "{id}");
    }
}

fn led_by_1(count: u64) -> Network {
    let mut network = Network::new(count);
    network.campaign(1);
    leads(&network, 1);
    network
}

#[test]
fn leader_transfer_to_up_to_date_node_succeeds_there_and_back() {
    let mut network = led_by_1(3);
    network.transfer(1, 2);
    leads(&network, 2);
    // The course sends this to peer 1, which drops it: only a leader takes proposals.
    let to_1 = network.node_mut(1).propose("some data".into());
    let leader = Some(peer(2));
    assert_eq!(to_1, Err(ProposeError::NotLeader { leader }));
    network.propose(2, "some data");
    network.transfer(2, 1);
    leads(&network, 1);
}

#[test]
fn leader_transfer_to_up_to_date_node_from_follower_is_sent_on_to_the_leader() {
    let mut network = led_by_1(3);
    network.transfer(2, 2);
    leads(&network, 2);
    network.propose(2, "some data");
    network.transfer(1, 1);
    leads(&network, 1);
}

#[test]
fn leader_transfer_to_slow_follower_waits_until_it_has_caught_up() {
    let mut network = led_by_1(3);
    network.isolate(3);
    network.propose(1, "some data");
    network.heal();
    let of_3 = network.node(1).progress().last();
    assert_eq!(of_3.map(raft::progress::Progress::matched), Some(index(1)));
    network.transfer(1, 3);
    leads(&network, 3);
    assert_eq!(network.applied(3), ["some data"]);
}

#[test]
fn leader_transfer_after_snapshot_waits_until_it_has_arrived() {
    let mut network = led_by_1(3);
    network.isolate(3);
    network.propose(1, "some data");
    network.compact(1);
    network.heal();
    network.transfer(1, 3);
    // What 3 was sent before is lost; its answer to a heartbeat starts the catching up.
    network.inject(3, 1, 1, heard(1, 1, 0));
    leads(&network, 3);
    assert_eq!(network.node(3).log().truncated(), position(2, 1));
}

#[test]
fn leader_transfer_to_self_changes_nothing() {
    let mut network = led_by_1(3);
    network.transfer(1, 1);
    leads(&network, 1);
    assert_eq!(network.node(1).transferee(), None);
}

#[test]
fn leader_transfer_to_non_existing_node_changes_nothing() {
    let mut network = led_by_1(3);
    let refused = network.node_mut(1).transfer_leader(peer(4));
    assert_eq!(refused, Err(TransferError::NotAVoter { to: peer(4) }));
    let transferee = peer(4);
    network.inject(2, 1, 1, MessageBody::TransferLeader { transferee });
    leads(&network, 1);
    assert_eq!(network.node(1).transferee(), None);
}

#[test]
fn leader_transfer_receive_higher_term_vote_ends_the_transfer() {
    let mut network = led_by_1(3);
    network.isolate(3);
    network.transfer(1, 3);
    assert_eq!(network.node(1).transferee(), Some(peer(3)));
    network.campaign(2);
    let old = network.node(1);
    assert_eq!((old.role(), old.leader()), (Role::Follower, Some(peer(2))));
    assert_eq!(old.transferee(), None);
    assert_eq!(network.node(2).role(), Role::Leader);
}

#[test]
fn leader_transfer_remove_node_changes_nothing_for_a_removed_target() {
    let mut network = led_by_1(3);
    network.change(1, &remove(3));
    let refused = network.node_mut(1).transfer_leader(peer(3));
    assert_eq!(refused, Err(TransferError::NotAVoter { to: peer(3) }));
    assert_eq!(network.node(1).role(), Role::Leader);
    assert_eq!(network.node(1).transferee(), None);
}

#[test]
fn leader_transfer_remove_node_ends_a_transfer_to_it() {
    let mut network = led_by_1(3);
    network.isolate(3);
    network.transfer(1, 3);
    // A leader proposes no change while it hands over; one that is applied may be older.
    network
        .node_mut(1)
        .apply_conf_change(&remove(3))
        .expect("it can follow");
    assert_eq!(network.node(1).transferee(), None);
    network.propose(1, "some data");
    assert_eq!(network.node(2).commit(), index(2));
}

#[test]
fn leader_transfer_back_to_the_leader_itself_calls_it_off() {
    let mut network = led_by_1(3);
    network.isolate(3);
    network.transfer(1, 3);
    assert_eq!(network.node(1).transferee(), Some(peer(3)));
    network.transfer(1, 1);
    assert_eq!(network.node(1).transferee(), None);
    assert_eq!(network.node(1).role(), Role::Leader);
    network.propose(1, "some data");
}

#[test]
fn leader_transfer_second_transfer_to_another_node_takes_the_place_of_the_first() {
    let mut network = led_by_1(3);
    network.isolate(3);
    network.transfer(1, 3);
    network.transfer(1, 2);
    assert_eq!(network.node(2).role(), Role::Leader);
    assert_eq!(network.node(1).leader(), Some(peer(2)));
}

/// Peer 1 in a group that it is not in.
fn non_member() -> RawNode {
    let restored = restored_with(crate::harness::hard_state(1, 0, 0), &[]);
    let mut config = config(1, 4);
    config.voters = peers(&[2, 3, 4]);
    start(config, restored)
}

#[test]
fn transfer_non_member_never_leads_whatever_it_is_told() {
    let mut node = non_member();
    step(&mut node, 2, 1, MessageBody::TimeoutNow);
    step(&mut node, 2, 1, vote(true));
    step(&mut node, 3, 1, vote(true));
    assert_eq!((node.role(), node.term()), (Role::Follower, term(1)));
    assert_eq!(drain(&mut node), []);
}

#[test]
fn transfer_non_member_still_answers_the_leader_of_a_group_that_it_is_to_join() {
    let mut node = non_member();
    let body = crate::harness::append(position(0, 0), vec![entry(1, 1)], 0);
    step(&mut node, 2, 1, body);
    assert_eq!(drain(&mut node), [message(1, 2, 1, matched(1))]);
    acknowledge_nothing(&mut node);
}

/// Answers mean nothing to a peer that leads nobody.
fn acknowledge_nothing(node: &mut RawNode) {
    acknowledge(node, &[2, 3]);
    assert_eq!(node.commit(), index(0));
}
