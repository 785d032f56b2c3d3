//! One raft group: its replicas, its truth, and which check sees which observation.

use std::collections::BTreeMap;

use types::id::{PeerId, StoreId};
use types::raft::{
    CommitEvidence, ConfState, EntryBrief, LogIndex, LogPosition, Message, MessageBody, RaftFact,
    ReadEvidence, Role, Term, TransferEnd, VoteVerdict,
};
use types::view::FactBody;

use crate::checks::election_safety::Leaders;
use crate::checks::membership::{Memberships, Seat};
use crate::checks::quorum_commit::Disks;
use crate::checks::reads::Reads;
use crate::checks::state_machine::AppliedHashes;
use crate::checks::{
    append_only, committed_immutable, current_term, election_safety, leader_completeness, liveness,
    log_matching, membership, monotonic, one_vote, order, persist_first, progress, quorum_commit,
    reads,
};
use types::time::VirtualTime;

use crate::counts::Counts;
use crate::ledger::Ledger;
use crate::observation::{DiskChange, Moment, Observation, ProgressTold};
use crate::replica::{Replica, Start};
use crate::trace::{Trace, TraceStep, brief};
use crate::violation::Judgement;

/// A handing over of leadership that was seen to begin.
#[derive(Debug, Clone, Copy)]
struct Transfer {
    from_term: Term,
    is_deposed: bool,
    is_won: bool,
}

/// One raft group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    replicas: BTreeMap<StoreId, Replica>,
    homes: BTreeMap<PeerId, StoreId>,
    ledger: Ledger,
    leaders: Leaders,
    memberships: Memberships,
    applied: AppliedHashes,
    reads: Reads,
    /// When the last observation was made.
    now: VirtualTime,
    transfers: BTreeMap<PeerId, Transfer>,
    /// Whether an election was won in the joint phase that lasts.
    has_elected_jointly: bool,
    trace: Trace,
    counts: Counts,
}

impl Group {
    pub(crate) fn bootstrap(&mut self, membership: &ConfState) {
        self.memberships.bootstrap(membership);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Judges an observation and takes it in.
    pub(crate) fn observe(
        &mut self,
        moment: Moment,
        store: StoreId,
        observation: Observation<'_>,
    ) -> Judgement {
        self.counts.observations += 1;
        self.now = moment.at;
        if let Some(seen) = brief(&observation) {
            self.trace.push(TraceStep {
                moment,
                store,
                seen,
            });
        }
        match observation {
            Observation::Fact(fact) => self.fact(store, &fact.body),
            Observation::Disk(change) => self.disk(store, change),
            Observation::Sent(message) => match message.body.raft() {
                Some(message) => self.sent(store, message),
                None => Ok(()),
            },
            Observation::Progress(told) => self.progress(store, &told),
            Observation::Down => {
                self.down(store);
                Ok(())
            }
        }
    }

    /// Judges whether the healed core `stores` came together.
    pub(crate) fn converged(&self, stores: &[StoreId], written: LogIndex) -> Judgement {
        let mut core = Vec::new();
        for store in stores {
            match self.replicas.get(store) {
                Some(replica) => core.push(replica),
                None => liveness::missing(*store, self.replicas.values().next())?,
            }
        }
        liveness::converged(&core, written, &self.ledger, &self.applied)
    }

    fn down(&mut self, store: StoreId) {
        self.reads.end_lease(store);
        if let Some(replica) = self.replicas.get_mut(&store) {
            replica.end();
        }
    }

    pub(crate) fn lose_sight(&mut self, store: StoreId) {
        self.down(store);
        self.replicas.remove(&store);
    }

    fn disks(&self) -> Disks<'_> {
        Disks {
            replicas: &self.replicas,
            homes: &self.homes,
        }
    }
}

// The disk and the outbox.

impl Group {
    fn disk(&mut self, store: StoreId, change: &DiskChange) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        monotonic::written(replica, change)?;
        let committed = committed_immutable::durable(&replica.disk, &self.ledger);
        if let Some(hard_state) = change.hard_state {
            one_vote::written(replica, hard_state)?;
            replica.disk.hard_state = hard_state;
        }
        if let Some(truncated) = change.truncated {
            replica.disk.log.drop_to(truncated);
        }
        if let Some(log) = &change.log {
            let disk = &mut replica.disk.log;
            log_matching::written(disk, log.from, &log.entries, &mut self.ledger)?;
            disk.cut(log.from);
            for &entry in &log.entries {
                disk.push(entry);
            }
        }
        replica.disk.applied = change.applied.unwrap_or(replica.disk.applied);
        order::written(replica)?;
        committed_immutable::kept(replica, committed)?;
        if let Some(truncated) = change.truncated {
            committed_immutable::stands_at(replica, truncated, &self.ledger)?;
            self.forget();
        }
        Ok(())
    }

    /// What every log and every disk has dropped is never compared again.
    fn forget(&mut self) {
        let dropped = |replica: &Replica| {
            let log = replica.log.truncated().index;
            log.min(replica.disk.log.truncated().index)
        };
        if let Some(floor) = self.replicas.values().map(dropped).min() {
            self.ledger.forget_below(floor);
            self.applied.forget_below(floor);
        }
    }

    fn sent(&mut self, store: StoreId, message: &Message) -> Judgement {
        if message.body == MessageBody::TimeoutNow {
            self.reads.end_lease(store);
        }
        let Some(replica) = self.replicas.get(&store) else {
            return Ok(());
        };
        if replica.peer != message.from {
            return Ok(());
        }
        let leader = self.leaders.of(message.term);
        let leader = leader.and_then(|store| self.replicas.get(&store));
        let leader = leader.filter(|leader| leader.leads_in(message.term));
        persist_first::sent(replica, message, leader)?;
        if let MessageBody::Snapshot { snapshot } = &message.body {
            let (last, carried) = (snapshot.last, &snapshot.conf_state);
            order::snapshot_sent(replica, last.index)?;
            committed_immutable::stands_at(replica, last, &self.ledger)?;
            membership::snapshot(replica, last.index, carried, &self.memberships)?;
            log_matching::hashed(last, snapshot.prefix_hash, &mut self.ledger)?;
        }
        if let Some(replica) = self.replicas.get_mut(&store) {
            progress::sent(replica, message);
        }
        Ok(())
    }

    fn progress(&mut self, store: StoreId, told: &ProgressTold<'_>) -> Judgement {
        match self.replicas.get_mut(&store) {
            Some(replica) => progress::told(replica, told),
            None => Ok(()),
        }
    }
}

// Facts.

impl Group {
    fn fact(&mut self, store: StoreId, body: &FactBody) -> Judgement {
        match body {
            FactBody::Started {
                incarnation,
                peer,
                hard_state,
                truncated,
                entries,
                applied,
                region: _,
            } => self.started(
                store,
                &Start {
                    incarnation: *incarnation,
                    peer: *peer,
                    hard_state: *hard_state,
                    truncated: *truncated,
                    entries,
                    applied: *applied,
                },
            ),
            // A store is judged from its first start on.
            _ if !self.replicas.contains_key(&store) => Ok(()),
            FactBody::Raft(fact) => self.raft(store, fact),
            FactBody::Applied { to, data_hash } => self.applied(store, *to, *data_hash),
            FactBody::Flushed { to } => order::flushed(&self.replicas[&store], *to),
            FactBody::PeerRemoved { .. } => {
                self.lose_sight(store);
                Ok(())
            }
            FactBody::RegionChanged { .. }
            | FactBody::Proposed { .. }
            | FactBody::TimerReset { .. }
            | FactBody::TimerStopped
            | FactBody::RulesChanged { .. } => Ok(()),
        }
    }

    fn started(&mut self, store: StoreId, start: &Start<'_>) -> Judgement {
        let before = self.replicas.get(&store);
        if let Some(before) = before.filter(|before| before.peer == start.peer) {
            monotonic::restarted(before, start)?;
            self.counts.restarts += 1;
        }
        order::started(start)?;
        log_matching::started(start, &mut self.ledger)?;
        let seat = Seat::new(start, &self.memberships);
        let replica = Replica::start(store, start, seat);
        let commit = start.hard_state.commit;
        let known = self.ledger.commit();
        self.homes.insert(start.peer, store);
        self.replicas.insert(store, replica);
        let replica = &self.replicas[&store];
        let newest = self.memberships.newest();
        quorum_commit::restarted(replica, commit, newest, &self.ledger, self.disks())?;
        committed_immutable::started(start, &mut self.ledger)?;
        if commit > known
            && let Some(term) = start.term(commit)
        {
            let at = LogPosition {
                index: commit,
                term,
            };
            self.ledger.commit_in(start.hard_state.term, at);
        }
        Ok(())
    }

    fn applied(&mut self, store: StoreId, to: LogIndex, data_hash: u64) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        monotonic::applied(replica, to)?;
        order::applied(replica, to)?;
        self.applied.applied(replica, to, data_hash)?;
        replica.seat.applied(replica.applied);
        replica.applied = to;
        Ok(())
    }

    fn raft(&mut self, store: StoreId, fact: &RaftFact) -> Judgement {
        match fact {
            RaftFact::TermChanged { from, to } => self.term_changed(store, *from, *to),
            RaftFact::RoleChanged {
                role, leader, term, ..
            } => self.role_changed(store, *role, *leader, *term),
            RaftFact::VoteDecided {
                candidate,
                verdict: VoteVerdict::Granted,
                pre_vote: false,
                ..
            } => self.voted(store, *candidate),
            RaftFact::VoteCounted {
                voter,
                granted,
                pre_vote: false,
                ..
            } => self.vote_counted(store, *voter, *granted),
            RaftFact::VoteDecided { .. } | RaftFact::VoteCounted { .. } => Ok(()),
            RaftFact::ReadAsked { .. } | RaftFact::ReadConfirmed { .. } => self.read(store, fact),
            RaftFact::TransferStarted { .. } | RaftFact::TransferEnded { .. } => {
                self.transfer(store, fact);
                Ok(())
            }
            RaftFact::Committed {
                to,
                prefix_hash,
                evidence,
            } => self.committed(store, *to, *prefix_hash, evidence),
            RaftFact::Progressed {
                peer,
                matched,
                next,
                ..
            } => match self.replicas.get_mut(&store) {
                Some(replica) => progress::learned(replica, *peer, *matched, *next),
                None => Ok(()),
            },
            RaftFact::ConfChanged { conf_state } => self.conf_changed(store, conf_state),
            RaftFact::Appended { .. }
            | RaftFact::Truncated { .. }
            | RaftFact::Durable { .. }
            | RaftFact::SnapshotSent { .. }
            | RaftFact::SnapshotRestored { .. }
            | RaftFact::Compacted { .. } => self.log(store, fact),
        }
    }
}

// Terms, roles and votes.

impl Group {
    fn term_changed(&mut self, store: StoreId, from: Term, to: Term) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        monotonic::term_changed(replica, from, to)?;
        self.reads.end_lease(store);
        replica.leave_office();
        replica.term = to;
        replica.vote = None;
        Ok(())
    }

    fn role_changed(
        &mut self,
        store: StoreId,
        role: Role,
        leader: Option<PeerId>,
        term: Term,
    ) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        monotonic::role_changed(replica, term)?;
        if term > replica.term {
            replica.term = term;
            replica.vote = None;
        }
        let is_elected = role == Role::Leader && !replica.leads();
        if matches!(role, Role::PreCandidate | Role::Candidate) && role != replica.role {
            membership::stood(replica)?;
        }
        match role {
            Role::Candidate if replica.role != Role::Candidate => {
                one_vote::given(replica, replica.peer)?;
                replica.vote = Some(replica.peer);
                replica.votes.clear();
                self.counts.elections += 1;
            }
            Role::Leader if is_elected => {
                let is_change = self.leaders.elect(store, term)?;
                self.counts.leader_changes += u64::from(is_change);
                persist_first::elected(replica, term)?;
                election_safety::by_majority(replica, term)?;
                leader_completeness::elected(replica, term, &self.ledger)?;
                self.reads.elected(replica, term, self.now)?;
            }
            _ => {}
        }
        replica.role = role;
        replica.leader = leader;
        if role != Role::Leader {
            self.reads.end_lease(store);
            replica.told.clear();
        }
        let peer = replica.peer;
        if is_elected {
            self.elected(peer, term);
        }
        Ok(())
    }

    fn elected(&mut self, peer: PeerId, term: Term) {
        self.counts.leaders += 1;
        let is_joint = self.memberships.newest().is_some_and(ConfState::is_joint);
        if is_joint && !self.has_elected_jointly {
            self.has_elected_jointly = true;
            self.counts.joint_leader_changes += 1;
        }
        if let Some(transfer) = self.transfers.get_mut(&peer)
            && term > transfer.from_term
        {
            transfer.is_won = true;
        }
        self.settle_transfer(peer);
    }

    fn voted(&mut self, store: StoreId, candidate: PeerId) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        one_vote::given(replica, candidate)?;
        replica.vote = Some(candidate);
        Ok(())
    }

    fn vote_counted(&mut self, store: StoreId, voter: PeerId, granted: bool) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        if granted && voter == replica.peer {
            persist_first::own_vote(replica)?;
        }
        replica.votes.push((voter, granted));
        Ok(())
    }

    fn conf_changed(&mut self, store: StoreId, conf_state: &ConfState) -> Judgement {
        self.reads.end_lease(store);
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        let change = self.memberships.told(replica, conf_state)?;
        self.counts.conf_changes += u64::from(change.is_new);
        if change.enters_joint {
            self.counts.joint_phases += 1;
            self.has_elected_jointly = false;
        }
        Ok(())
    }
}

// The log.

impl Group {
    fn log(&mut self, store: StoreId, fact: &RaftFact) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        match fact {
            RaftFact::Appended {
                entries,
                prefix_hash,
            } => self.appended(store, entries, *prefix_hash),
            RaftFact::Truncated { from } => {
                append_only::truncated(replica, *from)?;
                committed_immutable::truncated(replica, *from)?;
                replica.log.cut(*from);
                replica.seat.truncated(*from);
                self.counts.truncations += 1;
                Ok(())
            }
            RaftFact::Durable { to } => persist_first::believed_durable(replica, *to),
            RaftFact::SnapshotSent { last, .. } => {
                committed_immutable::stands_at(replica, *last, &self.ledger)
            }
            RaftFact::SnapshotRestored { last, prefix_hash } => {
                self.restored(store, *last, *prefix_hash)
            }
            RaftFact::Compacted { to } => {
                monotonic::compacted(replica, to.index)?;
                order::compacted(replica, *to)?;
                replica.log.drop_to(*to);
                self.counts.compactions += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn appended(&mut self, store: StoreId, entries: &[EntryBrief], prefix_hash: u64) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        let Some(first) = entries.first() else {
            return Ok(());
        };
        append_only::appended(replica, first.index)?;
        membership::appended(replica, entries)?;
        log_matching::appended(replica, entries, &mut self.ledger)?;
        for &entry in entries {
            replica.log.push(entry);
        }
        replica.seat.appended(entries);
        log_matching::hashed(replica.log.last(), prefix_hash, &mut self.ledger)
    }

    fn restored(&mut self, store: StoreId, last: LogPosition, prefix_hash: u64) -> Judgement {
        let Some(replica) = self.replicas.get_mut(&store) else {
            return Ok(());
        };
        append_only::restored(replica, last.index)?;
        monotonic::restored(replica, last.index)?;
        committed_immutable::stands_at(replica, last, &self.ledger)?;
        log_matching::hashed(last, prefix_hash, &mut self.ledger)?;
        replica.log = crate::mirror::LogMirror::new(last);
        replica.commit = last.index;
        replica.restored = last.index;
        replica.seat.restored(last.index, &self.memberships);
        self.counts.snapshots += 1;
        Ok(())
    }

    fn committed(
        &mut self,
        store: StoreId,
        to: LogIndex,
        prefix_hash: u64,
        evidence: &CommitEvidence,
    ) -> Judgement {
        let replica = &self.replicas[&store];
        monotonic::committed(replica, to)?;
        order::committed(replica, to)?;
        let term = replica.log.term(to);
        let at = term.map(|term| LogPosition { index: to, term });
        match evidence {
            CommitEvidence::Quorum { matched, term } => {
                current_term::counted(replica, to, *term)?;
                membership::counted(replica, to, matched)?;
                persist_first::own_match(replica, matched)?;
                quorum_commit::counted(replica, to, self.disks())?;
                if let Some(at) = at {
                    let leaders = self.replicas.values();
                    leader_completeness::committed(leaders, replica.term, at)?;
                    self.ledger.commit_in(replica.term, at);
                }
                self.counts.commits += 1;
            }
            CommitEvidence::Leader { .. } | CommitEvidence::Vote { .. } => {
                quorum_commit::followed(replica, to, &self.ledger)?;
            }
            CommitEvidence::Restart => {
                let newest = self.memberships.newest();
                quorum_commit::restarted(replica, to, newest, &self.ledger, self.disks())?;
            }
        }
        committed_immutable::committed(replica, to, &mut self.ledger)?;
        if let Some(at) = at {
            log_matching::hashed(at, prefix_hash, &mut self.ledger)?;
        }
        if let Some(replica) = self.replicas.get_mut(&store) {
            replica.commit = to;
        }
        Ok(())
    }
}

// Reads and transfers.

impl Group {
    fn read(&mut self, store: StoreId, fact: &RaftFact) -> Judgement {
        match fact {
            RaftFact::ReadAsked { from, id, .. } => {
                self.reads.ask(*from, *id, self.ledger.commit());
                Ok(())
            }
            RaftFact::ReadConfirmed {
                from,
                id,
                index,
                evidence,
            } => {
                let leader = &self.replicas[&store];
                self.reads.confirm(leader, (*from, *id), *index)?;
                reads::evidence(leader, *index, evidence, self.leaders.newest())?;
                match evidence {
                    ReadEvidence::Round { .. } => self.counts.reads_by_round += 1,
                    ReadEvidence::Lease { now_us, until_us } => {
                        let until = self.now.plus(until_us.saturating_sub(*now_us));
                        self.reads.hold_lease(store, leader.term, until);
                        self.counts.reads_by_lease += 1;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn transfer(&mut self, store: StoreId, fact: &RaftFact) {
        match fact {
            RaftFact::TransferStarted { to } => {
                self.reads.end_lease(store);
                let transfer = Transfer {
                    from_term: self.replicas[&store].term,
                    is_deposed: false,
                    is_won: false,
                };
                self.transfers.insert(*to, transfer);
            }
            RaftFact::TransferEnded { to, end } => match end {
                TransferEnd::Deposed => {
                    if let Some(transfer) = self.transfers.get_mut(to) {
                        transfer.is_deposed = true;
                    }
                    self.settle_transfer(*to);
                }
                TransferEnd::TimedOut => {
                    self.transfers.remove(to);
                    self.counts.transfers_aborted += 1;
                }
                TransferEnd::Cancelled | TransferEnd::Removed => {
                    self.transfers.remove(to);
                    self.counts.transfers_cancelled += 1;
                }
            },
            _ => {}
        }
    }

    /// A transfer is complete when the old leader gave way and the transferee won; either may be
    /// seen first.
    fn settle_transfer(&mut self, to: PeerId) {
        let is_complete = |transfer: &Transfer| transfer.is_deposed && transfer.is_won;
        if self.transfers.get(&to).is_some_and(is_complete) {
            self.transfers.remove(&to);
            self.counts.transfers_completed += 1;
        }
    }
}
