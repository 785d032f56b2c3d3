//! How entries reach followers, and how logs are brought together (paper, section 5.3).

use bytes::Bytes;
use raft::Limits;
use raft::progress::ProgressState;
use raft::{CORRECT, ProposeError, Restored, Rules};
use types::raft::{AppendResult, EntryKind, HardState, LogIndex, MessageBody, MessageKind, Role};

use crate::group::{
    Group, RawNode, append, drain, entries, entry, hard_state, heartbeat, index, lead, log_terms,
    lone, matched, message, peer, position, restored, start, term,
};

/// A leader of three in term 1 whose no-op both followers hold, silent.
fn settled_leader() -> RawNode {
    let mut node = lone(1, 3, Restored::default());
    lead(&mut node);
    drain(&mut node);
    for from in [2, 3] {
        node.step(message(from, 1, 1, matched(1)))
            .expect("an honest message");
        drain(&mut node);
    }
    assert_eq!(node.commit(), index(1));
    node
}

fn follower(log: &[u64], commit: u64) -> RawNode {
    let restored = Restored {
        hard_state: HardState {
            commit: index(commit),
            ..hard_state(log.last().copied().unwrap_or(0), 0, 0)
        },
        ..restored(log)
    };
    let mut node = lone(1, 3, restored);
    drain(&mut node);
    node
}

fn answer(node: &mut RawNode, of: u64, body: MessageBody) -> AppendResult {
    node.step(message(2, 1, of, body))
        .expect("an honest message");
    match drain(node).pop().map(|message| message.body) {
        Some(MessageBody::AppendResponse { result }) => result,
        other => panic!("no answer to an append: {other:?}"),
    }
}

#[test]
fn only_a_leader_takes_proposals_and_others_name_it() {
    let mut node = lone(1, 3, Restored::default());
    let nobody = Err(ProposeError::NotLeader { leader: None });
    assert_eq!(node.propose(Bytes::new()), nobody);
    node.campaign();
    assert_eq!(node.propose(Bytes::new()), nobody);
    node.step(message(2, 1, 1, heartbeat(0)))
        .expect("an honest message");
    let other = Err(ProposeError::NotLeader {
        leader: Some(peer(2)),
    });
    assert_eq!(node.propose(Bytes::new()), other);
    assert_eq!(node.log().last_index(), index(0));
}

#[test]
fn a_leader_starts_its_term_with_a_no_op() {
    let mut node = lone(1, 3, restored(&[1]));
    lead(&mut node);
    let last = node.log().entry(index(2)).expect("the no-op").clone();
    assert_eq!((last.kind, last.term), (EntryKind::NoOp, term(2)));
    assert!(last.data.is_empty());
}

#[test]
fn a_proposal_is_sent_to_every_follower_right_behind_what_it_holds() {
    let mut node = settled_leader();
    let at = node.propose(Bytes::from_static(b"word")).expect("a leader");
    assert_eq!((at, node.commit()), (position(2, 1), index(1)));
    let new = node.log().entry(index(2)).expect("the proposal").clone();
    let body = || append(position(1, 1), vec![new.clone()], 1);
    let ready = node.ready().expect("work");
    assert_eq!(ready.entries, std::slice::from_ref(&new));
    assert_eq!(
        ready.messages,
        [message(1, 2, 1, body()), message(1, 3, 1, body())]
    );
}

#[test]
fn proposals_of_one_turn_travel_in_one_append() {
    let mut node = settled_leader();
    for _ in 0..3 {
        node.propose(Bytes::new()).expect("a leader");
    }
    let sent = drain(&mut node);
    assert_eq!(sent.len(), 2);
    for message in sent {
        assert!(matches!(message.body, MessageBody::Append { entries, .. } if entries.len() == 3));
    }
}

#[test]
fn payloads_are_shared_between_the_log_the_disk_and_the_messages() {
    let mut node = settled_leader();
    let data = Bytes::from(vec![7; 1_000]);
    node.propose(data.clone()).expect("a leader");
    let ready = node.ready().expect("work");
    assert_eq!(ready.entries[0].data.as_ptr(), data.as_ptr());
    for message in ready.messages {
        let MessageBody::Append { entries, .. } = message.body else {
            panic!("an append")
        };
        assert_eq!(entries[0].data.as_ptr(), data.as_ptr());
    }
}

#[test]
fn appends_follow_each_other_without_waiting_for_answers() {
    let mut node = settled_leader();
    for at in 2..=4 {
        node.propose(Bytes::new()).expect("a leader");
        let sent = drain(&mut node);
        assert!(sent.iter().all(|message| matches!(
            &message.body,
            MessageBody::Append { prev, entries, .. }
                if prev.index == index(at - 1) && entries.len() == 1
        )));
    }
    assert_eq!(
        node.progress().next().map(raft::progress::Progress::next),
        Some(index(5))
    );
}

#[test]
fn no_more_appends_than_the_window_holds_are_on_their_way() {
    let mut node = settled_leader();
    let mut sent = 0;
    let window = Limits::default().in_flight_appends;
    for _ in 0..window + 10 {
        node.propose(Bytes::new()).expect("a leader");
        sent += drain(&mut node).len();
    }
    assert_eq!(sent, 2 * window);
    node.step(message(2, 1, 1, matched(5)))
        .expect("an honest message");
    let rest = drain(&mut node);
    let to_two = rest.iter().filter(|message| message.to == peer(2));
    let carried: usize = to_two
        .map(|message| match &message.body {
            MessageBody::Append { entries, .. } => entries.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(carried, 10, "what waited leaves together");
}

#[test]
fn a_long_log_is_sent_in_appends_of_bounded_size() {
    let mut node = lone(1, 3, restored(&[1; 1_000]));
    lead(&mut node);
    drain(&mut node);
    let refused = MessageBody::AppendResponse {
        result: AppendResult::Rejected {
            refused: index(1_000),
            hint: position(0, 0),
        },
    };
    node.step(message(2, 1, 2, refused))
        .expect("an honest message");
    let sizes = |messages: Vec<types::raft::Message>| -> Vec<usize> {
        let sizes = messages.into_iter().map(|message| match message.body {
            MessageBody::Append { entries, .. } => entries.len(),
            other => panic!("{other:?}"),
        });
        sizes.collect()
    };
    assert_eq!(sizes(drain(&mut node)), [256], "a probe sends one");
    node.step(message(2, 1, 2, matched(256)))
        .expect("an honest message");
    assert_eq!(sizes(drain(&mut node)), [256, 256, 233]);
}

#[test]
fn large_payloads_travel_in_few_and_a_huge_one_alone() {
    let mut node = settled_leader();
    for size in [600_000, 600_000, 3_000_000, 10] {
        node.propose(Bytes::from(vec![0; size])).expect("a leader");
    }
    let counts: Vec<usize> = drain(&mut node)
        .into_iter()
        .filter(|message| message.to == peer(2))
        .map(|message| match message.body {
            MessageBody::Append { entries, .. } => entries.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [1, 1, 1, 1]);
}

#[test]
fn a_leader_keeps_a_match_index_for_each_follower() {
    let mut node = settled_leader();
    for at in 2..=6 {
        node.propose(Bytes::new()).expect("a leader");
        drain(&mut node);
        node.step(message(2, 1, 1, matched(at)))
            .expect("an honest message");
        let progress = node.progress().next().expect("two followers");
        assert_eq!(
            (progress.matched(), progress.next()),
            (index(at), index(at + 1))
        );
        assert_eq!(node.log().persisted(), index(at), "the leader's own");
    }
}

#[test]
fn a_follower_accepts_what_fits_and_refuses_what_does_not() {
    for (prev, fits) in [
        (position(0, 0), true),
        (position(1, 1), true),
        (position(2, 2), true),
        (position(2, 1), false),
        (position(3, 3), false),
    ] {
        let mut node = follower(&[1, 2], 1);
        let result = answer(&mut node, 3, append(prev, vec![], 0));
        let expected = AppendResult::Matched { index: prev.index };
        assert_eq!(result == expected, fits, "{prev}");
        assert_eq!(
            matches!(result, AppendResult::Rejected { .. }),
            !fits,
            "{prev}"
        );
    }
}

#[test]
fn a_follower_takes_over_the_leaders_entries_and_writes_only_what_is_new() {
    // prev, terms of the entries behind it, the log then, what is written.
    type Row<'a> = (u64, u64, &'a [u64], &'a [u64], usize);
    let rows: [Row<'_>; 4] = [
        (2, 2, &[3], &[1, 2, 3], 1),
        (1, 1, &[3, 4], &[1, 3, 4], 2),
        (0, 0, &[1], &[1, 2], 0),
        (0, 0, &[3], &[3], 1),
    ];
    for (prev, of, terms, expected, written) in rows {
        let mut node = follower(&[1, 2], 0);
        let new: Vec<_> = (prev + 1..)
            .zip(terms)
            .map(|(at, &of)| entry(at, of))
            .collect();
        let body = append(position(prev, of), new, 0);
        node.step(message(2, 1, 4, body))
            .expect("an honest message");
        assert_eq!(log_terms(&node), expected);
        assert_eq!(node.ready().expect("an answer").entries.len(), written);
    }
}

#[test]
fn a_short_and_late_append_takes_nothing_away() {
    let mut node = follower(&[1, 1, 1], 0);
    let result = answer(&mut node, 1, append(position(0, 0), entries(&[1]), 0));
    assert_eq!(result, AppendResult::Matched { index: index(1) });
    assert_eq!(log_terms(&node), [1, 1, 1]);
}

#[test]
fn an_acceptance_names_the_end_of_the_message_not_of_the_log() {
    let mut node = follower(&[1, 1, 1, 1], 0);
    let result = answer(&mut node, 2, append(position(1, 1), vec![entry(2, 1)], 0));
    assert_eq!(result, AppendResult::Matched { index: index(2) });
}

#[test]
fn a_follower_commits_as_far_as_the_message_vouches_for_its_log() {
    // prev, entries, leader's commit, commit then.
    let rows: [(u64, u64, Vec<u64>, u64, u64); 7] = [
        (1, 1, vec![], 3, 1),
        (1, 1, vec![2], 3, 2),
        (2, 2, vec![], 3, 2),
        (2, 2, vec![], 1, 1),
        (2, 2, vec![2, 2], 3, 3),
        (2, 2, vec![2, 2], 9, 4),
        (0, 0, vec![], 2, 0),
    ];
    for (prev, of, terms, leader_commit, expected) in rows {
        let mut node = follower(&[1, 2, 2], 0);
        let new: Vec<_> = (prev + 1..)
            .zip(&terms)
            .map(|(at, &of)| entry(at, of))
            .collect();
        answer(&mut node, 3, append(position(prev, of), new, leader_commit));
        assert_eq!(
            node.commit(),
            index(expected),
            "prev {prev}, {terms:?}, {leader_commit}"
        );
    }
}

#[test]
fn a_commit_index_never_falls() {
    let mut node = follower(&[1, 1], 2);
    answer(&mut node, 1, append(position(0, 0), vec![], 0));
    assert_eq!(node.commit(), index(2));
}

#[test]
fn a_refusal_hints_at_the_last_entry_on_which_the_logs_may_agree() {
    for (prev, hint) in [
        (position(9, 7), position(6, 3)),
        (position(9, 3), position(6, 3)),
        (position(9, 2), position(3, 1)),
        (position(5, 2), position(3, 1)),
        (position(4, 5), position(4, 3)),
        (position(9, 0), position(0, 0)),
    ] {
        let mut node = follower(&[1, 1, 1, 3, 3, 3], 0);
        let result = answer(&mut node, 8, append(prev, vec![], 0));
        let refused = prev.index;
        assert_eq!(result, AppendResult::Rejected { refused, hint }, "{prev}");
    }
}

/// Brings a follower with `theirs` to a leader's log; says how many appends were refused.
fn refusals_until_equal(ours: &[u64], theirs: &[u64]) -> usize {
    let mut group = Group::from_logs(&[ours, theirs, ours]);
    group.member(1).node.campaign();
    let mut refusals = 0;
    group.turn_all();
    while let Some(message) = group.in_transit.pop_front() {
        refusals += usize::from(matches!(
            message.body,
            MessageBody::AppendResponse {
                result: AppendResult::Rejected { .. }
            }
        ));
        group.deliver(message);
    }
    assert_eq!(group.log_terms(2), group.log_terms(1));
    refusals
}

#[test]
fn whole_terms_are_skipped_when_logs_differ() {
    let long_tail = [vec![1; 5], vec![2; 100]].concat();
    let other_tail = [vec![1; 5], vec![3; 100]].concat();
    assert_eq!(
        refusals_until_equal(&other_tail, &long_tail),
        1,
        "the follower's hint"
    );
    assert_eq!(
        refusals_until_equal(&[1; 100], &[1; 5]),
        1,
        "one term, short log"
    );
    let short = vec![1; 5];
    assert_eq!(refusals_until_equal(&other_tail, &short), 1, "a short log");
    let ours = [vec![1; 5], vec![4; 100]].concat();
    let theirs = [vec![1; 5], vec![2; 30], vec![3; 30]].concat();
    assert!(refusals_until_equal(&ours, &theirs) <= 2, "two terms");
}

#[test]
fn the_followers_of_figure_7_are_all_brought_to_the_leaders_log() {
    let ours: &[u64] = &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    let followers: [&[u64]; 6] = [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    for theirs in followers {
        let mut group = Group::from_logs(&[ours, theirs, ours]);
        for id in [1, 2, 3] {
            let member = group.member(id);
            let at_term_seven = Restored {
                hard_state: hard_state(7, 0, 0),
                ..restored(if id == 2 { theirs } else { ours })
            };
            member.node = start(member.config.clone(), at_term_seven);
            member.disk.entries = entries(if id == 2 { theirs } else { ours });
        }
        group.campaign(1);
        assert_eq!(group.node(1).term(), term(8));
        group.propose(1, "word");
        let expected = [ours, &[8, 8]].concat();
        for id in 1..=3 {
            assert_eq!(group.log_terms(id), expected, "against {theirs:?}");
            assert_eq!(group.member(id).disk.entries.len(), expected.len());
        }
        assert_eq!(group.commits(), [12, 12, 12]);
    }
}

#[test]
fn a_late_refusal_changes_nothing() {
    let mut node = settled_leader();
    node.propose(Bytes::new()).expect("a leader");
    drain(&mut node);
    node.step(message(2, 1, 1, matched(2)))
        .expect("an honest message");
    drain(&mut node);
    let before = node.progress().next().cloned();
    let late = MessageBody::AppendResponse {
        result: AppendResult::Rejected {
            refused: index(1),
            hint: position(0, 0),
        },
    };
    node.step(message(2, 1, 1, late)).expect("a late message");
    assert_eq!(node.progress().next().cloned(), before);
    assert!(!node.has_ready());
}

#[test]
fn after_a_refusal_one_append_at_a_time_looks_for_where_the_logs_agree() {
    let mut node = settled_leader();
    for _ in 0..3 {
        node.propose(Bytes::new()).expect("a leader");
    }
    drain(&mut node);
    let refused = MessageBody::AppendResponse {
        result: AppendResult::Rejected {
            refused: index(4),
            hint: position(1, 1),
        },
    };
    node.step(message(2, 1, 1, refused))
        .expect("an honest message");
    assert_eq!(drain(&mut node).len(), 1);
    node.propose(Bytes::new()).expect("a leader");
    let to_two = |messages: &[types::raft::Message]| {
        messages
            .iter()
            .filter(|message| message.to == peer(2))
            .count()
    };
    assert_eq!(to_two(&drain(&mut node)), 0);
    let progress = node.progress().next().expect("two followers");
    assert_eq!(progress.state(), ProgressState::Probe { waiting: true });
    let lives = MessageBody::HeartbeatResponse {
        commit: index(1),
        last: index(1),
        round: 0,
    };
    node.step(message(2, 1, 1, lives))
        .expect("an honest message");
    assert_eq!(
        to_two(&drain(&mut node)),
        1,
        "a heartbeat response repeats the probe"
    );
}

#[test]
fn an_acknowledgement_that_is_no_news_is_not_answered() {
    let mut node = settled_leader();
    node.step(message(2, 1, 1, matched(1)))
        .expect("a repeated message");
    assert!(!node.has_ready());
}

#[test]
fn old_appends_do_not_disturb_a_later_term() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.campaign(2);
    group.campaign(1);
    let old = message(2, 1, 2, append(position(2, 2), vec![entry(3, 2)], 3));
    group.member(1).node.step(old).expect("an old message");
    group.settle();
    group.propose(1, "word");
    for id in 1..=3 {
        assert_eq!(group.log_terms(id), [1, 2, 3, 3]);
    }
    assert_eq!(group.commits(), [4, 4, 4]);
}

#[test]
fn commands_reach_every_state_machine_in_the_order_of_the_log() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.propose(1, "one");
    group.campaign(2);
    group.propose(2, "two");
    assert_eq!(group.commits(), [4, 4, 4]);
    for id in 1..=3 {
        assert_eq!(group.applied(id), ["one", "two"]);
    }
}

#[test]
fn a_heartbeat_alone_brings_a_follower_up_that_was_cut_off() {
    let mut group = Group::new(5);
    group.campaign(1);
    group.isolate(5);
    group.propose(1, "one");
    group.propose(1, "two");
    assert_eq!(group.commits(), [3, 3, 3, 3, 1]);
    group.heal();
    group.beat(1);
    assert_eq!(group.commits(), [3; 5]);
}

/// A group whose followers hold an entry of which only the leader knows that it is committed.
fn group_that_missed_a_commit(rules: &'static Rules) -> Group {
    let mut group = Group::with_rules(3, rules);
    group.campaign(1);
    group
        .member(1)
        .node
        .propose(Bytes::from_static(b"word"))
        .expect("a leader");
    group.turn(1);
    while let Some(message) = group.in_transit.pop_front() {
        let is_news =
            matches!(&message.body, MessageBody::Append { entries, .. } if entries.is_empty());
        if !is_news {
            group.deliver(message);
        }
    }
    assert_eq!(group.commits(), [2, 1, 1]);
    group
}

#[test]
fn a_heartbeat_brings_an_idle_follower_the_commit_that_it_missed() {
    let mut group = group_that_missed_a_commit(&CORRECT);
    group.beat(1);
    assert_eq!(group.commits(), [2, 2, 2]);
}

#[test]
fn where_heartbeats_carry_no_commit_their_answers_get_the_followers_repaired() {
    // TinyKV's other legal design: heartbeats say nothing about the log.
    static BARE_HEARTBEATS: Rules = Rules {
        heartbeat_commit: |_, _| LogIndex::ZERO,
        ..CORRECT
    };
    let mut group = group_that_missed_a_commit(&BARE_HEARTBEATS);
    group.beat(1);
    assert_eq!(group.commits(), [2, 2, 2]);
}

#[test]
fn a_lost_acknowledgement_is_repaired_by_the_next_heartbeat() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.ignore(MessageKind::AppendResponse);
    group.propose(1, "word");
    assert_eq!(group.commits(), [1, 1, 1]);
    group.heal();
    group.beat(1);
    assert_eq!(group.node(1).commit(), index(2));
}

#[test]
fn a_heartbeat_never_commits_what_its_receiver_did_not_acknowledge() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.isolate(1);
    for _ in 0..5 {
        group.propose(1, "lost");
    }
    group.campaign(2);
    for _ in 0..10 {
        group.propose(2, "kept");
    }
    group.heal();
    group.ignore(MessageKind::Append);
    group.beat(2);
    assert_eq!(group.node(1).role(), Role::Follower);
    assert_eq!(group.node(1).commit(), index(1));
    assert_eq!(group.node(1).log().last_index(), index(6));
}

#[test]
fn an_append_from_before_the_followers_truncated_log_is_acknowledged_up_to_its_commit() {
    let region = Restored {
        hard_state: hard_state(5, 0, 7),
        truncated: position(5, 5),
        entries: vec![entry(6, 5), entry(7, 5)],
        applied: index(5),
        ..Restored::default()
    };
    let mut node = lone(1, 3, region);
    drain(&mut node);
    let result = answer(&mut node, 6, append(position(2, 1), vec![entry(3, 1)], 7));
    assert_eq!(result, AppendResult::Matched { index: index(7) });
    assert_eq!(node.log().last_index(), index(7));
}

#[test]
fn a_follower_that_lacks_what_the_leader_has_truncated_does_not_keep_it_busy() {
    let region = Restored {
        hard_state: hard_state(5, 0, 5),
        truncated: position(5, 5),
        applied: LogIndex::new(5),
        ..Restored::default()
    };
    let mut node = lone(1, 3, region);
    lead(&mut node);
    drain(&mut node);
    let refused = || MessageBody::AppendResponse {
        result: AppendResult::Rejected {
            refused: index(5),
            hint: position(0, 0),
        },
    };
    for _ in 0..3 {
        node.step(message(2, 1, 6, refused()))
            .expect("an honest message");
        assert!(drain(&mut node).is_empty());
    }
}
