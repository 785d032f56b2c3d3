//! A state machine in the place of entries that the leader no longer has (paper, section 7).

use raft::progress::{Progress, ProgressState};
use raft::{CompactError, RawNode, Ready, Restored, SnapshotError, StepError};
use types::raft::{ConfState, MessageKind, Role, Snapshot};

use crate::harness::{
    Network, acknowledge, append, apply, config, drain, elect, entry, hard_state, heard, index,
    log_terms, lone, matched, message, no_op, peer, peers, position, rejected, restored_snapshot,
    restored_with, settle_in, snapshot, snapshot_body, start, step, take, term,
};

const ALL: &[u64] = &[1, 2, 3];

/// Leader 1 in term 2, whose log begins behind (10, 1) and ends with its no-op at 11, committed
/// with 3; 2 was found to hold nothing.
fn leader() -> RawNode {
    let mut node = lone(1, 3, restored_snapshot(position(10, 1), ALL));
    settle_in(&mut node, &[3]);
    step(&mut node, 2, 2, rejected(10, position(0, 0)));
    node
}

/// As [`leader`], with the snapshot on its way to 2.
fn leader_that_sent() -> RawNode {
    let mut node = leader();
    drain(&mut node);
    node.send_snapshot(peer(2), snapshot(position(10, 1), ALL))
        .expect("it is wanted");
    drain(&mut node);
    node
}

/// A follower with entries of these terms, all durable, the first `commit` of them applied.
fn follower(terms: &[u64], commit: u64) -> RawNode {
    let mut node = lone(2, 3, restored_with(hard_state(2, 0, commit), terms));
    drain(&mut node);
    node
}

fn ready(node: &mut RawNode) -> Ready {
    node.ready().expect("something to do")
}

fn state(node: &RawNode) -> ProgressState {
    let of_2 = node.progress().find(|follower| follower.id() == peer(2));
    of_2.map(Progress::state).expect("a follower")
}

mod leading {
    use super::*;

    #[test]
    fn a_follower_that_lacks_what_is_gone_makes_the_host_asked_once() {
        let mut node = leader();
        assert_eq!(take(&mut node).snapshots_wanted, peers(&[2]));
        assert_eq!(state(&node), ProgressState::Snapshot { last: None });
        node.propose("some data".into()).expect("a leader");
        let taken = take(&mut node);
        assert_eq!(taken.snapshots_wanted, []);
        assert!(taken.messages.iter().all(|m| m.to != peer(2)));
    }

    #[test]
    fn a_host_that_is_not_ready_is_asked_again_when_the_follower_is_heard() {
        let mut node = leader();
        drain(&mut node);
        node.advance_ticks(1);
        assert_eq!(take(&mut node).snapshots_wanted, []);
        step(&mut node, 2, 2, heard(0, 0, 0));
        assert_eq!(take(&mut node).snapshots_wanted, peers(&[2]));
    }

    #[test]
    fn heartbeats_go_on_while_a_snapshot_is_on_its_way_and_appends_do_not() {
        let mut node = leader_that_sent();
        node.propose("some data".into()).expect("a leader");
        step(&mut node, 2, 2, heard(0, 0, 0));
        let kinds = |node: &mut RawNode| {
            let sent = drain(node).into_iter().filter(|m| m.to == peer(2));
            sent.map(|m| m.body.kind()).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&mut node), []);
        node.advance_ticks(1);
        assert_eq!(kinds(&mut node), [MessageKind::Heartbeat]);
    }

    #[test]
    fn an_acknowledged_snapshot_is_followed_by_what_lies_behind_it() {
        let mut node = leader_that_sent();
        step(&mut node, 2, 2, matched(10));
        let body = append(position(10, 1), vec![no_op(11, 2)], 11);
        assert_eq!(drain(&mut node), [message(1, 2, 2, body)]);
        assert_eq!(state(&node), ProgressState::Replicate);
    }

    #[test]
    fn an_acknowledgement_below_the_snapshot_does_not_end_it() {
        let mut node = leader_that_sent();
        step(&mut node, 2, 2, matched(4));
        let last = Some(index(10));
        assert_eq!(state(&node), ProgressState::Snapshot { last });
    }

    #[test]
    fn a_reported_failure_leads_to_another_snapshot_once_the_follower_is_heard() {
        let mut node = leader_that_sent();
        node.report_snapshot(peer(2), false);
        let taken = take(&mut node);
        assert_eq!(taken.messages, []);
        assert_eq!(taken.snapshots_wanted, []);
        step(&mut node, 2, 2, heard(0, 0, 0));
        assert_eq!(take(&mut node).snapshots_wanted, peers(&[2]));
        node.send_snapshot(peer(2), snapshot(position(10, 1), ALL))
            .expect("it is wanted");
    }

    #[test]
    fn a_reported_arrival_is_followed_by_a_probe_behind_it_once_the_follower_is_heard() {
        let mut node = leader_that_sent();
        node.report_snapshot(peer(2), true);
        assert_eq!(drain(&mut node), []);
        step(&mut node, 2, 2, heard(10, 10, 0));
        let body = append(position(10, 1), vec![no_op(11, 2)], 11);
        assert_eq!(drain(&mut node), [message(1, 2, 2, body)]);
        assert_eq!(state(&node), ProgressState::Probe { waiting: true });
    }

    #[test]
    fn a_report_that_none_can_be_made_is_asked_about_again() {
        let mut node = leader();
        drain(&mut node);
        node.report_snapshot(peer(2), false);
        step(&mut node, 2, 2, heard(0, 0, 0));
        assert_eq!(take(&mut node).snapshots_wanted, peers(&[2]));
    }

    #[test]
    fn a_report_about_nothing_changes_nothing() {
        let mut node = leader();
        drain(&mut node);
        let before: Vec<_> = node.progress().cloned().collect();
        node.report_snapshot(peer(3), false);
        node.report_snapshot(peer(9), true);
        let after: Vec<_> = node.progress().cloned().collect();
        assert_eq!(before, after);
        assert!(!node.has_ready());
    }

    #[test]
    fn only_a_wanted_snapshot_is_sent() {
        let mut node = leader();
        drain(&mut node);
        let at_10 = || snapshot(position(10, 1), ALL);
        for other in [1, 3, 9] {
            let to = peer(other);
            let refused = node.send_snapshot(to, at_10());
            assert_eq!(refused, Err(SnapshotError::NotWanted { to }));
        }
        node.send_snapshot(peer(2), at_10()).expect("it is wanted");
        let again = node.send_snapshot(peer(2), at_10());
        assert_eq!(again, Err(SnapshotError::NotWanted { to: peer(2) }));
    }

    #[test]
    fn a_snapshot_that_the_log_cannot_go_on_behind_is_refused() {
        let mut node = leader();
        drain(&mut node);
        let last = position(9, 1);
        let truncated = position(10, 1);
        let refused = node.send_snapshot(peer(2), snapshot(last, ALL));
        assert_eq!(refused, Err(SnapshotError::TooOld { last, truncated }));
    }

    #[test]
    fn a_snapshot_of_another_log_or_of_what_is_not_applied_is_refused() {
        let mut node = leader();
        drain(&mut node);
        node.propose("not committed".into()).expect("a leader");
        for last in [position(10, 2), position(12, 2), position(13, 2)] {
            let refused = node.send_snapshot(peer(2), snapshot(last, ALL));
            assert_eq!(refused, Err(SnapshotError::NotOurs { last }));
        }
        // Newer than what was asked for is welcome.
        node.send_snapshot(peer(2), snapshot(position(11, 2), ALL))
            .expect("it is wanted");
    }

    #[test]
    fn what_a_leader_was_asked_for_is_forgotten_with_its_term() {
        let mut node = leader();
        drain(&mut node);
        step(&mut node, 3, 3, crate::harness::heartbeat(0));
        let refused = node.send_snapshot(peer(2), snapshot(position(10, 1), ALL));
        assert_eq!(refused, Err(SnapshotError::NotWanted { to: peer(2) }));
    }

    #[test]
    fn a_log_is_compacted_as_far_as_it_is_applied_and_no_further() {
        let mut node = lone(1, 3, Restored::default());
        elect(&mut node, &[2]);
        for _ in 0..3 {
            node.propose("some data".into()).expect("a leader");
        }
        drain(&mut node);
        let to = index(1);
        let refused = node.compact(to);
        let applied = index(0);
        assert_eq!(refused, Err(CompactError::NotApplied { to, applied }));
        step(&mut node, 2, 1, matched(3));
        drain(&mut node);
        assert!(node.compact(index(4)).is_err());
        node.compact(index(3)).expect("it is applied");
        assert_eq!(node.log().truncated(), position(3, 1));
        assert_eq!(log_terms(&node), [1]);
        assert_eq!(node.log().term(index(3)), Some(term(1)));
        assert_eq!(node.log().term(index(2)), None);
    }

    #[test]
    fn compacting_again_to_an_earlier_index_changes_nothing() {
        let mut node = leader();
        drain(&mut node);
        node.compact(index(11)).expect("it is applied");
        node.compact(index(4)).expect("it is gone already");
        assert_eq!(node.log().truncated(), position(11, 2));
    }

    #[test]
    fn entries_that_a_follower_still_needs_may_go_and_it_gets_a_snapshot() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.isolate(2);
        for _ in 0..10 {
            network.propose(1, "some data");
        }
        network.compact(1);
        network.heal();
        network.beat(1);
        network.propose(1, "behind it");
        assert_eq!(network.count_sent(MessageKind::Snapshot), 1);
        assert_eq!(network.commits(), [12; 3]);
        assert_eq!(network.node(2).log().truncated(), position(11, 1));
        assert_eq!(network.applied(2), ["behind it"]);
    }

    #[test]
    fn a_log_that_is_compacted_while_a_snapshot_is_on_its_way_needs_another() {
        let mut node = leader_that_sent();
        node.compact(index(11)).expect("it is applied");
        step(&mut node, 2, 2, matched(10));
        assert_eq!(take(&mut node).snapshots_wanted, peers(&[2]));
        let conf_state = node.conf_state().clone();
        let newer = Snapshot {
            conf_state,
            ..snapshot(position(11, 2), ALL)
        };
        node.send_snapshot(peer(2), newer).expect("it is wanted");
        step(&mut node, 2, 2, matched(11));
        assert_eq!(state(&node), ProgressState::Replicate);
    }
}

mod following {
    use super::*;

    #[test]
    fn a_snapshot_takes_the_place_of_log_and_membership() {
        let mut node = follower(&[1, 1, 1], 1);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), &[1, 2, 4]));
        assert_eq!(node.log().truncated(), position(10, 1));
        assert_eq!(node.log().last_index(), index(10));
        assert_eq!((node.commit(), node.leader()), (index(10), Some(peer(1))));
        assert_eq!(node.voters(), peers(&[1, 2, 4]));
    }

    #[test]
    fn its_acceptance_waits_for_the_disk() {
        let mut node = follower(&[1], 1);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        let ready = ready(&mut node);
        assert_eq!(
            ready.snapshot,
            Some(Box::new(snapshot(position(10, 1), ALL)))
        );
        assert!(ready.must_persist());
        assert_eq!((ready.messages, ready.committed.to_vec()), (vec![], vec![]));
        let answer = message(2, 1, 2, matched(10));
        assert_eq!(ready.messages_after_persist, [answer]);
        assert_eq!(ready.hard_state, Some(hard_state(2, 0, 10)));
    }

    #[test]
    fn nothing_behind_it_is_promised_or_applied_before_it_is_durable() {
        let mut node = follower(&[1], 1);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        let first = ready(&mut node);
        let body = append(position(10, 1), vec![entry(11, 2)], 11);
        step(&mut node, 1, 2, body);
        let second = ready(&mut node);
        assert_eq!(second.entries, [entry(11, 2)]);
        assert_eq!(
            (second.messages, second.committed.to_vec()),
            (vec![], vec![])
        );
        let answer = message(2, 1, 2, matched(11));
        assert_eq!(second.messages_after_persist, [answer]);
        node.persisted(first.number);
        assert!(!node.has_ready(), "entry 11 is on its way to the disk");
        node.persisted(second.number);
        node.applied(index(10));
        assert_eq!(ready(&mut node).committed, [entry(11, 2)]);
    }

    #[test]
    fn one_write_may_hold_a_snapshot_and_entries_behind_it() {
        let mut node = follower(&[1], 1);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        let body = append(position(10, 1), vec![entry(11, 2)], 11);
        step(&mut node, 1, 2, body);
        let ready = ready(&mut node);
        assert_eq!(
            ready.snapshot,
            Some(Box::new(snapshot(position(10, 1), ALL)))
        );
        assert_eq!(ready.entries, [entry(11, 2)]);
        let answers = [message(2, 1, 2, matched(10)), message(2, 1, 2, matched(11))];
        assert_eq!(ready.messages_after_persist, answers);
    }

    #[test]
    fn a_snapshot_that_is_not_ahead_of_the_commit_index_is_stale() {
        for last in [position(1, 1), position(3, 1)] {
            let mut node = follower(&[1, 1, 1], 3);
            step(&mut node, 1, 2, snapshot_body(last, &[1, 2]));
            let ready = ready(&mut node);
            assert_eq!((ready.must_persist(), ready.snapshot), (false, None));
            assert_eq!(ready.messages, [message(2, 1, 2, matched(3))]);
            assert_eq!(node.voters(), peers(ALL));
            assert_eq!(log_terms(&node), [1, 1, 1]);
        }
    }

    #[test]
    fn a_snapshot_that_the_log_already_holds_only_commits() {
        let mut node = follower(&[1, 1, 1, 1], 1);
        step(&mut node, 1, 2, snapshot_body(position(3, 1), ALL));
        let ready = ready(&mut node);
        assert_eq!(ready.snapshot, None);
        assert_eq!(ready.messages, [message(2, 1, 2, matched(3))]);
        assert_eq!(ready.committed.len(), 2);
        assert_eq!(log_terms(&node), [1, 1, 1, 1], "the tail may be good");
    }

    #[test]
    fn a_fast_forward_too_is_acknowledged_only_once_the_log_is_durable() {
        let mut node = follower(&[], 0);
        let entries = crate::harness::entries(&[1, 1, 1]);
        step(&mut node, 1, 2, append(position(0, 0), entries, 0));
        let first = ready(&mut node);
        step(&mut node, 1, 2, snapshot_body(position(3, 1), ALL));
        let second = ready(&mut node);
        assert_eq!(
            (second.messages, second.committed.to_vec()),
            (vec![], vec![])
        );
        let answer = message(2, 1, 2, matched(3));
        assert_eq!(second.messages_after_persist, [answer]);
        node.persisted(first.number);
        assert_eq!(take(&mut node).committed.len(), 3);
    }

    #[test]
    fn entries_that_conflict_are_dropped_with_the_rest() {
        let mut node = follower(&[1, 1, 1, 2, 2], 2);
        step(&mut node, 1, 3, snapshot_body(position(4, 3), ALL));
        assert_eq!(log_terms(&node), []);
        assert_eq!(node.log().last(), position(4, 3));
    }

    #[test]
    fn a_snapshot_of_an_older_term_is_answered_with_the_newer_one() {
        let mut node = lone(2, 3, restored_with(hard_state(5, 0, 0), &[]));
        step(&mut node, 1, 4, snapshot_body(position(10, 4), ALL));
        assert_eq!(node.log().last_index(), index(0));
        let taken = take(&mut node);
        assert_eq!(taken.messages[0].term, term(5));
    }

    #[test]
    fn a_snapshot_of_a_group_without_this_peer_is_refused_and_changes_nothing() {
        let mut node = follower(&[1], 1);
        let before = node.hard_state();
        let last = position(10, 7);
        let refused = node.step(message(1, 2, 7, snapshot_body(last, &[1, 3])));
        let from = peer(1);
        assert_eq!(refused, Err(StepError::NotInSnapshot { from, last }));
        assert_eq!(node.hard_state(), before);
        assert!(!node.has_ready());
    }

    #[test]
    fn a_snapshot_with_an_impossible_membership_is_refused() {
        let mut node = follower(&[1], 1);
        let mut body = snapshot(position(10, 1), &[1, 2, 3]);
        body.conf_state.learners = peers(&[2]);
        let body = types::raft::MessageBody::Snapshot {
            snapshot: Box::new(body),
        };
        let refused = node.step(message(1, 2, 2, body));
        assert!(matches!(refused, Err(StepError::BadSnapshot { .. })));
        assert_eq!(node.log().last_index(), index(1));
    }

    #[test]
    fn a_joint_membership_comes_with_a_snapshot_as_it_is() {
        let joint = ConfState {
            voters: peers(&[1, 2]),
            outgoing: peers(&[1, 3]),
            learners: peers(&[4]),
            learners_next: peers(&[3]),
            auto_leave: true,
        };
        let mut node = follower(&[1], 1);
        let body = types::raft::MessageBody::Snapshot {
            snapshot: Box::new(Snapshot {
                conf_state: joint.clone(),
                ..snapshot(position(10, 1), &[])
            }),
        };
        step(&mut node, 1, 2, body);
        assert_eq!(*node.conf_state(), joint);
    }

    #[test]
    fn a_change_from_before_a_snapshot_does_not_touch_the_membership_that_came_with_it() {
        let mut node = follower(&[1], 1);
        let change = crate::harness::remove(3);
        let entry = types::raft::Entry {
            kind: types::raft::EntryKind::ConfChange,
            data: types::codec::encode(&change).into(),
            ..entry(2, 1)
        };
        step(&mut node, 1, 2, append(position(1, 1), vec![entry], 2));
        let written = ready(&mut node);
        node.persisted(written.number);
        assert_eq!(ready(&mut node).committed.len(), 1);
        // Its host is about to apply it when a snapshot comes, as of which 3 is back.
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        let _ = node.apply_conf_change(&change);
        node.applied(index(2));
        assert_eq!(node.voters(), peers(ALL));
    }

    #[test]
    fn nobody_campaigns_between_taking_a_snapshot_in_and_applying_it() {
        let mut node = follower(&[1], 1);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        let ready = ready(&mut node);
        node.campaign();
        assert_eq!(node.role(), Role::Follower);
        node.persisted(ready.number);
        node.campaign();
        assert_eq!(node.role(), Role::Follower, "the state machine is behind");
        node.applied(index(10));
        node.campaign();
        assert_eq!(node.role(), Role::Candidate);
    }

    #[test]
    fn a_newer_snapshot_takes_the_place_of_one_that_is_not_written_yet() {
        let mut node = follower(&[1], 1);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        let first = ready(&mut node);
        step(&mut node, 1, 2, snapshot_body(position(20, 2), ALL));
        let second = ready(&mut node);
        assert_eq!(
            second.snapshot,
            Some(Box::new(snapshot(position(20, 2), ALL)))
        );
        node.persisted(first.number);
        // The older one says nothing about what the log is now.
        assert!(node.log().persisted() < index(20));
        node.persisted(second.number);
        assert_eq!(node.log().persisted(), index(20));
        node.applied(index(20));
        assert!(!node.has_ready());
    }

    #[test]
    fn a_snapshot_that_comes_twice_is_written_once() {
        let mut node = follower(&[1], 1);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        let first = ready(&mut node);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        let second = ready(&mut node);
        assert_eq!(second.snapshot, None);
        // Even so it is acknowledged only once the first is durable.
        assert_eq!(second.messages, []);
        assert_eq!(second.messages_after_persist.len(), 1);
        node.persisted(first.number);
        assert_eq!(node.log().persisted(), index(10));
    }

    #[test]
    fn an_append_that_was_overtaken_by_a_snapshot_is_acknowledged_up_to_the_commit_index() {
        let mut node = follower(&[1], 1);
        step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
        drain(&mut node);
        let body = append(position(1, 1), vec![entry(2, 1), entry(3, 1)], 3);
        step(&mut node, 1, 2, body);
        assert_eq!(drain(&mut node), [message(2, 1, 2, matched(10))]);
        assert_eq!(node.log().last_index(), index(10));
    }

    #[test]
    fn an_append_across_the_end_of_a_snapshot_leaves_what_lies_behind_it() {
        let mut node = follower(&[1], 1);
        step(&mut node, 1, 2, snapshot_body(position(3, 1), ALL));
        drain(&mut node);
        let sent = vec![entry(3, 1), entry(4, 2)];
        step(&mut node, 1, 2, append(position(2, 1), sent, 4));
        // It is acknowledged as far as it is known to be equal; the rest comes again.
        assert_eq!(drain(&mut node), [message(2, 1, 2, matched(3))]);
        step(
            &mut node,
            1,
            2,
            append(position(3, 1), vec![entry(4, 2)], 4),
        );
        assert_eq!(drain(&mut node), [message(2, 1, 2, matched(4))]);
        assert_eq!(node.commit(), index(4));
    }

    #[test]
    fn entries_are_written_anew_behind_a_snapshot_that_cut_them() {
        let mut node = follower(&[1], 1);
        let conflicting = vec![entry(2, 2), entry(3, 2)];
        step(&mut node, 1, 2, append(position(1, 1), conflicting, 0));
        let old = ready(&mut node);
        assert_eq!(old.entries.len(), 2);
        step(&mut node, 3, 3, snapshot_body(position(2, 3), ALL));
        step(
            &mut node,
            3,
            3,
            append(position(2, 3), vec![entry(3, 3)], 0),
        );
        let new = ready(&mut node);
        assert_eq!(new.entries, [entry(3, 3)]);
        node.persisted(old.number);
        assert!(node.log().persisted() <= index(1));
        node.persisted(new.number);
        assert_eq!(node.log().persisted(), index(3));
    }
}

mod restarting {
    use super::*;

    /// A network in which 3 was brought up by a snapshot.
    fn restored_by_snapshot() -> Network {
        let mut network = Network::new(3);
        network.campaign(1);
        network.isolate(3);
        for _ in 0..5 {
            network.propose(1, "some data");
        }
        network.compact(1);
        network.heal();
        network.beat(1);
        assert_eq!(network.node(3).log().truncated(), position(6, 1));
        network
    }

    #[test]
    fn a_peer_starts_from_its_snapshot_and_goes_on_behind_it() {
        let mut network = restored_by_snapshot();
        network.crash(3);
        let node = network.node(3);
        assert_eq!(node.log().truncated(), position(6, 1));
        assert_eq!((node.commit(), node.applied_index()), (index(6), index(6)));
        assert_eq!(node.voters(), peers(ALL));
        network.propose(1, "behind it");
        assert_eq!(network.applied(3), ["behind it"]);
        network.campaign(3);
        assert_eq!(network.node(3).role(), Role::Leader);
    }

    #[test]
    fn its_first_ready_holds_no_snapshot() {
        let mut node = start(config(1, 3), restored_snapshot(position(6, 1), ALL));
        assert!(!node.has_ready());
        assert_eq!(node.ready(), None);
    }

    #[test]
    fn a_snapshot_that_was_not_written_was_not_promised_and_comes_again() {
        let mut network = Network::new(3);
        network.campaign(1);
        network.isolate(3);
        for _ in 0..5 {
            network.propose(1, "some data");
        }
        network.compact(1);
        network.heal();
        network.member(3).is_slow = true;
        network.beat(1);
        assert_eq!(network.count_sent(MessageKind::Snapshot), 1);
        network.crash(3);
        assert_eq!(network.node(3).log().last_index(), index(1));
        network.member(3).is_slow = false;
        network.node_mut(1).report_snapshot(peer(3), false);
        network.beat(1);
        assert_eq!(network.count_sent(MessageKind::Snapshot), 2);
        assert_eq!(network.node(3).commit(), index(6));
    }

    #[test]
    fn a_leader_restarts_with_its_compacted_log() {
        let mut network = restored_by_snapshot();
        network.crash(1);
        assert_eq!(network.node(1).log().truncated(), position(6, 1));
        network.campaign(1);
        network.propose(1, "after the restart");
        assert_eq!(network.commits(), [8; 3]);
    }
}

/// What the host does between a snapshot and the next entries.
#[test]
fn a_state_machine_that_is_behind_its_snapshot_applies_nothing_before_it() {
    let mut node = follower(&[1, 1], 2);
    step(&mut node, 1, 2, snapshot_body(position(10, 1), ALL));
    let body = append(position(10, 1), vec![entry(11, 2)], 11);
    step(&mut node, 1, 2, body);
    let first = ready(&mut node);
    node.persisted(first.number);
    assert_eq!(node.applied_index(), index(2));
    node.applied(index(10));
    let second = ready(&mut node);
    apply(&mut node, &second.committed);
    assert_eq!(node.applied_index(), index(11));
    acknowledge(&mut node, &[1]);
    assert_eq!(node.role(), Role::Follower);
}
