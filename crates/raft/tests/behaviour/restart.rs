//! What a peer starts from, and what it refuses to start from.

use bytes::Bytes;
use raft::{Config, ConfigError, Overseen, Oversight, RawNode, Restored, Unwatched};
use types::codec::encode;
use types::raft::{Entry, HardState, LogIndex, Message, Role};

use crate::group::{
    Group, config, drain_all, entries, entry, hard_state, heartbeat, index, lead, lone, message,
    peer, position, request_vote, restored, start_with, term, vote,
};

#[test]
fn a_restarted_peer_is_a_follower_with_its_term_vote_and_log() {
    let state = Restored {
        hard_state: hard_state(3, 2, 1),
        ..restored(&[1, 3])
    };
    let node = lone(1, 3, state);
    assert_eq!((node.role(), node.leader()), (Role::Follower, None));
    assert_eq!(node.hard_state(), hard_state(3, 2, 1));
    assert_eq!(node.log().persisted(), index(2));
}

#[test]
fn the_first_ready_after_a_restart_holds_what_is_committed_and_not_applied() {
    for (applied, expected) in [(0, entries(&[1, 1])), (1, vec![entry(2, 1)]), (2, vec![])] {
        let state = Restored {
            hard_state: hard_state(1, 0, 2),
            applied: index(applied),
            ..restored(&[1, 1, 1])
        };
        let mut node = start_with(config(1, 1), state, Unwatched);
        let committed = node.ready().map(|ready| {
            assert!(ready.entries.is_empty() && ready.hard_state.is_none());
            assert!(ready.messages.is_empty() && ready.messages_after_persist.is_empty());
            assert!(!ready.must_persist());
            ready.committed
        });
        assert_eq!(committed.unwrap_or_default(), expected);
        assert!(!node.has_ready());
    }
}

#[test]
fn a_restarted_peer_gives_no_second_vote_in_its_term() {
    let state = Restored {
        hard_state: hard_state(2, 3, 0),
        ..Restored::default()
    };
    let mut node = lone(1, 3, state);
    drain_all(&mut node);
    let request = message(2, 1, 2, request_vote(position(9, 2)));
    node.step(request).expect("an honest message");
    assert_eq!(drain_all(&mut node).0, [message(1, 2, 2, vote(false))]);
}

#[test]
fn a_vote_that_was_given_to_the_former_life_elects_nobody() {
    let mut group = Group::new(3);
    group.member(1).node.campaign();
    group.turn(1);
    while let Some(request) = group.in_transit.pop_front() {
        group
            .member(2)
            .node
            .step(message(1, 2, 1, request.body))
            .expect("an honest message");
    }
    group.crash(1);
    group.settle();
    assert_eq!(
        (group.node(1).role(), group.node(1).term()),
        (Role::Follower, term(1))
    );
}

#[test]
fn a_group_that_crashes_as_a_whole_keeps_what_was_committed() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.propose(1, "one");
    group.propose(1, "two");
    for id in 1..=3 {
        group.crash(id);
    }
    group.campaign(2);
    for id in 1..=3 {
        assert_eq!(group.applied(id), ["one", "two"]);
    }
}

#[test]
fn a_commit_index_that_the_disk_lost_comes_back_from_the_leader() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.propose(1, "word");
    group.member(3).disk.hard_state.commit = LogIndex::ZERO;
    group.crash(3);
    assert_eq!(group.node(3).commit(), index(0));
    group.beat(1);
    assert_eq!(group.node(3).commit(), index(2));
    assert_eq!(group.applied(3), ["word"]);
}

#[test]
fn a_fresh_region_starts_behind_a_truncated_log_at_5_5() {
    let region = || Restored {
        hard_state: hard_state(5, 0, 5),
        truncated: position(5, 5),
        applied: index(5),
        ..Restored::default()
    };
    let starts = (1..=3).map(|id| (config(id, 3), region())).collect();
    let mut group = Group::from_configs(starts);
    assert_eq!(group.node(1).log().last(), position(5, 5));
    group.campaign(1);
    group.propose(1, "word");
    assert_eq!(group.terms(), [6, 6, 6]);
    assert_eq!(group.commits(), [7, 7, 7]);
    assert_eq!(group.node(2).log().first_index(), index(6));
}

#[test]
fn the_same_seed_and_inputs_end_in_the_same_bytes() {
    let run = || {
        let mut group = Group::new(3);
        group.campaign(1);
        group.propose(1, "word");
        group.member(2).node.advance_ticks(19);
        group.settle();
        types::codec::hash_of(group.node(2))
    };
    assert_eq!(run(), run());
}

/// A peer that led and committed an entry; what it said and applied.
fn led_by<O: Oversight>(oversight: O) -> (RawNode<O>, Vec<Message>, Vec<Entry>) {
    let mut node = start_with(config(1, 3), restored(&[1]), oversight);
    lead(&mut node);
    node.propose(Bytes::from_static(b"word")).expect("a leader");
    let (messages, applied, facts) = drain_all(&mut node);
    assert_eq!(facts.is_empty(), !oversight.traces());
    (node, messages, applied)
}

#[test]
fn being_watched_changes_nothing_but_what_is_told() {
    let (traced, messages, applied) = led_by(Overseen::TRACED);
    let (silent, silently_sent, silently_applied) = led_by(Overseen::default());
    let (unwatched, sent, done) = led_by(Unwatched);
    assert_eq!((&messages, &applied), (&sent, &done));
    assert_eq!((silently_sent, silently_applied), (sent, done));
    assert_eq!(encode(traced.log()), encode(unwatched.log()));
    assert_eq!(traced.hard_state(), unwatched.hard_state());
    assert_eq!(encode(&silent), encode(&unwatched), "byte for byte");
}

#[test]
fn a_configuration_that_contradicts_itself_is_refused() {
    let good = || config(1, 3);
    let refused = |config| RawNode::new(config, Restored::default()).expect_err("a bad start");
    let zero = Config {
        id: peer(0),
        ..good()
    };
    assert_eq!(refused(zero), ConfigError::ZeroPeer);
    let twice = Config {
        voters: vec![peer(2), peer(1), peer(2)],
        ..good()
    };
    assert_eq!(
        refused(twice),
        ConfigError::RepeatedVoter { voter: peer(2) }
    );
    for (election_ticks, heartbeat_ticks) in [(10, 0), (1, 1), (5, 6), (u32::MAX, 1)] {
        let config = Config {
            election_ticks,
            heartbeat_ticks,
            ..good()
        };
        let expected = ConfigError::Ticks {
            election_ticks,
            heartbeat_ticks,
        };
        assert_eq!(refused(config), expected);
    }
}

#[test]
fn a_disk_that_no_peer_can_have_written_is_refused() {
    let refused = |restored| RawNode::new(config(1, 3), restored).expect_err("a bad disk");
    let gap = Restored {
        entries: vec![entry(1, 1), entry(3, 1)],
        ..restored(&[1])
    };
    assert!(matches!(refused(gap), ConfigError::BrokenLog { .. }));
    let falling = Restored {
        entries: vec![entry(1, 2), entry(2, 1)],
        ..restored(&[2])
    };
    assert!(matches!(refused(falling), ConfigError::BrokenLog { .. }));
    let lost_tail = Restored {
        hard_state: hard_state(1, 0, 3),
        ..restored(&[1, 1])
    };
    assert!(matches!(refused(lost_tail), ConfigError::Disorder { .. }));
    let applied_too_far = Restored {
        applied: index(1),
        ..restored(&[1])
    };
    assert!(matches!(
        refused(applied_too_far),
        ConfigError::Disorder { .. }
    ));
    let lost_term = Restored {
        hard_state: HardState::default(),
        ..restored(&[4])
    };
    assert!(matches!(
        refused(lost_term),
        ConfigError::TermBehindLog { .. }
    ));
    let huge = Restored {
        hard_state: hard_state((1 << 52) + 1, 0, 0),
        ..Restored::default()
    };
    assert!(matches!(refused(huge), ConfigError::TooLarge { .. }));
}

#[test]
fn a_restarted_follower_takes_up_the_leader_that_it_hears() {
    let mut node = lone(1, 3, restored(&[1]));
    node.step(message(2, 1, 1, heartbeat(1)))
        .expect("an honest message");
    assert_eq!((node.leader(), node.commit()), (Some(peer(2)), index(1)));
}
