//! What a peer tells about itself: every change, in order, with what its rule saw.

use bytes::Bytes;
use raft::{Restored, Unwatched};
use types::raft::{
    CommitEvidence, ConfState, EntryBrief, EntryKind, ProgressKind, RaftFact, Role, RoleReason,
    VoteVerdict,
};

use crate::group::{
    Group, RawNode, append, config, drain_all, entry, hard_state, heartbeat, index, lead, lone,
    matched, message, peer, position, request_vote, restored, start_with, term, vote,
};

fn brief(at: u64, of: u64, kind: EntryKind) -> EntryBrief {
    EntryBrief {
        index: index(at),
        term: term(of),
        kind,
    }
}

fn facts(node: &mut RawNode) -> Vec<RaftFact> {
    drain_all(node).2
}

fn hash(node: &RawNode, at: u64) -> u64 {
    node.log().prefix_hash(index(at)).expect("a traced log")
}

#[test]
fn a_start_is_told_with_what_was_durable() {
    let state = Restored {
        hard_state: hard_state(1, 0, 1),
        ..restored(&[1, 1])
    };
    let mut node = lone(1, 3, state);
    let prefix_hash = hash(&node, 1);
    assert_eq!(
        facts(&mut node),
        [
            RaftFact::RoleChanged {
                role: Role::Follower,
                leader: None,
                term: term(1),
                reason: RoleReason::Started,
            },
            RaftFact::ConfChanged {
                conf_state: ConfState::of_voters([1, 2, 3].map(peer).to_vec()),
            },
            RaftFact::Durable { to: index(2) },
            RaftFact::Committed {
                to: index(1),
                prefix_hash,
                evidence: CommitEvidence::Restart,
            },
        ]
    );
}

#[test]
fn an_election_is_told_in_order_vote_by_vote() {
    let mut node = lone(1, 3, Restored::default());
    facts(&mut node);
    node.advance_ticks(19);
    let campaign = facts(&mut node);
    assert_eq!(
        campaign,
        [
            RaftFact::TermChanged {
                from: term(0),
                to: term(1),
            },
            RaftFact::RoleChanged {
                role: Role::Candidate,
                leader: None,
                term: term(1),
                reason: RoleReason::ElectionTimeout,
            },
            RaftFact::VoteCounted {
                voter: peer(1),
                granted: true,
                yes: 1,
                no: 0,
                needed: 2,
                pre_vote: false,
            },
        ]
    );
    node.step(message(2, 1, 1, vote(true))).expect("a vote");
    let won = facts(&mut node);
    let prefix_hash = hash(&node, 1);
    assert_eq!(
        won,
        [
            RaftFact::VoteCounted {
                voter: peer(2),
                granted: true,
                yes: 2,
                no: 0,
                needed: 2,
                pre_vote: false,
            },
            RaftFact::RoleChanged {
                role: Role::Leader,
                leader: Some(peer(1)),
                term: term(1),
                reason: RoleReason::Won,
            },
            RaftFact::Appended {
                entries: vec![brief(1, 1, EntryKind::NoOp)],
                prefix_hash,
            },
            RaftFact::Durable { to: index(1) },
        ]
    );
}

#[test]
fn a_commit_by_counting_is_told_with_the_match_index_of_every_voter() {
    let mut node = lone(1, 3, Restored::default());
    lead(&mut node);
    facts(&mut node);
    let prefix_hash = hash(&node, 1);
    node.step(message(3, 1, 1, matched(1)))
        .expect("an acknowledgement");
    assert_eq!(
        facts(&mut node),
        [
            RaftFact::Progressed {
                peer: peer(3),
                matched: index(1),
                next: index(2),
                kind: ProgressKind::Replicate,
            },
            RaftFact::Committed {
                to: index(1),
                prefix_hash,
                evidence: CommitEvidence::Quorum {
                    matched: vec![
                        (peer(1), index(1)),
                        (peer(2), index(0)),
                        (peer(3), index(1))
                    ],
                    term: term(1),
                },
            },
        ]
    );
}

#[test]
fn a_follower_tells_what_it_cut_added_and_committed_on_whose_word() {
    let mut node = lone(1, 3, restored(&[1, 2, 2]));
    facts(&mut node);
    let body = append(position(1, 1), vec![entry(2, 3)], 2);
    node.step(message(2, 1, 3, body))
        .expect("an honest message");
    let told = facts(&mut node);
    let prefix_hash = hash(&node, 2);
    assert_eq!(
        told,
        [
            RaftFact::TermChanged {
                from: term(2),
                to: term(3),
            },
            RaftFact::RoleChanged {
                role: Role::Follower,
                leader: Some(peer(2)),
                term: term(3),
                reason: RoleReason::HigherTerm,
            },
            RaftFact::Truncated { from: index(2) },
            RaftFact::Appended {
                entries: vec![brief(2, 3, EntryKind::Normal)],
                prefix_hash,
            },
            RaftFact::Committed {
                to: index(2),
                prefix_hash,
                evidence: CommitEvidence::Leader {
                    leader_commit: index(2),
                    matched: index(2),
                },
            },
            RaftFact::Durable { to: index(2) },
        ]
    );
}

#[test]
fn every_answer_to_a_vote_request_is_told_with_its_reason() {
    let mut node = lone(1, 3, restored(&[1, 2]));
    let mut ask = |from, of, last| {
        facts(&mut node);
        node.step(message(from, 1, of, request_vote(last)))
            .expect("an honest message");
        match facts(&mut node).pop() {
            Some(RaftFact::VoteDecided { verdict, .. }) => verdict,
            other => panic!("{other:?}"),
        }
    };
    let (candidate, own) = (position(9, 1), position(2, 2));
    assert_eq!(
        ask(2, 3, candidate),
        VoteVerdict::LogBehind { candidate, own }
    );
    assert_eq!(ask(2, 3, own), VoteVerdict::Granted);
    let vote = peer(2);
    assert_eq!(ask(3, 3, own), VoteVerdict::AlreadyVoted { vote });
    assert_eq!(ask(3, 2, own), VoteVerdict::StaleTerm);
    let mut node = lone(1, 3, restored(&[1]));
    node.step(message(2, 1, 1, heartbeat(0)))
        .expect("an honest message");
    node.step(message(3, 1, 1, request_vote(own)))
        .expect("an honest message");
    let verdict = VoteVerdict::HasLeader { leader: peer(2) };
    assert_eq!(
        facts(&mut node).pop(),
        Some(RaftFact::VoteDecided {
            candidate: peer(3),
            term: term(1),
            verdict,
            pre_vote: false,
        })
    );
}

#[test]
fn losing_yielding_and_being_asked_are_told_apart() {
    let mut node = lone(1, 3, Restored::default());
    let reasons = |node: &mut RawNode| -> Vec<RoleReason> {
        let told = facts(node).into_iter();
        told.filter_map(|fact| match fact {
            RaftFact::RoleChanged { reason, .. } => Some(reason),
            _ => None,
        })
        .collect()
    };
    facts(&mut node);
    node.campaign();
    assert_eq!(reasons(&mut node), [RoleReason::Asked]);
    for from in [2, 3] {
        node.step(message(from, 1, 1, vote(false)))
            .expect("a refusal");
    }
    assert_eq!(reasons(&mut node), [RoleReason::Lost]);
    node.step(message(3, 1, 1, heartbeat(0)))
        .expect("an honest message");
    assert_eq!(reasons(&mut node), [RoleReason::LeaderHeard]);
    node.step(message(3, 1, 1, heartbeat(0)))
        .expect("an honest message");
    assert_eq!(reasons(&mut node), [], "nothing changed");
}

#[test]
fn equal_logs_have_equal_prefix_hashes_whatever_became_of_them_on_the_way() {
    let mut group = Group::from_logs(&[&[1, 2], &[1], &[1, 1, 1]]);
    group.campaign(1);
    group.propose(1, "word");
    let hashes: Vec<u64> = (1..=3).map(|id| hash(group.node(id), 4)).collect();
    assert_eq!(hashes, [hashes[0]; 3]);
    assert_ne!(hash(group.node(1), 3), hashes[0]);
}

#[test]
fn a_prefix_hash_goes_on_from_the_truncated_one() {
    let whole = lone(1, 3, restored(&[1, 1, 2]));
    let behind = Restored {
        hard_state: hard_state(2, 0, 2),
        truncated: position(2, 1),
        truncated_hash: hash(&whole, 2),
        entries: vec![entry(3, 2)],
        applied: index(2),
        conf_state: None,
    };
    let node = lone(2, 3, behind);
    assert_eq!(hash(&node, 3), hash(&whole, 3));
}

#[test]
fn nothing_is_told_when_nobody_listens() {
    let mut node = start_with(config(1, 1), Restored::default(), Unwatched);
    node.campaign();
    node.propose(Bytes::new()).expect_err("not yet");
    let (_, applied, facts) = drain_all(&mut node);
    assert_eq!((applied.len(), facts.len()), (1, 0));
    assert_eq!(node.log().prefix_hash(index(1)), None);
}
