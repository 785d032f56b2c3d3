//! What the peers of one group say to each other.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{ConfState, Entries, LogIndex, LogPosition, Term};
use crate::id::PeerId;

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

/// The name of a read, chosen by who asks. Who asks twice with one name asks one question.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct ReadId(pub u64);

/// A state machine at one index, which stands for the log up to there (paper, section 7).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last position that it covers.
    pub last: LogPosition,
    /// The membership as of that index.
    pub conf_state: ConfState,
    /// The chained hash of the log up to `last`; zero when nobody traces.
    pub prefix_hash: u64,
    /// The state machine's own bytes; raft does not read them. A host that moves its data another
    /// way leaves them empty.
    pub data: Bytes,
}

/// What a message says. Names are TinyKV's and the paper's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageBody {
    /// Asks whether a vote would be given in the message's term, which is one above the sender's
    /// (thesis, section 9.6).
    PreVote {
        /// The end of the asker's log.
        last: LogPosition,
        /// The last position that the sender knows to be committed. A receiver whose log holds it
        /// knows so too: a membership change that ended the sender's own vote must not stay the
        /// sender's secret (raft-rs: `maybe_commit_by_vote`).
        commit: LogPosition,
    },
    /// Answers [`MessageBody::PreVote`]: a yes carries the asked term, a no the sender's own.
    PreVoteResponse {
        /// Whether it would be given.
        granted: bool,
        /// The last position that the sender knows to be committed.
        commit: LogPosition,
    },
    /// Asks for a vote (paper, section 5.2).
    RequestVote {
        /// The end of the candidate's log.
        last: LogPosition,
        /// Whether the leader itself asked the candidate to take over: then the voters' loyalty to
        /// that leader is no reason to refuse (thesis, section 4.2.3).
        transfer: bool,
        /// The last position that the sender knows to be committed.
        commit: LogPosition,
    },
    /// Answers [`MessageBody::RequestVote`].
    RequestVoteResponse {
        /// Whether the vote is given.
        granted: bool,
        /// The last position that the sender knows to be committed.
        commit: LogPosition,
    },
    /// Replicates entries (paper, section 5.3).
    Append {
        /// What the receiver's log must hold right before `entries`.
        prev: LogPosition,
        /// The entries; may be empty, then only `prev` is checked and `commit` is told.
        entries: Entries,
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
        /// Which round of heartbeats this is; zero while no read and no lease needs to know.
        round: u64,
    },
    /// Answers [`MessageBody::Heartbeat`].
    HeartbeatResponse {
        /// The follower's commit index, so that the leader can repair a commit that got lost.
        commit: LogIndex,
        /// The follower's last index.
        last: LogIndex,
        /// The round that is answered.
        round: u64,
    },
    /// Brings a state machine instead of entries that the leader no longer has (paper, section 7).
    /// Answered with [`MessageBody::AppendResponse`].
    Snapshot {
        /// The snapshot; boxed, so that every other message stays small.
        snapshot: Box<Snapshot>,
    },
    /// Asks a follower to campaign at once (thesis, section 3.10).
    TimeoutNow,
    /// Asks the leader to hand its leadership over; a follower sends it on for its host.
    TransferLeader {
        /// The peer that shall lead.
        transferee: PeerId,
    },
    /// Asks the leader for an index at which a read is up to date (thesis, section 6.4).
    ReadIndex {
        /// The asker's name for the read.
        id: ReadId,
    },
    /// Answers [`MessageBody::ReadIndex`].
    ReadIndexResponse {
        /// The asker's name for the read.
        id: ReadId,
        /// The read may be served once this index is applied.
        index: LogIndex,
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
            Self::PreVote { .. } => MessageKind::PreVote,
            Self::PreVoteResponse { .. } => MessageKind::PreVoteResponse,
            Self::RequestVote { .. } => MessageKind::RequestVote,
            Self::RequestVoteResponse { .. } => MessageKind::RequestVoteResponse,
            Self::Append { .. } => MessageKind::Append,
            Self::AppendResponse { .. } => MessageKind::AppendResponse,
            Self::Heartbeat { .. } => MessageKind::Heartbeat,
            Self::HeartbeatResponse { .. } => MessageKind::HeartbeatResponse,
            Self::Snapshot { .. } => MessageKind::Snapshot,
            Self::TimeoutNow => MessageKind::TimeoutNow,
            Self::TransferLeader { .. } => MessageKind::TransferLeader,
            Self::ReadIndex { .. } => MessageKind::ReadIndex,
            Self::ReadIndexResponse { .. } => MessageKind::ReadIndexResponse,
        }
    }
}

/// The kinds of [`MessageBody`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MessageKind {
    /// See [`MessageBody::PreVote`].
    PreVote,
    /// See [`MessageBody::PreVoteResponse`].
    PreVoteResponse,
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
    /// See [`MessageBody::Snapshot`].
    Snapshot,
    /// See [`MessageBody::TimeoutNow`].
    TimeoutNow,
    /// See [`MessageBody::TransferLeader`].
    TransferLeader,
    /// See [`MessageBody::ReadIndex`].
    ReadIndex,
    /// See [`MessageBody::ReadIndexResponse`].
    ReadIndexResponse,
    /// None of raft's own: see [`PeerMessage::Tombstone`](crate::store::PeerMessage::Tombstone).
    Tombstone,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::PreVote,
        Self::PreVoteResponse,
        Self::RequestVote,
        Self::RequestVoteResponse,
        Self::Append,
        Self::AppendResponse,
        Self::Heartbeat,
        Self::HeartbeatResponse,
        Self::Snapshot,
        Self::TimeoutNow,
        Self::TransferLeader,
        Self::ReadIndex,
        Self::ReadIndexResponse,
        Self::Tombstone,
    ];

    /// Whether this kind answers another.
    #[must_use]
    pub const fn is_response(self) -> bool {
        matches!(
            self,
            Self::PreVoteResponse
                | Self::RequestVoteResponse
                | Self::AppendResponse
                | Self::HeartbeatResponse
                | Self::ReadIndexResponse
        )
    }
}
