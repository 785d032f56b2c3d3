//! Who gets a vote (paper, sections 5.2 and 5.4.1).

use raft::{CORRECT, Overseen, Restored, Rules};
use types::raft::{LogPosition, Role};

use crate::group::{
    RawNode, config, drain, drain_all, entries, hard_state, heartbeat, lead, lone, message, peer,
    position, request_vote, start_with, vote,
};

fn voter(of: u64, voted: u64, log: &[u64]) -> RawNode {
    let restored = Restored {
        hard_state: hard_state(of, voted, 0),
        entries: entries(log),
        ..Restored::default()
    };
    let mut node = lone(1, 3, restored);
    drain(&mut node);
    node
}

fn is_granted(node: &mut RawNode, candidate: u64, of: u64, last: LogPosition) -> bool {
    let request = message(candidate, 1, of, request_vote(last));
    node.step(request).expect("an honest message");
    let sent = drain(node);
    let is_granted = sent == [message(1, candidate, of, vote(true))];
    assert!(
        is_granted || sent == [message(1, candidate, of, vote(false))],
        "{sent:?}"
    );
    is_granted
}

#[test]
fn a_vote_goes_to_the_first_who_asks_and_again_to_the_same() {
    for (voted, candidate, expected) in [
        (0, 2, true),
        (0, 3, true),
        (2, 2, true),
        (3, 3, true),
        (2, 3, false),
        (3, 2, false),
    ] {
        let mut node = voter(1, voted, &[]);
        let granted = is_granted(&mut node, candidate, 1, position(0, 0));
        assert_eq!(granted, expected, "voted for {voted}, asked by {candidate}");
    }
}

#[test]
fn a_vote_goes_only_to_a_log_that_is_not_behind() {
    let rows: [(&[u64], LogPosition, bool); 9] = [
        (&[1], position(1, 1), true),
        (&[1], position(2, 1), true),
        (&[1, 1], position(1, 1), false),
        (&[1], position(1, 2), true),
        (&[1], position(2, 2), true),
        (&[1, 1], position(1, 2), true),
        (&[2], position(1, 1), false),
        (&[2], position(2, 1), false),
        (&[2, 2], position(1, 1), false),
    ];
    for (own, last, expected) in rows {
        let mut node = voter(2, 0, own);
        let granted = is_granted(&mut node, 2, 3, last);
        assert_eq!(granted, expected, "own {own:?}, candidate's {last}");
        assert_eq!(node.hard_state().vote, expected.then(|| peer(2)));
    }
}

#[test]
fn an_empty_log_is_behind_every_other() {
    let mut node = voter(2, 0, &[2, 2]);
    for last in [position(0, 0), position(1, 2), position(9, 1)] {
        assert!(!is_granted(&mut node, 2, 3, last), "{last}");
    }
    assert!(is_granted(&mut node, 2, 3, position(2, 2)));
}

#[test]
fn a_candidate_and_a_leader_refuse_their_own_term() {
    let mut candidate = voter(0, 0, &[]);
    candidate.campaign();
    drain(&mut candidate);
    let mut leader = voter(0, 0, &[]);
    lead(&mut leader);
    drain(&mut leader);
    for (mut node, role) in [(candidate, Role::Candidate), (leader, Role::Leader)] {
        assert!(!is_granted(&mut node, 3, 1, position(99, 1)));
        assert_eq!(node.role(), role);
    }
}

#[test]
fn a_term_that_has_a_leader_gives_no_first_vote_any_more() {
    let mut node = voter(1, 0, &[]);
    node.step(message(2, 1, 1, heartbeat(0)))
        .expect("an honest message");
    drain(&mut node);
    assert!(!is_granted(&mut node, 3, 1, position(9, 1)));
}

#[test]
fn a_given_vote_starts_the_election_timer_again_and_a_refused_one_does_not() {
    for (last, expected) in [(position(9, 1), 0), (position(0, 0), 7)] {
        let mut node = voter(1, 0, &[1]);
        node.advance_ticks(7);
        is_granted(&mut node, 2, 2, last);
        assert_eq!(
            node.timer().elapsed(),
            expected,
            "candidate's log ends at {last}"
        );
    }
}

#[test]
fn a_vote_counts_once_however_often_it_comes() {
    let mut node = lone(1, 5, Restored::default());
    node.campaign();
    drain(&mut node);
    for _ in 0..5 {
        node.step(message(2, 1, 1, vote(true)))
            .expect("an honest message");
    }
    assert_eq!(node.role(), Role::Candidate);
    let votes: Vec<_> = node.votes().collect();
    assert_eq!(votes, [(peer(1), true), (peer(2), true)]);
}

#[test]
fn of_two_answers_of_one_voter_the_first_counts() {
    let mut node = lone(1, 3, Restored::default());
    node.campaign();
    drain(&mut node);
    for granted in [false, true, true] {
        node.step(message(2, 1, 1, vote(granted)))
            .expect("an honest message");
    }
    assert_eq!(node.role(), Role::Candidate);
    let counted = drain_all(&mut node).2;
    assert_eq!(counted.len(), 1, "{counted:?}");
}

#[test]
fn a_replaced_rule_decides_from_its_first_moment_on() {
    static NO_WAIT: Rules = Rules {
        own_vote_counts: |_, _| true,
        ..CORRECT
    };
    let oversight = Overseen {
        rules: &NO_WAIT,
        trace: false,
    };
    let mut node = start_with(config(1, 1), Restored::default(), oversight);
    node.campaign();
    assert_eq!(node.role(), Role::Leader, "without any disk");
}

#[test]
fn a_vote_of_an_earlier_campaign_does_not_count() {
    let mut node = lone(1, 3, Restored::default());
    node.campaign();
    drain(&mut node);
    node.campaign();
    drain(&mut node);
    node.step(message(2, 1, 1, vote(true)))
        .expect("an old message");
    assert_eq!(node.role(), Role::Candidate);
    node.step(message(2, 1, 2, vote(true)))
        .expect("an honest message");
    assert_eq!(node.role(), Role::Leader);
}
