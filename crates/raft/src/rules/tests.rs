use types::raft::LogPosition;

use super::*;

fn at(index: u64) -> LogIndex {
    LogIndex::new(index)
}

fn hard_state(term: u64, vote: u64, commit: u64) -> HardState {
    HardState {
        term: Term::new(term),
        vote: Some(PeerId::new(vote)),
        commit: at(commit),
    }
}

fn position(index: u64, term: u64) -> LogPosition {
    LogPosition {
        index: at(index),
        term: Term::new(term),
    }
}

#[test]
fn a_later_last_term_beats_a_longer_log() {
    assert!(is_up_to_date(position(1, 3), position(9, 2)));
    assert!(!is_up_to_date(position(9, 2), position(1, 3)));
    assert!(is_up_to_date(position(4, 2), position(4, 2)));
    assert!(!is_up_to_date(position(3, 2), position(4, 2)));
}

#[test]
fn the_vote_holds_within_its_term_and_is_free_in_the_next() {
    let own = hard_state(4, 2, 0);
    assert_eq!(vote_in_term(own, Term::new(4)), Some(PeerId::new(2)));
    assert_eq!(vote_in_term(own, Term::new(5)), None);
}

#[test]
fn a_vote_is_durable_when_term_and_vote_are_whatever_the_commit_index() {
    let current = hard_state(4, 1, 9);
    assert!(own_vote_counts(current, hard_state(4, 1, 0)));
    assert!(!own_vote_counts(current, hard_state(3, 1, 0)));
    assert!(!own_vote_counts(current, hard_state(4, 2, 0)));
}

#[test]
fn only_an_entry_of_the_leaders_term_commits_by_counting() {
    let check = |reached, term| {
        leader_commit(&CommitCheck {
            reached: at(reached),
            reached_term: Some(Term::new(term)),
            term: Term::new(3),
            commit: at(2),
        })
    };
    assert_eq!(check(5, 3), CommitVerdict::Advance { to: at(5) });
    let term = Term::new(2);
    assert_eq!(check(5, 2), CommitVerdict::OldTerm { term });
    assert_eq!(check(2, 3), CommitVerdict::Unchanged);
    assert_eq!(check(1, 3), CommitVerdict::Unchanged);
}

#[test]
fn after_a_refusal_the_next_index_stays_between_the_match_and_the_refused() {
    for matched in 0..6 {
        for refused in 0..9 {
            for agreeable in 0..9 {
                let next = next_after_refusal(&Refusal {
                    matched: at(matched),
                    refused: at(refused),
                    agreeable: at(agreeable),
                });
                assert!(next > at(matched));
                assert!(next <= at(refused.max(matched + 1)));
                if matched < agreeable && agreeable < refused {
                    assert_eq!(next, at(agreeable + 1));
                }
            }
        }
    }
}

#[test]
fn entries_replace_the_own_only_from_the_first_conflict_on() {
    let check = |first, end, conflict: Option<u64>| {
        splice(&SpliceCheck {
            first: at(first),
            end: at(end),
            conflict: conflict.map(at),
            own_last: at(5),
        })
    };
    assert_eq!(check(3, 4, None), Splice::Keep);
    assert_eq!(check(6, 5, None), Splice::Keep);
    assert_eq!(check(3, 8, None), Splice::Append { from: at(6) });
    assert_eq!(check(6, 8, None), Splice::Append { from: at(6) });
    assert_eq!(check(3, 8, Some(4)), Splice::Replace { from: at(4) });
}

#[test]
fn only_what_promises_nothing_new_leaves_before_the_disk_has_it() {
    use MessageKind::{
        Append, AppendResponse, Heartbeat, HeartbeatResponse, RequestVote, RequestVoteResponse,
    };
    // Kind, accepts, durable: at once.
    for (kind, accepts, is_durable, at_once) in [
        (Append, false, false, true),
        (Heartbeat, false, false, true),
        (HeartbeatResponse, false, false, true),
        (RequestVote, false, true, false),
        (RequestVoteResponse, true, true, false),
        (RequestVoteResponse, false, true, true),
        (RequestVoteResponse, false, false, false),
        (AppendResponse, true, true, false),
        (AppendResponse, false, true, true),
        (AppendResponse, false, false, false),
    ] {
        let current = hard_state(4, 1, 0);
        let durable = if is_durable {
            current
        } else {
            hard_state(3, 1, 0)
        };
        let verdict = release(&Promise {
            kind,
            accepts,
            current,
            durable,
        });
        assert_eq!(
            verdict == Release::AtOnce,
            at_once,
            "{kind:?} {accepts} {is_durable}"
        );
    }
}
