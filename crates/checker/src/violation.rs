//! What a checker says when an invariant is broken.

use std::fmt;

use serde::{Deserialize, Serialize};
use types::id::{RegionId, StoreId};
use types::raft::{LogIndex, Term};

use crate::observation::Moment;
use crate::trace::TraceStep;

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
}

impl Invariant {
    /// Every invariant, in the order of their numbers.
    pub const ALL: [Self; 17] = [
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
    ];

    /// The number after the R.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
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
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{} {}", self.number(), self.name())
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

/// What a check says: the invariant, the term and index that it is about, and the words. The
/// checker adds where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) invariant: Invariant,
    pub(crate) term: Term,
    pub(crate) index: LogIndex,
    pub(crate) message: String,
}

/// The outcome of a check.
pub(crate) type Judgement = Result<(), Fault>;

/// Makes a fault.
pub(crate) fn fault(
    invariant: Invariant,
    term: Term,
    index: LogIndex,
    message: impl Into<String>,
) -> Fault {
    Fault {
        invariant,
        term,
        index,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Seen;
    use types::event::EventId;
    use types::time::VirtualTime;

    #[test]
    fn invariants_are_numbered_from_one_to_seventeen() {
        let numbers: Vec<u8> = Invariant::ALL.map(Invariant::number).to_vec();
        assert_eq!(numbers, (1..=17).collect::<Vec<u8>>());
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
}
