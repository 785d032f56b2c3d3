//! What checkers say, in words. Every match is exhaustive, so that a new variant asks for its
//! words.

use types::{
    id::PeerId,
    raft::{LogPosition, Role},
    store::Region,
    verdict::{HistoryVerdict, Invariant, Placed, Seen},
};

use super::{Sentence, facts, variants};
use crate::model::bytes::shown;

/// The locale key of an invariant's name; its attribute `rule` says what must hold.
#[must_use]
pub const fn invariant(invariant: Invariant) -> &'static str {
    match invariant {
        Invariant::ElectionSafety => "invariant-election-safety",
        Invariant::LeaderAppendOnly => "invariant-leader-append-only",
        Invariant::LogMatching => "invariant-log-matching",
        Invariant::LeaderCompleteness => "invariant-leader-completeness",
        Invariant::StateMachineSafety => "invariant-state-machine-safety",
        Invariant::CommittedOnQuorum => "invariant-committed-on-quorum",
        Invariant::CommittedImmutable => "invariant-committed-immutable",
        Invariant::Monotonic => "invariant-monotonic",
        Invariant::OneVotePerTerm => "invariant-one-vote-per-term",
        Invariant::Order => "invariant-order",
        Invariant::CurrentTermCommit => "invariant-current-term-commit",
        Invariant::PersistBeforePromise => "invariant-persist-before-promise",
        Invariant::Membership => "invariant-membership",
        Invariant::ReadSafety => "invariant-read-safety",
        Invariant::Progress => "invariant-progress",
        Invariant::Linearizable => "invariant-linearizable",
        Invariant::Liveness => "invariant-liveness",
        Invariant::RangesApart => "invariant-ranges-apart",
        Invariant::EpochNamesShape => "invariant-epoch-names-shape",
        Invariant::SplitTiles => "invariant-split-tiles",
        Invariant::GoneForGood => "invariant-gone-for-good",
    }
}

/// The name of what is known of a history.
#[must_use]
pub const fn history(verdict: &HistoryVerdict) -> &'static str {
    match verdict {
        HistoryVerdict::Linearizable => "yes",
        HistoryVerdict::Undecided { .. } => "undecided",
        HistoryVerdict::Broken(_) => "no",
        HistoryVerdict::Unwatched => "unwatched",
    }
}

/// An operation and what it was told, as practitioners write it.
#[must_use]
pub fn placed(placed: &Placed) -> String {
    let command = variants::command_text(&placed.command);
    match &placed.result {
        Some(result) => match result_text(result) {
            text if text.is_empty() => command,
            text => format!("{command} → {text}"),
        },
        None => command,
    }
}

fn result_text(result: &types::store::CommandResult) -> String {
    use types::store::CommandResult as Result;
    let value = |value: &Option<bytes::Bytes>| match value {
        Some(value) => shown(value),
        None => "∅".to_owned(),
    };
    match result {
        Result::Put | Result::Delete | Result::Append | Result::Scan { .. } => String::new(),
        Result::Get { value: found } => value(found),
        Result::CompareAndSet { found, .. } => value(found),
    }
}

/// One step of a trace.
#[must_use]
pub fn step(seen: &Seen, region: &Region) -> Sentence {
    let name = |peer: &PeerId| facts::peer_name(region, *peer);
    let about = |key, peer: &PeerId| Sentence::plain(key).with("store", name(peer));
    let upto = |key, index: String| Sentence::plain(key).with("index", index);
    match seen {
        Seen::Started(term, last) => facts::in_term(upto("seen-started", position(*last)), *term),
        Seen::Down => Sentence::plain("seen-down"),
        Seen::Term(term) => facts::in_term(Sentence::plain("fact-term-changed"), *term),
        Seen::Role(role, term) => facts::in_term(Sentence::plain(role_key(*role)), *term),
        Seen::Voted(peer, term) => facts::in_term(about("seen-voted", peer), *term),
        Seen::Refused(peer, term) => facts::in_term(about("seen-refused", peer), *term),
        Seen::Counted(peer, true) => about("seen-counted-yes", peer),
        Seen::Counted(peer, false) => about("seen-counted-no", peer),
        Seen::Appended(last) => upto("seen-appended", position(*last)),
        Seen::Truncated(from) => upto("fact-truncated", from.to_string()),
        Seen::Durable(to) => upto("fact-durable", to.to_string()),
        Seen::Committed(to) => upto("seen-committed", to.to_string()),
        Seen::Applied(to) => upto("fact-applied", to.to_string()),
        Seen::Flushed(to) => upto("fact-flushed", to.to_string()),
        Seen::Progressed(peer, matched, next) => about("fact-progressed", peer)
            .with("match", matched.to_string())
            .with("next", next.to_string()),
        Seen::Membership(voters, is_joint) => {
            let key = if *is_joint {
                "seen-membership-joint"
            } else {
                "seen-membership"
            };
            Sentence::plain(key).with("voters", voters.to_string())
        }
        Seen::SnapshotMade(peer, last) => {
            about("fact-snapshot-sent", peer).with("index", position(*last))
        }
        Seen::SnapshotRestored(last) => upto("fact-snapshot-restored", position(*last)),
        Seen::Compacted(to) => upto("fact-compacted", position(*to)),
        Seen::TransferStarted(peer) => about("fact-transfer-started", peer),
        Seen::TransferEnded(peer) => about("seen-transfer-ended", peer),
        Seen::ReadAsked(peer, _) => about("seen-read-asked", peer),
        Seen::ReadConfirmed(peer, _, index) => {
            about("fact-read-confirmed-round", peer).with("index", index.to_string())
        }
        Seen::Disk(term, vote, last) => Sentence::plain("seen-disk").with(
            "what",
            disk(
                term.map(|term| term.to_string()),
                vote.as_ref().map(name),
                last.map(|last| last.to_string()),
            ),
        ),
        Seen::Sent(kind, to, term, index) => facts::in_term(about("seen-sent", to), *term)
            .with("kind", super::Arg::Key(variants::message_key(*kind)))
            .with("index", index.to_string()),
    }
}

fn position(at: LogPosition) -> String {
    format!("{} ({})", at.index, at.term)
}

/// What a disk holds now, in the signs of the trade.
fn disk(term: Option<String>, vote: Option<String>, last: Option<String>) -> String {
    let vote = vote.map(|vote| format!("vote {vote}"));
    let last = last.map(|last| format!("log {last}"));
    let parts: Vec<String> = [term, vote, last].into_iter().flatten().collect();
    if parts.is_empty() {
        "–".to_owned()
    } else {
        parts.join(", ")
    }
}

const fn role_key(role: Role) -> &'static str {
    match role {
        Role::Leader => "fact-leads",
        Role::Candidate => "seen-candidate",
        Role::PreCandidate => "seen-pre-candidate",
        Role::Follower => "seen-follower",
    }
}
