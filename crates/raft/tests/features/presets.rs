//! One core, three dialects.

use raft::{Config, ConfigError, Limits, RawNode, Restored};
use types::raft::{Message, MessageBody, MessageKind, Preset, Role};

use crate::harness::{
    Network, append, config, config_as, drain, elect, entry, heartbeat, index, log_terms, matched,
    message, no_op, position, pre_vote, rejected, restored, settle_in, start, step, take, term,
};

fn lone(preset: Preset, restored: Restored) -> RawNode {
    start(config_as(preset, 1, 3), restored)
}

fn network(preset: Preset) -> Network {
    let starts = (1..=3).map(|id| (config_as(preset, id, 3), Restored::default()));
    Network::of(starts.collect())
}

fn to_2(messages: Vec<Message>) -> Vec<MessageBody> {
    let to_2 = messages.into_iter().filter(|m| m.to.get() == 2);
    to_2.map(|m| m.body).collect()
}

#[test]
fn the_presets_differ_in_what_their_sources_do_differently() {
    let of = |preset| {
        let config = config_as(preset, 1, 3);
        assert!(config.lease.is_none(), "{preset:?}");
        (
            config.no_op_on_election,
            config.heartbeat_as_append,
            config.pre_vote,
            config.check_quorum,
            config.step_down_on_removal,
        )
    };
    assert_eq!(of(Preset::TinyKv), (true, false, false, false, false));
    assert_eq!(of(Preset::Mit6824), (false, true, false, false, false));
    assert_eq!(of(Preset::Etcd), (true, false, true, true, true));
}

#[test]
fn every_preset_elects_commits_and_survives_a_change_of_leaders() {
    for preset in Preset::ALL {
        let mut network = network(preset);
        network.campaign(1);
        network.propose(1, "first");
        network.isolate(1);
        for id in [2, 3] {
            network.node_mut(id).forget_leader();
        }
        network.campaign(2);
        network.propose(2, "second");
        network.heal();
        network.beat(2);
        for id in 1..=3 {
            assert_eq!(network.applied(id), ["first", "second"], "{preset:?}");
        }
    }
}

mod tinykv {
    use super::*;

    #[test]
    fn a_new_leader_appends_an_empty_entry() {
        let mut node = lone(Preset::TinyKv, restored(&[1]));
        elect(&mut node, &[2]);
        assert_eq!(node.log().entry(index(2)), Some(&no_op(2, 2)));
    }

    #[test]
    fn a_heartbeat_says_nothing_of_the_log() {
        let mut node = lone(Preset::TinyKv, Restored::default());
        settle_in(&mut node, &[2]);
        node.advance_ticks(1);
        assert_eq!(to_2(drain(&mut node)), [heartbeat(1)]);
    }

    #[test]
    fn a_heartbeat_to_a_peer_that_acknowledged_nothing_carries_commit_zero() {
        let mut node = lone(Preset::TinyKv, Restored::default());
        settle_in(&mut node, &[3]);
        assert_eq!(node.commit(), index(1));
        node.advance_ticks(1);
        assert_eq!(to_2(drain(&mut node)), [heartbeat(0)]);
    }

    #[test]
    fn an_isolated_leader_goes_on_leading() {
        let mut network = network(Preset::TinyKv);
        network.campaign(1);
        network.isolate(1);
        for _ in 0..100 {
            network.pass(1, 1);
        }
        assert_eq!(network.node(1).role(), Role::Leader);
    }
}

mod mit6824 {
    use super::*;

    #[test]
    fn a_new_leader_appends_nothing_so_that_the_first_command_has_index_1() {
        let mut network = network(Preset::Mit6824);
        network.campaign(1);
        assert_eq!(network.node(1).role(), Role::Leader);
        assert_eq!(network.node(1).log().last_index(), index(0));
        network.propose(1, "first");
        network.campaign(2);
        network.propose(2, "second");
        assert_eq!(network.commits(), [2; 3]);
        assert_eq!(network.log_terms(3), [1, 2]);
    }

    #[test]
    fn a_new_leader_is_heard_at_once() {
        let mut node = lone(Preset::Mit6824, restored(&[1, 1]));
        elect(&mut node, &[2]);
        let sent = to_2(drain(&mut node));
        assert_eq!(sent, [append(position(2, 1), vec![], 0)]);
    }

    #[test]
    fn a_heartbeat_is_an_empty_append_that_checks_the_log() {
        let mut node = lone(Preset::Mit6824, restored(&[1, 1]));
        elect(&mut node, &[2]);
        drain(&mut node);
        step(&mut node, 2, 2, matched(2));
        drain(&mut node);
        node.advance_ticks(1);
        let sent = to_2(drain(&mut node));
        assert_eq!(sent, [append(position(2, 1), vec![], 0)]);
    }

    #[test]
    fn a_heartbeat_finds_a_follower_whose_log_differs_and_repairs_it() {
        let mut node = lone(Preset::Mit6824, restored(&[1, 1]));
        elect(&mut node, &[3]);
        drain(&mut node);
        node.advance_ticks(1);
        drain(&mut node);
        step(&mut node, 2, 2, rejected(2, position(1, 1)));
        let sent = to_2(drain(&mut node));
        assert_eq!(sent, [append(position(1, 1), vec![entry(2, 1)], 0)]);
    }

    #[test]
    fn heartbeats_alone_bring_up_a_follower_that_was_cut_off() {
        let mut network = network(Preset::Mit6824);
        network.campaign(1);
        network.isolate(3);
        for _ in 0..5 {
            network.propose(1, "some data");
        }
        network.heal();
        network.beat(1);
        network.beat(1);
        assert_eq!(network.commits(), [5; 3]);
        assert_eq!(network.count_sent(MessageKind::Heartbeat), 0);
    }

    #[test]
    fn heartbeats_bring_up_a_follower_that_lost_a_full_window_of_appends() {
        let starts = (1..=3).map(|id| {
            let limits = Limits {
                in_flight_appends: 2,
                ..Limits::default()
            };
            let config = config_as(Preset::Mit6824, id, 3);
            (Config { limits, ..config }, Restored::default())
        });
        let mut network = Network::of(starts.collect());
        network.campaign(1);
        network.isolate(3);
        for _ in 0..10 {
            network.propose(1, "some data");
        }
        network.heal();
        network.beat(1);
        network.beat(1);
        assert_eq!(network.commits(), [10; 3]);
    }

    #[test]
    fn what_an_earlier_leader_left_commits_with_the_next_command() {
        let mut network = network(Preset::Mit6824);
        network.campaign(1);
        network.ignore(MessageKind::AppendResponse);
        network.propose(1, "first");
        network.heal();
        network.campaign(2);
        network.beat(2);
        assert_eq!(network.commits(), [0; 3]);
        network.propose(2, "second");
        assert_eq!(network.commits(), [2; 3]);
    }

    #[test]
    fn a_heartbeat_to_who_waits_for_a_snapshot_asks_the_host_again() {
        let mut network = network(Preset::Mit6824);
        network.campaign(1);
        network.isolate(3);
        for _ in 0..5 {
            network.propose(1, "some data");
        }
        network.compact(1);
        network.member(1).gives_snapshots = false;
        network.heal();
        network.beat(1);
        network.beat(1);
        assert!(network.member(1).wanted.len() >= 2);
        network.member(1).gives_snapshots = true;
        network.beat(1);
        network.beat(1);
        assert_eq!(network.commits(), [5; 3]);
    }

    #[test]
    fn compacting_on_while_a_snapshot_is_on_its_way_asks_for_no_second_one() {
        let mut node = lone(Preset::Mit6824, restored(&[1, 1]));
        elect(&mut node, &[2, 3]);
        node.propose("some data".into()).expect("a leader");
        drain(&mut node);
        step(&mut node, 3, 2, matched(3));
        drain(&mut node);
        node.compact(index(2)).expect("it is applied");
        step(&mut node, 2, 2, rejected(2, position(0, 0)));
        assert_eq!(take(&mut node).snapshots_wanted.len(), 1);
        let last = position(2, 1);
        let snapshot = crate::harness::snapshot(last, &[1, 2, 3]);
        node.send_snapshot(types::id::PeerId::new(2), snapshot)
            .expect("it is wanted");
        drain(&mut node);
        node.compact(index(3)).expect("it is applied");
        node.advance_ticks(1);
        assert_eq!(take(&mut node).snapshots_wanted, []);
    }
}

mod etcd {
    use super::*;

    #[test]
    fn a_peer_asks_before_it_takes_a_term() {
        let mut node = lone(Preset::Etcd, Restored::default());
        node.campaign();
        assert_eq!(node.role(), Role::PreCandidate);
        drain(&mut node);
        step(&mut node, 2, 1, pre_vote(true));
        assert_eq!((node.role(), node.term()), (Role::Candidate, term(1)));
    }

    #[test]
    fn an_isolated_leader_steps_down() {
        let mut network = network(Preset::Etcd);
        network.campaign(1);
        network.isolate(1);
        for _ in 0..20 {
            network.pass(1, 1);
        }
        assert_eq!(network.node(1).role(), Role::Follower);
    }

    #[test]
    fn a_new_leader_appends_an_empty_entry() {
        let mut network = network(Preset::Etcd);
        network.campaign(1);
        assert_eq!(network.commits(), [1; 3]);
        assert_eq!(network.node(3).log().entry(index(1)), Some(&no_op(1, 1)));
    }
}

#[test]
fn limits_that_let_nothing_through_are_refused() {
    for limits in [
        Limits {
            in_flight_appends: 0,
            ..Limits::default()
        },
        Limits {
            append_entries: 0,
            ..Limits::default()
        },
    ] {
        let refused = RawNode::new(
            Config {
                limits,
                ..config(1, 3)
            },
            Restored::default(),
        );
        assert_eq!(refused.err(), Some(ConfigError::NothingInFlight));
    }
}

#[test]
fn limits_of_zero_bytes_still_let_one_entry_at_a_time_through() {
    let mut network = Network::with(3, |config| Config {
        limits: Limits {
            in_flight_bytes: 0,
            append_bytes: 0,
            uncommitted_bytes: 0,
            committed_bytes: 0,
            ..Limits::default()
        },
        ..config
    });
    network.campaign(1);
    for _ in 0..5 {
        network.propose(1, "some data");
    }
    for _ in 0..5 {
        network.beat(1);
    }
    assert_eq!(network.commits(), [6; 3]);
    assert_eq!(log_terms(network.node(3)), [1; 6]);
    let to_self = message(1, 1, 1, heartbeat(0));
    assert!(network.node_mut(1).step(to_self).is_err());
}
