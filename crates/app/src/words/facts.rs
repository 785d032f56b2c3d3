//! Facts in words.

use types::{
    frame::{FactFrame, Frame},
    id::{PeerId, StoreId},
    raft::{CommitEvidence, EntryBrief, RaftFact, Role, RoleReason, Term, VoteVerdict},
    store::Region,
    view::FactBody,
};

use super::Sentence;

/// The name of a fact in attributes.
#[must_use]
pub const fn name(body: &FactBody) -> &'static str {
    match body {
        FactBody::Started { .. } => "started",
        FactBody::Raft(fact) => match fact {
            RaftFact::TermChanged { .. } => "term-changed",
            RaftFact::RoleChanged { .. } => "role-changed",
            RaftFact::VoteDecided { .. } => "vote-decided",
            RaftFact::VoteCounted { .. } => "vote-counted",
            RaftFact::Appended { .. } => "appended",
            RaftFact::Truncated { .. } => "truncated",
            RaftFact::Durable { .. } => "durable",
            RaftFact::Committed { .. } => "committed",
            RaftFact::Progressed { .. } => "progressed",
        },
        FactBody::Applied { .. } => "applied",
        FactBody::Flushed { .. } => "flushed",
        FactBody::Proposed { .. } => "proposed",
        FactBody::TimerReset { .. } => "timer-reset",
        FactBody::TimerStopped => "timer-stopped",
    }
}

/// The term that a fact is about, for its colour.
#[must_use]
pub fn term(body: &FactBody) -> Option<Term> {
    match body {
        FactBody::Started { hard_state, .. } => Some(hard_state.term),
        FactBody::Proposed { at, .. } => Some(at.term),
        FactBody::Raft(fact) => match fact {
            RaftFact::TermChanged { to, .. } => Some(*to),
            RaftFact::RoleChanged { term, .. } | RaftFact::VoteDecided { term, .. } => Some(*term),
            RaftFact::Committed {
                evidence: CommitEvidence::Quorum { term, .. },
                ..
            } => Some(*term),
            RaftFact::Appended { entries, .. } => entries.last().map(|entry| entry.term),
            RaftFact::Committed { .. }
            | RaftFact::VoteCounted { .. }
            | RaftFact::Truncated { .. }
            | RaftFact::Durable { .. }
            | RaftFact::Progressed { .. } => None,
        },
        FactBody::Applied { .. }
        | FactBody::Flushed { .. }
        | FactBody::TimerReset { .. }
        | FactBody::TimerStopped => None,
    }
}

/// What happened, as a sentence that starts behind the store's name.
#[must_use]
pub fn sentence(fact: &FactFrame, frame: &Frame) -> Sentence {
    body(&fact.fact.body, &frame.region)
}

fn peer_name(region: &Region, peer: PeerId) -> String {
    match region.peer(peer) {
        Some(peer) => peer.store.to_string(),
        None => peer.to_string(),
    }
}

/// What happened, as a sentence.
#[must_use]
pub fn body(body: &FactBody, region: &Region) -> Sentence {
    match body {
        FactBody::Started {
            incarnation,
            hard_state,
            entries,
            ..
        } => Sentence::plain("fact-started")
            .with("life", incarnation.get().to_string())
            .with("term", hard_state.term.get().to_string())
            .with("entries", entries.len()),
        FactBody::Raft(fact) => raft(fact, region),
        FactBody::Applied { to, .. } => {
            Sentence::plain("fact-applied").with("index", to.to_string())
        }
        FactBody::Flushed { to } => Sentence::plain("fact-flushed").with("index", to.to_string()),
        FactBody::Proposed { at, .. } => {
            Sentence::plain("fact-proposed").with("index", at.index.to_string())
        }
        FactBody::TimerReset { .. } => Sentence::plain("fact-timer-reset"),
        FactBody::TimerStopped => Sentence::plain("fact-timer-stopped"),
    }
}

fn raft(fact: &RaftFact, region: &Region) -> Sentence {
    match fact {
        RaftFact::TermChanged { to, .. } => {
            Sentence::plain("fact-term-changed").with("term", to.get().to_string())
        }
        RaftFact::RoleChanged {
            role,
            leader,
            term,
            reason,
        } => role_changed(*role, leader.map(|peer| peer_name(region, peer)), *reason)
            .with("term", term.get().to_string()),
        RaftFact::VoteDecided {
            candidate,
            term,
            verdict,
        } => vote(verdict, region)
            .with("candidate", peer_name(region, *candidate))
            .with("term", term.get().to_string()),
        RaftFact::VoteCounted {
            voter,
            granted,
            yes,
            needed,
            ..
        } => Sentence::plain(if *granted {
            "fact-vote-counted-yes"
        } else {
            "fact-vote-counted-no"
        })
        .with("voter", peer_name(region, *voter))
        .with("yes", yes.to_string())
        .with("needed", needed.to_string()),
        RaftFact::Appended { entries, .. } => {
            Sentence::plain("fact-appended").with("range", range(entries))
        }
        RaftFact::Truncated { from } => {
            Sentence::plain("fact-truncated").with("index", from.to_string())
        }
        RaftFact::Durable { to } => Sentence::plain("fact-durable").with("index", to.to_string()),
        RaftFact::Committed { to, evidence, .. } => {
            committed(evidence, region).with("index", to.to_string())
        }
        RaftFact::Progressed {
            peer,
            matched,
            next,
        } => Sentence::plain("fact-progressed")
            .with("store", peer_name(region, *peer))
            .with("match", matched.to_string())
            .with("next", next.to_string()),
    }
}

fn range(entries: &[EntryBrief]) -> String {
    match entries {
        [] => String::new(),
        [one] => one.index.to_string(),
        [first, .., last] => format!("{}–{}", first.index, last.index),
    }
}

fn role_changed(role: Role, leader: Option<String>, reason: RoleReason) -> Sentence {
    let key = match (role, reason) {
        (Role::Leader, _) => "fact-leads",
        (Role::Candidate, RoleReason::Asked) => "fact-campaigns-asked",
        (Role::Candidate, _) => "fact-campaigns",
        (Role::Follower, RoleReason::Started) => "fact-follows-start",
        (Role::Follower, RoleReason::Lost) => "fact-follows-lost",
        (Role::Follower, RoleReason::HigherTerm) if leader.is_none() => "fact-follows-higher-term",
        (
            Role::Follower,
            RoleReason::HigherTerm
            | RoleReason::LeaderHeard
            | RoleReason::Asked
            | RoleReason::Won
            | RoleReason::ElectionTimeout,
        ) => match leader {
            Some(_) => "fact-follows",
            None => "fact-follows-nobody",
        },
    };
    Sentence::plain(key).with("leader", leader.unwrap_or_default())
}

fn vote(verdict: &VoteVerdict, region: &Region) -> Sentence {
    match verdict {
        VoteVerdict::Granted => Sentence::plain("fact-vote-granted"),
        VoteVerdict::AlreadyVoted { vote } => {
            Sentence::plain("fact-vote-already").with("other", peer_name(region, *vote))
        }
        VoteVerdict::HasLeader { leader } => {
            Sentence::plain("fact-vote-has-leader").with("other", peer_name(region, *leader))
        }
        VoteVerdict::LogBehind { candidate, own } => Sentence::plain("fact-vote-log-behind")
            .with("theirs", candidate.to_string())
            .with("own", own.to_string()),
        VoteVerdict::StaleTerm => Sentence::plain("fact-vote-stale-term"),
    }
}

fn committed(evidence: &CommitEvidence, region: &Region) -> Sentence {
    match evidence {
        CommitEvidence::Quorum { matched, .. } => {
            let holders: Vec<StoreId> = matched
                .iter()
                .filter_map(|(peer, _)| region.peer(*peer).map(|peer| peer.store))
                .collect();
            Sentence::plain("fact-committed-quorum").with("voters", holders.len())
        }
        CommitEvidence::Leader { .. } => Sentence::plain("fact-committed-leader"),
        CommitEvidence::Restart => Sentence::plain("fact-committed-restart"),
    }
}

#[cfg(test)]
mod tests {
    use types::{
        id::Incarnation,
        raft::{EntryKind, HardState, LogIndex, LogPosition},
    };

    use super::*;
    use crate::{
        model::{look::Lang, state::tests::frame},
        words::Words,
    };

    fn facts() -> Vec<RaftFact> {
        let peer = PeerId::new(12);
        let term = Term::new(9);
        let index = LogIndex::new(214);
        let position = LogPosition { index, term };
        let roles = [
            RoleReason::Started,
            RoleReason::ElectionTimeout,
            RoleReason::Asked,
            RoleReason::HigherTerm,
            RoleReason::LeaderHeard,
            RoleReason::Won,
            RoleReason::Lost,
        ];
        let verdicts = [
            VoteVerdict::Granted,
            VoteVerdict::AlreadyVoted { vote: peer },
            VoteVerdict::HasLeader { leader: peer },
            VoteVerdict::LogBehind {
                candidate: position,
                own: position,
            },
            VoteVerdict::StaleTerm,
        ];
        let mut facts = vec![
            RaftFact::TermChanged {
                from: term,
                to: term,
            },
            RaftFact::Truncated { from: index },
            RaftFact::Durable { to: index },
            RaftFact::Appended {
                entries: vec![EntryBrief {
                    index,
                    term,
                    kind: EntryKind::NoOp,
                }],
                prefix_hash: 0,
            },
            RaftFact::Committed {
                to: index,
                prefix_hash: 0,
                evidence: CommitEvidence::Restart,
            },
        ];
        for role in [Role::Follower, Role::Candidate, Role::Leader] {
            facts.extend(roles.map(|reason| RaftFact::RoleChanged {
                role,
                leader: None,
                term,
                reason,
            }));
        }
        facts.extend(verdicts.map(|verdict| RaftFact::VoteDecided {
            candidate: peer,
            term,
            verdict,
        }));
        facts
    }

    #[test]
    fn facts_read_as_sentences_with_store_names_in_both_languages() {
        let region = frame(0).region;
        for lang in [Lang::En, Lang::Zh] {
            let words = Words::new(lang);
            for fact in facts() {
                let sentence = raft(&fact, &region);
                let text = words.say(&sentence);
                assert_ne!(text, sentence.key, "{lang:?} has no words");
                assert!(!text.contains('$') && !text.contains("P12"), "{text}");
            }
        }
    }

    #[test]
    fn a_start_tells_what_the_disk_held() {
        let started = FactBody::Started {
            incarnation: Incarnation::new(2),
            peer: PeerId::new(11),
            hard_state: HardState::default(),
            truncated: LogPosition::default(),
            entries: Vec::new(),
            applied: LogIndex::ZERO,
        };
        let words = Words::new(Lang::En);
        let text = words.say(&body(&started, &frame(0).region));
        assert!(text.contains('2'), "{text}");
    }
}
