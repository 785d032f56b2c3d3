//! What is committed, and what is not yet (paper, sections 5.3 and 5.4.2).

use bytes::Bytes;
use raft::Restored;
use types::raft::{MessageBody, Role};

use crate::group::{
    Group, drain, drain_all, index, lead, lone, matched, message, restored, start, term, vote,
};

#[test]
fn an_entry_commits_when_and_only_when_a_majority_holds_it() {
    for (peers, acknowledging, expected) in [
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
        let mut group = Group::new(peers);
        group.campaign(1);
        let last = group.node(1).log().last_index();
        assert_eq!(group.node(1).commit(), last);
        for id in 2..=peers {
            if !acknowledging.contains(&id) {
                group.silence(id);
            }
        }
        group.propose(1, "word");
        let commit = group.node(1).commit();
        assert_eq!(
            commit == last.next(),
            expected,
            "{acknowledging:?} of {peers}"
        );
        assert_eq!(group.applied(1).len(), usize::from(expected));
    }
}

#[test]
fn a_commit_is_told_to_every_follower_at_once() {
    let mut node = lone(1, 3, Restored::default());
    lead(&mut node);
    drain(&mut node);
    node.step(message(2, 1, 1, matched(1)))
        .expect("an honest message");
    let news: Vec<_> = drain(&mut node)
        .into_iter()
        .map(|message| match message.body {
            MessageBody::Append { commit, .. } => (message.to.get(), commit),
            other => panic!("{other:?}"),
        })
        .collect();
    // Peer 3 has not answered its probe yet; nothing more is sent to it until it does.
    assert_eq!(news, [(2, index(1))]);
    node.step(message(3, 1, 1, matched(1)))
        .expect("an honest message");
    let sent = drain(&mut node);
    assert!(
        matches!(sent[0].body, MessageBody::Append { commit, .. } if commit == index(1)),
        "{sent:?}"
    );
}

#[test]
fn entries_of_earlier_terms_commit_with_the_first_of_the_leaders_own() {
    for log in [&[][..], &[2], &[1, 2], &[1]] {
        let restored = Restored {
            hard_state: crate::group::hard_state(2, 0, 0),
            ..restored(log)
        };
        let mut node = lone(1, 3, restored);
        lead(&mut node);
        drain(&mut node);
        node.propose(Bytes::from_static(b"word")).expect("a leader");
        drain(&mut node);
        let last = node.log().last_index();
        node.step(message(2, 1, 3, matched(last.get())))
            .expect("an honest message");
        let (_, applied, _) = drain_all(&mut node);
        let terms: Vec<u64> = applied.iter().map(|entry| entry.term.get()).collect();
        assert_eq!(terms, [log, &[3, 3]].concat());
    }
}

#[test]
fn only_entries_of_the_current_term_commit_by_counting() {
    for (acknowledged, expected) in [(1, 0), (2, 0), (3, 3)] {
        let mut node = lone(1, 3, restored(&[1, 2]));
        lead(&mut node);
        drain(&mut node);
        assert_eq!(node.term(), term(3));
        node.step(message(2, 1, 3, matched(acknowledged)))
            .expect("an honest message");
        assert_eq!(
            node.commit(),
            index(expected),
            "acknowledged {acknowledged}"
        );
    }
}

#[test]
fn the_old_entry_of_figure_8_survives_only_because_it_was_not_committed_by_counting() {
    // (c) of figure 8: S1 leads term 4 and brings its entry of term 2 to a majority, (d) S5 with
    // an entry of term 3 is elected nevertheless and overwrites it.
    let mut group = Group::from_logs(&[&[1, 2], &[1, 2], &[1], &[1], &[1, 3]]);
    for id in 1..=5 {
        let member = group.member(id);
        let behind = Restored {
            hard_state: crate::group::hard_state(3, 0, 0),
            entries: member.disk.entries.clone(),
            ..Restored::default()
        };
        member.node = start(member.config.clone(), behind);
    }
    group.member(1).node.campaign();
    group.turn(1);
    // Everybody's vote arrives, and of the log no more than the entry of term 2.
    group.isolate(5);
    while let Some(mut message) = group.in_transit.pop_front() {
        if let MessageBody::Append { entries, .. } = &mut message.body {
            let kept = entries.iter().filter(|entry| entry.term == term(2));
            *entries = kept.cloned().collect();
        }
        group.deliver(message);
    }
    let holders = (1..=5)
        .filter(|&id| group.log_terms(id).starts_with(&[1, 2]))
        .count();
    assert!(holders >= 3, "a majority holds the old entry");
    assert_eq!(group.commits(), [0; 5]);
    group.heal();
    group.silence(1);
    group.campaign(5);
    group.campaign(5);
    assert_eq!(group.node(5).role(), Role::Leader);
    for id in 2..=5 {
        assert_eq!(group.log_terms(id)[..2], [1, 3]);
    }
}

#[test]
fn what_a_cut_off_leader_could_not_commit_commits_under_its_successor() {
    let mut group = Group::new(5);
    group.campaign(1);
    for id in [3, 4, 5] {
        group.cut(1, id);
    }
    group.propose(1, "one");
    group.propose(1, "two");
    assert_eq!(group.node(1).commit(), index(1));
    group.heal();
    group.campaign(2);
    assert_eq!(group.commits(), [4; 5]);
    assert_eq!(group.applied(5), ["one", "two"]);
}

#[test]
fn a_minority_commits_nothing() {
    let mut group = Group::new(5);
    group.campaign(1);
    for kept in [1, 2] {
        for id in [3, 4, 5] {
            group.cut(kept, id);
        }
    }
    group.propose(1, "lost");
    for _ in 0..5 {
        group.beat(1);
    }
    assert_eq!(group.commits()[..2], [1, 1]);
    group.campaign(3);
    group.propose(3, "kept");
    assert_eq!(group.commits(), [1, 1, 3, 3, 3]);
    group.heal();
    group.beat(3);
    assert_eq!(group.commits(), [3; 5]);
    for id in 1..=5 {
        assert_eq!(group.applied(id), ["kept"]);
    }
}

#[test]
fn a_single_voter_commits_alone() {
    let mut group = Group::new(1);
    group.campaign(1);
    group.propose(1, "one");
    group.propose(1, "two");
    assert_eq!(group.commits(), [3]);
    assert_eq!(group.applied(1), ["one", "two"]);
}

#[test]
fn proposals_commit_when_and_only_when_a_majority_answers() {
    for (peers, silent, commits) in [(3, 0, true), (3, 1, true), (5, 2, true), (4, 2, false)] {
        let mut group = Group::new(peers);
        group.campaign(1);
        for id in 0..silent {
            group.silence(peers - id);
        }
        group.propose(1, "word");
        assert_eq!(
            group.node(1).commit() == index(2),
            commits,
            "{silent} of {peers} silent"
        );
    }
}

#[test]
fn votes_do_not_count_as_acknowledgements() {
    let mut node = lone(1, 3, Restored::default());
    lead(&mut node);
    drain(&mut node);
    node.step(message(3, 1, 1, vote(true)))
        .expect("a late vote");
    assert_eq!(node.commit(), index(0));
}
