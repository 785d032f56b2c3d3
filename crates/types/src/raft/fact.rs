//! What a peer tells about itself, for checkers, the page and "why?".

use serde::{Deserialize, Serialize};

use super::{ConfState, EntryBrief, LogIndex, LogPosition, ReadId, Role, Term};
use crate::id::PeerId;

/// Something that happened in one peer's consensus state, with the evidence that its rule saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RaftFact {
    /// A higher term was met or made; the vote is free again.
    TermChanged {
        /// The term before.
        from: Term,
        /// The term now.
        to: Term,
    },
    /// The role, or the leader that it follows, changed.
    RoleChanged {
        /// The role now.
        role: Role,
        /// The leader, where known.
        leader: Option<PeerId>,
        /// The term in which it holds.
        term: Term,
        /// Why.
        reason: RoleReason,
    },
    /// A vote request was answered.
    VoteDecided {
        /// Who asked.
        candidate: PeerId,
        /// In which term.
        term: Term,
        /// What the rule said.
        verdict: VoteVerdict,
        /// Whether it is about a vote in earnest, or the question before it.
        pre_vote: bool,
    },
    /// A vote (the own one included) was counted by a candidate.
    VoteCounted {
        /// Whose vote.
        voter: PeerId,
        /// Whether it is a yes.
        granted: bool,
        /// Votes given so far.
        yes: u32,
        /// Votes refused so far.
        no: u32,
        /// Votes that win; of the half that needs more, where two decide together.
        needed: u32,
        /// Whether it is about a vote in earnest, or the question before it.
        pre_vote: bool,
    },
    /// Entries were added to the end of the log.
    Appended {
        /// The new entries, in order.
        entries: Vec<EntryBrief>,
        /// The chained hash of the whole log up to the last of them.
        prefix_hash: u64,
    },
    /// Entries that conflict with the leader's were dropped.
    Truncated {
        /// The first index that is gone.
        from: LogIndex,
    },
    /// The own disk holds the log up to here.
    Durable {
        /// The last durable index.
        to: LogIndex,
    },
    /// The commit index moved.
    Committed {
        /// The commit index now.
        to: LogIndex,
        /// The chained hash of the log up to `to`.
        prefix_hash: u64,
        /// Why it may.
        evidence: CommitEvidence,
    },
    /// A leader learned how far a follower's log matches its own.
    Progressed {
        /// The follower.
        peer: PeerId,
        /// Its match index.
        matched: LogIndex,
        /// The next index to send.
        next: LogIndex,
        /// How it is sent to.
        kind: ProgressKind,
    },
    /// The membership in force changed: an entry was applied, or a snapshot brought it.
    ConfChanged {
        /// The membership now.
        conf_state: ConfState,
    },
    /// A snapshot left for a follower.
    SnapshotSent {
        /// The follower.
        to: PeerId,
        /// The last position that it covers.
        last: LogPosition,
    },
    /// A snapshot takes the place of the log.
    SnapshotRestored {
        /// The last position that it covers.
        last: LogPosition,
        /// The chained hash of the log up to there, as the leader had it.
        prefix_hash: u64,
    },
    /// The beginning of the log was dropped.
    Compacted {
        /// The last position that is gone.
        to: LogPosition,
    },
    /// A leader set out to hand its leadership over; it takes no proposals meanwhile.
    TransferStarted {
        /// The peer that shall lead.
        to: PeerId,
    },
    /// A handing over came to its end.
    TransferEnded {
        /// The peer that should lead.
        to: PeerId,
        /// How.
        end: TransferEnd,
    },
    /// A read was taken in.
    ReadAsked {
        /// Who asked: this peer, or the follower that sent it on.
        from: PeerId,
        /// The asker's name for it.
        id: ReadId,
        /// The commit index at that moment, below which the answer must not be.
        commit: LogIndex,
    },
    /// A leader answered a read.
    ReadConfirmed {
        /// Who asked.
        from: PeerId,
        /// The asker's name for it.
        id: ReadId,
        /// The index that must be applied before the read is served.
        index: LogIndex,
        /// Why that index is up to date.
        evidence: ReadEvidence,
    },
}

/// How a leader sends to a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProgressKind {
    /// One append at a time, until it is known where the logs agree.
    Probe,
    /// Appends follow each other without waiting.
    Replicate,
    /// A snapshot is on its way; nothing else is sent.
    Snapshot,
}

/// How the handing over of leadership ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TransferEnd {
    /// This peer leads no more: a later term began.
    Deposed,
    /// An election timeout passed and this peer still leads.
    TimedOut,
    /// The host asked for itself, or for another peer.
    Cancelled,
    /// The peer that should lead is no voter any more.
    Removed,
}

/// Why a leader may answer a read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadEvidence {
    /// A quorum answered a round of heartbeats that left after the read came.
    Round {
        /// The round that the read waited for.
        needed: u64,
        /// The newest round that each voter answered.
        answered: Vec<(PeerId, u64)>,
    },
    /// The lease holds.
    Lease {
        /// The own clock, in microseconds.
        now_us: u64,
        /// When it runs out by the own clock, in microseconds.
        until_us: u64,
    },
}

/// Why a role changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoleReason {
    /// The store started.
    Started,
    /// No word from a leader for the whole election timeout.
    ElectionTimeout,
    /// Someone asked this peer to campaign.
    Asked,
    /// A message of a higher term came.
    HigherTerm,
    /// The leader of the same term spoke.
    LeaderHeard,
    /// A majority voted yes.
    Won,
    /// A majority voted no.
    Lost,
    /// A majority would vote yes.
    PreVoteWon,
    /// The leader asked this peer to take over.
    TransferAsked,
    /// A leader heard from no quorum for an election timeout.
    QuorumLost,
    /// A peer that led, or asked for votes, is no voter any more.
    Removed,
    /// A peer that asked for votes learned that the membership it asks is not the last.
    ChangeLearned,
    /// The host asked to forget the leader.
    LeaderForgotten,
}

/// What the vote rule said (paper, sections 5.2 and 5.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoteVerdict {
    /// Given.
    Granted,
    /// Refused: the vote of this term went to another.
    AlreadyVoted {
        /// To whom.
        vote: PeerId,
    },
    /// Refused: this term has a leader.
    HasLeader {
        /// Who leads.
        leader: PeerId,
    },
    /// Refused: the candidate's log is behind the own.
    LogBehind {
        /// The end of the candidate's log.
        candidate: LogPosition,
        /// The end of the own log.
        own: LogPosition,
    },
    /// Refused: the request is of an older term.
    StaleTerm,
    /// Not answered: the leader was heard within the shortest election timeout, and the request
    /// does not come in its name.
    LeaderLives {
        /// Who leads; nobody is known when only the time since the start counts.
        leader: Option<PeerId>,
    },
}

/// Why the commit index may move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitEvidence {
    /// A majority holds an entry of the leader's own term (paper, section 5.4.2).
    Quorum {
        /// The match index of each voter of either half, the leader's own durable index among
        /// them.
        matched: Vec<(PeerId, LogIndex)>,
        /// The term of the entry.
        term: Term,
    },
    /// The leader said so, and the log is known to match it up to here.
    Leader {
        /// The commit index that the leader named.
        leader_commit: LogIndex,
        /// Up to where the log is known to match.
        matched: LogIndex,
    },
    /// Another peer knew that a position is committed which this log holds.
    Vote {
        /// Who said so, asking for a vote or answering.
        from: PeerId,
        /// The committed position.
        committed: LogPosition,
    },
    /// It was durable before the restart.
    Restart,
}
