//! How leaders come and go (paper, section 5.2).

use raft::Restored;
use types::raft::{HardState, MessageBody, MessageKind, Role};

use crate::group::{
    Group, RawNode, append, config, drain, entries, heartbeat, index, lead, lone, matched, message,
    peer, position, request_vote, restored, start, term, vote,
};

fn follower(of: u64) -> RawNode {
    let hard_state = HardState {
        term: term(of),
        ..HardState::default()
    };
    lone(
        1,
        3,
        Restored {
            hard_state,
            ..Restored::default()
        },
    )
}

#[test]
fn a_new_peer_is_a_follower_of_nobody_in_term_zero() {
    let node = lone(1, 3, Restored::default());
    assert_eq!((node.role(), node.leader()), (Role::Follower, None));
    assert_eq!(node.hard_state(), HardState::default());
}

#[test]
fn every_role_follows_an_append_of_a_higher_term() {
    let mut candidate = lone(1, 3, Restored::default());
    candidate.campaign();
    let mut leader = lone(1, 3, Restored::default());
    lead(&mut leader);
    for mut node in [follower(1), candidate, leader] {
        assert_eq!(node.term(), term(1));
        let heard = message(2, 1, 2, append(position(0, 0), vec![], 0));
        node.step(heard).expect("an honest message");
        assert_eq!(node.role(), Role::Follower);
        assert_eq!((node.term(), node.leader()), (term(2), Some(peer(2))));
    }
}

#[test]
fn a_vote_request_of_a_higher_term_makes_every_role_a_follower_of_nobody() {
    let mut candidate = follower(1);
    candidate.campaign();
    let mut leader = follower(1);
    lead(&mut leader);
    for mut node in [follower(1), candidate, leader] {
        drain(&mut node);
        let request = message(2, 1, 3, request_vote(position(42, 3)));
        node.step(request).expect("an honest message");
        assert_eq!((node.role(), node.leader()), (Role::Follower, None));
        assert_eq!(node.hard_state().vote, Some(peer(2)));
        assert_eq!(drain(&mut node), [message(1, 2, 3, vote(true))]);
    }
}

#[test]
fn a_leader_sends_one_heartbeat_to_each_follower_when_the_interval_has_passed() {
    let mut node = lone(1, 3, Restored::default());
    lead(&mut node);
    drain(&mut node);
    node.advance_ticks(1);
    let sent = drain(&mut node);
    assert_eq!(
        sent,
        [
            message(1, 2, 1, heartbeat(0)),
            message(1, 3, 1, heartbeat(0))
        ]
    );
}

#[test]
fn many_ticks_at_once_make_one_round_of_heartbeats() {
    let mut node = lone(1, 3, Restored::default());
    lead(&mut node);
    drain(&mut node);
    node.advance_ticks(1_000);
    assert_eq!(drain(&mut node).len(), 2);
}

#[test]
fn a_follower_and_a_candidate_send_no_heartbeats() {
    let mut candidate = follower(1);
    candidate.campaign();
    for mut node in [follower(1), candidate] {
        drain(&mut node);
        node.advance_ticks(1);
        assert_eq!(drain(&mut node), []);
    }
}

#[test]
fn who_hears_of_no_leader_campaigns_in_a_new_term() {
    let mut candidate = follower(0);
    candidate.campaign();
    for mut node in [follower(1), candidate] {
        drain(&mut node);
        node.advance_ticks(19);
        assert_eq!((node.role(), node.term()), (Role::Candidate, term(2)));
        assert_eq!(node.hard_state().vote, Some(peer(1)));
        let request = || request_vote(position(0, 0));
        let sent = drain(&mut node);
        assert_eq!(
            sent,
            [message(1, 2, 2, request()), message(1, 3, 2, request())]
        );
    }
}

#[test]
fn the_deadline_says_after_how_many_ticks_a_peer_campaigns() {
    for id in 1..=50 {
        let mut node = lone(id, 50, Restored::default());
        let deadline = node.ticks_to_deadline();
        assert!((10..=19).contains(&deadline));
        node.advance_ticks(deadline - 1);
        assert_eq!((node.role(), node.ticks_to_deadline()), (Role::Follower, 1));
        node.advance_ticks(1);
        assert_eq!(node.role(), Role::Candidate);
    }
}

#[test]
fn followers_and_candidates_wait_for_every_number_of_ticks_from_t_to_2t_minus_1() {
    let mut node = lone(1, 3, Restored::default());
    let mut of_candidate = [0_u32; 20];
    let mut of_follower = [0_u32; 20];
    for _ in 0..500 {
        let deadline = node.ticks_to_deadline();
        node.advance_ticks(deadline);
        of_candidate[node.ticks_to_deadline() as usize] += 1;
        let of = node.term().get();
        let heard = message(2, 1, of, heartbeat(0));
        node.step(heard).expect("an honest message");
        assert_eq!(node.role(), Role::Follower);
        of_follower[node.ticks_to_deadline() as usize] += 1;
        drain(&mut node);
    }
    for counts in [of_candidate, of_follower] {
        let is_drawn: Vec<bool> = counts.iter().map(|&count| count > 0).collect();
        assert_eq!(is_drawn, [[false; 10], [true; 10]].concat());
    }
}

#[test]
fn who_becomes_a_follower_waits_anew_and_for_another_time() {
    let mut is_redrawn = false;
    for id in 1..=20 {
        let mut node = lone(id, 20, Restored::default());
        node.campaign();
        drain(&mut node);
        let drawn = node.timer().timeout();
        node.advance_ticks(5);
        let from = id % 20 + 1;
        let refused = message(from, id, 2, vote(false));
        node.step(refused).expect("an honest message");
        assert_eq!((node.role(), node.timer().elapsed()), (Role::Follower, 0));
        is_redrawn |= node.timer().timeout() != drawn;
    }
    assert!(is_redrawn);
}

#[test]
fn every_word_of_the_leader_starts_the_election_timer_again() {
    let accepted = append(position(0, 0), vec![], 0);
    let refused = append(position(9, 1), vec![], 0);
    for body in [accepted, refused, heartbeat(0)] {
        let mut node = follower(1);
        node.step(message(2, 1, 1, heartbeat(0)))
            .expect("an honest message");
        node.advance_ticks(7);
        assert_eq!(node.timer().elapsed(), 7);
        node.step(message(2, 1, 1, body))
            .expect("an honest message");
        assert_eq!(node.timer().elapsed(), 0);
    }
}

#[test]
fn five_peers_seldom_time_out_in_the_same_tick() {
    let mut nodes: Vec<_> = (1..=5).map(|id| lone(id, 5, Restored::default())).collect();
    let mut together = 0;
    for _ in 0..1_000 {
        let mut deadlines: Vec<u32> = nodes.iter().map(RawNode::ticks_to_deadline).collect();
        deadlines.sort_unstable();
        together += u32::from(deadlines[0] == deadlines[1]);
        for node in &mut nodes {
            node.advance_ticks(19);
            drain(node);
        }
    }
    assert!(together <= 300, "{together} of 1000 rounds");
}

#[test]
fn a_majority_of_votes_makes_a_leader_and_nothing_less_does() {
    use Role::{Candidate, Follower, Leader};
    type Row<'a> = (u64, &'a [(u64, bool)], Role);
    let rows: [Row<'_>; 11] = [
        (1, &[], Leader),
        (3, &[(2, true), (3, true)], Leader),
        (3, &[(2, true)], Leader),
        (3, &[], Candidate),
        (3, &[(2, false)], Candidate),
        (3, &[(2, true), (2, true)], Leader),
        (5, &[(2, true), (3, true)], Leader),
        (5, &[(2, true)], Candidate),
        (5, &[(2, true), (2, true)], Candidate),
        (5, &[(2, false), (3, false)], Candidate),
        (5, &[(2, false), (3, false), (4, false)], Follower),
    ];
    for (peers, votes, expected) in rows {
        let mut node = lone(1, peers, Restored::default());
        node.campaign();
        drain(&mut node);
        for &(from, granted) in votes {
            let voted = message(from, 1, 1, vote(granted));
            node.step(voted).expect("an honest message");
        }
        assert_eq!(node.role(), expected, "{peers} peers, votes {votes:?}");
        assert_eq!(node.term(), term(1));
    }
}

#[test]
fn a_candidate_yields_to_the_leader_of_its_own_or_a_later_term() {
    for (of, body) in [
        (1, append(position(0, 0), vec![], 0)),
        (2, append(position(0, 0), vec![], 0)),
        (1, heartbeat(0)),
        (2, heartbeat(0)),
    ] {
        let mut node = follower(0);
        node.campaign();
        drain(&mut node);
        node.step(message(2, 1, of, body))
            .expect("an honest message");
        assert_eq!(
            (node.role(), node.leader()),
            (Role::Follower, Some(peer(2)))
        );
        assert_eq!(node.term(), term(of));
    }
}

#[test]
fn yielding_in_the_same_term_keeps_the_vote() {
    let mut node = follower(0);
    node.campaign();
    drain(&mut node);
    node.step(message(2, 1, 1, heartbeat(0)))
        .expect("an honest message");
    assert_eq!(node.hard_state().vote, Some(peer(1)));
    let request = message(3, 1, 1, request_vote(position(9, 1)));
    node.step(request).expect("an honest message");
    assert_eq!(
        drain(&mut node).last(),
        Some(&message(1, 3, 1, vote(false)))
    );
}

#[test]
fn a_group_elects_a_leader_when_and_only_when_a_majority_answers() {
    for (peers, silent, expected) in [
        (3, 0, Role::Leader),
        (3, 1, Role::Leader),
        (3, 2, Role::Candidate),
        (4, 2, Role::Candidate),
        (5, 2, Role::Leader),
    ] {
        let mut group = Group::new(peers);
        for id in 0..silent {
            group.silence(peers - id);
        }
        group.campaign(1);
        assert_eq!(group.node(1).role(), expected, "{silent} of {peers} silent");
        assert_eq!(group.node(1).term(), term(1));
    }
}

#[test]
fn leadership_goes_round() {
    let mut group = Group::new(3);
    for id in 1..=3 {
        group.campaign(id);
        let leaders: Vec<u64> = (1..=3)
            .filter(|&other| group.node(other).role() == Role::Leader)
            .collect();
        assert_eq!(leaders, [id]);
    }
    assert_eq!(group.terms(), [3, 3, 3]);
}

#[test]
fn a_leader_ignores_being_asked_to_campaign() {
    let mut group = Group::new(1);
    group.campaign(1);
    group.campaign(1);
    assert_eq!(
        (group.roles(), group.terms()),
        (vec![Role::Leader], vec![1])
    );
}

#[test]
fn a_peer_outside_of_its_group_answers_and_never_campaigns() {
    let outside = raft::Config {
        voters: vec![peer(2), peer(3)],
        ..config(1, 3)
    };
    let mut node = start(outside, Restored::default());
    node.campaign();
    node.advance_ticks(100);
    assert_eq!((node.role(), node.term()), (Role::Follower, term(0)));
    drain(&mut node);
    node.step(message(2, 1, 1, heartbeat(0)))
        .expect("an honest message");
    assert_eq!(drain(&mut node).len(), 1);
}

#[test]
fn an_isolated_candidate_comes_back_into_the_leaders_term() {
    for by_append in [false, true] {
        let mut group = Group::new(3);
        group.isolate(3);
        group.campaign(2);
        group.campaign(1);
        assert_eq!(group.node(1).term(), term(2));
        group.member(3).node.campaign();
        assert_eq!(group.node(3).role(), Role::Candidate);
        group.settle();
        group.heal();
        if by_append {
            group.propose(1, "word");
        }
        group.beat(1);
        assert_eq!(group.node(3).role(), Role::Follower);
        assert_eq!(group.terms(), [2, 2, 2]);
        assert_eq!(group.log_terms(3), group.log_terms(1));
    }
}

#[test]
fn an_old_heartbeat_is_answered_with_the_newer_term_so_that_its_leader_steps_down() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.member(3).node.advance_ticks(19);
    group.turn(3);
    group.in_transit.clear();
    assert_eq!(
        (group.node(3).role(), group.node(3).term()),
        (Role::Candidate, term(2))
    );
    group
        .member(3)
        .node
        .step(message(1, 3, 1, heartbeat(0)))
        .expect("an old message");
    group.settle();
    assert_eq!(
        (group.node(1).role(), group.node(1).term()),
        (Role::Follower, term(2))
    );
}

#[test]
fn every_request_of_an_older_term_is_answered_and_no_response_is() {
    let of_term_one = [
        append(position(0, 0), entries(&[1]), 0),
        heartbeat(0),
        request_vote(position(7, 1)),
        vote(true),
        matched(0),
        MessageBody::HeartbeatResponse {
            commit: index(0),
            last: index(0),
            round: 0,
        },
    ];
    for body in of_term_one {
        let kind = body.kind();
        let mut node = follower(5);
        drain(&mut node);
        node.step(message(2, 1, 1, body)).expect("an old message");
        let sent = drain(&mut node);
        assert_eq!(sent.len(), usize::from(!kind.is_response()), "{kind:?}");
        for answer in sent {
            assert_eq!(answer.term, term(5));
            assert!(!matches!(
                answer.body,
                MessageBody::RequestVoteResponse { granted: true, .. }
            ));
        }
        assert_eq!(node.log().last_index(), index(0));
    }
}

#[test]
fn a_split_vote_is_settled_in_the_next_term() {
    let mut group = Group::new(3);
    group.campaign(1);
    group.isolate(1);
    group.member(2).node.campaign();
    group.member(3).node.campaign();
    group.settle();
    assert_eq!(group.roles()[1..], [Role::Candidate, Role::Candidate]);
    assert_eq!(group.terms()[1..], [2, 2]);
    group.campaign(2);
    assert_eq!(group.roles()[1..], [Role::Leader, Role::Follower]);
    assert_eq!(group.terms()[1..], [3, 3]);
}

#[test]
fn duelling_candidates_end_as_followers_when_the_loser_is_refused() {
    let mut group = Group::new(3);
    group.cut(1, 3);
    group.member(1).node.campaign();
    group.member(3).node.campaign();
    group.settle();
    assert_eq!(
        group.roles(),
        [Role::Leader, Role::Follower, Role::Candidate]
    );
    group.heal();
    group.campaign(3);
    assert_eq!(group.roles(), [Role::Follower; 3]);
    assert_eq!(group.terms(), [2, 2, 2]);
    let logs: Vec<Vec<u64>> = (1..=3).map(|id| group.log_terms(id)).collect();
    assert_eq!(logs, [vec![1], vec![1], vec![]]);
}

#[test]
fn an_isolated_candidate_concedes_and_takes_the_leaders_log() {
    let mut group = Group::new(3);
    group.isolate(1);
    group.campaign(1);
    group.campaign(3);
    group.heal();
    group.beat(3);
    group.propose(3, "word");
    group.beat(3);
    assert_eq!(
        group.roles(),
        [Role::Follower, Role::Follower, Role::Leader]
    );
    assert_eq!(group.terms(), [1, 1, 1]);
    assert_eq!(group.commits(), [2, 2, 2]);
}

#[test]
fn a_new_leader_can_overwrite_a_longer_log_of_an_older_term() {
    // Peer 3 led term 2 with the votes of 4 and 5 and left an entry that nobody else has.
    let mut group = Group::from_logs(&[&[1], &[1], &[2], &[], &[]]);
    for id in [4, 5] {
        let member = group.member(id);
        let voted = Restored {
            hard_state: crate::group::hard_state(2, 3, 0),
            ..Restored::default()
        };
        member.node = start(member.config.clone(), voted);
    }
    group.campaign(1);
    assert_eq!(
        (group.node(1).role(), group.node(1).term()),
        (Role::Follower, term(2))
    );
    group.campaign(1);
    assert_eq!(
        (group.node(1).role(), group.node(1).term()),
        (Role::Leader, term(3))
    );
    for id in 1..=5 {
        assert_eq!(group.log_terms(id), [1, 3]);
    }
}

#[test]
fn a_leader_probes_every_follower_anew_after_each_election() {
    let mut node = lone(1, 3, restored(&[1, 1, 1]));
    for round in 0..2 {
        lead(&mut node);
        let end = node.log().last_index();
        for progress in node.progress() {
            assert_eq!((progress.matched(), progress.next()), (index(0), end));
        }
        drain(&mut node);
        let of = node.term().get();
        node.step(message(2, 1, of, matched(end.get())))
            .expect("an honest message");
        assert_eq!(
            node.progress()
                .next()
                .map(raft::progress::Progress::matched),
            Some(end)
        );
        node.step(message(3, 1, of + 1, heartbeat(0)))
            .expect("an honest message");
        assert_eq!(node.progress().len(), 0, "round {round}");
    }
}

#[test]
fn without_a_no_op_a_new_leader_announces_itself_with_empty_appends() {
    let mit = raft::Config {
        no_op_on_election: false,
        ..config(1, 3)
    };
    let mut node = start(mit, Restored::default());
    lead(&mut node);
    assert_eq!(node.log().last_index(), index(0));
    let empty = || append(position(0, 0), vec![], 0);
    let sent = drain(&mut node);
    assert_eq!(sent, [message(1, 2, 1, empty()), message(1, 3, 1, empty())]);
    assert!(
        sent.iter()
            .all(|message| message.body.kind() == MessageKind::Append)
    );
}
