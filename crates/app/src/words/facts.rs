//! Facts in words.

use types::{
    frame::{FactFrame, Frame, RegionFrame},
    id::{PeerId, StoreId},
    raft::{
        CommitEvidence, ConfState, EntryBrief, LogIndex, ProgressKind, RaftFact, ReadEvidence,
        Role, RoleReason, Term, TransferEnd, VoteVerdict,
    },
    store::Region,
    view::{FactBody, RegionChange},
};

use super::{Arg, Sentence};
use crate::model::bytes::shown;

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
            RaftFact::ConfChanged { .. } => "conf-changed",
            RaftFact::SnapshotSent { .. } => "snapshot-sent",
            RaftFact::SnapshotRestored { .. } => "snapshot-restored",
            RaftFact::Compacted { .. } => "compacted",
            RaftFact::TransferStarted { .. } => "transfer-started",
            RaftFact::TransferEnded { .. } => "transfer-ended",
            RaftFact::ReadAsked { .. } => "read-asked",
            RaftFact::ReadConfirmed { .. } => "read-confirmed",
        },
        FactBody::Applied { .. } => "applied",
        FactBody::Flushed { .. } => "flushed",
        FactBody::Proposed { .. } => "proposed",
        FactBody::TimerReset { .. } => "timer-reset",
        FactBody::TimerStopped => "timer-stopped",
        FactBody::RegionChanged { .. } => "region-changed",
        FactBody::PeerRemoved { .. } => "peer-removed",
        FactBody::RulesChanged { .. } => "rules-changed",
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
            RaftFact::SnapshotSent { last: at, .. }
            | RaftFact::SnapshotRestored { last: at, .. }
            | RaftFact::Compacted { to: at } => Some(at.term),
            RaftFact::Committed { .. }
            | RaftFact::VoteCounted { .. }
            | RaftFact::Truncated { .. }
            | RaftFact::Durable { .. }
            | RaftFact::Progressed { .. }
            | RaftFact::ConfChanged { .. }
            | RaftFact::TransferStarted { .. }
            | RaftFact::TransferEnded { .. }
            | RaftFact::ReadAsked { .. }
            | RaftFact::ReadConfirmed { .. } => None,
        },
        FactBody::Applied { .. }
        | FactBody::Flushed { .. }
        | FactBody::TimerReset { .. }
        | FactBody::TimerStopped
        | FactBody::RegionChanged { .. }
        | FactBody::PeerRemoved { .. }
        | FactBody::RulesChanged { .. } => None,
    }
}

/// What happened, as a sentence that starts behind the store's name.
#[must_use]
pub fn sentence(fact: &FactFrame, frame: &Frame) -> Sentence {
    let about = |one: &&RegionFrame| one.region.id == fact.fact.region;
    let found = frame.regions.iter().find(about);
    let region = found.map_or(&frame.region, |one| &one.region);
    body(&fact.fact.body, region)
}

pub(super) fn peer_name(region: &Region, peer: PeerId) -> String {
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
        FactBody::RegionChanged { region, by, .. } => region_changed(region, *by),
        FactBody::PeerRemoved { peer } => {
            Sentence::plain("fact-peer-removed").with("peer", peer.to_string())
        }
        FactBody::RulesChanged { name: None } => Sentence::plain("fact-rules-corrected"),
        FactBody::RulesChanged { name: Some(name) } => {
            Sentence::plain("fact-rules-changed").with("rule", Arg::Rule(name.clone()))
        }
    }
}

fn region_changed(region: &Region, by: RegionChange) -> Sentence {
    let key = match by {
        RegionChange::Split => "fact-region-split",
        RegionChange::Membership => "fact-region-membership",
        RegionChange::Snapshot => "fact-region-snapshot",
    };
    let stores: Vec<String> = region
        .peers
        .iter()
        .map(|peer| peer.store.to_string())
        .collect();
    let end = if region.end.is_empty() {
        "∞".to_owned()
    } else {
        shown(&region.end)
    };
    Sentence::plain(key)
        .with("region", region.id.to_string())
        .with("start", shown(&region.start))
        .with("end", end)
        .with("epoch", region.epoch.to_string())
        .with("stores", stores.join(", "))
}

fn raft(fact: &RaftFact, region: &Region) -> Sentence {
    let about = |key, peer: &PeerId| Sentence::plain(key).with("store", peer_name(region, *peer));
    match fact {
        RaftFact::TermChanged { to, .. } => in_term(Sentence::plain("fact-term-changed"), *to),
        RaftFact::RoleChanged {
            role,
            leader,
            term,
            reason,
        } => {
            let leader = leader.map(|peer| peer_name(region, peer));
            in_term(role_changed(*role, leader, *reason), *term)
        }
        RaftFact::VoteDecided {
            candidate,
            term,
            verdict,
            pre_vote,
        } => in_term(vote(verdict, *pre_vote, region), *term)
            .with("candidate", peer_name(region, *candidate)),
        RaftFact::VoteCounted {
            voter,
            granted,
            yes,
            needed,
            pre_vote,
            ..
        } => Sentence::plain(vote_counted(*granted, *pre_vote))
            .with("voter", peer_name(region, *voter))
            .with("yes", yes.to_string())
            .with("needed", needed.to_string()),
        RaftFact::Appended { entries, .. } => {
            Sentence::plain("fact-appended").with("range", range(entries))
        }
        RaftFact::Truncated { from } => at(Sentence::plain("fact-truncated"), *from),
        RaftFact::Durable { to } => at(Sentence::plain("fact-durable"), *to),
        RaftFact::Committed { to, evidence, .. } => at(committed(evidence, region), *to),
        RaftFact::Progressed {
            peer,
            matched,
            next,
            kind,
        } => about(progressed(*kind), peer)
            .with("match", matched.to_string())
            .with("next", next.to_string()),
        RaftFact::ConfChanged { conf_state } => members(conf_state, region),
        RaftFact::SnapshotSent { to, last } => at(about("fact-snapshot-sent", to), last.index),
        RaftFact::SnapshotRestored { last, .. } => {
            at(Sentence::plain("fact-snapshot-restored"), last.index)
        }
        RaftFact::Compacted { to } => at(Sentence::plain("fact-compacted"), to.index),
        RaftFact::TransferStarted { to } => about("fact-transfer-started", to),
        RaftFact::TransferEnded { to, end } => about(transfer_ended(*end), to),
        RaftFact::ReadAsked { from, commit, .. } => at(about("fact-read-asked", from), *commit),
        RaftFact::ReadConfirmed {
            from,
            index,
            evidence,
            ..
        } => at(about(read_confirmed(evidence), from), *index),
    }
}

pub(super) fn in_term(sentence: Sentence, term: Term) -> Sentence {
    sentence.with("term", term.get().to_string())
}

fn at(sentence: Sentence, index: LogIndex) -> Sentence {
    sentence.with("index", index.to_string())
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
        (Role::PreCandidate, RoleReason::Asked) => "fact-asks-first-asked",
        (Role::PreCandidate, _) => "fact-asks-first",
        (Role::Candidate, RoleReason::Asked) => "fact-campaigns-asked",
        (Role::Candidate, RoleReason::PreVoteWon) => "fact-campaigns-pre-vote-won",
        (Role::Candidate, RoleReason::TransferAsked) => "fact-campaigns-transfer",
        (Role::Candidate, _) => "fact-campaigns",
        (Role::Follower, RoleReason::Started) => "fact-follows-start",
        (Role::Follower, RoleReason::Lost) => "fact-follows-lost",
        (Role::Follower, RoleReason::QuorumLost) => "fact-follows-quorum-lost",
        (Role::Follower, RoleReason::ChangeLearned) => "fact-follows-change-learned",
        (Role::Follower, RoleReason::Removed) => "fact-follows-removed",
        (Role::Follower, RoleReason::LeaderForgotten) => "fact-follows-forgotten",
        (Role::Follower, RoleReason::HigherTerm) if leader.is_none() => "fact-follows-higher-term",
        (
            Role::Follower,
            RoleReason::HigherTerm
            | RoleReason::LeaderHeard
            | RoleReason::Asked
            | RoleReason::Won
            | RoleReason::PreVoteWon
            | RoleReason::TransferAsked
            | RoleReason::ElectionTimeout,
        ) => match leader {
            Some(_) => "fact-follows",
            None => "fact-follows-nobody",
        },
    };
    Sentence::plain(key).with("leader", leader.unwrap_or_default())
}

fn vote(verdict: &VoteVerdict, pre_vote: bool, region: &Region) -> Sentence {
    let other = |key, peer: &PeerId| Sentence::plain(key).with("other", peer_name(region, *peer));
    match (verdict, pre_vote) {
        (VoteVerdict::Granted, false) => Sentence::plain("fact-vote-granted"),
        (VoteVerdict::Granted, true) => Sentence::plain("fact-pre-vote-granted"),
        (VoteVerdict::AlreadyVoted { vote }, false) => other("fact-vote-already", vote),
        (VoteVerdict::AlreadyVoted { vote }, true) => other("fact-pre-vote-already", vote),
        (VoteVerdict::HasLeader { leader }, false) => other("fact-vote-has-leader", leader),
        (VoteVerdict::HasLeader { leader }, true) => other("fact-pre-vote-has-leader", leader),
        (VoteVerdict::LogBehind { candidate, own }, _) => Sentence::plain(if pre_vote {
            "fact-pre-vote-log-behind"
        } else {
            "fact-vote-log-behind"
        })
        .with("theirs", candidate.to_string())
        .with("own", own.to_string()),
        (VoteVerdict::StaleTerm, false) => Sentence::plain("fact-vote-stale-term"),
        (VoteVerdict::StaleTerm, true) => Sentence::plain("fact-pre-vote-stale-term"),
        (VoteVerdict::LeaderLives { leader }, _) => match leader {
            Some(leader) => other("fact-vote-leader-lives", leader),
            None => Sentence::plain("fact-vote-just-started"),
        },
    }
}

const fn vote_counted(granted: bool, pre_vote: bool) -> &'static str {
    match (granted, pre_vote) {
        (true, false) => "fact-vote-counted-yes",
        (false, false) => "fact-vote-counted-no",
        (true, true) => "fact-pre-vote-counted-yes",
        (false, true) => "fact-pre-vote-counted-no",
    }
}

const fn progressed(kind: ProgressKind) -> &'static str {
    match kind {
        ProgressKind::Probe => "fact-progressed-probe",
        ProgressKind::Replicate => "fact-progressed",
        ProgressKind::Snapshot => "fact-progressed-snapshot",
    }
}

const fn transfer_ended(end: TransferEnd) -> &'static str {
    match end {
        TransferEnd::Deposed => "fact-transfer-deposed",
        TransferEnd::TimedOut => "fact-transfer-timed-out",
        TransferEnd::Cancelled => "fact-transfer-cancelled",
        TransferEnd::Removed => "fact-transfer-removed",
    }
}

const fn read_confirmed(evidence: &ReadEvidence) -> &'static str {
    match evidence {
        ReadEvidence::Round { .. } => "fact-read-confirmed-round",
        ReadEvidence::Lease { .. } => "fact-read-confirmed-lease",
    }
}

/// Who belongs to the group now.
fn members(conf_state: &ConfState, region: &Region) -> Sentence {
    let list = |peers: &[PeerId]| {
        let names: Vec<String> = peers.iter().map(|peer| peer_name(region, *peer)).collect();
        names.join(" ")
    };
    let key = match (conf_state.is_joint(), conf_state.learners.is_empty()) {
        (true, _) => "fact-conf-changed-joint",
        (false, true) => "fact-conf-changed",
        (false, false) => "fact-conf-changed-learners",
    };
    Sentence::plain(key)
        .with("voters", list(&conf_state.voters))
        .with("learners", list(&conf_state.learners))
        .with("outgoing", list(&conf_state.outgoing))
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
        CommitEvidence::Vote { from, .. } => {
            Sentence::plain("fact-committed-vote").with("store", peer_name(region, *from))
        }
        CommitEvidence::Restart => Sentence::plain("fact-committed-restart"),
    }
}

#[cfg(test)]
mod tests {
    use types::{
        id::Incarnation,
        raft::{EntryKind, HardState, LogPosition, ReadId},
    };

    use super::*;
    use crate::{
        model::{look::Lang, state::tests::frame},
        words::Words,
    };

    const PEER: PeerId = PeerId::new(12);
    const TERM: Term = Term::new(9);
    const INDEX: LogIndex = LogIndex::new(214);
    const POSITION: LogPosition = LogPosition {
        index: INDEX,
        term: TERM,
    };

    fn roles() -> Vec<RaftFact> {
        let reasons = [
            RoleReason::Started,
            RoleReason::ElectionTimeout,
            RoleReason::Asked,
            RoleReason::HigherTerm,
            RoleReason::LeaderHeard,
            RoleReason::Won,
            RoleReason::Lost,
            RoleReason::PreVoteWon,
            RoleReason::TransferAsked,
            RoleReason::QuorumLost,
            RoleReason::ChangeLearned,
            RoleReason::Removed,
            RoleReason::LeaderForgotten,
        ];
        let roles = [
            Role::Follower,
            Role::PreCandidate,
            Role::Candidate,
            Role::Leader,
        ];
        let fact = |role| {
            reasons.map(|reason| RaftFact::RoleChanged {
                role,
                leader: None,
                term: TERM,
                reason,
            })
        };
        roles.into_iter().flat_map(fact).collect()
    }

    fn votes(pre_vote: bool) -> Vec<RaftFact> {
        let verdicts = [
            VoteVerdict::Granted,
            VoteVerdict::AlreadyVoted { vote: PEER },
            VoteVerdict::HasLeader { leader: PEER },
            VoteVerdict::LogBehind {
                candidate: POSITION,
                own: POSITION,
            },
            VoteVerdict::StaleTerm,
            VoteVerdict::LeaderLives { leader: Some(PEER) },
            VoteVerdict::LeaderLives { leader: None },
        ];
        let decided = verdicts.map(|verdict| RaftFact::VoteDecided {
            candidate: PEER,
            term: TERM,
            verdict,
            pre_vote,
        });
        let counted = [true, false].map(|granted| RaftFact::VoteCounted {
            voter: PEER,
            granted,
            yes: 1,
            no: 0,
            needed: 2,
            pre_vote,
        });
        decided.into_iter().chain(counted).collect()
    }

    fn log() -> Vec<RaftFact> {
        let brief = EntryBrief {
            index: INDEX,
            term: TERM,
            kind: EntryKind::NoOp,
        };
        let committed = |evidence| RaftFact::Committed {
            to: INDEX,
            prefix_hash: 0,
            evidence,
        };
        vec![
            RaftFact::TermChanged {
                from: TERM,
                to: TERM,
            },
            RaftFact::Truncated { from: INDEX },
            RaftFact::Durable { to: INDEX },
            RaftFact::Appended {
                entries: vec![brief],
                prefix_hash: 0,
            },
            committed(CommitEvidence::Restart),
            committed(CommitEvidence::Vote {
                from: PEER,
                committed: POSITION,
            }),
            committed(CommitEvidence::Leader {
                leader_commit: INDEX,
                matched: INDEX,
            }),
            committed(CommitEvidence::Quorum {
                matched: vec![(PEER, INDEX)],
                term: TERM,
            }),
            RaftFact::SnapshotSent {
                to: PEER,
                last: POSITION,
            },
            RaftFact::SnapshotRestored {
                last: POSITION,
                prefix_hash: 0,
            },
            RaftFact::Compacted { to: POSITION },
        ]
    }

    fn group() -> Vec<RaftFact> {
        let voters = ConfState::of_voters(vec![PEER]);
        let learners = ConfState {
            learners: vec![PEER],
            ..voters.clone()
        };
        let joint = ConfState {
            outgoing: vec![PEER],
            ..voters.clone()
        };
        let members = [voters, learners, joint];
        let members = members.map(|conf_state| RaftFact::ConfChanged { conf_state });
        let kinds = [
            ProgressKind::Probe,
            ProgressKind::Replicate,
            ProgressKind::Snapshot,
        ];
        let progress = kinds.map(|kind| RaftFact::Progressed {
            peer: PEER,
            matched: INDEX,
            next: INDEX,
            kind,
        });
        members.into_iter().chain(progress).collect()
    }

    fn transfers_and_reads() -> Vec<RaftFact> {
        let ends = [
            TransferEnd::Deposed,
            TransferEnd::TimedOut,
            TransferEnd::Cancelled,
            TransferEnd::Removed,
        ];
        let evidence = [
            ReadEvidence::Round {
                needed: 1,
                answered: vec![(PEER, 1)],
            },
            ReadEvidence::Lease {
                now_us: 1,
                until_us: 2,
            },
        ];
        let id = ReadId(1);
        let mut facts = vec![
            RaftFact::TransferStarted { to: PEER },
            RaftFact::ReadAsked {
                from: PEER,
                id,
                commit: INDEX,
            },
        ];
        facts.extend(ends.map(|end| RaftFact::TransferEnded { to: PEER, end }));
        facts.extend(evidence.map(|evidence| RaftFact::ReadConfirmed {
            from: PEER,
            id,
            index: INDEX,
            evidence,
        }));
        facts
    }

    fn facts() -> Vec<RaftFact> {
        let all = [
            roles(),
            votes(false),
            votes(true),
            log(),
            group(),
            transfers_and_reads(),
        ];
        all.concat()
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
            region: frame(0).region,
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
