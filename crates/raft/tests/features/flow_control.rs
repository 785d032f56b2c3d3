//! How much a leader sends before it is answered, and takes in before it is committed.

use bytes::Bytes;
use raft::progress::{Progress, ProgressState};
use raft::{Config, Limits, ProposeError, RawNode, Restored};
use types::raft::{Entry, Message, MessageBody};

use crate::harness::{
    Network, acknowledge, append, config, drain, elect, heard, index, matched, message, peer,
    position, rejected, settle_in, start, step,
};

/// Limits that are small enough to be reached: 3 appends, 10 bytes, 2 entries and 6 bytes in one.
const SMALL: Limits = Limits {
    in_flight_appends: 3,
    in_flight_bytes: 10,
    append_entries: 2,
    append_bytes: 6,
    uncommitted_bytes: 20,
    committed_bytes: usize::MAX,
    waiting_reads: 1,
};

fn limited(limits: Limits) -> RawNode {
    let config = Config {
        limits,
        ..config(1, 2)
    };
    let mut node = start(config, Restored::default());
    settle_in(&mut node, &[2]);
    node
}

fn propose(node: &mut RawNode, bytes: usize) -> Result<(), ProposeError> {
    let data = Bytes::from(vec![b'x'; bytes]);
    node.propose(data).map(|_| ())
}

/// The entries of each append that was sent, by their indexes.
fn appends(messages: &[Message]) -> Vec<Vec<u64>> {
    let of = |message: &Message| match &message.body {
        MessageBody::Append { entries, .. } => {
            Some(entries.iter().map(|entry| entry.index.get()).collect())
        }
        _ => None,
    };
    messages.iter().filter_map(of).collect()
}

fn sent(node: &mut RawNode) -> Vec<Vec<u64>> {
    appends(&drain(node))
}

fn follower(node: &RawNode) -> Progress {
    node.progress().next().expect("a follower").clone()
}

/// One proposal of `bytes` for each turn, and what is sent for each.
fn propose_one_by_one(node: &mut RawNode, count: u64, bytes: usize) -> Vec<Vec<u64>> {
    let mut all = Vec::new();
    for _ in 0..count {
        propose(node, bytes).expect("a leader");
        all.append(&mut sent(node));
    }
    all
}

#[test]
fn appends_follow_each_other_without_answers_until_the_window_is_full() {
    let mut node = limited(Limits {
        in_flight_bytes: usize::MAX,
        ..SMALL
    });
    let sent = propose_one_by_one(&mut node, 5, 1);
    assert_eq!(sent, [[2], [3], [4]]);
    assert_eq!(follower(&node).in_flight(), 3);
    assert_eq!(follower(&node).next(), index(5));
}

#[test]
fn an_answer_makes_room_for_as_much_as_it_acknowledges() {
    let mut node = limited(Limits {
        in_flight_bytes: usize::MAX,
        ..SMALL
    });
    propose_one_by_one(&mut node, 7, 1);
    step(&mut node, 2, 1, matched(2));
    assert_eq!(sent(&mut node), [[5, 6]]);
    step(&mut node, 2, 1, matched(6));
    assert_eq!(sent(&mut node), [[7, 8]]);
    assert_eq!(follower(&node).in_flight(), 1);
}

#[test]
fn a_window_is_full_by_bytes_too_and_the_last_append_may_pass_it() {
    let mut node = limited(Limits {
        uncommitted_bytes: usize::MAX,
        ..SMALL
    });
    let sent_at_first = propose_one_by_one(&mut node, 4, 6);
    assert_eq!(sent_at_first, [[2], [3]], "12 bytes of 10");
    assert_eq!(follower(&node).in_flight_bytes(), 12);
    step(&mut node, 2, 1, matched(2));
    assert_eq!(sent(&mut node), [[4]]);
    assert_eq!(follower(&node).in_flight_bytes(), 12);
    step(&mut node, 2, 1, matched(4));
    assert_eq!(sent(&mut node), [[5]]);
    assert_eq!(follower(&node).in_flight_bytes(), 6);
}

#[test]
fn an_append_holds_no_more_entries_and_bytes_than_it_may() {
    let mut node = limited(Limits {
        in_flight_bytes: usize::MAX,
        ..SMALL
    });
    for bytes in [1, 1, 1, 4, 4, 2] {
        propose(&mut node, bytes).expect("a leader");
    }
    // Two entries; then 1 and 4 of 6 bytes; then 4 and 2.
    assert_eq!(sent(&mut node), [[2, 3], [4, 5], [6, 7]]);
}

#[test]
fn an_entry_that_is_larger_than_an_append_travels_alone() {
    let mut node = limited(Limits {
        in_flight_bytes: usize::MAX,
        ..SMALL
    });
    for bytes in [1, 9, 1] {
        propose(&mut node, bytes).expect("a leader");
    }
    assert_eq!(sent(&mut node), [[2], [3], [4]]);
}

#[test]
fn a_heartbeat_response_lets_one_empty_append_pass_a_full_window() {
    let mut node = limited(SMALL);
    propose_one_by_one(&mut node, 4, 3);
    assert_eq!(follower(&node).in_flight(), 3);
    for _ in 0..3 {
        step(&mut node, 2, 1, heard(1, 1, 0));
        let empty = append(position(4, 1), vec![], 1);
        assert_eq!(drain(&mut node), [message(1, 2, 1, empty)]);
        assert_eq!(sent(&mut node), Vec::<Vec<u64>>::new());
    }
    assert_eq!(follower(&node).in_flight(), 3, "it takes no room");
}

#[test]
fn the_refusal_of_that_append_shows_that_the_window_was_lost() {
    let mut node = limited(SMALL);
    propose_one_by_one(&mut node, 3, 3);
    step(&mut node, 2, 1, heard(1, 1, 0));
    assert_eq!(drain(&mut node).len(), 1);
    step(&mut node, 2, 1, rejected(4, position(1, 1)));
    assert_eq!(sent(&mut node), [[2, 3]]);
    let state = follower(&node).state();
    assert_eq!(state, ProgressState::Probe { waiting: true });
}

#[test]
fn a_heartbeat_response_lets_nothing_pass_that_is_not_needed() {
    let mut node = limited(SMALL);
    step(&mut node, 2, 1, heard(1, 1, 0));
    assert_eq!(drain(&mut node), []);
}

#[test]
fn who_is_probed_gets_one_append_until_it_answers() {
    let config = Config {
        limits: SMALL,
        ..config(1, 2)
    };
    let mut node = start(config, Restored::default());
    elect(&mut node, &[2]);
    assert_eq!(sent(&mut node), [[1]]);
    assert_eq!(propose_one_by_one(&mut node, 3, 1), Vec::<Vec<u64>>::new());
    step(&mut node, 2, 1, heard(0, 0, 0));
    assert_eq!(sent(&mut node), [[1, 2]], "the same again, and what fits");
    step(&mut node, 2, 1, matched(2));
    assert_eq!(sent(&mut node), [[3, 4]]);
    assert_eq!(follower(&node).state(), ProgressState::Replicate);
}

#[test]
fn a_full_window_of_one_follower_holds_no_other_up() {
    let mut network = Network::with(3, |config| Config {
        limits: Limits {
            uncommitted_bytes: usize::MAX,
            ..SMALL
        },
        ..config
    });
    network.campaign(1);
    network.isolate(3);
    for _ in 0..20 {
        network.propose(1, "some data");
    }
    assert_eq!(network.node(1).commit(), index(21));
    let lagging = network.node(1).progress().last().cloned();
    assert!(lagging.expect("a follower").in_flight_bytes() < 20);
    network.heal();
    network.beat(1);
    assert_eq!(network.commits(), [21; 3]);
}

mod uncommitted {
    use super::*;

    fn filled() -> RawNode {
        let mut node = limited(SMALL);
        for _ in 0..4 {
            propose(&mut node, 5).expect("a leader");
        }
        node
    }

    #[test]
    fn no_more_is_taken_in_than_may_wait_for_its_commit() {
        let mut node = filled();
        let refused = propose(&mut node, 1);
        assert_eq!(
            refused,
            Err(ProposeError::TooMuchUncommitted {
                bytes: 21,
                limit: 20
            })
        );
        assert_eq!(node.log().last_index(), index(5));
    }

    #[test]
    fn an_empty_proposal_weighs_nothing() {
        let mut node = filled();
        propose(&mut node, 0).expect("a leader");
    }

    #[test]
    fn a_commit_makes_room() {
        let mut node = filled();
        drain(&mut node);
        step(&mut node, 2, 1, matched(3));
        assert_eq!(node.commit(), index(3));
        propose(&mut node, 10).expect("room for two that committed");
        assert!(propose(&mut node, 1).is_err());
    }

    #[test]
    fn a_proposal_of_any_size_is_taken_while_none_waits() {
        let mut node = limited(SMALL);
        propose(&mut node, 1_000).expect("none waits");
        assert!(propose(&mut node, 1).is_err());
        drain(&mut node);
        acknowledge(&mut node, &[2]);
        propose(&mut node, 1_000).expect("none waits");
    }

    #[test]
    fn the_changes_of_a_membership_are_taken_all_the_same() {
        let mut node = filled();
        node.propose_conf_change(&crate::harness::add(3))
            .expect("it is needed most when nothing commits");
    }
}

#[test]
fn payloads_are_shared_from_the_proposal_to_every_peers_committed_entry() {
    let mut network = Network::new(3);
    network.campaign(1);
    let data = Bytes::from(vec![7; 100_000]);
    let at = network.node_mut(1).propose(data.clone());
    network.settle();
    let at = at.expect("a leader").index;
    let is_shared = |entry: &Entry| entry.data.as_ptr() == data.as_ptr();
    for (id, member) in &network.members {
        assert!(member.applied.last().is_some_and(is_shared), "{id} applied");
        assert!(
            member.disk.entries.last().is_some_and(is_shared),
            "{id} wrote"
        );
        assert!(member.node.log().entry(at).is_some_and(is_shared));
    }
    for message in &network.sent {
        if let MessageBody::Append { entries, .. } = &message.body {
            let mut large = entries.iter().filter(|entry| !entry.data.is_empty());
            assert!(large.all(is_shared), "to {}", message.to);
        }
    }
    assert_eq!(network.node(1).leader(), Some(peer(1)));
}
