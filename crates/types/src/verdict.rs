//! What checkers say: which invariant was broken, by whom and when, and what led there.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    action::OperationId,
    event::EventId,
    id::{ClientId, PeerId, RegionId, StoreId},
    raft::{LogIndex, LogPosition, MessageKind, ReadId, Role, Term},
    store::{Command, CommandResult},
    time::VirtualTime,
};

/// When something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Moment {
    /// The virtual time, in microseconds.
    pub at: VirtualTime,
    /// The event that was being handled.
    pub event: EventId,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {} at {} us", self.event, self.at)
    }
}

/// The invariants of one raft group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Invariant {
    /// R1: at most one leader per term, over the whole history (paper, section 5.2).
    ElectionSafety,
    /// R2: a leader never cuts or overwrites its own log (paper, section 5.3).
    LeaderAppendOnly,
    /// R3: equal index and term, equal prefix (paper, section 5.3).
    LogMatching,
    /// R4: a new leader holds all that was committed in earlier terms (paper, section 5.4).
    LeaderCompleteness,
    /// R5: equal applied index, equal state (paper, section 5.4.3).
    StateMachineSafety,
    /// R6: what is committed is durable on a quorum of each half (etcd TLA+: `CommittedIsDurable`).
    CommittedOnQuorum,
    /// R7: what is committed stays as it is, across restarts.
    CommittedImmutable,
    /// R8: term, commit, applied, snapshot and first index never fall; term and vote survive.
    Monotonic,
    /// R9: a vote changes only with its term, or from none (paper, section 5.2).
    OneVotePerTerm,
    /// R10: truncated <= snapshot <= applied <= committed <= last, and applied <= durable.
    Order,
    /// R11: a leader counts replicas only for entries of its own term (paper, section 5.4.2).
    CurrentTermCommit,
    /// R12: nothing is promised or counted before the own disk holds it (paper, figure 2).
    PersistBeforePromise,
    /// R13: one change at a time, quorums that intersect, learners never counted (thesis,
    /// chapter 4).
    Membership,
    /// R14: a read sees all that was committed when it was asked (thesis, section 6.4).
    ReadSafety,
    /// R15: `match < next`, windows kept, nothing sent while a snapshot is on its way.
    Progress,
    /// R16: histories of clients are linearizable. Judged on histories, not here.
    Linearizable,
    /// R17: a healed group has one leader, equal logs and serves writes.
    Liveness,
    /// M2: no two regions of a store share a key.
    RangesApart,
    /// M4: an epoch never falls, and names one range and one set of peers.
    EpochNamesShape,
    /// M6: the parts of a split are what the whole was.
    SplitTiles,
    /// M8: a peer that left a store comes back by a later membership only, and its id is nobody
    /// else's.
    GoneForGood,
}

impl Invariant {
    /// Every invariant, in the order of their numbers.
    pub const ALL: [Self; 21] = [
        Self::ElectionSafety,
        Self::LeaderAppendOnly,
        Self::LogMatching,
        Self::LeaderCompleteness,
        Self::StateMachineSafety,
        Self::CommittedOnQuorum,
        Self::CommittedImmutable,
        Self::Monotonic,
        Self::OneVotePerTerm,
        Self::Order,
        Self::CurrentTermCommit,
        Self::PersistBeforePromise,
        Self::Membership,
        Self::ReadSafety,
        Self::Progress,
        Self::Linearizable,
        Self::Liveness,
        Self::RangesApart,
        Self::EpochNamesShape,
        Self::SplitTiles,
        Self::GoneForGood,
    ];

    /// The number after the letter.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::RangesApart => 2,
            Self::EpochNamesShape => 4,
            Self::SplitTiles => 6,
            Self::GoneForGood => 8,
            of_raft => of_raft as u8 + 1,
        }
    }

    /// R for what is asked of one group, M for what is asked of many.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::RangesApart | Self::EpochNamesShape | Self::SplitTiles | Self::GoneForGood => 'M',
            _ => 'R',
        }
    }

    /// The name, without the number.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ElectionSafety => "election safety",
            Self::LeaderAppendOnly => "leader append-only",
            Self::LogMatching => "log matching",
            Self::LeaderCompleteness => "leader completeness",
            Self::StateMachineSafety => "state machine safety",
            Self::CommittedOnQuorum => "committed on quorum",
            Self::CommittedImmutable => "committed immutable",
            Self::Monotonic => "monotonic",
            Self::OneVotePerTerm => "one vote per term",
            Self::Order => "order",
            Self::CurrentTermCommit => "current-term commit",
            Self::PersistBeforePromise => "persist before promise",
            Self::Membership => "membership",
            Self::ReadSafety => "read safety",
            Self::Progress => "progress",
            Self::Linearizable => "linearizable history",
            Self::Liveness => "liveness",
            Self::RangesApart => "ranges apart",
            Self::EpochNamesShape => "epoch names shape",
            Self::SplitTiles => "split tiles",
            Self::GoneForGood => "gone for good",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} {}", self.letter(), self.number(), self.name())
    }
}

/// An invariant was broken. It prints as one line; its debug form adds the trace, one line each.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{invariant}: {store} in {region}, {term}, index {index}, {moment}: {message}")]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// The store that was seen to break it.
    pub store: StoreId,
    /// The group.
    pub region: RegionId,
    /// The term that it is about; the store's own where no other is meant.
    pub term: Term,
    /// The index that it is about; zero where none is.
    pub index: LogIndex,
    /// When.
    pub moment: Moment,
    /// What was seen, and what should have been. One line.
    pub message: String,
    /// The last things that the group did, oldest first; the last is the one that broke it.
    pub trace: Vec<TraceStep>,
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.trace
            .iter()
            .try_for_each(|step| write!(f, "\n  {step}"))
    }
}

/// One thing that was seen, in brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// When.
    pub moment: Moment,
    /// Of which store.
    pub store: StoreId,
    /// What.
    pub seen: Seen,
}

impl fmt::Display for TraceStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.moment, self.store, self.seen)
    }
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seen {
    /// It started with a log that ends here, in this term.
    Started(Term, LogPosition),
    /// Its process ended.
    Down,
    /// It entered a term.
    Term(Term),
    /// It took a role in a term.
    Role(Role, Term),
    /// It gave its vote in a term.
    Voted(PeerId, Term),
    /// It refused a vote in a term.
    Refused(PeerId, Term),
    /// It counted a vote: whose, and whether it is a yes.
    Counted(PeerId, bool),
    /// Its log grew up to here.
    Appended(LogPosition),
    /// Its log lost everything from here on.
    Truncated(LogIndex),
    /// It believes its log durable up to here.
    Durable(LogIndex),
    /// It committed up to here.
    Committed(LogIndex),
    /// It applied up to here.
    Applied(LogIndex),
    /// Its applied data reached its disk up to here.
    Flushed(LogIndex),
    /// It learned how far a follower matches, and what to send next.
    Progressed(PeerId, LogIndex, LogIndex),
    /// A membership came into force: so many voters, and whether it is joint.
    Membership(u32, bool),
    /// It made a snapshot for a follower.
    SnapshotMade(PeerId, LogPosition),
    /// A snapshot took the place of its log.
    SnapshotRestored(LogPosition),
    /// It dropped the beginning of its log.
    Compacted(LogPosition),
    /// It set out to hand its leadership over.
    TransferStarted(PeerId),
    /// That came to its end.
    TransferEnded(PeerId),
    /// It took a read in.
    ReadAsked(PeerId, ReadId),
    /// It answered a read.
    ReadConfirmed(PeerId, ReadId, LogIndex),
    /// Its disk holds a term, a vote and a log up to here.
    Disk(Option<Term>, Option<PeerId>, Option<LogIndex>),
    /// A message left: its kind, receiver, term, and the index that it is about.
    Sent(MessageKind, PeerId, Term, LogIndex),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(term, last) => write!(f, "started in {term} with a log up to {last}"),
            Self::Down => f.write_str("went down"),
            Self::Term(term) => write!(f, "entered {term}"),
            Self::Role(role, term) => write!(f, "became {role:?} in {term}"),
            Self::Voted(peer, term) => write!(f, "voted for {peer} in {term}"),
            Self::Refused(peer, term) => write!(f, "refused {peer} its vote in {term}"),
            Self::Counted(peer, true) => write!(f, "counted a yes of {peer}"),
            Self::Counted(peer, false) => write!(f, "counted a no of {peer}"),
            Self::Appended(last) => write!(f, "appended up to {last}"),
            Self::Truncated(from) => write!(f, "cut its log from {from} on"),
            Self::Durable(to) => write!(f, "holds its log durable up to {to}"),
            Self::Committed(to) => write!(f, "committed up to {to}"),
            Self::Applied(to) => write!(f, "applied up to {to}"),
            Self::Flushed(to) => write!(f, "flushed up to {to}"),
            Self::Progressed(peer, matched, next) => {
                write!(f, "knows {peer} to match up to {matched}, next {next}")
            }
            Self::Membership(voters, false) => write!(f, "has {voters} voters"),
            Self::Membership(voters, true) => write!(f, "has {voters} voters, jointly"),
            Self::SnapshotMade(peer, last) => write!(f, "made a snapshot {last} for {peer}"),
            Self::SnapshotRestored(last) => write!(f, "restored a snapshot {last}"),
            Self::Compacted(to) => write!(f, "dropped its log up to {to}"),
            Self::TransferStarted(to) => write!(f, "hands its leadership to {to}"),
            Self::TransferEnded(to) => write!(f, "ended the handing over to {to}"),
            Self::ReadAsked(from, id) => write!(f, "took in read {} of {from}", id.0),
            Self::ReadConfirmed(from, id, index) => {
                write!(f, "answered read {} of {from} with {index}", id.0)
            }
            Self::Disk(term, vote, last) => disk(f, *term, *vote, *last),
            Self::Sent(kind, to, term, index) => {
                write!(f, "sent {kind:?} to {to} in {term}, index {index}")
            }
        }
    }
}

fn disk(
    f: &mut fmt::Formatter<'_>,
    term: Option<Term>,
    vote: Option<PeerId>,
    last: Option<LogIndex>,
) -> fmt::Result {
    f.write_str("wrote to its disk:")?;
    if let Some(term) = term {
        write!(f, " {term}")?;
    }
    if let Some(vote) = vote {
        write!(f, " vote {vote}")?;
    }
    match last {
        Some(last) => write!(f, " log up to {last}"),
        None => Ok(()),
    }
}

/// How the checks of a live run stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checks {
    /// What the invariants were judged on: facts, messages and disk changes of this segment.
    pub judged: u64,
    /// The first violation of an invariant. Nothing is judged after it.
    pub broken: Option<Broken>,
    /// Whether the clients' history is linearizable.
    pub history: HistoryCheck,
}

/// A broken invariant, in brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Which one.
    pub invariant: Invariant,
    /// The store that was seen to break it.
    pub store: StoreId,
    /// When.
    pub moment: Moment,
}

impl Violation {
    /// The violation in brief.
    #[must_use]
    pub const fn brief(&self) -> Broken {
        Broken {
            invariant: self.invariant,
            store: self.store,
            moment: self.moment,
        }
    }
}

/// Whether a live history of clients is linearizable (R16), as far as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryCheck {
    /// Operations that were judged.
    pub judged: u64,
    /// Moments of operations that wait to be judged.
    pub behind: u64,
    /// What is known.
    pub verdict: HistoryVerdict,
}

/// What is known of a history.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HistoryVerdict {
    /// Everything that was judged can be explained.
    #[default]
    Linearizable,
    /// Nobody can say for this key, and every other can be explained: too much was open at once,
    /// or the search was given up.
    Undecided {
        /// The key.
        key: Bytes,
    },
    /// Something cannot be explained. It stands for good.
    Broken(Box<Unplaced>),
    /// Nobody judges: the lab cannot run, or a part of the history is lost.
    Unwatched,
}

/// An operation that no order explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unplaced {
    /// The key.
    pub key: Bytes,
    /// The operation.
    pub operation: Placed,
    /// An order of what can be explained, the last to take effect last; at most the newest
    /// [`PREFIX_SHOWN`].
    pub prefix: Vec<Placed>,
    /// Operations before those.
    pub earlier: u64,
}

/// How many operations of an order are shown.
pub const PREFIX_SHOWN: usize = 12;

/// An operation of a history and what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Whose.
    pub client: ClientId,
    /// Which of the client's.
    pub operation: OperationId,
    /// What was wanted.
    pub command: Command,
    /// What it brought; nothing while that is unknown.
    pub result: Option<CommandResult>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariants_of_raft_are_numbered_from_one_to_seventeen() {
        let of_raft = Invariant::ALL
            .into_iter()
            .filter(|invariant| invariant.letter() == 'R');
        let numbers: Vec<u8> = of_raft.map(Invariant::number).collect();
        assert_eq!(numbers, (1..=17).collect::<Vec<u8>>());
        assert_eq!(Invariant::SplitTiles.to_string(), "M6 split tiles");
        assert_eq!(
            Invariant::CommittedOnQuorum.to_string(),
            "R6 committed on quorum"
        );
    }

    #[test]
    fn a_violation_is_one_line_that_names_store_region_term_index_and_event() {
        let violation = Violation {
            invariant: Invariant::ElectionSafety,
            store: StoreId::new(2),
            region: RegionId::new(1),
            term: Term::new(5),
            index: LogIndex::new(17),
            moment: Moment {
                at: VirtualTime::new(3_000),
                event: EventId {
                    segment: 1,
                    seq: 42,
                },
            },
            message: "two of them".to_owned(),
            trace: vec![TraceStep {
                moment: Moment::default(),
                store: StoreId::new(2),
                seen: Seen::Down,
            }],
        };
        let line = "R1 election safety: S2 in R1, T5, index 17, event 1.42 at 3000 us: two of them";
        assert_eq!(violation.to_string(), line);
        assert_eq!(
            format!("{violation:?}"),
            format!("{line}\n  event 0.0 at 0 us S2 went down")
        );
    }

    #[test]
    fn a_step_prints_as_one_line() {
        let step = TraceStep {
            moment: Moment::default(),
            store: StoreId::new(3),
            seen: Seen::Disk(Some(Term::new(2)), Some(PeerId::new(1)), None),
        };
        assert_eq!(
            step.to_string(),
            "event 0.0 at 0 us S3 wrote to its disk: T2 vote P1"
        );
    }
}
