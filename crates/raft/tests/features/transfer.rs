//! Handing leadership over (thesis, section 3.10).

use raft::{Config, Overseen, Oversight, ProposeError, RawNode, Restored, TransferError};
use types::raft::{MessageBody, MessageKind, Preset, Role, TransferEnd};

use crate::harness::{
    Network, acknowledge, append, config, config_as, drain, elect, heartbeat, index, lone, matched,
    message, peer, position, remove, settle_in, step, term,
};

const T: u32 = 10;

fn leader() -> RawNode {
    let mut node = lone(1, 3, Restored::default());
    settle_in(&mut node, &[2, 3]);
    node
}

fn network() -> Network {
    let mut network = Network::new(3);
    network.campaign(1);
    network
}

fn to<O: Oversight>(node: &mut RawNode<O>, target: u64) {
    node.transfer_leader(peer(target)).expect("a voter");
}

fn asks(target: u64) -> types::raft::Message {
    message(1, target, 1, MessageBody::TimeoutNow)
}

#[test]
fn a_target_that_has_the_whole_log_is_asked_to_campaign_at_once() {
    let mut node = leader();
    to(&mut node, 2);
    assert!(drain(&mut node).contains(&asks(2)));
    assert_eq!(node.transferee(), Some(peer(2)));
    assert_eq!(node.role(), Role::Leader, "until a later term begins");
}

#[test]
fn a_target_that_lacks_entries_is_brought_up_first() {
    let mut node = leader();
    node.propose("some data".into()).expect("a leader");
    drain(&mut node);
    to(&mut node, 2);
    assert!(!drain(&mut node).contains(&asks(2)));
    step(&mut node, 2, 1, matched(2));
    assert!(drain(&mut node).contains(&asks(2)));
    // It is asked once, whatever it acknowledges again.
    step(&mut node, 2, 1, matched(2));
    step(&mut node, 3, 1, matched(2));
    assert!(!drain(&mut node).contains(&asks(2)));
}

#[test]
fn nothing_is_proposed_while_leadership_is_on_its_way() {
    let mut node = leader();
    to(&mut node, 2);
    let refused = node.propose("some data".into());
    assert_eq!(refused, Err(ProposeError::Transferring { to: peer(2) }));
    assert_eq!(node.log().last_index(), index(1));
}

#[test]
fn a_transfer_is_called_off_after_one_election_timeout() {
    let mut network = network();
    network.isolate(2);
    network.transfer(1, 2);
    for _ in 0..T - 1 {
        network.pass(1, 1);
    }
    assert_eq!(network.node(1).transferee(), Some(peer(2)));
    network.pass(1, 1);
    assert_eq!(network.node(1).transferee(), None);
    network.propose(1, "some data");
    assert_eq!(network.node(1).commit(), index(2));
}

#[test]
fn a_transfer_that_is_called_off_leaves_the_check_of_the_quorum_as_it_was() {
    let mut network = Network::with(3, |config| Config {
        check_quorum: true,
        ..config
    });
    network.campaign(1);
    network.isolate(2);
    network.transfer(1, 2);
    for _ in 0..3 * T {
        network.pass(1, 1);
    }
    assert_eq!(network.node(1).transferee(), None);
    assert_eq!(network.node(1).role(), Role::Leader, "3 is heard");
}

#[test]
fn asking_again_for_the_same_target_does_not_give_it_more_time() {
    let mut node = leader();
    to(&mut node, 2);
    node.advance_ticks(T - 1);
    to(&mut node, 2);
    node.advance_ticks(1);
    assert_eq!(node.transferee(), None);
}

#[test]
fn another_target_takes_the_place_of_the_first_and_has_its_own_time() {
    let mut node = leader();
    to(&mut node, 2);
    node.advance_ticks(T - 1);
    to(&mut node, 3);
    assert_eq!(node.transferee(), Some(peer(3)));
    assert!(drain(&mut node).contains(&asks(3)));
    node.advance_ticks(1);
    assert_eq!(node.transferee(), Some(peer(3)));
    node.advance_ticks(T - 1);
    assert_eq!(node.transferee(), None);
}

#[test]
fn naming_the_leader_itself_calls_a_transfer_off() {
    let mut node = leader();
    to(&mut node, 2);
    to(&mut node, 1);
    assert_eq!(node.transferee(), None);
    node.propose("some data".into()).expect("a leader");
}

#[test]
fn a_target_that_is_removed_ends_the_transfer() {
    let mut node = leader();
    node.propose("2 does not have this".into())
        .expect("a leader");
    to(&mut node, 2);
    node.apply_conf_change(&remove(2)).expect("it can follow");
    assert_eq!(node.transferee(), None);
    node.propose("some data".into()).expect("a leader");
}

#[test]
fn the_end_of_a_transfer_is_told_with_its_reason() {
    use types::raft::RaftFact::TransferEnded;
    type Act = fn(&mut RawNode<Overseen>);
    let ends: [(Act, TransferEnd); 4] = [
        (|node| node.advance_ticks(T), TransferEnd::TimedOut),
        (|node| to(node, 1), TransferEnd::Cancelled),
        (
            |node| {
                node.apply_conf_change(&remove(2)).expect("it can follow");
            },
            TransferEnd::Removed,
        ),
        (|node| step(node, 2, 2, heartbeat(0)), TransferEnd::Deposed),
    ];
    for (end_it, end) in ends {
        let (config, disk) = (config(1, 3), Restored::default());
        let mut node = RawNode::with_oversight(config, disk, Overseen::TRACED).expect("a start");
        settle_in(&mut node, &[2, 3]);
        to(&mut node, 2);
        end_it(&mut node);
        let facts = crate::harness::take(&mut node).facts;
        let expected = TransferEnded { to: peer(2), end };
        assert!(facts.contains(&expected), "{end:?} in {facts:?}");
        assert_eq!(node.transferee(), None);
    }
}

#[test]
fn a_follower_that_is_asked_sends_the_wish_on_to_its_leader() {
    let mut node = lone(3, 3, Restored::default());
    let nobody = node.transfer_leader(peer(2));
    assert_eq!(nobody, Err(TransferError::NoLeader));
    step(&mut node, 1, 1, heartbeat(0));
    drain(&mut node);
    to(&mut node, 2);
    let body = MessageBody::TransferLeader {
        transferee: peer(2),
    };
    assert_eq!(drain(&mut node), [message(3, 1, 1, body)]);
    let mut network = network();
    network.transfer(3, 2);
    assert_eq!(network.node(2).role(), Role::Leader);
}

#[test]
fn a_slow_follower_takes_over_after_a_snapshot() {
    let mut network = network();
    network.isolate(3);
    for _ in 0..20 {
        network.propose(1, "some data");
    }
    network.compact(1);
    network.heal();
    network.transfer(1, 3);
    network.beat(1);
    assert_eq!(network.node(3).role(), Role::Leader);
    assert_eq!(network.node(3).log().truncated(), position(21, 1));
    assert_eq!(network.commits(), [22; 3]);
}

#[test]
fn a_lost_word_to_the_target_is_not_repeated_and_the_leader_goes_on_after_the_timeout() {
    let mut network = network();
    network.ignore(MessageKind::TimeoutNow);
    network.transfer(1, 2);
    network.heal();
    for _ in 0..T {
        network.pass(1, 1);
    }
    assert_eq!(network.node(1).role(), Role::Leader);
    assert_eq!(network.count_sent(MessageKind::TimeoutNow), 1);
    network.propose(1, "some data");
    assert_eq!(network.commits(), [2; 3]);
}

#[test]
fn a_word_of_an_earlier_term_makes_nobody_campaign() {
    let mut node = lone(2, 3, Restored::default());
    step(&mut node, 1, 5, heartbeat(0));
    drain(&mut node);
    step(&mut node, 3, 4, MessageBody::TimeoutNow);
    assert_eq!((node.role(), node.term()), (Role::Follower, term(5)));
    assert_eq!(drain(&mut node), []);
}

#[test]
fn the_target_passes_the_loyalty_of_the_others_to_the_old_leader() {
    let starts = (1..=5).map(|id| (config_as(Preset::Etcd, id, 5), Restored::default()));
    let mut network = Network::of(starts.collect());
    network.campaign(1);
    network.transfer(1, 4);
    assert_eq!(network.node(4).role(), Role::Leader);
    assert_eq!(network.terms(), [2; 5]);
    let asked_first = network
        .sent
        .iter()
        .filter(|m| m.from == peer(4) && m.body.kind() == MessageKind::PreVote);
    assert_eq!(asked_first.count(), 0);
}

#[test]
fn the_target_asks_in_the_leaders_name() {
    let mut node = lone(2, 3, Restored::default());
    step(&mut node, 1, 1, append(position(0, 0), vec![], 0));
    drain(&mut node);
    step(&mut node, 1, 1, MessageBody::TimeoutNow);
    let body = MessageBody::RequestVote {
        last: position(0, 0),
        transfer: true,
        commit: position(0, 0),
    };
    assert_eq!(
        drain(&mut node),
        [message(2, 1, 2, body.clone()), message(2, 3, 2, body)]
    );
    // What it tries by itself afterwards is in nobody's name.
    node.campaign();
    for message in drain(&mut node) {
        assert_eq!(message.body, crate::harness::request_vote(position(0, 0)));
    }
}

#[test]
fn a_transfer_waits_for_entries_that_were_proposed_before_it() {
    let mut network = network();
    network.isolate(2);
    network.propose(1, "first");
    network.propose(1, "second");
    network.heal();
    network.transfer(1, 2);
    assert_eq!(network.node(2).role(), Role::Leader);
    assert_eq!(network.applied(2), ["first", "second"]);
    assert_eq!(network.log_terms(3), [1, 1, 1, 2]);
}

#[test]
fn what_was_on_its_way_when_the_transfer_began_still_commits() {
    let mut node = leader();
    node.propose("some data".into()).expect("a leader");
    to(&mut node, 2);
    drain(&mut node);
    acknowledge(&mut node, &[3]);
    assert_eq!(node.commit(), index(2));
}

#[test]
fn a_leader_is_never_its_own_target_and_a_stranger_never_one() {
    let mut node = leader();
    to(&mut node, 1);
    assert_eq!(node.transferee(), None);
    let stranger = node.transfer_leader(peer(9));
    assert_eq!(stranger, Err(TransferError::NotAVoter { to: peer(9) }));
    assert_eq!(drain(&mut node), []);
}

#[test]
fn a_new_leader_knows_nothing_of_an_earlier_transfer() {
    let mut node = leader();
    to(&mut node, 2);
    step(&mut node, 3, 2, heartbeat(0));
    elect(&mut node, &[2]);
    assert_eq!(node.transferee(), None);
    node.propose("some data".into()).expect("a leader");
}
