//! Messages that no correct peer sends: each is refused with a typed error, and nothing changes.

use bytes::Bytes;
use proptest::prelude::*;
use raft::{OUTSIDE_MAX, Restored, StepError};
use types::codec;
use types::id::{MAX_SAFE, PeerId};
use types::raft::{
    AppendResult, ConfState, Entry, EntryKind, LogIndex, LogPosition, Message, MessageBody, ReadId,
    Role, Snapshot, Term,
};

use crate::group::{
    RawNode, append, drain, entry, hard_state, heartbeat, index, lead, lone, matched, message,
    position, request_vote, restored, vote,
};

/// A follower in term 3 whose log 1, 1, 3 is committed up to 2.
fn follower() -> RawNode {
    let state = Restored {
        hard_state: hard_state(3, 0, 2),
        ..restored(&[1, 1, 3])
    };
    let mut node = lone(1, 3, state);
    drain(&mut node);
    node
}

fn leader() -> RawNode {
    let mut node = follower();
    lead(&mut node);
    drain(&mut node);
    node
}

/// Steps a message that must be refused without a trace.
fn refuse(node: &mut RawNode, message: Message) -> StepError {
    let before = codec::encode(node);
    let error = node
        .step(message)
        .expect_err("a message that no correct peer sends");
    assert_eq!(
        codec::encode(node),
        before,
        "a refused message changed something"
    );
    assert!(!node.has_ready());
    error
}

#[test]
fn an_append_that_contradicts_a_committed_entry_is_refused() {
    for body in [
        append(position(1, 1), vec![entry(2, 2)], 0),
        append(position(2, 2), vec![], 0),
        append(
            position(0, 0),
            vec![entry(1, 2), entry(2, 2), entry(3, 3)],
            0,
        ),
    ] {
        let error = refuse(&mut follower(), message(2, 1, 4, body));
        assert!(
            matches!(error, StepError::CommittedOverwritten { .. }),
            "{error}"
        );
    }
}

#[test]
fn an_append_may_overwrite_what_is_not_committed() {
    let mut node = follower();
    let body = append(position(2, 1), vec![entry(3, 4)], 0);
    node.step(message(2, 1, 4, body))
        .expect("an honest message");
}

#[test]
fn a_heartbeat_beyond_the_log_shows_that_the_disk_lost_something() {
    let error = refuse(&mut follower(), message(2, 1, 3, heartbeat(4)));
    assert!(matches!(error, StepError::CommitBeyondLog { .. }));
}

#[test]
fn a_second_leader_of_the_own_term_is_refused() {
    for body in [append(position(0, 0), vec![], 0), heartbeat(0)] {
        let mut node = leader();
        let error = refuse(&mut node, message(2, 1, 4, body));
        assert!(matches!(error, StepError::RivalLeader { .. }));
        assert_eq!(node.role(), Role::Leader);
    }
}

#[test]
fn an_acknowledgement_of_what_the_leader_never_had_is_refused() {
    let error = refuse(&mut leader(), message(2, 1, 4, matched(5)));
    assert!(matches!(error, StepError::MatchBeyondLog { .. }));
}

#[test]
fn entries_that_do_not_follow_each_other_are_refused() {
    for body in [
        append(position(3, 3), vec![entry(5, 3)], 0),
        append(position(3, 3), vec![entry(4, 3), entry(4, 3)], 0),
        append(position(3, 3), vec![entry(4, 2)], 0),
        append(position(3, 3), vec![entry(4, 4), entry(5, 3)], 0),
        append(position(3, 3), vec![entry(4, 9)], 0),
    ] {
        let error = refuse(&mut follower(), message(2, 1, 8, body));
        assert!(matches!(error, StepError::BrokenEntries { .. }), "{error}");
    }
}

#[test]
fn numbers_beyond_all_groups_are_refused() {
    let huge = OUTSIDE_MAX + 1;
    for (of, body) in [
        (huge, vote(true)),
        (MAX_SAFE, request_vote(position(0, 0))),
        (4, request_vote(position(huge, 1))),
        (4, request_vote(position(1, huge))),
        (4, append(position(huge, 1), vec![], 0)),
        (4, append(position(MAX_SAFE, 1), vec![entry(1, 1)], 0)),
        (4, append(position(0, 0), vec![], huge)),
        (4, matched(huge)),
        (4, heartbeat(huge)),
        (0, heartbeat(0)),
    ] {
        let error = refuse(&mut follower(), message(2, 1, of, body));
        assert!(matches!(error, StepError::OutOfRange { .. }), "{error}");
    }
}

#[test]
fn messages_for_others_and_from_oneself_are_refused() {
    for (from, to) in [(2, 3), (1, 1), (0, 1)] {
        let error = refuse(&mut follower(), message(from, to, 4, heartbeat(0)));
        assert!(matches!(error, StepError::NotForMe { .. }));
    }
}

#[test]
fn an_answer_from_outside_of_the_group_is_refused_and_a_request_is_answered() {
    let error = refuse(&mut follower(), message(9, 1, 4, vote(true)));
    assert!(matches!(error, StepError::UnknownPeer { .. }));
    let mut node = follower();
    node.step(message(9, 1, 4, heartbeat(0)))
        .expect("a request");
    assert_eq!(drain(&mut node).len(), 1);
}

#[test]
fn the_largest_term_from_outside_leaves_room_for_the_next_election() {
    let mut node = follower();
    node.step(message(2, 1, OUTSIDE_MAX, heartbeat(0)))
        .expect("in range");
    for _ in 0..3 {
        node.campaign();
    }
    assert_eq!(node.term(), Term::new(OUTSIDE_MAX + 3));
}

// Arbitrary messages.

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..8, 1 => Just(OUTSIDE_MAX), 1 => Just(MAX_SAFE), 1 => 0..=MAX_SAFE]
}

fn any_position() -> impl Strategy<Value = LogPosition> {
    (number(), number()).prop_map(|(at, of)| position(at, of))
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let wild = prop::collection::vec((number(), number()), 0..4).prop_map(|positions| {
        positions
            .into_iter()
            .map(|(at, of)| wild_entry(at, of))
            .collect()
    });
    let tame = (1_u64..8, prop::collection::vec(0_u64..2, 0..5)).prop_map(|(first, steps)| {
        let terms = steps.iter().scan(1, |of, step| {
            *of += step;
            Some(*of)
        });
        (first..)
            .zip(terms)
            .map(|(at, of)| wild_entry(at, of))
            .collect()
    });
    prop_oneof![1 => wild, 3 => tame]
}

fn wild_entry(at: u64, of: u64) -> Entry {
    Entry {
        term: Term::new(of),
        index: LogIndex::new(at),
        kind: EntryKind::Normal,
        data: Bytes::new(),
    }
}

fn any_append() -> impl Strategy<Value = MessageBody> {
    (any_entries(), any_position(), number(), any::<bool>()).prop_map(
        |(entries, wild, commit, is_tame)| {
            let before = entries
                .first()
                .map_or(0, |first| first.index.get().saturating_sub(1));
            let of = entries.first().map_or(0, |first| first.term.get().min(1));
            let prev = if is_tame { position(before, of) } else { wild };
            append(prev, entries, commit)
        },
    )
}

fn any_body() -> impl Strategy<Value = MessageBody> {
    let result = prop_oneof![
        number().prop_map(|at| AppendResult::Matched { index: index(at) }),
        (number(), any_position()).prop_map(|(refused, hint)| AppendResult::Rejected {
            refused: index(refused),
            hint,
        }),
        Just(AppendResult::Stale),
    ];
    prop_oneof![
        any_position().prop_map(request_vote),
        any::<bool>().prop_map(vote),
        any_append(),
        any_append(),
        result.prop_map(|result| MessageBody::AppendResponse { result }),
        number().prop_map(heartbeat),
        (number(), number()).prop_map(|(commit, round)| MessageBody::Heartbeat {
            commit: index(commit),
            round,
        }),
        (number(), number(), number()).prop_map(|(commit, last, round)| {
            MessageBody::HeartbeatResponse {
                commit: index(commit),
                last: index(last),
                round,
            }
        }),
        (any_position(), any_position())
            .prop_map(|(last, commit)| MessageBody::PreVote { last, commit }),
        (any::<bool>(), any_position())
            .prop_map(|(granted, commit)| MessageBody::PreVoteResponse { granted, commit }),
        (any_position(), any_position()).prop_map(|(last, commit)| MessageBody::RequestVote {
            last,
            transfer: true,
            commit,
        }),
        (any_position(), any_conf_state()).prop_map(|(last, conf_state)| MessageBody::Snapshot {
            snapshot: Box::new(Snapshot {
                last,
                conf_state,
                ..Snapshot::default()
            }),
        }),
        Just(MessageBody::TimeoutNow),
        (0_u64..6).prop_map(|to| MessageBody::TransferLeader {
            transferee: PeerId::new(to),
        }),
        any::<u64>().prop_map(|id| MessageBody::ReadIndex { id: ReadId(id) }),
        (any::<u64>(), number()).prop_map(|(id, at)| MessageBody::ReadIndexResponse {
            id: ReadId(id),
            index: index(at),
        }),
    ]
}

fn any_peers() -> impl Strategy<Value = Vec<PeerId>> {
    prop::collection::vec((0_u64..6).prop_map(PeerId::new), 0..4)
}

fn any_conf_state() -> impl Strategy<Value = ConfState> {
    let tame = Just(ConfState::of_voters([1, 2, 3].map(PeerId::new).to_vec()));
    let wild = (
        any_peers(),
        any_peers(),
        any_peers(),
        any_peers(),
        any::<bool>(),
    )
        .prop_map(
            |(voters, learners, outgoing, learners_next, auto_leave)| ConfState {
                voters,
                learners,
                outgoing,
                learners_next,
                auto_leave,
            },
        );
    prop_oneof![tame, wild]
}

fn any_message() -> impl Strategy<Value = Message> {
    (0_u64..6, number(), any_body()).prop_map(|(from, of, body)| Message {
        from: PeerId::new(from),
        to: PeerId::new(1),
        term: Term::new(of),
        body,
    })
}

#[derive(Debug, Clone)]
enum Turn {
    Step(Message),
    Tick(u32),
    Campaign,
    Propose,
    Take,
    Persist,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        12 => any_message().prop_map(Turn::Step),
        1 => prop_oneof![0_u32..30, Just(u32::MAX)].prop_map(Turn::Tick),
        1 => Just(Turn::Campaign),
        2 => Just(Turn::Propose),
        3 => Just(Turn::Take),
        2 => Just(Turn::Persist),
    ]
}

fn order_holds(node: &RawNode) -> bool {
    let log = node.log();
    log.truncated().index <= node.commit()
        && node.applied_index() <= node.commit()
        && node.applied_index() <= log.persisted()
        && node.commit() <= log.last_index()
        && node
            .progress()
            .all(|p| p.matched() < p.next() && p.next() <= log.last_index().next())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_messages_never_panic_and_a_refused_one_changes_nothing(
        turns in prop::collection::vec(turn(), 1..200),
    ) {
        let mut node = follower();
        let mut taken = 0;
        let mut installs = None;
        for turn in turns {
            match turn {
                Turn::Step(message) => {
                    let before = codec::encode(&node);
                    if node.step(message).is_err() {
                        prop_assert_eq!(codec::encode(&node), before);
                    }
                }
                Turn::Tick(ticks) => node.advance_ticks(ticks),
                Turn::Campaign => node.campaign(),
                Turn::Propose => {
                    let _ = node.propose(Bytes::new());
                }
                Turn::Take => {
                    if let Some(ready) = node.ready() {
                        taken = ready.number;
                        installs = ready.snapshot.map(|snapshot| snapshot.last.index).or(installs);
                        if let Some(last) = ready.committed.last() {
                            installs = None;
                            node.applied(last.index);
                        }
                    }
                }
                Turn::Persist => {
                    node.persisted(taken);
                    if let Some(to) = installs.take() {
                        node.applied(to);
                    }
                }
            }
            prop_assert!(node.ticks_to_deadline() >= 1);
            prop_assert!(order_holds(&node), "{node:?}");
        }
    }
}
