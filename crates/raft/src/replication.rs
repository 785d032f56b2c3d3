//! How entries reach the followers and become committed (paper, sections 5.3 and 5.4.2).

use bytes::Bytes;
use types::id::PeerId;
use types::raft::{
    AppendResult, CommitEvidence, Entry, EntryBrief, EntryKind, LogIndex, LogPosition, MessageBody,
    RaftFact,
};

use crate::peer::Peer;
use crate::rules::{
    CommitCheck, CommitVerdict, PrevCheck, PrevVerdict, Refusal, RepairCheck, Splice, SpliceCheck,
};

/// Entries in one append.
pub(crate) const APPEND_ENTRIES_MAX: usize = 256;
/// Bytes of payload in one append; a single larger entry still goes.
pub(crate) const APPEND_BYTES_MAX: usize = 1 << 20;

// The leader.

impl Peer {
    /// Adds an entry of the own term and asks for it to be sent.
    pub(crate) fn append_own(&mut self, kind: EntryKind, data: Bytes) -> LogPosition {
        let position = self.log.push_new(self.hard_state.term, kind, data);
        self.tell_appended(position.index);
        self.want_all();
        position
    }

    fn want_all(&mut self) {
        for follower in &mut self.followers {
            follower.want();
        }
    }

    /// Makes the appends that are asked for and may leave.
    pub(crate) fn send_appends(&mut self) {
        for at in 0..self.followers.len() {
            while self.followers[at].is_due() {
                self.send_append(at);
            }
        }
    }

    fn send_append(&mut self, at: usize) {
        let follower = &self.followers[at];
        let (to, next) = (follower.id(), follower.next());
        let Some(term) = self.log.term(next.prev()) else {
            // What this follower needs is no longer in the log; only a snapshot could help it.
            self.followers[at].skip();
            return;
        };
        let entries = self.batch(next);
        let end = entries.last().map(|entry| entry.index);
        let body = MessageBody::Append {
            prev: LogPosition {
                index: next.prev(),
                term,
            },
            entries,
            commit: self.hard_state.commit,
        };
        self.send(to, body, false);
        let last = self.log.last_index();
        let follower = &mut self.followers[at];
        follower.sent(end);
        if follower.next() <= last && follower.may_send() {
            follower.want();
        }
    }

    /// The entries from `from` on that fit into one append.
    fn batch(&self, from: LogIndex) -> Vec<Entry> {
        let mut bytes = 0_usize;
        self.log
            .entries(from, self.log.last_index())
            .take(APPEND_ENTRIES_MAX)
            .take_while(|entry| {
                let is_first = bytes == 0;
                bytes = bytes.saturating_add(entry.data.len().max(1));
                is_first || bytes <= APPEND_BYTES_MAX
            })
            .cloned()
            .collect()
    }

    /// Tells every follower that the leader lives.
    pub(crate) fn send_heartbeats(&mut self) {
        for at in 0..self.followers.len() {
            let (to, matched) = (self.followers[at].id(), self.followers[at].matched());
            let commit = (self.rules.heartbeat_commit)(matched, self.hard_state.commit);
            self.send(to, MessageBody::Heartbeat { commit }, false);
        }
    }

    /// A follower's durable log equals the own up to `index`.
    pub(crate) fn handle_match(&mut self, from: PeerId, index: LogIndex) {
        let Some(at) = self.follower(from) else {
            return;
        };
        let last = self.log.last_index();
        let follower = &mut self.followers[at];
        let is_news = follower.acknowledge(index);
        if follower.next() <= last {
            follower.want();
        }
        if is_news {
            let next = follower.next();
            self.tell(|_| RaftFact::Progressed {
                peer: from,
                matched: index,
                next,
            });
            self.count_matches();
        }
    }

    /// A follower's log does not hold what an append was built on.
    pub(crate) fn handle_refusal(&mut self, from: PeerId, refused: LogIndex, hint: LogPosition) {
        let Some(at) = self.follower(from) else {
            return;
        };
        if !self.followers[at].is_refusal_current(refused) {
            return;
        }
        let agreeable = self
            .log
            .agreeable(hint.index.min(refused.prev()), hint.term)
            .index;
        let matched = self.followers[at].matched();
        let next = (self.rules.next_after_refusal)(&Refusal {
            matched,
            refused,
            agreeable,
        });
        self.followers[at].back_up(refused, next);
        self.tell(|_| RaftFact::Progressed {
            peer: from,
            matched,
            next,
        });
    }

    /// A follower lives; what it lacks is sent.
    pub(crate) fn handle_heartbeat_response(&mut self, from: PeerId, follower_commit: LogIndex) {
        let Some(at) = self.follower(from) else {
            return;
        };
        let follower = &mut self.followers[at];
        follower.heard();
        let needs_repair = (self.rules.needs_repair)(&RepairCheck {
            matched: follower.matched(),
            last: self.log.last_index(),
            follower_commit,
            commit: self.hard_state.commit,
        });
        if needs_repair {
            follower.want();
        }
    }

    fn follower(&self, id: PeerId) -> Option<usize> {
        self.followers
            .binary_search_by_key(&id, crate::progress::Progress::id)
            .ok()
    }

    /// Moves the commit index as far as a majority allows, and has everybody told.
    pub(crate) fn count_matches(&mut self) {
        let own = (self.rules.own_match)(self.log.persisted(), self.log.last_index());
        self.scratch.clear();
        self.scratch.push(own);
        self.scratch.extend(
            self.followers
                .iter()
                .map(crate::progress::Progress::matched),
        );
        let reached = (self.rules.reached)(&mut self.scratch);
        let verdict = (self.rules.leader_commit)(&CommitCheck {
            reached,
            reached_term: self.log.term(reached),
            term: self.hard_state.term,
            commit: self.hard_state.commit,
        });
        if let CommitVerdict::Advance { to } = verdict {
            self.hard_state.commit = to;
            self.tell_commit(|peer| CommitEvidence::Quorum {
                matched: peer.matched(own),
                term: peer.log.term(to).unwrap_or_default(),
            });
            self.want_all();
        }
    }

    /// The match index of every voter, in the order of ids.
    fn matched(&self, own: LogIndex) -> Vec<(PeerId, LogIndex)> {
        self.voters
            .iter()
            .map(|&voter| {
                let other = self.follower(voter).map(|at| self.followers[at].matched());
                (voter, other.unwrap_or(own))
            })
            .collect()
    }
}

// The follower.

impl Peer {
    /// Takes a leader's entries in and answers how far the logs match.
    pub(crate) fn handle_append(
        &mut self,
        from: PeerId,
        prev: LogPosition,
        entries: Vec<Entry>,
        leader_commit: LogIndex,
    ) {
        self.timer.reset();
        let verdict = (self.rules.check_prev)(&PrevCheck {
            prev,
            own_term: self.log.term(prev.index),
            truncated: self.log.truncated().index,
        });
        let result = match verdict {
            PrevVerdict::Matches => {
                let end = prev.index.plus(entries.len() as u64);
                self.take_entries(prev, end, entries);
                self.follow_commit(leader_commit, end);
                AppendResult::Matched {
                    index: (self.rules.acknowledged)(end, self.log.last_index()),
                }
            }
            PrevVerdict::Behind => AppendResult::Matched {
                index: self.hard_state.commit,
            },
            PrevVerdict::Missing | PrevVerdict::Conflict { .. } => AppendResult::Rejected {
                refused: prev.index,
                hint: self.log.agreeable(prev.index, prev.term),
            },
        };
        let accepts = matches!(result, AppendResult::Matched { .. });
        self.send(from, MessageBody::AppendResponse { result }, accepts);
    }

    fn take_entries(&mut self, prev: LogPosition, end: LogIndex, entries: Vec<Entry>) {
        let splice = (self.rules.splice)(&SpliceCheck {
            first: prev.index.next(),
            end,
            conflict: self.log.first_conflict(&entries),
            own_last: self.log.last_index(),
        });
        let from = match splice {
            Splice::Keep => return,
            Splice::Append { from } => from,
            Splice::Replace { from } => {
                self.log.cut(from);
                self.writes.cut(from);
                self.tell(|_| RaftFact::Truncated { from });
                from
            }
        };
        for entry in entries.into_iter().filter(|entry| entry.index >= from) {
            self.log.push(entry);
        }
        self.tell_appended(from);
    }

    fn follow_commit(&mut self, leader_commit: LogIndex, end: LogIndex) {
        let last = self.log.last_index();
        let to = (self.rules.follower_commit)(leader_commit, end, last);
        if to > self.hard_state.commit {
            self.hard_state.commit = to;
            self.tell_commit(|_| CommitEvidence::Leader {
                leader_commit,
                matched: end,
            });
        }
    }

    /// Takes a leader's heartbeat, whose commit index is within what this peer acknowledged.
    pub(crate) fn handle_heartbeat(&mut self, from: PeerId, commit: LogIndex) {
        self.timer.reset();
        self.follow_commit(commit, commit);
        let answer = self.heartbeat_response();
        self.send(from, answer, false);
    }

    pub(crate) fn heartbeat_response(&self) -> MessageBody {
        MessageBody::HeartbeatResponse {
            commit: self.hard_state.commit,
            last: self.log.last_index(),
        }
    }

    /// Tells of the entries from `from` to the last.
    fn tell_appended(&mut self, from: LogIndex) {
        self.tell(|peer| {
            let last = peer.log.last_index();
            let entries = peer.log.entries(from, last).map(EntryBrief::from).collect();
            RaftFact::Appended {
                entries,
                prefix_hash: peer.prefix_hash(last),
            }
        });
    }
}
