//! What one raft group says, keeps and reports.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{PeerId, number};

number! {
    /// A raft term (paper, section 5.1).
    Term, "T"
}
number! {
    /// A position in a raft log; the first entry ever has index 1 (or 6 in a TinyKV region, which
    /// starts behind a truncated log at index 5).
    LogIndex, ""
}

/// What an entry carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EntryKind {
    /// A command of the state machine.
    Normal,
    /// The empty entry with which a leader starts its term (paper, section 8).
    NoOp,
    /// A membership change.
    ConfChange,
}

/// One entry of a raft log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader made it.
    pub term: Term,
    /// Where it stands.
    pub index: LogIndex,
    /// How to read `data`.
    pub kind: EntryKind,
    /// The command. Shared, never copied.
    pub data: Bytes,
}

/// A point of a log: everything up to `index`, the last of which has `term`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct LogPosition {
    /// The index.
    pub index: LogIndex,
    /// The term of the entry at `index`.
    pub term: Term,
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// What a peer must remember across restarts besides its log (paper, figure 2). `commit` may be
/// lost without harm; keeping it makes restarts quick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HardState {
    /// The latest term that this peer has seen.
    pub term: Term,
    /// Whom it voted for in `term`.
    pub vote: Option<PeerId>,
    /// The highest index known to be committed.
    pub commit: LogIndex,
}

/// The role of a peer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub enum Role {
    /// Answers leaders and candidates.
    #[default]
    Follower,
    /// Asks for votes.
    Candidate,
    /// Replicates its log.
    Leader,
}

/// A message between two peers of one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The sender.
    pub from: PeerId,
    /// The receiver.
    pub to: PeerId,
    /// The sender's term.
    pub term: Term,
    /// What it says.
    pub body: MessageBody,
}

/// What a message says. Names are TinyKV's and the paper's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageBody {
    /// Asks for a vote (paper, section 5.2).
    RequestVote {
        /// The end of the candidate's log.
        last: LogPosition,
    },
    /// Answers [`MessageBody::RequestVote`].
    RequestVoteResponse {
        /// Whether the vote is given.
        granted: bool,
    },
    /// Replicates entries (paper, section 5.3).
    Append {
        /// What the receiver's log must hold right before `entries`.
        prev: LogPosition,
        /// The entries; may be empty, then only `prev` is checked and `commit` is told.
        entries: Vec<Entry>,
        /// The leader's commit index, as it stands.
        commit: LogIndex,
    },
    /// Answers [`MessageBody::Append`].
    AppendResponse {
        /// The outcome.
        result: AppendResult,
    },
    /// Says that the leader lives.
    Heartbeat {
        /// `min(match_index, commit)` of the receiver: never beyond what it is known to hold.
        commit: LogIndex,
    },
    /// Answers [`MessageBody::Heartbeat`].
    HeartbeatResponse {
        /// The follower's commit index, so that the leader can repair a commit that got lost.
        commit: LogIndex,
        /// The follower's last index.
        last: LogIndex,
    },
}

/// How a follower took an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppendResult {
    /// The follower's log equals the leader's up to this index: `prev + entries`, never the
    /// follower's own last index.
    Matched {
        /// That index.
        index: LogIndex,
    },
    /// The log does not hold `prev`.
    Rejected {
        /// The `prev.index` that was refused, to recognise late answers.
        refused: LogIndex,
        /// The highest position at which the logs may still agree: the follower's last entry with
        /// a term not above the refused one (paper, end of section 5.3).
        hint: LogPosition,
    },
    /// The message was of an older term; the response's own term tells.
    Stale,
}

impl MessageBody {
    /// The kind, without the content.
    #[must_use]
    pub const fn kind(&self) -> MessageKind {
        match self {
            Self::RequestVote { .. } => MessageKind::RequestVote,
            Self::RequestVoteResponse { .. } => MessageKind::RequestVoteResponse,
            Self::Append { .. } => MessageKind::Append,
            Self::AppendResponse { .. } => MessageKind::AppendResponse,
            Self::Heartbeat { .. } => MessageKind::Heartbeat,
            Self::HeartbeatResponse { .. } => MessageKind::HeartbeatResponse,
        }
    }
}

/// The kinds of [`MessageBody`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MessageKind {
    /// See [`MessageBody::RequestVote`].
    RequestVote,
    /// See [`MessageBody::RequestVoteResponse`].
    RequestVoteResponse,
    /// See [`MessageBody::Append`].
    Append,
    /// See [`MessageBody::AppendResponse`].
    AppendResponse,
    /// See [`MessageBody::Heartbeat`].
    Heartbeat,
    /// See [`MessageBody::HeartbeatResponse`].
    HeartbeatResponse,
}

impl MessageKind {
    /// Whether this kind answers another.
    #[must_use]
    pub const fn is_response(self) -> bool {
        matches!(
            self,
            Self::RequestVoteResponse | Self::AppendResponse | Self::HeartbeatResponse
        )
    }
}

/// An entry without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBrief {
    /// Where it stands.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// Its kind.
    pub kind: EntryKind,
}

impl From<&Entry> for EntryBrief {
    fn from(entry: &Entry) -> Self {
        Self {
            index: entry.index,
            term: entry.term,
            kind: entry.kind,
        }
    }
}

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
        /// Votes that win.
        needed: u32,
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
}

/// Why the commit index may move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitEvidence {
    /// A majority holds an entry of the leader's own term (paper, section 5.4.2).
    Quorum {
        /// The match index of each voter, the leader's own durable index among them.
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
    /// It was durable before the restart.
    Restart,
}
