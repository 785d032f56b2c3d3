//! A network of peers that is moved by hand: messages flow in order until nobody has anything to
//! say. Disks write at once unless a test makes one slow, hosts apply at once unless a test makes
//! one lazy. Peers are unwatched, unless a test has them overseen.

#![allow(dead_code, reason = "each test target needs its own part of it")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use raft::{Config, Oversight, RawNode, ReadState, Ready, Restored, Unwatched, conf_change_of};
use types::raft::{
    ConfChange, ConfState, Entry, EntryKind, HardState, LogIndex, LogPosition, Message,
    MessageBody, MessageKind, RaftFact, ReadId, Role, Snapshot, Term,
};

mod build;

pub(crate) use build::*;

/// Messages that a group may exchange before it falls silent.
const MESSAGES_MAX: usize = 50_000;

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) hard_state: HardState,
    pub(crate) truncated: LogPosition,
    pub(crate) entries: Vec<Entry>,
    pub(crate) applied: LogIndex,
    pub(crate) conf_state: Option<ConfState>,
}

impl Disk {
    fn of(restored: &Restored) -> Self {
        Self {
            hard_state: restored.hard_state,
            truncated: restored.truncated,
            entries: restored.entries.clone(),
            applied: restored.applied,
            conf_state: restored.conf_state.clone(),
        }
    }

    fn write(&mut self, ready: &Ready) {
        if let Some(hard_state) = ready.hard_state {
            self.hard_state = hard_state;
        }
        if let Some(snapshot) = &ready.snapshot {
            self.truncated = snapshot.last;
            self.applied = snapshot.last.index;
            self.conf_state = Some(snapshot.conf_state.clone());
            self.entries.clear();
        }
        if let Some(first) = ready.entries.first() {
            self.entries.retain(|entry| entry.index < first.index);
            self.entries.extend(ready.entries.iter().cloned());
        }
    }

    fn compact(&mut self, to: LogPosition) {
        self.entries.retain(|entry| entry.index > to.index);
        self.truncated = to;
    }

    fn restored(&self) -> Restored {
        // A host keeps what it applied in the transaction that applied it.
        let hard_state = HardState {
            commit: self.hard_state.commit.max(self.applied),
            ..self.hard_state
        };
        Restored {
            hard_state,
            truncated: self.truncated,
            truncated_hash: 0,
            entries: self.entries.clone(),
            applied: self.applied,
            conf_state: self.conf_state.clone(),
        }
    }
}

/// Applies entries, membership changes among them, and says so.
pub(crate) fn apply<O: Oversight>(node: &mut RawNode<O>, entries: &[Entry]) {
    for entry in entries {
        if let Some(change) = conf_change_of(entry) {
            // A change that cannot follow has no effect, on no peer.
            let _ = node.apply_conf_change(&change);
        }
        node.applied(entry.index);
    }
}

pub(crate) struct Member<O: Oversight = Unwatched> {
    pub(crate) config: Config,
    pub(crate) node: RawNode<O>,
    pub(crate) disk: Disk,
    pub(crate) applied: Vec<Entry>,
    pub(crate) reads: Vec<ReadState>,
    pub(crate) facts: Vec<RaftFact>,
    /// Snapshots that its host was asked for and did not give.
    pub(crate) wanted: Vec<u64>,
    /// Readys on their way to a slow disk.
    pub(crate) writing: VecDeque<Ready>,
    pub(crate) is_slow: bool,
    /// What a lazy host has not applied.
    pub(crate) to_apply: Vec<Entry>,
    pub(crate) is_lazy: bool,
    /// Whether its host makes every snapshot that is wanted at once.
    pub(crate) gives_snapshots: bool,
}

impl<O: Oversight> Member<O> {
    fn new(config: Config, restored: Restored, oversight: O) -> Self {
        let disk = Disk::of(&restored);
        Self {
            node: RawNode::with_oversight(config.clone(), restored, oversight)
                .expect("a valid start"),
            config,
            disk,
            applied: Vec::new(),
            reads: Vec::new(),
            facts: Vec::new(),
            wanted: Vec::new(),
            writing: VecDeque::new(),
            is_slow: false,
            to_apply: Vec::new(),
            is_lazy: false,
            gives_snapshots: true,
        }
    }

    /// The snapshot that its state machine makes now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let at = self.node.applied_index();
        let log = self.node.log();
        Snapshot {
            last: LogPosition {
                index: at,
                term: log.term(at).expect("it was applied"),
            },
            conf_state: self.node.conf_state().clone(),
            prefix_hash: log.prefix_hash(at).unwrap_or_default(),
            data: Bytes::new(),
        }
    }

    fn apply_all(&mut self) {
        let entries = std::mem::take(&mut self.to_apply);
        if entries.is_empty() {
            // The membership in force may be that of a snapshot which the disk does not hold yet.
            return;
        }
        apply(&mut self.node, &entries);
        self.disk.applied = self.node.applied_index();
        self.disk.conf_state = Some(self.node.conf_state().clone());
        self.applied.extend(entries);
    }

    fn give_snapshots(&mut self, ready: &Ready) {
        for &to in &ready.snapshots_wanted {
            if self.gives_snapshots {
                let snapshot = self.snapshot();
                self.node.send_snapshot(to, snapshot).expect("it is wanted");
            } else {
                self.wanted.push(to.get());
            }
        }
    }
}

pub(crate) struct Network<O: Oversight = Unwatched> {
    pub(crate) members: BTreeMap<u64, Member<O>>,
    pub(crate) in_transit: VecDeque<Message>,
    /// Everything that was ever sent, lost or not.
    pub(crate) sent: Vec<Message>,
    cuts: BTreeSet<(u64, u64)>,
    ignored: BTreeSet<MessageKind>,
    leaders: BTreeMap<Term, u64>,
    oversight: O,
}

impl Network {
    pub(crate) fn new(count: u64) -> Self {
        Self::with(count, |config| config)
    }

    /// A network whose peers differ from the TinyKV preset as `alter` has it.
    pub(crate) fn with(count: u64, alter: impl Fn(Config) -> Config) -> Self {
        let starts = (1..=count).map(|id| (alter(config(id, count)), Restored::default()));
        Self::of(starts.collect())
    }

    /// A network of which the n-th peer starts with a log of the n-th terms.
    pub(crate) fn from_logs(logs: &[&[u64]]) -> Self {
        let starts = (1..).zip(logs);
        let count = logs.len() as u64;
        Self::of(
            starts
                .map(|(id, terms)| (config(id, count), restored(terms)))
                .collect(),
        )
    }

    pub(crate) fn of(starts: Vec<(Config, Restored)>) -> Self {
        Self::overseen(starts, Unwatched)
    }
}

impl<O: Oversight> Network<O> {
    pub(crate) fn overseen(starts: Vec<(Config, Restored)>, oversight: O) -> Self {
        let members = starts.into_iter().map(|(config, restored)| {
            let id = config.id.get();
            (id, Member::new(config, restored, oversight))
        });
        Self {
            members: members.collect(),
            in_transit: VecDeque::new(),
            sent: Vec::new(),
            cuts: BTreeSet::new(),
            ignored: BTreeSet::new(),
            leaders: BTreeMap::new(),
            oversight,
        }
    }

    /// Adds a peer with an empty disk that is not in the group yet. It knows the membership that
    /// the group's log began with, or what it replays would start from nothing.
    pub(crate) fn add_blank(&mut self, id: u64) {
        let any = self.members.values().next().expect("somebody");
        let config = Config {
            id: peer(id),
            seed: id,
            ..any.config.clone()
        };
        self.members
            .insert(id, Member::new(config, Restored::default(), self.oversight));
    }

    pub(crate) fn node(&self, id: u64) -> &RawNode<O> {
        &self.members[&id].node
    }

    pub(crate) fn node_mut(&mut self, id: u64) -> &mut RawNode<O> {
        &mut self.member(id).node
    }

    pub(crate) fn member(&mut self, id: u64) -> &mut Member<O> {
        self.members.get_mut(&id).expect("a member")
    }

    // Faults.

    /// A black hole takes the place of a peer: it never answers.
    pub(crate) fn silence(&mut self, id: u64) {
        self.members.remove(&id);
    }

    pub(crate) fn cut(&mut self, a: u64, b: u64) {
        self.cuts.extend([(a, b), (b, a)]);
    }

    /// Loses what `from` sends to `to`, not what comes back.
    pub(crate) fn cut_one_way(&mut self, from: u64, to: u64) {
        self.cuts.insert((from, to));
    }

    pub(crate) fn isolate(&mut self, id: u64) {
        let others: Vec<u64> = self.members.keys().copied().filter(|&o| o != id).collect();
        for other in others {
            self.cut(id, other);
        }
    }

    pub(crate) fn ignore(&mut self, kind: MessageKind) {
        self.ignored.insert(kind);
    }

    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
        self.ignored.clear();
    }

    /// Ends the life of a peer with its unfinished writes, and starts it from its disk.
    pub(crate) fn crash(&mut self, id: u64) {
        let member = self.members.remove(&id).expect("a member");
        let mut next = Member::new(member.config, member.disk.restored(), self.oversight);
        next.is_slow = member.is_slow;
        next.is_lazy = member.is_lazy;
        next.gives_snapshots = member.gives_snapshots;
        self.members.insert(id, next);
    }

    // The flow of messages.

    /// Takes the Readys of one peer.
    pub(crate) fn turn(&mut self, id: u64) {
        while let Some(mut ready) = self.member(id).node.ready() {
            self.send(std::mem::take(&mut ready.messages));
            let member = self.member(id);
            member.facts.append(&mut ready.facts);
            member.reads.append(&mut ready.reads);
            member.give_snapshots(&ready);
            if ready.snapshot.is_some() {
                // It stands for what was not applied.
                member.to_apply.clear();
            }
            let committed = std::mem::take(&mut ready.committed);
            member.to_apply.extend(committed);
            if !member.is_lazy {
                member.apply_all();
            }
            member.writing.push_back(ready);
            if !member.is_slow {
                self.write_one(id);
            }
        }
        let (node, leaders) = (&self.members[&id].node, &mut self.leaders);
        if node.role() == Role::Leader {
            let first = *leaders.entry(node.term()).or_insert(id);
            assert_eq!(first, id, "two leaders of {}", node.term());
        }
    }

    fn send(&mut self, messages: Vec<Message>) {
        self.sent.extend(messages.iter().cloned());
        self.in_transit.extend(messages);
    }

    fn write_one(&mut self, id: u64) {
        let member = self.member(id);
        if let Some(ready) = member.writing.pop_front() {
            member.disk.write(&ready);
            member.node.persisted(ready.number);
            if let Some(snapshot) = &ready.snapshot {
                member.node.applied(snapshot.last.index);
            }
            self.send(ready.messages_after_persist);
        }
    }

    /// Finishes the oldest write of a slow disk; what waited for it is in transit then.
    pub(crate) fn finish_write(&mut self, id: u64) {
        self.write_one(id);
        self.turn(id);
    }

    /// Has a lazy host apply what it was given.
    pub(crate) fn apply(&mut self, id: u64) {
        self.member(id).apply_all();
    }

    /// Takes the Readys of all peers; nothing is delivered.
    pub(crate) fn turn_all(&mut self) {
        let ids: Vec<u64> = self.members.keys().copied().collect();
        for id in ids {
            self.turn(id);
        }
    }

    /// Delivers messages in order until nobody has anything to say.
    pub(crate) fn settle(&mut self) {
        self.turn_all();
        for _ in 0..MESSAGES_MAX {
            let Some(message) = self.in_transit.pop_front() else {
                self.check_agreement();
                return;
            };
            self.deliver(message);
        }
        panic!("no silence; next is {:?}", self.in_transit[0]);
    }

    /// Delivers one message, unless a cut or a filter is in its way.
    pub(crate) fn deliver(&mut self, message: Message) {
        let (from, to) = (message.from.get(), message.to.get());
        let is_lost =
            self.cuts.contains(&(from, to)) || self.ignored.contains(&message.body.kind());
        if let (false, Some(member)) = (is_lost, self.members.get_mut(&to)) {
            match member.node.step(message) {
                // Who was removed may still answer.
                Ok(()) | Err(raft::StepError::UnknownPeer { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            self.turn(to);
        }
    }

    /// Sends a message that the test made up, and all that follows from it.
    pub(crate) fn inject(&mut self, from: u64, to: u64, of: u64, body: MessageBody) {
        self.send(vec![message(from, to, of, body)]);
        self.settle();
    }

    // What hosts ask for, each with all that follows from it.

    pub(crate) fn campaign(&mut self, id: u64) {
        self.node_mut(id).campaign();
        self.settle();
    }

    /// Several peers campaign before a message is delivered.
    pub(crate) fn campaign_together(&mut self, ids: &[u64]) {
        for &id in ids {
            self.node_mut(id).campaign();
        }
        self.settle();
    }

    pub(crate) fn propose(&mut self, id: u64, data: &'static str) {
        self.node_mut(id)
            .propose(Bytes::from_static(data.as_bytes()))
            .expect("a leader");
        self.settle();
    }

    pub(crate) fn change(&mut self, id: u64, change: &ConfChange) {
        self.node_mut(id)
            .propose_conf_change(change)
            .expect("a leader without a pending change");
        self.settle();
    }

    pub(crate) fn transfer(&mut self, id: u64, to: u64) {
        self.node_mut(id)
            .transfer_leader(peer(to))
            .expect("a voter");
        self.settle();
    }

    pub(crate) fn read(&mut self, id: u64, read: u64) {
        self.node_mut(id)
            .read_index(ReadId(read))
            .expect("a known leader");
        self.settle();
    }

    /// Lets a leader send its heartbeats.
    pub(crate) fn beat(&mut self, id: u64) {
        let ticks = self.member(id).config.heartbeat_ticks;
        self.pass(id, ticks);
    }

    pub(crate) fn pass(&mut self, id: u64, ticks: u32) {
        self.node_mut(id).advance_ticks(ticks);
        self.settle();
    }

    /// Ticks pass one by one for a peer that hears nobody meanwhile, until it campaigns. What it
    /// says is not delivered yet.
    pub(crate) fn time_out(&mut self, id: u64) {
        let node = self.node_mut(id);
        let ticks = node.ticks_to_deadline();
        node.advance_ticks(ticks);
        assert!(matches!(node.role(), Role::Candidate | Role::PreCandidate));
    }

    /// Compacts a peer's log as far as it applied.
    pub(crate) fn compact(&mut self, id: u64) {
        let member = self.member(id);
        let (before, applied) = (member.node.log().truncated(), member.node.applied_index());
        member.node.compact(applied).expect("it is applied");
        let after = member.node.log().truncated();
        if after != before {
            member.disk.compact(after);
        }
    }

    // What can be seen.

    pub(crate) fn roles(&self) -> Vec<Role> {
        self.members.values().map(|m| m.node.role()).collect()
    }

    pub(crate) fn terms(&self) -> Vec<u64> {
        self.members.values().map(|m| m.node.term().get()).collect()
    }

    pub(crate) fn commits(&self) -> Vec<u64> {
        let commit = |m: &Member<O>| m.node.commit().get();
        self.members.values().map(commit).collect()
    }

    pub(crate) fn log_terms(&self, id: u64) -> Vec<u64> {
        log_terms(self.node(id))
    }

    /// The commands that a peer applied, without no-ops and membership changes.
    pub(crate) fn applied(&self, id: u64) -> Vec<Bytes> {
        let applied = self.members[&id].applied.iter();
        applied
            .filter(|entry| entry.kind == EntryKind::Normal)
            .map(|entry| entry.data.clone())
            .collect()
    }

    /// How many messages of a kind were sent so far.
    pub(crate) fn count_sent(&self, kind: MessageKind) -> usize {
        let is_kind = |message: &&Message| message.body.kind() == kind;
        self.sent.iter().filter(is_kind).count()
    }

    /// State machine safety: no two peers applied different entries at one index.
    fn check_agreement(&self) {
        let mut applied: BTreeMap<LogIndex, &Entry> = BTreeMap::new();
        for entry in self.members.values().flat_map(|member| &member.applied) {
            let first = *applied.entry(entry.index).or_insert(entry);
            assert_eq!(first, entry, "two peers applied different entries");
        }
    }
}
