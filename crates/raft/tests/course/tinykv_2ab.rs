//! Project 2AB: replication, one peer at a time.

use raft::{RawNode, Restored};
use types::raft::{Entry, EntryKind, LogPosition, Message, Role};

use crate::harness::{
    acknowledge, append, drain, elect, entry, hard_state, heartbeat, index, log_of, log_terms,
    lone, matched, message, no_op, peer, position, rejected, request_vote, restored, restored_with,
    settle_in, step, take, term, vote,
};

/// A follower of peer 2 in `of` with entries of these terms.
fn follower(of: u64, commit: u64, terms: &[u64]) -> RawNode {
    lone(1, 3, restored_with(hard_state(of, 0, commit), terms))
}

/// The leader of a group in its first term, whose no-op is committed and told to all.
fn settled_leader(count: u64) -> RawNode {
    let mut node = lone(1, count, Restored::default());
    let others: Vec<u64> = (2..=count).collect();
    settle_in(&mut node, &others);
    assert_eq!(node.commit(), node.log().last_index());
    node
}

fn data(entry: &Entry) -> (u64, u64, EntryKind) {
    (entry.index.get(), entry.term.get(), entry.kind)
}

#[test]
fn leader_start_replication_sends_the_entry_right_behind_what_followers_hold() {
    let mut node = settled_leader(3);
    let li = node.log().last_index().get();
    node.propose("some data".into()).expect("a leader");
    assert_eq!(node.log().last_index(), index(li + 1));
    let taken = take(&mut node);
    assert_eq!(node.commit(), index(li));
    let proposed = crate::harness::command(li + 1, 1, "some data");
    let body = append(position(li, 1), vec![proposed.clone()], li);
    assert_eq!(
        taken.messages,
        [message(1, 2, 1, body.clone()), message(1, 3, 1, body)],
    );
    assert_eq!(taken.entries, [proposed]);
}

#[test]
fn leader_commit_entry_applies_it_and_tells_every_follower_at_once() {
    let mut node = settled_leader(3);
    let li = node.log().last_index().get();
    node.propose("some data".into()).expect("a leader");
    drain(&mut node);
    acknowledge(&mut node, &[2, 3]);
    let taken = take(&mut node);
    assert_eq!(node.commit(), index(li + 1));
    let proposed = crate::harness::command(li + 1, 1, "some data");
    assert_eq!(taken.committed, [proposed]);
    let body = append(position(li + 1, 1), vec![], li + 1);
    assert_eq!(
        taken.messages,
        [message(1, 2, 1, body.clone()), message(1, 3, 1, body)],
    );
}

#[test]
fn leader_acknowledge_commit_happens_when_and_only_when_a_majority_acknowledges() {
    for (count, acknowledging, is_committed) in [
        (1, &[][..], true),
        (3, &[], false),
        (3, &[2], true),
        (3, &[2, 3], true),
        (5, &[], false),
        (5, &[2], false),
        (5, &[2, 3], true),
        (5, &[2, 3, 4], true),
        (5, &[2, 3, 4, 5], true),
    ] {
        let mut node = settled_leader(count);
        let li = node.log().last_index();
        node.propose("some data".into()).expect("a leader");
        // The leader is one of the majority once its own disk has the entry.
        drain(&mut node);
        acknowledge(&mut node, acknowledging);
        assert_eq!(
            node.commit() > li,
            is_committed,
            "{acknowledging:?} of {count}"
        );
    }
}

#[test]
fn leader_commit_preceding_entries_with_the_first_of_its_own_term() {
    for terms in [&[][..], &[2], &[1, 2], &[1]] {
        let mut node = follower(2, 0, terms);
        elect(&mut node, &[2]);
        assert_eq!(node.term(), term(3));
        node.propose("some data".into()).expect("a leader");
        drain(&mut node);
        // The course's followers accept whatever they are sent.
        acknowledge(&mut node, &[2, 3]);
        let li = terms.len() as u64;
        let mut expected = crate::harness::entries(terms);
        expected.push(no_op(li + 1, 3));
        expected.push(crate::harness::command(li + 2, 3, "some data"));
        assert_eq!(take(&mut node).committed, expected);
    }
}

#[test]
fn follower_commit_entry_applies_as_far_as_the_leader_says() {
    let (first, second) = (entry(1, 1), entry(2, 1));
    let (first_b, second_b) = (
        crate::harness::command(1, 1, "other"),
        crate::harness::command(2, 1, "order"),
    );
    for (entries, commit) in [
        (vec![first.clone()], 1),
        (vec![first.clone(), second], 2),
        (vec![first_b, second_b], 2),
        (vec![first, entry(2, 1)], 1),
    ] {
        let mut node = follower(1, 0, &[]);
        let body = append(position(0, 0), entries.clone(), commit);
        step(&mut node, 2, 1, body);
        let committed = take(&mut node).committed;
        assert_eq!(node.commit(), index(commit));
        let count = usize::try_from(commit).expect("a few");
        assert_eq!(committed, entries[..count]);
    }
}

#[test]
fn follower_check_msg_append_accepts_what_it_holds_and_rejects_what_it_does_not() {
    let check = |prev: LogPosition| {
        let mut node = follower(2, 1, &[1, 2]);
        drain(&mut node);
        step(&mut node, 2, 2, append(prev, vec![], 0));
        drain(&mut node)
    };
    for accepted in [position(0, 0), position(1, 1), position(2, 2)] {
        let answer = matched(accepted.index.get());
        assert_eq!(check(accepted), [message(1, 2, 2, answer)]);
    }
    // The hint is the last own entry with a term not above the refused one.
    let conflict = rejected(2, position(1, 1));
    assert_eq!(check(position(2, 1)), [message(1, 2, 2, conflict)]);
    let missing = rejected(3, position(2, 2));
    assert_eq!(check(position(3, 3)), [message(1, 2, 2, missing)]);
}

#[test]
fn follower_append_entries_cuts_only_what_conflicts_and_writes_only_what_is_new() {
    // The course sends entries of terms 3 and 4 in a message of term 2, which no leader can; here
    // the message is of term 4, or it would be refused (`StepError::BrokenEntries`).
    let row = |at: u64, of: u64| crate::harness::command(at, of, &format!("new {of}.{at}"));
    for (prev, sent, terms, unstable) in [
        (position(2, 2), vec![row(3, 3)], &[1, 2, 3][..], 1),
        (position(1, 1), vec![row(2, 3), row(3, 4)], &[1, 3, 4], 2),
        (position(0, 0), vec![row(1, 1)], &[1, 2], 0),
        (position(0, 0), vec![row(1, 3)], &[3], 1),
    ] {
        let mut node = follower(2, 0, &[1, 2]);
        step(&mut node, 2, 4, append(prev, sent.clone(), 0));
        assert_eq!(log_terms(&node), terms);
        let written = take(&mut node).entries;
        assert_eq!(written, sent[..unstable]);
    }
}

#[test]
fn vote_request_names_the_end_of_the_log_and_goes_to_every_other_peer() {
    for (terms, of) in [(&[1][..], 2), (&[1, 2], 3)] {
        let mut node = lone(1, 3, Restored::default());
        let entries = crate::harness::entries(terms);
        step(&mut node, 2, of - 1, append(position(0, 0), entries, 0));
        drain(&mut node);
        let mut sent = Vec::new();
        for _ in 0..19 {
            node.advance_ticks(1);
            sent.append(&mut drain(&mut node));
        }
        let last = position(terms.len() as u64, terms[terms.len() - 1]);
        assert_eq!(
            sent,
            [
                message(1, 2, of, request_vote(last)),
                message(1, 3, of, request_vote(last)),
            ],
        );
    }
}

#[test]
fn voter_refuses_a_log_that_is_behind_its_own_and_no_other() {
    for (own, of, at, granted) in [
        // The same last term: the length decides.
        (&[1][..], 1, 1, true),
        (&[1], 1, 2, true),
        (&[1, 1], 1, 1, false),
        // The candidate's last term is later.
        (&[1], 2, 1, true),
        (&[1], 2, 2, true),
        (&[1, 1], 2, 1, true),
        // The own last term is later.
        (&[2], 1, 1, false),
        (&[2], 1, 2, false),
        (&[2, 2], 1, 1, false),
    ] {
        let mut node = lone(1, 2, restored(own));
        step(&mut node, 2, 3, request_vote(position(at, of)));
        assert_eq!(
            drain(&mut node),
            [message(1, 2, 3, vote(granted))],
            "{own:?} asked for {at} of {of}"
        );
    }
}

#[test]
fn leader_only_commits_log_from_current_term_by_counting() {
    for (acknowledged, commit) in [(1, 0), (2, 0), (3, 3)] {
        let mut node = lone(1, 2, restored(&[1, 2]));
        elect(&mut node, &[2]);
        assert_eq!(node.term(), term(3));
        node.propose("some data".into()).expect("a leader");
        drain(&mut node);
        step(&mut node, 2, 3, matched(acknowledged));
        assert_eq!(node.commit(), index(commit), "2 holds {acknowledged}");
    }
}

#[test]
fn progress_leader_matches_itself_as_far_as_its_own_disk_goes() {
    let mut node = lone(1, 2, Restored::default());
    elect(&mut node, &[2]);
    for i in 0..5 {
        // Where the course counts the leader's log, here its disk counts, which is behind until
        // the Ready is written.
        assert_eq!(node.log().persisted(), index(i));
        assert_eq!(node.log().last_index(), index(i + 1));
        drain(&mut node);
        assert_eq!(node.log().persisted(), index(i + 1));
        node.propose("some data".into()).expect("a leader");
    }
}

#[test]
fn handle_msg_append_rejects_what_does_not_fit_and_changes_nothing() {
    for (prev, hint) in [
        (position(2, 3), position(2, 2)),
        (position(3, 3), position(2, 2)),
    ] {
        let mut node = follower(2, 0, &[1, 2]);
        step(&mut node, 2, 3, append(prev, vec![], 3));
        let answer = rejected(prev.index.get(), hint);
        assert_eq!(drain(&mut node), [message(1, 2, 3, answer)]);
        assert_eq!(log_terms(&node), [1, 2]);
        assert_eq!(node.commit(), index(0));
    }
}

#[test]
fn handle_msg_append_cuts_at_a_conflict_alone_and_commits_up_to_the_last_new_entry() {
    for (prev, sent, commit, terms, committed) in [
        // What is like a heartbeat cuts nothing.
        (position(1, 1), vec![], 1, &[1, 2][..], 1),
        (position(0, 0), vec![entry(1, 2)], 1, &[2], 1),
        (
            position(2, 2),
            vec![entry(3, 2), entry(4, 2)],
            3,
            &[1, 2, 2, 2],
            3,
        ),
        (position(2, 2), vec![entry(3, 2)], 4, &[1, 2, 2], 3),
        (position(1, 1), vec![entry(2, 2)], 4, &[1, 2], 2),
        // The commit index of the leader, but not beyond the end of the message.
        (position(1, 1), vec![], 3, &[1, 2], 1),
        (position(1, 1), vec![entry(2, 2)], 3, &[1, 2], 2),
        (position(2, 2), vec![], 3, &[1, 2], 2),
        (position(2, 2), vec![], 4, &[1, 2], 2),
    ] {
        let mut node = follower(2, 0, &[1, 2]);
        let end = prev.index.get() + sent.len() as u64;
        step(&mut node, 2, 2, append(prev, sent, commit));
        assert_eq!(drain(&mut node), [message(1, 2, 2, matched(end))]);
        assert_eq!(log_terms(&node), terms);
        assert_eq!(node.commit(), index(committed));
    }
}

/// The answer of a peer with log [1: t2, 2: t2] in `of`, that voted for `voted`.
fn answer_to_vote(node: &mut RawNode, last: LogPosition) -> Vec<Message> {
    let of = node.term().get();
    step(node, 2, of, request_vote(last));
    drain(node)
}

#[test]
fn recv_msg_request_vote_is_granted_to_a_log_that_is_not_behind() {
    for at in 0..=3 {
        for of in 0..=3 {
            let mut node = lone(1, 3, restored_with(hard_state(3, 0, 0), &[2, 2]));
            let granted = of == 3 || of == 2 && at >= 2;
            assert_eq!(
                answer_to_vote(&mut node, position(at, of)),
                [message(1, 2, 3, vote(granted))],
                "{at} of {of}"
            );
        }
    }
}

#[test]
fn recv_msg_request_vote_is_granted_again_to_the_same_and_not_to_another() {
    for (voted, granted) in [(2, true), (3, false)] {
        let mut node = lone(1, 3, restored_with(hard_state(3, voted, 0), &[2, 2]));
        let answer = answer_to_vote(&mut node, position(3, 2));
        assert_eq!(answer, [message(1, 2, 3, vote(granted))]);
    }
}

#[test]
fn recv_msg_request_vote_is_refused_by_the_candidate_and_the_leader_of_the_term() {
    let start = || lone(1, 3, restored_with(hard_state(2, 0, 0), &[2, 2]));
    let mut candidate = start();
    candidate.campaign();
    let mut leader = start();
    elect(&mut leader, &[3]);
    for (mut node, role) in [(candidate, Role::Candidate), (leader, Role::Leader)] {
        drain(&mut node);
        let answer = answer_to_vote(&mut node, position(3, 3));
        assert_eq!(answer, [message(1, 2, 3, vote(false))]);
        assert_eq!(node.role(), role);
    }
}

#[test]
fn all_server_stepdown_happens_on_a_request_of_a_later_term() {
    let follower = || lone(1, 3, restored_with(hard_state(1, 0, 0), &[]));
    let mut candidate = lone(1, 3, Restored::default());
    candidate.campaign();
    let mut leader = lone(1, 3, Restored::default());
    elect(&mut leader, &[2]);
    for (node, length) in [(follower(), 0), (candidate, 0), (leader, 1)] {
        for (body, known) in [
            (request_vote(position(1, 3)), None),
            (append(position(0, 0), vec![], 0), Some(peer(2))),
        ] {
            let mut node = node.clone();
            drain(&mut node);
            step(&mut node, 2, 3, body);
            assert_eq!((node.role(), node.term()), (Role::Follower, term(3)));
            assert_eq!(node.leader(), known);
            assert_eq!(log_of(&node).len(), length);
        }
    }
}

#[test]
fn leader_increase_next_is_behind_the_acknowledged_entry() {
    let mut node = lone(1, 2, restored(&[1, 1, 1]));
    elect(&mut node, &[2]);
    node.propose("some data".into()).expect("a leader");
    drain(&mut node);
    // Three entries that were there, the no-op, the proposal.
    let kinds: Vec<_> = log_of(&node).iter().map(data).collect();
    assert_eq!(
        kinds[3..],
        [(4, 2, EntryKind::NoOp), (5, 2, EntryKind::Normal)]
    );
    acknowledge(&mut node, &[2]);
    let next: Vec<_> = node
        .progress()
        .map(raft::progress::Progress::next)
        .collect();
    assert_eq!(next, [index(6)]);
    node.advance_ticks(1);
    let beat = message(1, 2, 2, heartbeat(5));
    assert!(drain(&mut node).contains(&beat));
}
