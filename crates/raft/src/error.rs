//! What can be wrong with a call or a message. Each says what to do; none has changed anything.

use types::id::PeerId;
use types::raft::{LogIndex, LogPosition, MessageKind, Term};

/// A configuration or a restored state that no peer can start from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Peer 0 stands for "nobody".
    #[error("peer 0 stands for nobody; give every peer an id of at least 1")]
    ZeroPeer,
    /// A voter is listed twice.
    #[error("{voter} is listed twice among the voters; list each once")]
    RepeatedVoter {
        /// The voter.
        voter: PeerId,
    },
    /// The timeouts contradict each other.
    #[error(
        "an election after {election_ticks} ticks with a heartbeat every {heartbeat_ticks}; \
         choose 1 <= heartbeat ticks < election ticks <= 2^31 - 1"
    )]
    Ticks {
        /// The shortest election timeout.
        election_ticks: u32,
        /// Ticks between heartbeats.
        heartbeat_ticks: u32,
    },
    /// Two entries that do not follow each other.
    #[error("the restored log has {after} right behind {before}; restore it without gaps")]
    BrokenLog {
        /// The position before.
        before: LogPosition,
        /// What stands behind it.
        after: LogPosition,
    },
    /// truncated <= applied <= commit <= last does not hold.
    #[error(
        "the restored state has truncated {truncated}, applied {applied}, commit {commit} and \
         last {last}, which must not fall in this order; the disk lost or mixed writes"
    )]
    Disorder {
        /// The last index that is no longer in the log.
        truncated: LogIndex,
        /// The last applied index.
        applied: LogIndex,
        /// The commit index of the hard state.
        commit: LogIndex,
        /// The last index of the log.
        last: LogIndex,
    },
    /// The hard state is older than the log.
    #[error("the restored term {term} is below that of the last entry, {last}; the disk lost it")]
    TermBehindLog {
        /// The term of the hard state.
        term: Term,
        /// The end of the log.
        last: LogPosition,
    },
    /// The numbers are beyond what any group can reach.
    #[error("term {term} or index {index} is above 2^52; no group gets there, the disk is damaged")]
    TooLarge {
        /// The term of the hard state.
        term: Term,
        /// The last index.
        index: LogIndex,
    },
}

/// A message that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It is for someone else, or from this peer itself.
    #[error("a message from {from} to {to} came to {id}; deliver it to its receiver")]
    NotForMe {
        /// This peer.
        id: PeerId,
        /// The sender.
        from: PeerId,
        /// The receiver that it names.
        to: PeerId,
    },
    /// An answer from someone who is not in the group (TinyKV: `ErrStepPeerNotFound`).
    #[error("{from} is not in the group, its {kind:?} is dropped")]
    UnknownPeer {
        /// The sender.
        from: PeerId,
        /// What it answered.
        kind: MessageKind,
    },
    /// A term of zero, or a number above 2^52.
    #[error("the {kind:?} of {from} carries a term of zero or a number above 2^52; drop it")]
    OutOfRange {
        /// The sender.
        from: PeerId,
        /// What it sent.
        kind: MessageKind,
    },
    /// The entries of an append do not follow each other, or have impossible terms.
    #[error("the append of {from} has {after} right behind {before}, in a message of {term}")]
    BrokenEntries {
        /// The sender.
        from: PeerId,
        /// The message's term, which no entry may pass.
        term: Term,
        /// The position before.
        before: LogPosition,
        /// What stands behind it.
        after: LogPosition,
    },
    /// The append contradicts a committed entry: some peer broke the protocol or lost its disk.
    #[error(
        "{from} says that {index} has {theirs}, but it is committed here with {ours} \
         (commit {commit}); one of the two disks is not what it was"
    )]
    CommittedOverwritten {
        /// The sender.
        from: PeerId,
        /// Where they differ.
        index: LogIndex,
        /// The term that the message claims.
        theirs: Term,
        /// The term of the committed entry.
        ours: Term,
        /// The own commit index.
        commit: LogIndex,
    },
    /// A heartbeat's commit is never beyond what its receiver acknowledged, but the log ends
    /// before it: this peer's disk lost acknowledged entries.
    #[error(
        "{from} knows that this peer held entries up to {commit}, but its log ends at {last}; \
         this disk lost acknowledged entries"
    )]
    CommitBeyondLog {
        /// The sender.
        from: PeerId,
        /// The commit index of the heartbeat.
        commit: LogIndex,
        /// The last index of the own log.
        last: LogIndex,
    },
    /// Another peer speaks as leader of the term that this peer leads.
    #[error(
        "{from} speaks as the leader of {term}, which this peer leads; two disks gave one vote"
    )]
    RivalLeader {
        /// The sender.
        from: PeerId,
        /// The term.
        term: Term,
    },
    /// A follower claims entries that its leader never had.
    #[error("{from} claims to match up to {index}, but the leader's log ends at {last}")]
    MatchBeyondLog {
        /// The sender.
        from: PeerId,
        /// What it claims.
        index: LogIndex,
        /// The last index of the own log.
        last: LogIndex,
    },
}

/// A proposal that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Only a leader proposes.
    #[error("this peer does not lead; propose to {}", match leader {
        Some(leader) => leader.to_string(),
        None => "whoever is elected next".to_owned(),
    })]
    NotLeader {
        /// The leader that this peer follows, where known.
        leader: Option<PeerId>,
    },
}
