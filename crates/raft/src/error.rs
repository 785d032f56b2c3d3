//! What can be wrong with a call or a message. Each says what to do; none has changed anything.

use types::id::PeerId;
use types::raft::{LogIndex, LogPosition, MessageKind, Term};

use crate::config::Lease;

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
    /// A learner is a voter as well, or one that becomes a learner is no old voter.
    #[error("{peer} is a learner and a voter at once; list it as one of them")]
    VotingLearner {
        /// The peer.
        peer: PeerId,
    },
    /// A joint phase that does not exist ends by itself.
    #[error("the membership leaves a joint phase by itself, but has no outgoing voters")]
    AutoLeaveWithoutJoint,
    /// No append could ever be sent.
    #[error("the limits allow no append or no entry in flight; allow at least one of each")]
    NothingInFlight,
    /// A leader would trust its lease for longer than others refuse votes.
    #[error(
        "a lease of {} us outlasts the {} us for which votes are refused; make it shorter by the \
         drift bound",
        lease.duration_us,
        lease.refusal_us
    )]
    LeaseTooLong {
        /// The lease.
        lease: Lease,
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
    /// A snapshot of a group that this peer is not in.
    #[error("the snapshot of {from} at {last} is of a group without this peer; drop it")]
    NotInSnapshot {
        /// The sender.
        from: PeerId,
        /// Where the snapshot ends.
        last: LogPosition,
    },
    /// A snapshot that no log of the message's term can have.
    #[error("the snapshot of {from} ends at {last}, which no log of {term} holds; drop it")]
    ImpossibleSnapshot {
        /// The sender.
        from: PeerId,
        /// The message's term.
        term: Term,
        /// Where the snapshot ends.
        last: LogPosition,
    },
    /// A snapshot whose membership contradicts itself.
    #[error("the snapshot of {from} has no possible membership: {error}")]
    BadSnapshot {
        /// The sender.
        from: PeerId,
        /// What contradicts.
        error: ConfigError,
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

/// A membership that cannot follow the one in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfChangeError {
    /// A joint phase must end before the next change.
    #[error("the group is in a joint phase; leave it first")]
    StillJoint,
    /// There is no joint phase to leave.
    #[error("the group is in no joint phase; there is nothing to leave")]
    NotJoint,
    /// A snapshot was taken in whose membership holds this change already.
    #[error("a snapshot brought a newer membership; drop changes from before it")]
    BehindSnapshot,
    /// Nobody would be left to decide.
    #[error("the change removes every voter; keep at least one")]
    NoVoters,
}

/// A transfer of leadership that was refused; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The transferee has no vote.
    #[error("{to} has no vote in this group; transfer to a voter")]
    NotAVoter {
        /// The peer that should lead.
        to: PeerId,
    },
    /// This peer does not lead and knows nobody who does.
    #[error("no leader is known; ask again after the next election")]
    NoLeader,
}

/// A read that was refused; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// This peer does not lead and knows nobody who does.
    #[error("no leader is known; ask again after the next election")]
    NoLeader,
    /// Too many reads wait already.
    #[error("{limit} reads wait for their confirmation; ask again later")]
    TooMany {
        /// How many may wait.
        limit: usize,
    },
}

/// The log cannot be dropped up to there; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// The state machine does not have it yet.
    #[error("{to} is not applied yet, only {applied} is; compact up to there at most")]
    NotApplied {
        /// What was asked.
        to: LogIndex,
        /// The applied index.
        applied: LogIndex,
    },
}

/// A snapshot that the host gave for a follower cannot be sent; nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Nobody waits for it any more: the role changed, or the follower caught up otherwise.
    #[error("{to} waits for no snapshot any more; drop it")]
    NotWanted {
        /// The follower.
        to: PeerId,
    },
    /// It ends before what the log still holds, so that appends could not go on behind it.
    #[error("the snapshot ends at {last}, but the log begins behind {truncated}; make a newer one")]
    TooOld {
        /// Where it ends.
        last: LogPosition,
        /// What the log no longer holds.
        truncated: LogPosition,
    },
    /// It is ahead of what this peer has applied, or of another term than the log.
    #[error("the snapshot ends at {last}, which this log does not hold as applied")]
    NotOurs {
        /// Where it ends.
        last: LogPosition,
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
    /// The leader hands its leadership over and takes nothing meanwhile (thesis, section 3.10).
    #[error("leadership is being handed over to {to}; propose to it, or again in a moment")]
    Transferring {
        /// The peer that shall lead.
        to: PeerId,
    },
    /// The leader is no voter any more.
    #[error("this leader was removed from the group; propose to the next one")]
    Removed,
    /// Too much waits for its commit.
    #[error("{bytes} bytes wait for their commit, {limit} may; propose again later")]
    TooMuchUncommitted {
        /// How much waits.
        bytes: usize,
        /// How much may.
        limit: usize,
    },
    /// An earlier membership change is not applied yet.
    #[error("the membership change at {index} is not applied yet; propose the next one after it")]
    ChangePending {
        /// Where it stands.
        index: LogIndex,
    },
    /// The change cannot follow the membership in force.
    #[error(transparent)]
    BadChange(#[from] ConfChangeError),
}
