//! How entries reach the followers and become committed (paper, sections 5.3 and 5.4.2).

use bytes::Bytes;
use types::id::PeerId;
use types::raft::{
    AppendResult, CommitEvidence, Entries, EntryBrief, EntryKind, LogIndex, LogPosition,
    MessageBody, RaftFact,
};

use crate::error::ProposeError;
use crate::oversight::Oversight;
use crate::peer::Peer;
use crate::progress::{Progress, ProgressState};
use crate::rules::{
    CommitCheck, CommitVerdict, PrevCheck, PrevVerdict, Refusal, RepairCheck, Splice, SpliceCheck,
};

// The leader.

impl<O: Oversight> Peer<O> {
    /// Whether this peer takes proposals.
    pub(crate) fn check_leads(&self) -> Result<(), ProposeError> {
        if !self.leads() {
            let leader = self.leader;
            return Err(ProposeError::NotLeader { leader });
        }
        if !self.membership.contains(self.id) {
            return Err(ProposeError::Removed);
        }
        let transferee = self.transfer.map(|transfer| transfer.to);
        match transferee {
            Some(to) if !rule!(self.oversight, may_propose(transferee)) => {
                Err(ProposeError::Transferring { to })
            }
            _ => Ok(()),
        }
    }

    /// Appends a command, when this peer takes proposals and not too much waits for its commit.
    pub(crate) fn propose(&mut self, data: Bytes) -> Result<LogPosition, ProposeError> {
        self.check_leads()?;
        let limit = self.config.limits.uncommitted_bytes;
        let mut bytes = self.uncommitted_bytes.saturating_add(data.len());
        if bytes > limit {
            let waiting = self.count_uncommitted();
            bytes = waiting.saturating_add(data.len());
            if bytes > limit && waiting > 0 {
                self.uncommitted_bytes = waiting;
                return Err(ProposeError::TooMuchUncommitted { bytes, limit });
            }
        }
        self.uncommitted_bytes = bytes;
        Ok(self.append_own(EntryKind::Normal, data))
    }

    fn count_uncommitted(&self) -> usize {
        let (from, to) = (self.hard_state.commit.next(), self.log.last_index());
        let sizes = self.log.entries(from, to).map(|entry| entry.data.len());
        sizes.fold(0, usize::saturating_add)
    }

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
        self.log.seal();
        for at in 0..self.followers.len() {
            while self.followers[at].is_due(&self.config.limits) {
                let only_ping = self.followers[at].is_ping(&self.config.limits);
                self.send_append(at, !only_ping);
            }
        }
    }

    /// Sends an append, with the entries that fit or without any.
    fn send_append(&mut self, at: usize, with_entries: bool) {
        let follower = &self.followers[at];
        let (to, next) = (follower.id(), follower.next());
        let Some(term) = self.log.term(next.prev()) else {
            self.want_snapshot(at);
            return;
        };
        let (entries, bytes) = if with_entries {
            self.batch(next)
        } else {
            (Entries::default(), 0)
        };
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
        let limits = &self.config.limits;
        let follower = &mut self.followers[at];
        follower.sent(end, bytes);
        if follower.next() <= last && follower.may_send(limits) {
            follower.want();
        }
    }

    /// The entries from `from` on that fit into one append, and their bytes.
    fn batch(&self, from: LogIndex) -> (Entries, usize) {
        let limits = &self.config.limits;
        let last = self.log.last_index();
        if from > last {
            return (Entries::default(), 0);
        }
        let (count, bytes) = (limits.append_entries, limits.append_bytes);
        self.log.fitting(from, last, count, bytes)
    }

    /// Tells every follower that the leader lives, in the way of the dialect.
    pub(crate) fn send_heartbeats(&mut self) {
        if !self.config.heartbeat_as_append {
            self.send_round();
            return;
        }
        for at in 0..self.followers.len() {
            match self.followers[at].state() {
                ProgressState::Probe { .. } | ProgressState::Replicate => {
                    self.send_append(at, false);
                }
                ProgressState::Snapshot { .. } => self.send_sign_of_life(at),
            }
        }
        if self.reads.counts_rounds(self.config.lease) {
            self.send_round();
        }
    }

    /// Tells a follower that waits for a snapshot that the leader lives. It cannot have what the
    /// append claims, and its refusal means nothing in this state.
    fn send_sign_of_life(&mut self, at: usize) {
        self.want_snapshot_again(at);
        let body = MessageBody::Append {
            prev: self.log.truncated(),
            entries: Entries::default(),
            commit: self.hard_state.commit,
        };
        self.send(self.followers[at].id(), body, false);
    }

    /// Sends a round of heartbeats.
    pub(crate) fn send_round(&mut self) {
        let round = self.next_round();
        for at in 0..self.followers.len() {
            let (to, matched) = (self.followers[at].id(), self.followers[at].matched());
            let commit = rule!(
                self.oversight,
                heartbeat_commit(matched, self.hard_state.commit)
            );
            self.send(to, MessageBody::Heartbeat { commit, round }, false);
        }
        self.confirm_rounds();
    }

    /// Takes a follower's answer to an append or a snapshot in.
    pub(crate) fn handle_append_response(&mut self, from: PeerId, result: AppendResult) {
        let Some(at) = self.follower(from) else {
            return;
        };
        self.followers[at].active();
        match result {
            AppendResult::Matched { index } => self.handle_match(at, from, index),
            AppendResult::Rejected { refused, hint } => {
                self.handle_refusal(at, refused, hint);
            }
            AppendResult::Stale => {}
        }
    }

    /// A follower's durable log equals the own up to `index`.
    fn handle_match(&mut self, at: usize, from: PeerId, index: LogIndex) {
        let last = self.log.last_index();
        let follower = &mut self.followers[at];
        let is_news = follower.acknowledge(index);
        if follower.next() <= last {
            follower.want();
        }
        if is_news {
            self.tell_progress(at);
            if index > self.hard_state.commit {
                self.count_matches();
            }
            if self.transfer.is_some_and(|transfer| transfer.to == from) {
                self.hand_over_when_caught_up();
            }
        }
    }

    /// A follower's log does not hold what an append was built on.
    fn handle_refusal(&mut self, at: usize, refused: LogIndex, hint: LogPosition) {
        if !self.followers[at].is_refusal_current(refused) {
            return;
        }
        let agreeable = self
            .log
            .agreeable(hint.index.min(refused.prev()), hint.term)
            .index;
        let next = rule!(
            self.oversight,
            next_after_refusal(&Refusal {
                matched: self.followers[at].matched(),
                refused,
                agreeable,
            })
        );
        self.followers[at].back_up(refused, next);
        self.tell_progress(at);
    }

    /// A follower lives; what it lacks is sent.
    pub(crate) fn handle_heartbeat_response(
        &mut self,
        from: PeerId,
        follower_commit: LogIndex,
        round: u64,
    ) {
        let Some(at) = self.follower(from) else {
            return;
        };
        let follower = &mut self.followers[at];
        follower.active();
        follower.heard(&self.config.limits);
        let needs_repair = rule!(
            self.oversight,
            needs_repair(&RepairCheck {
                matched: follower.matched(),
                last: self.log.last_index(),
                follower_commit,
                commit: self.hard_state.commit,
            })
        );
        if needs_repair {
            follower.want();
        }
        self.want_snapshot_again(at);
        if round > self.followers[at].answered_round {
            self.followers[at].answered_round = round;
            self.confirm_rounds();
        }
    }

    pub(crate) fn follower(&self, id: PeerId) -> Option<usize> {
        self.followers.binary_search_by_key(&id, Progress::id).ok()
    }

    /// Moves the commit index as far as a majority allows, and has everybody told.
    pub(crate) fn count_matches(&mut self) {
        let own = rule!(
            self.oversight,
            own_match(self.log.persisted(), self.log.last_index())
        );
        let reached = self.quorum_of(own, Progress::matched);
        let verdict = rule!(
            self.oversight,
            leader_commit(&CommitCheck {
                reached,
                reached_term: self.log.term(reached),
                term: self.hard_state.term,
                commit: self.hard_state.commit,
            })
        );
        if let CommitVerdict::Advance { to } = verdict {
            self.hard_state.commit = to;
            self.tell_commit(|peer| CommitEvidence::Quorum {
                matched: peer.by_voter(own, Progress::matched),
                term: peer.log.term(to).unwrap_or_default(),
            });
            self.want_all();
            self.start_early_reads();
        }
    }

    /// What a quorum has reached of a value that each follower has, and this peer too.
    pub(crate) fn quorum_of(
        &mut self,
        own: LogIndex,
        value: impl Fn(&Progress) -> LogIndex,
    ) -> LogIndex {
        let incoming = self.half(own, self.counts.incoming, |f| f.counts.incoming, &value);
        if !self.membership.is_joint() {
            return incoming;
        }
        let outgoing = self.half(own, self.counts.outgoing, |f| f.counts.outgoing, &value);
        rule!(self.oversight, jointly_reached(incoming, outgoing))
    }

    fn half(
        &mut self,
        own: LogIndex,
        is_own: bool,
        is_in: impl Fn(&Progress) -> bool,
        value: impl Fn(&Progress) -> LogIndex,
    ) -> LogIndex {
        self.scratch.clear();
        if is_own {
            self.scratch.push(own);
        }
        let followers = self.followers.iter().filter(|follower| is_in(follower));
        self.scratch.extend(followers.map(value));
        rule!(self.oversight, reached(&mut self.scratch))
    }

    /// A value of every voter of either half, in the order of ids.
    pub(crate) fn by_voter<T>(&self, own: T, value: impl Fn(&Progress) -> T) -> Vec<(PeerId, T)>
    where
        T: Copy + Default,
    {
        let of = |voter| {
            if voter == self.id {
                own
            } else {
                self.follower(voter)
                    .map(|at| value(&self.followers[at]))
                    .unwrap_or_default()
            }
        };
        let voters = self.membership.voters();
        voters.into_iter().map(|voter| (voter, of(voter))).collect()
    }
}

// The follower.

impl<O: Oversight> Peer<O> {
    /// Takes a leader's entries in and answers how far the logs match.
    pub(crate) fn handle_append(
        &mut self,
        from: PeerId,
        prev: LogPosition,
        entries: Entries,
        leader_commit: LogIndex,
    ) {
        self.hear_leader();
        let verdict = rule!(
            self.oversight,
            check_prev(&PrevCheck {
                prev,
                own_term: self.log.term(prev.index),
                truncated: self.log.truncated().index,
            })
        );
        let result = match verdict {
            PrevVerdict::Matches => {
                let end = prev.index.plus(entries.len() as u64);
                self.take_entries(prev, end, entries);
                self.follow_commit(leader_commit, end);
                AppendResult::Matched {
                    index: rule!(self.oversight, acknowledged(end, self.log.last_index())),
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

    fn take_entries(&mut self, prev: LogPosition, end: LogIndex, entries: Entries) {
        let splice = rule!(
            self.oversight,
            splice(&SpliceCheck {
                first: prev.index.next(),
                end,
                conflict: self.log.first_conflict(&entries),
                own_last: self.log.last_index(),
            })
        );
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
        let known = from.since(prev.index.next());
        let known = usize::try_from(known).map_or(entries.len(), |known| known.min(entries.len()));
        self.log.push_run(entries.behind(known));
        self.tell_appended(from);
    }

    fn follow_commit(&mut self, leader_commit: LogIndex, end: LogIndex) {
        let last = self.log.last_index();
        let to = rule!(self.oversight, follower_commit(leader_commit, end, last));
        if to > self.hard_state.commit {
            self.hard_state.commit = to;
            self.tell_commit(|_| CommitEvidence::Leader {
                leader_commit,
                matched: end,
            });
        }
    }

    /// Takes a leader's heartbeat, whose commit index is within what this peer acknowledged.
    pub(crate) fn handle_heartbeat(&mut self, from: PeerId, commit: LogIndex, round: u64) {
        self.hear_leader();
        self.follow_commit(commit, commit);
        let answer = self.heartbeat_response(round);
        self.send(from, answer, false);
    }

    pub(crate) fn heartbeat_response(&self, round: u64) -> MessageBody {
        MessageBody::HeartbeatResponse {
            commit: self.hard_state.commit,
            last: self.log.last_index(),
            round,
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
