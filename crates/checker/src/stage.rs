//! For tests: a small group whose peers say what honest peers would, told to a checker. A test
//! lets them act honestly up to a point, and then plants one thing that no honest peer does.

use std::collections::BTreeMap;

use bytes::Bytes;
use types::event::EventId;
use types::id::{Incarnation, PeerId, RegionId, StoreId};
use types::raft::{
    AppendResult, CommitEvidence, ConfState, EntryBrief, EntryKind, HardState, LogIndex,
    LogPosition, Message, MessageBody, RaftFact, Role, RoleReason, Term, VoteVerdict,
};
use types::store::{Peer, PeerMessage, Region, RegionEpoch, StoreMessage};
use types::time::VirtualTime;
use types::view::{Fact, FactBody};

use crate::checker::Checker;
use crate::observation::{DiskChange, LogChange, Moment, Observation};
use crate::violation::{Invariant, Violation};

pub(crate) type Outcome = Result<(), Box<Violation>>;

/// One peer, as it believes itself to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Actor {
    pub(crate) life: u64,
    pub(crate) hard_state: HardState,
    /// From index 1 on; what is truncated stays here, so that prefixes can be hashed.
    pub(crate) log: Vec<EntryBrief>,
    pub(crate) truncated: LogPosition,
    pub(crate) applied: u64,
    durable: HardState,
    durable_log: Vec<EntryBrief>,
    durable_truncated: LogPosition,
}

/// The group and its checker.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    pub(crate) checker: Checker,
    pub(crate) conf: ConfState,
    pub(crate) actors: BTreeMap<u64, Actor>,
    seq: u64,
}

pub(crate) const REGION: RegionId = RegionId::new(1);

pub(crate) fn index(index: u64) -> LogIndex {
    LogIndex::new(index)
}

pub(crate) fn term(term: u64) -> Term {
    Term::new(term)
}

pub(crate) fn peer(peer: u64) -> PeerId {
    PeerId::new(peer)
}

pub(crate) fn at(index: u64, term: u64) -> LogPosition {
    LogPosition {
        index: LogIndex::new(index),
        term: Term::new(term),
    }
}

pub(crate) fn voters(ids: &[u64]) -> ConfState {
    ConfState::of_voters(ids.iter().copied().map(peer).collect())
}

pub(crate) fn brief(index: u64, term: u64, kind: EntryKind) -> EntryBrief {
    EntryBrief {
        index: LogIndex::new(index),
        term: Term::new(term),
        kind,
    }
}

/// The invariant that an outcome breaks.
pub(crate) fn broken(outcome: Outcome) -> Invariant {
    outcome.expect_err("a violation was planted").invariant
}

fn prefix_hash(log: &[EntryBrief], to: u64) -> u64 {
    let prefix = log.iter().take(to as usize);
    prefix.fold(7, |hash: u64, entry| {
        let mixed = hash.wrapping_mul(0x0100_0000_01b3) ^ entry.term.get();
        mixed.rotate_left(5) ^ entry.index.get()
    })
}

// What is told to the checker as it is.

impl Stage {
    /// Peers 1 to `peers`, all of them voters, on the stores of the same numbers.
    pub(crate) fn of(peers: u64) -> Self {
        let ids: Vec<u64> = (1..=peers).collect();
        let mut stage = Self {
            checker: Checker::new(),
            conf: voters(&ids),
            actors: BTreeMap::new(),
            seq: 0,
        };
        stage.checker.bootstrap(REGION, &stage.conf);
        for id in ids {
            stage.start(id).expect("honest");
        }
        stage
    }

    pub(crate) fn observe(&mut self, store: u64, observation: Observation<'_>) -> Outcome {
        self.seq += 1;
        self.checker
            .observe(self.moment(), StoreId::new(store), observation)
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment {
            at: VirtualTime::new(self.seq * 10),
            event: EventId {
                segment: 1,
                seq: self.seq,
            },
        }
    }

    pub(crate) fn fact(&mut self, store: u64, body: FactBody) -> Outcome {
        let fact = Fact {
            cause: EventId::default(),
            waited_for: None,
            region: REGION,
            body,
        };
        self.observe(store, Observation::Fact(&fact))
    }

    pub(crate) fn raft(&mut self, store: u64, fact: RaftFact) -> Outcome {
        self.fact(store, FactBody::Raft(fact))
    }

    pub(crate) fn disk(&mut self, store: u64, change: DiskChange) -> Outcome {
        let change = DiskChange {
            region: REGION,
            ..change
        };
        self.observe(store, Observation::Disk(&change))
    }

    pub(crate) fn sent(&mut self, from: u64, to: u64, in_term: u64, body: MessageBody) -> Outcome {
        let address = |id| Peer {
            id: peer(id),
            store: StoreId::new(id),
        };
        let message = StoreMessage {
            region: REGION,
            epoch: RegionEpoch::default(),
            from: address(from),
            to: address(to),
            range: None,
            body: PeerMessage::Raft(Message {
                from: peer(from),
                to: peer(to),
                term: term(in_term),
                body,
            }),
        };
        self.observe(from, Observation::Sent(&message))
    }

    pub(crate) fn role(&mut self, store: u64, role: Role, in_term: u64) -> Outcome {
        self.raft(
            store,
            RaftFact::RoleChanged {
                role,
                leader: (role == Role::Leader).then(|| peer(store)),
                term: term(in_term),
                reason: RoleReason::Won,
            },
        )
    }

    pub(crate) fn appended(&mut self, store: u64, entries: &[EntryBrief], hash: u64) -> Outcome {
        self.raft(
            store,
            RaftFact::Appended {
                entries: entries.to_vec(),
                prefix_hash: hash,
            },
        )
    }

    pub(crate) fn accepted(&mut self, from: u64, to: u64, in_term: u64, upto: u64) -> Outcome {
        let result = AppendResult::Matched { index: index(upto) };
        self.sent(from, to, in_term, MessageBody::AppendResponse { result })
    }

    pub(crate) fn granted(&mut self, from: u64, to: u64, in_term: u64) -> Outcome {
        let body = MessageBody::RequestVoteResponse {
            granted: true,
            commit: LogPosition::default(),
        };
        self.sent(from, to, in_term, body)
    }
}

// What honest peers do; it must not be objected to.

impl Stage {
    pub(crate) fn actor(&mut self, id: u64) -> &mut Actor {
        self.actors.entry(id).or_default()
    }

    pub(crate) fn last(&self, id: u64) -> u64 {
        self.actors[&id]
            .log
            .last()
            .map_or(0, |entry| entry.index.get())
    }

    pub(crate) fn commit_of(&self, id: u64) -> u64 {
        self.actors[&id].hard_state.commit.get()
    }

    pub(crate) fn hash(&self, id: u64, to: u64) -> u64 {
        prefix_hash(&self.actors[&id].log, to)
    }

    /// What a peer says when it comes up from its disk.
    pub(crate) fn started(&mut self, id: u64) -> FactBody {
        let actor = self.actor(id);
        actor.life += 1;
        let truncated = actor.durable_truncated;
        FactBody::Started {
            incarnation: Incarnation::new(actor.life),
            peer: peer(id),
            region: Region {
                id: REGION,
                start: Bytes::new(),
                end: Bytes::new(),
                epoch: RegionEpoch::default(),
                peers: Vec::new(),
            },
            hard_state: actor.durable,
            truncated,
            entries: actor.durable_log[truncated.index.get() as usize..].to_vec(),
            applied: truncated.index,
        }
    }

    pub(crate) fn start(&mut self, id: u64) -> Outcome {
        let started = self.started(id);
        let actor = self.actor(id);
        actor.hard_state = actor.durable;
        actor.log = actor.durable_log.clone();
        actor.truncated = actor.durable_truncated;
        actor.applied = actor.truncated.index.get();
        self.fact(id, started)
    }

    pub(crate) fn restart(&mut self, id: u64) {
        self.observe(id, Observation::Down).expect("honest");
        self.start(id).expect("honest");
    }

    pub(crate) fn enter_term(&mut self, id: u64, to: u64) {
        let from = self.actor(id).hard_state.term;
        if from < term(to) {
            let actor = self.actor(id);
            actor.hard_state.term = term(to);
            actor.hard_state.vote = None;
            let to = term(to);
            self.raft(id, RaftFact::TermChanged { from, to })
                .expect("honest");
        }
    }

    /// Everything in memory is on the disk now.
    pub(crate) fn persist(&mut self, id: u64) {
        let actor = self.actor(id);
        let common = actor.log.iter().zip(&actor.durable_log);
        let same = common.take_while(|(one, other)| one == other).count();
        actor.durable = actor.hard_state;
        actor.durable_log = actor.log.clone();
        let change = DiskChange {
            hard_state: Some(actor.hard_state),
            log: Some(LogChange {
                from: index(same as u64 + 1),
                entries: actor.log[same..].to_vec(),
            }),
            ..DiskChange::default()
        };
        let to = index(self.last(id));
        self.disk(id, change).expect("honest");
        self.raft(id, RaftFact::Durable { to }).expect("honest");
    }

    /// Stands for election with a durable vote for itself.
    pub(crate) fn campaign(&mut self, id: u64, in_term: u64) {
        self.enter_term(id, in_term);
        self.actor(id).hard_state.vote = Some(peer(id));
        self.role(id, Role::Candidate, in_term).expect("honest");
        self.persist(id);
        self.vote_counted(id, id).expect("honest");
        let last = self.end(id);
        let others: Vec<u64> = self
            .actors
            .keys()
            .copied()
            .filter(|other| *other != id)
            .collect();
        for other in others {
            let body = MessageBody::RequestVote {
                last,
                transfer: false,
                commit: LogPosition::default(),
            };
            self.sent(id, other, in_term, body).expect("honest");
        }
    }

    pub(crate) fn end(&self, id: u64) -> LogPosition {
        self.actors[&id]
            .log
            .last()
            .map_or(LogPosition::default(), |entry| LogPosition {
                index: entry.index,
                term: entry.term,
            })
    }

    pub(crate) fn vote_counted(&mut self, candidate: u64, voter: u64) -> Outcome {
        self.raft(
            candidate,
            RaftFact::VoteCounted {
                voter: peer(voter),
                granted: true,
                yes: 1,
                no: 0,
                needed: 2,
                pre_vote: false,
            },
        )
    }

    pub(crate) fn voted(&mut self, id: u64, candidate: u64, in_term: u64) -> Outcome {
        self.raft(
            id,
            RaftFact::VoteDecided {
                candidate: peer(candidate),
                term: term(in_term),
                verdict: VoteVerdict::Granted,
                pre_vote: false,
            },
        )
    }

    /// Gives a durable vote, which the candidate counts.
    pub(crate) fn grant(&mut self, id: u64, candidate: u64, in_term: u64) {
        self.enter_term(id, in_term);
        self.voted(id, candidate, in_term).expect("honest");
        self.actor(id).hard_state.vote = Some(peer(candidate));
        self.persist(id);
        self.granted(id, candidate, in_term).expect("honest");
        self.vote_counted(candidate, id).expect("honest");
    }

    pub(crate) fn win(&mut self, id: u64, in_term: u64) {
        self.role(id, Role::Leader, in_term).expect("honest");
    }

    pub(crate) fn hear(&mut self, id: u64, leader: u64, in_term: u64) {
        self.enter_term(id, in_term);
        let fact = RaftFact::RoleChanged {
            role: Role::Follower,
            leader: Some(peer(leader)),
            term: term(in_term),
            reason: RoleReason::LeaderHeard,
        };
        self.raft(id, fact).expect("honest");
    }

    /// An election in which `others` vote.
    pub(crate) fn elect(&mut self, id: u64, in_term: u64, others: &[u64]) {
        self.campaign(id, in_term);
        for &other in others {
            self.grant(other, id, in_term);
        }
        self.win(id, in_term);
        for &other in others {
            self.hear(other, id, in_term);
        }
    }

    /// A leader's new entry, not yet durable. Returns its index.
    pub(crate) fn append(&mut self, id: u64, kind: EntryKind) -> u64 {
        let entry = brief(
            self.last(id) + 1,
            self.actors[&id].hard_state.term.get(),
            kind,
        );
        self.actor(id).log.push(entry);
        let hash = self.hash(id, entry.index.get());
        self.appended(id, &[entry], hash).expect("honest");
        entry.index.get()
    }

    /// A follower's log becomes the leader's, in memory.
    pub(crate) fn copy(&mut self, leader: u64, id: u64) {
        let theirs = self.actors[&leader].log.clone();
        let own = &self.actors[&id].log;
        let same = own
            .iter()
            .zip(&theirs)
            .take_while(|(one, other)| one == other)
            .count();
        if same < own.len() {
            let from = index(same as u64 + 1);
            self.raft(id, RaftFact::Truncated { from }).expect("honest");
        }
        self.actor(id).log = theirs.clone();
        if same < theirs.len() {
            let hash = self.hash(id, theirs.len() as u64);
            self.appended(id, &theirs[same..], hash).expect("honest");
        }
    }

    /// A follower durably takes the leader's log and says so.
    pub(crate) fn replicate(&mut self, leader: u64, id: u64) {
        self.copy(leader, id);
        self.persist(id);
        let (in_term, last) = (self.actors[&leader].hard_state.term.get(), self.last(id));
        self.accepted(id, leader, in_term, last).expect("honest");
    }

    pub(crate) fn committed(&mut self, id: u64, to: u64, evidence: CommitEvidence) -> Outcome {
        let fact = RaftFact::Committed {
            to: index(to),
            prefix_hash: self.hash(id, to),
            evidence,
        };
        self.raft(id, fact)
    }

    /// A leader's commit by counting what it believes its voters to hold.
    pub(crate) fn counted(&mut self, id: u64, to: u64) -> Outcome {
        let both = self.conf.voters.iter().chain(&self.conf.outgoing);
        let mut matched: Vec<(PeerId, LogIndex)> = both
            .map(|peer| {
                (
                    *peer,
                    index(self.actors[&peer.get()].durable_log.len() as u64),
                )
            })
            .collect();
        matched.sort_unstable();
        matched.dedup();
        let entry = self.actors[&id].log.get(to as usize - 1);
        let term = entry.map_or(Term::ZERO, |entry| entry.term);
        self.committed(id, to, CommitEvidence::Quorum { matched, term })
    }

    pub(crate) fn commit(&mut self, id: u64) {
        let to = self.last(id);
        self.counted(id, to).expect("honest");
        self.actor(id).hard_state.commit = index(to);
    }

    /// A follower commits up to `to` by its leader's word.
    pub(crate) fn followed(&mut self, id: u64, to: u64) -> Outcome {
        let evidence = CommitEvidence::Leader {
            leader_commit: index(to),
            matched: index(to),
        };
        self.committed(id, to, evidence)
    }

    pub(crate) fn follow(&mut self, id: u64, to: u64) {
        self.followed(id, to).expect("honest");
        self.actor(id).hard_state.commit = index(to);
    }

    pub(crate) fn applied(&mut self, id: u64, to: u64, data_hash: u64) -> Outcome {
        let to = index(to);
        self.fact(id, FactBody::Applied { to, data_hash })
    }

    /// Applies all that is committed.
    pub(crate) fn apply(&mut self, id: u64) {
        let to = self.commit_of(id);
        let data_hash = self.hash(id, to) + 1;
        self.applied(id, to, data_hash).expect("honest");
        self.actor(id).applied = to;
    }

    /// An entry from its proposal to its application by `id` and `others`. Returns its index.
    pub(crate) fn write(&mut self, id: u64, others: &[u64], kind: EntryKind) -> u64 {
        let to = self.append(id, kind);
        self.persist(id);
        for &other in others {
            self.replicate(id, other);
        }
        self.commit(id);
        self.apply(id);
        for &other in others {
            self.follow(other, to);
            self.apply(other);
        }
        to
    }

    pub(crate) fn conf_changed(&mut self, id: u64, conf_state: &ConfState) -> Outcome {
        let conf_state = conf_state.clone();
        self.raft(id, RaftFact::ConfChanged { conf_state })
    }

    /// A membership change from its proposal to its application by `id` and `others`.
    pub(crate) fn change(&mut self, id: u64, others: &[u64], conf: &ConfState) -> u64 {
        let to = self.write(id, others, EntryKind::ConfChange);
        for each in [&[id], others].concat() {
            self.conf_changed(each, conf).expect("honest");
        }
        self.conf = conf.clone();
        to
    }

    /// Drops the log up to the applied index, on the disk too.
    pub(crate) fn compact(&mut self, id: u64) {
        let to = self.actors[&id].applied;
        let to = at(to, self.actors[&id].log[to as usize - 1].term.get());
        self.raft(id, RaftFact::Compacted { to }).expect("honest");
        let actor = self.actor(id);
        (actor.truncated, actor.durable_truncated) = (to, to);
        let hard_state = actor.hard_state;
        actor.durable = hard_state;
        let change = DiskChange {
            hard_state: Some(hard_state),
            truncated: Some(to),
            applied: Some(to.index),
            ..DiskChange::default()
        };
        self.disk(id, change).expect("honest");
    }

    /// A three-peer group in which 1 leads term 1 and three entries are applied everywhere.
    pub(crate) fn settled() -> Self {
        let mut stage = Self::of(3);
        stage.elect(1, 1, &[2, 3]);
        stage.write(1, &[2, 3], EntryKind::NoOp);
        stage.write(1, &[2, 3], EntryKind::Normal);
        stage.write(1, &[2, 3], EntryKind::Normal);
        stage
    }
}
