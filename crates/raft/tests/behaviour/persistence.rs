//! What waits for a slow disk, and what does not (paper, figure 2: "updated on stable storage
//! before responding to RPCs").

use bytes::Bytes;
use raft::{Ready, Restored};
use types::raft::{AppendResult, MessageBody, MessageKind, RaftFact, Role};

use crate::group::{
    Group, RawNode, append, drain, entries, entry, hard_state, heartbeat, index, lead, log_terms,
    lone, matched, message, position, request_vote, restored, term, vote,
};

fn take(node: &mut RawNode) -> Ready {
    node.ready().expect("something to do")
}

fn step(node: &mut RawNode, from: u64, of: u64, body: MessageBody) {
    let to = node.id().get();
    node.step(message(from, to, of, body))
        .expect("an honest message");
}

fn fresh() -> RawNode {
    let mut node = lone(1, 3, Restored::default());
    drain(&mut node);
    node
}

#[test]
fn a_vote_request_waits_for_the_disk() {
    let mut node = fresh();
    node.campaign();
    let ready = take(&mut node);
    assert_eq!(ready.hard_state, Some(hard_state(1, 1, 0)));
    assert!(ready.must_persist());
    assert_eq!(ready.messages, []);
    let kinds: Vec<_> = ready
        .messages_after_persist
        .iter()
        .map(|m| m.body.kind())
        .collect();
    assert_eq!(kinds, [MessageKind::RequestVote; 2]);
}

#[test]
fn the_vote_for_oneself_counts_once_it_is_durable() {
    let mut node = fresh();
    node.campaign();
    let ready = take(&mut node);
    assert_eq!(node.votes().count(), 0);
    step(&mut node, 2, 1, vote(true));
    assert_eq!(
        node.role(),
        Role::Candidate,
        "one vote of another is no majority"
    );
    node.persisted(ready.number);
    assert_eq!(node.role(), Role::Leader);
}

#[test]
fn a_single_voter_leads_once_its_own_vote_is_durable_and_commits_once_its_entry_is() {
    let mut node = lone(1, 1, Restored::default());
    drain(&mut node);
    node.campaign();
    let vote = take(&mut node);
    assert_eq!(node.role(), Role::Candidate);
    node.persisted(vote.number);
    assert_eq!(node.role(), Role::Leader);
    let no_op = take(&mut node);
    assert_eq!((no_op.entries.len(), node.commit()), (1, index(0)));
    assert_eq!(no_op.committed, []);
    node.persisted(no_op.number);
    assert_eq!(node.commit(), index(1));
    assert_eq!(take(&mut node).committed, no_op.entries);
}

#[test]
fn a_vote_for_oneself_of_an_earlier_term_does_not_count_when_it_becomes_durable() {
    let mut node = lone(1, 1, Restored::default());
    drain(&mut node);
    node.campaign();
    let first = take(&mut node);
    node.campaign();
    let second = take(&mut node);
    node.persisted(first.number);
    assert_eq!((node.role(), node.term()), (Role::Candidate, term(2)));
    node.persisted(second.number);
    assert_eq!(node.role(), Role::Leader);
}

#[test]
fn a_given_vote_waits_for_the_disk() {
    let mut node = fresh();
    step(&mut node, 2, 1, request_vote(position(0, 0)));
    let ready = take(&mut node);
    assert_eq!(ready.hard_state, Some(hard_state(1, 2, 0)));
    assert_eq!(ready.messages, []);
    assert_eq!(ready.messages_after_persist, [message(1, 2, 1, vote(true))]);
}

#[test]
fn a_refusal_leaves_at_once_when_what_it_rests_on_is_durable() {
    let mut node = fresh();
    step(&mut node, 2, 1, request_vote(position(0, 0)));
    let first = take(&mut node);
    step(&mut node, 3, 1, request_vote(position(0, 0)));
    let early = take(&mut node);
    assert_eq!(
        early.messages,
        [],
        "the vote that it names is not durable yet"
    );
    assert_eq!(
        early.messages_after_persist,
        [message(1, 3, 1, vote(false))]
    );
    node.persisted(first.number);
    step(&mut node, 3, 1, request_vote(position(0, 0)));
    assert_eq!(take(&mut node).messages, [message(1, 3, 1, vote(false))]);
}

#[test]
fn an_acceptance_of_entries_waits_for_the_disk_and_a_refusal_does_not() {
    let mut node = lone(1, 3, restored(&[1]));
    drain(&mut node);
    step(
        &mut node,
        2,
        1,
        append(position(1, 1), vec![entry(2, 1)], 0),
    );
    let ready = take(&mut node);
    assert_eq!(
        (ready.messages, ready.entries),
        (vec![], vec![entry(2, 1)].into())
    );
    assert_eq!(ready.messages_after_persist, [message(1, 2, 1, matched(2))]);
    step(&mut node, 2, 1, append(position(9, 1), vec![], 0));
    let refusal = take(&mut node).messages;
    assert!(matches!(
        refusal[0].body,
        MessageBody::AppendResponse {
            result: AppendResult::Rejected { .. }
        }
    ));
}

#[test]
fn an_acceptance_without_new_entries_waits_for_the_writes_before_it() {
    let mut node = lone(1, 3, restored(&[1]));
    drain(&mut node);
    step(
        &mut node,
        2,
        1,
        append(position(1, 1), vec![entry(2, 1)], 0),
    );
    let first = take(&mut node);
    step(
        &mut node,
        2,
        1,
        append(position(1, 1), vec![entry(2, 1)], 0),
    );
    let again = take(&mut node);
    assert!(!again.must_persist());
    assert_eq!(again.messages, []);
    assert_eq!(again.messages_after_persist, [message(1, 2, 1, matched(2))]);
    node.persisted(first.number);
    step(
        &mut node,
        2,
        1,
        append(position(1, 1), vec![entry(2, 1)], 0),
    );
    let third = take(&mut node);
    assert_eq!(
        third.messages,
        [message(1, 2, 1, matched(2))],
        "all of it is durable"
    );
    assert_eq!(third.messages_after_persist, []);
}

#[test]
fn heartbeats_appends_and_answers_to_heartbeats_leave_while_the_disk_is_busy() {
    let mut node = fresh();
    lead(&mut node);
    node.advance_ticks(1);
    let ready = take(&mut node);
    assert!(ready.must_persist());
    let kinds: Vec<_> = ready.messages.iter().map(|m| m.body.kind()).collect();
    use MessageKind::{Append, Heartbeat};
    assert_eq!(kinds, [Heartbeat, Heartbeat, Append, Append]);
    step(&mut node, 2, 2, heartbeat(0));
    let answer = take(&mut node);
    assert!(answer.must_persist(), "the new term");
    assert_eq!(
        answer.messages[0].body.kind(),
        MessageKind::HeartbeatResponse
    );
}

#[test]
fn a_leader_counts_itself_once_its_own_disk_has_the_entry() {
    let mut node = fresh();
    lead(&mut node);
    let ready = take(&mut node);
    step(&mut node, 2, 1, matched(1));
    assert_eq!(
        node.commit(),
        index(0),
        "one follower of three, and a leader that may forget"
    );
    node.persisted(ready.number);
    assert_eq!(node.commit(), index(1));
}

#[test]
fn followers_commit_without_the_leaders_disk_but_the_leader_applies_only_what_is_durable() {
    let mut node = fresh();
    lead(&mut node);
    let ready = take(&mut node);
    step(&mut node, 2, 1, matched(1));
    step(&mut node, 3, 1, matched(1));
    assert_eq!(node.commit(), index(1));
    assert_eq!(take(&mut node).committed, []);
    node.persisted(ready.number);
    assert_eq!(take(&mut node).committed, ready.entries);
}

#[test]
fn a_commit_index_alone_need_not_reach_the_disk() {
    let mut node = lone(1, 3, restored(&[1]));
    drain(&mut node);
    step(&mut node, 2, 1, append(position(1, 1), vec![], 1));
    let ready = take(&mut node);
    assert_eq!(ready.hard_state, Some(hard_state(1, 0, 1)));
    assert!(!ready.must_persist());
    assert_eq!(ready.committed, entries(&[1]));
    assert_eq!(ready.messages, [message(1, 2, 1, matched(1))]);
}

#[test]
fn readys_are_numbered_and_later_ones_cover_earlier_ones() {
    let mut node = fresh();
    lead(&mut node);
    let first = take(&mut node);
    node.propose(Bytes::new()).expect("a leader");
    let second = take(&mut node);
    assert_eq!(second.number, first.number + 1);
    node.persisted(second.number);
    assert_eq!(node.log().persisted(), index(2));
    node.persisted(first.number);
    assert_eq!(node.log().persisted(), index(2));
}

#[test]
#[should_panic(expected = "Ready 99 cannot be durable")]
fn a_ready_that_was_never_given_out_cannot_be_durable() {
    fresh().persisted(99);
}

#[test]
#[should_panic(expected = "3 cannot be applied")]
fn an_entry_that_was_never_given_out_cannot_be_applied() {
    fresh().applied(index(3));
}

#[test]
fn an_old_append_that_finishes_late_does_not_mark_a_newer_entry_durable() {
    let mut node = lone(1, 3, restored(&[1]));
    drain(&mut node);
    step(
        &mut node,
        2,
        2,
        append(position(1, 1), vec![entry(2, 2), entry(3, 2)], 0),
    );
    let old = take(&mut node);
    step(
        &mut node,
        3,
        3,
        append(position(1, 1), vec![entry(2, 3), entry(3, 3)], 0),
    );
    let new = take(&mut node);
    node.persisted(old.number);
    assert_eq!(node.log().persisted(), index(1));
    node.persisted(new.number);
    assert_eq!(node.log().persisted(), index(3));
}

#[test]
fn the_same_entry_written_anew_is_not_durable_by_the_write_that_was_overwritten_between() {
    // 2@2 is written, overwritten by 2@3, and comes back as 2@2 under a leader of term 4: after
    // the first write the disk holds it, after the second it does not.
    let mut node = lone(1, 3, restored(&[1]));
    drain(&mut node);
    step(
        &mut node,
        2,
        2,
        append(position(1, 1), vec![entry(2, 2)], 0),
    );
    let first = take(&mut node);
    step(
        &mut node,
        3,
        3,
        append(position(1, 1), vec![entry(2, 3)], 0),
    );
    let second = take(&mut node);
    step(
        &mut node,
        2,
        4,
        append(position(1, 1), vec![entry(2, 2)], 0),
    );
    let third = take(&mut node);
    node.persisted(first.number);
    assert_eq!(node.log().persisted(), index(1));
    node.persisted(second.number);
    assert_eq!(node.log().persisted(), index(1));
    node.persisted(third.number);
    assert_eq!(node.log().persisted(), index(2));
}

#[test]
fn cutting_the_log_takes_back_what_was_durable_behind_the_cut() {
    let mut node = lone(1, 3, restored(&[1, 1, 1]));
    drain(&mut node);
    assert_eq!(node.log().persisted(), index(3));
    step(
        &mut node,
        2,
        2,
        append(position(1, 1), vec![entry(2, 2)], 0),
    );
    assert_eq!(node.log().persisted(), index(1));
    let ready = take(&mut node);
    assert_eq!(ready.entries, [entry(2, 2)]);
    node.persisted(ready.number);
    assert_eq!(
        (node.log().persisted(), log_terms(&node)),
        (index(2), vec![1, 2])
    );
}

#[test]
fn a_promise_of_an_earlier_term_that_was_not_taken_out_is_dropped() {
    let mut node = fresh();
    step(&mut node, 2, 1, request_vote(position(0, 0)));
    step(&mut node, 3, 2, request_vote(position(0, 0)));
    let ready = take(&mut node);
    assert_eq!(ready.hard_state, Some(hard_state(2, 3, 0)));
    assert_eq!(ready.messages_after_persist, [message(1, 3, 2, vote(true))]);
}

#[test]
fn nothing_is_left_to_do_when_a_ready_is_done() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.propose(1, "word");
    assert!((1..=3).all(|id| !group.node(id).has_ready()));
    assert_eq!(group.member(1).node.ready(), None);
    assert_eq!(group.node(1).applied_index(), index(2));
}

#[test]
fn a_leader_whose_disk_hangs_commits_through_the_others() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.member(1).is_slow = true;
    group.propose(1, "word");
    assert_eq!(group.commits(), [2, 2, 2]);
    assert_eq!((group.applied(1).len(), group.applied(2).len()), (0, 1));
    group.finish_write(1);
    group.settle();
    assert_eq!(group.applied(1), ["word"]);
}

#[test]
fn a_follower_that_loses_its_unfinished_write_has_promised_nothing() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.silence(3);
    group.member(2).is_slow = true;
    group.propose(1, "word");
    assert_eq!(group.node(2).log().last_index(), index(2));
    assert_eq!(group.node(1).commit(), index(1));
    group.crash(2);
    assert_eq!(group.node(2).log().last_index(), index(1));
    group.member(2).is_slow = false;
    group.beat(1);
    group.beat(1);
    assert_eq!(group.commits(), [2, 2]);
}

#[test]
fn a_candidate_that_forgets_its_vote_request_cannot_be_elected_by_it() {
    let mut group = Group::new(3);
    group.member(1).is_slow = true;
    group.campaign(1);
    assert_eq!(
        group.roles(),
        [Role::Candidate, Role::Follower, Role::Follower]
    );
    assert_eq!(group.terms(), [1, 0, 0], "nobody heard of it");
    group.crash(1);
    assert_eq!(group.node(1).term(), term(0));
}

#[test]
fn facts_tell_when_the_disk_caught_up() {
    let mut node = fresh();
    lead(&mut node);
    let ready = take(&mut node);
    assert!(
        !ready
            .facts
            .iter()
            .any(|fact| matches!(fact, RaftFact::Durable { .. }))
    );
    node.persisted(ready.number);
    let facts = take(&mut node).facts;
    assert_eq!(facts, [RaftFact::Durable { to: index(1) }]);
}
