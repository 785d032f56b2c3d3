//! A handful of peers whose messages and disks are moved by hand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use raft::{Config, Overseen, Oversight, Ready, Restored, Rules};
use types::id::PeerId;
use types::raft::{
    AppendResult, Entry, EntryKind, HardState, LogIndex, LogPosition, Message, MessageBody,
    MessageKind, RaftFact, Role, Term,
};

/// Everything that a peer does is told, unless a test wants it otherwise.
pub(crate) type RawNode = raft::RawNode<Overseen>;

/// Messages that a group may exchange before it falls silent.
const MESSAGES_MAX: usize = 20_000;

pub(crate) fn peer(id: u64) -> PeerId {
    PeerId::new(id)
}

pub(crate) fn term(term: u64) -> Term {
    Term::new(term)
}

pub(crate) fn index(index: u64) -> LogIndex {
    LogIndex::new(index)
}

pub(crate) fn position(at: u64, of: u64) -> LogPosition {
    LogPosition {
        index: index(at),
        term: term(of),
    }
}

pub(crate) fn hard_state(of: u64, vote: u64, commit: u64) -> HardState {
    HardState {
        term: term(of),
        vote: (vote != 0).then(|| peer(vote)),
        commit: index(commit),
    }
}

pub(crate) fn entry(at: u64, of: u64) -> Entry {
    Entry {
        term: term(of),
        index: index(at),
        kind: EntryKind::Normal,
        data: Bytes::from(format!("{of}.{at}")),
    }
}

/// Entries of these terms from index 1 on.
pub(crate) fn entries(terms: &[u64]) -> Vec<Entry> {
    (1..).zip(terms).map(|(at, &of)| entry(at, of)).collect()
}

/// A disk that holds entries of these terms, and the last of them as the current term.
pub(crate) fn restored(terms: &[u64]) -> Restored {
    Restored {
        hard_state: hard_state(terms.last().copied().unwrap_or(0), 0, 0),
        entries: entries(terms),
        ..Restored::default()
    }
}

pub(crate) fn config(id: u64, peers: u64) -> Config {
    Config {
        seed: id,
        ..Config::new(peer(id), (1..=peers).map(peer).collect())
    }
}

/// A single peer out of `peers`, without any other around it.
pub(crate) fn lone(id: u64, peers: u64, restored: Restored) -> RawNode {
    start(config(id, peers), restored)
}

pub(crate) fn start(config: Config, restored: Restored) -> RawNode {
    start_with(config, restored, Overseen::TRACED)
}

pub(crate) fn start_with<O: Oversight>(
    config: Config,
    restored: Restored,
    oversight: O,
) -> raft::RawNode<O> {
    raft::RawNode::with_oversight(config, restored, oversight).expect("a valid start")
}

pub(crate) fn message(from: u64, to: u64, of: u64, body: MessageBody) -> Message {
    Message {
        from: peer(from),
        to: peer(to),
        term: term(of),
        body,
    }
}

pub(crate) fn append(prev: LogPosition, entries: Vec<Entry>, commit: u64) -> MessageBody {
    MessageBody::Append {
        prev,
        entries: entries.into(),
        commit: index(commit),
    }
}

pub(crate) fn matched(at: u64) -> MessageBody {
    MessageBody::AppendResponse {
        result: AppendResult::Matched { index: index(at) },
    }
}

pub(crate) fn vote(granted: bool) -> MessageBody {
    MessageBody::RequestVoteResponse {
        granted,
        commit: LogPosition::default(),
    }
}

pub(crate) fn heartbeat(commit: u64) -> MessageBody {
    MessageBody::Heartbeat {
        commit: index(commit),
        round: 0,
    }
}

pub(crate) fn request_vote(last: LogPosition) -> MessageBody {
    MessageBody::RequestVote {
        last,
        transfer: false,
        commit: LogPosition::default(),
    }
}

/// Takes all Readys of a lone peer with a fast disk: the messages that it sent.
pub(crate) fn drain<O: Oversight>(node: &mut raft::RawNode<O>) -> Vec<Message> {
    drain_all(node).0
}

/// Takes all Readys of a lone peer with a fast disk: messages, applied entries, facts.
pub(crate) fn drain_all<O: Oversight>(
    node: &mut raft::RawNode<O>,
) -> (Vec<Message>, Vec<Entry>, Vec<RaftFact>) {
    let (mut messages, mut applied, mut facts) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(ready) = node.ready() {
        node.persisted(ready.number);
        messages.extend(ready.messages);
        messages.extend(ready.messages_after_persist);
        if let Some(last) = ready.committed.last() {
            node.applied(last.index);
        }
        applied.extend_from_slice(&ready.committed);
        facts.extend(ready.facts);
    }
    (messages, applied, facts)
}

/// Makes a lone peer of three a leader in its next term, with 2's vote.
pub(crate) fn lead<O: Oversight>(node: &mut raft::RawNode<O>) {
    node.campaign();
    drain(node);
    let of = node.term().get();
    let granted = message(2, node.id().get(), of, vote(true));
    node.step(granted).expect("a vote");
    assert_eq!(node.role(), Role::Leader);
}

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub(crate) hard_state: HardState,
    pub(crate) entries: Vec<Entry>,
}

impl Disk {
    fn write(&mut self, ready: &Ready) {
        if let Some(hard_state) = ready.hard_state {
            self.hard_state = hard_state;
        }
        if let Some(first) = ready.entries.first() {
            self.entries.retain(|entry| entry.index < first.index);
            self.entries.extend(ready.entries.iter().cloned());
        }
    }
}

pub(crate) struct Member {
    pub(crate) config: Config,
    pub(crate) node: RawNode,
    pub(crate) disk: Disk,
    pub(crate) applied: Vec<Entry>,
    pub(crate) facts: Vec<RaftFact>,
    /// Readys on their way to a slow disk.
    pub(crate) writing: VecDeque<Ready>,
    pub(crate) is_slow: bool,
}

pub(crate) struct Group {
    pub(crate) members: BTreeMap<u64, Member>,
    pub(crate) in_transit: VecDeque<Message>,
    cuts: BTreeSet<(u64, u64)>,
    ignored: BTreeSet<MessageKind>,
    oversight: Overseen,
}

impl Group {
    pub(crate) fn new(peers: u64) -> Self {
        Self::from_logs(&vec![&[][..]; usize::try_from(peers).expect("few peers")])
    }

    /// A group of which the n-th peer starts with a log of the n-th terms.
    pub(crate) fn from_logs(logs: &[&[u64]]) -> Self {
        let peers = logs.len() as u64;
        Self::from_configs(
            (1..=peers)
                .zip(logs)
                .map(|(id, terms)| (config(id, peers), restored(terms)))
                .collect(),
        )
    }

    /// A group that decides by `rules`.
    pub(crate) fn with_rules(peers: u64, rules: &'static Rules) -> Self {
        let starts = (1..=peers).map(|id| (config(id, peers), Restored::default()));
        let oversight = Overseen { rules, trace: true };
        Self::overseen(starts.collect(), oversight)
    }

    pub(crate) fn from_configs(starts: Vec<(Config, Restored)>) -> Self {
        Self::overseen(starts, Overseen::TRACED)
    }

    fn overseen(starts: Vec<(Config, Restored)>, oversight: Overseen) -> Self {
        let members = starts.into_iter().map(|(config, restored)| {
            let disk = Disk {
                hard_state: restored.hard_state,
                entries: restored.entries.clone(),
            };
            let node = start_with(config.clone(), restored, oversight);
            let member = Member {
                config,
                node,
                disk,
                applied: Vec::new(),
                facts: Vec::new(),
                writing: VecDeque::new(),
                is_slow: false,
            };
            (member.node.id().get(), member)
        });
        Self {
            members: members.collect(),
            in_transit: VecDeque::new(),
            cuts: BTreeSet::new(),
            ignored: BTreeSet::new(),
            oversight,
        }
    }

    pub(crate) fn node(&self, id: u64) -> &RawNode {
        &self.members[&id].node
    }

    pub(crate) fn member(&mut self, id: u64) -> &mut Member {
        self.members.get_mut(&id).expect("a member")
    }

    /// Takes a peer away for good: it never answers again.
    pub(crate) fn silence(&mut self, id: u64) {
        self.members.remove(&id);
    }

    pub(crate) fn cut(&mut self, a: u64, b: u64) {
        self.cuts.extend([(a, b), (b, a)]);
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

    /// Takes the Readys of one peer; its disk writes at once unless it is slow.
    pub(crate) fn turn(&mut self, id: u64) {
        let member = self.members.get_mut(&id).expect("a member");
        while let Some(mut ready) = member.node.ready() {
            self.in_transit.extend(std::mem::take(&mut ready.messages));
            if let Some(last) = ready.committed.last() {
                let durable = member.disk.entries.last().map(|entry| entry.index);
                assert!(Some(last.index) <= durable, "applied before durable");
                member.node.applied(last.index);
            }
            member.applied.extend_from_slice(&ready.committed);
            member.facts.append(&mut ready.facts);
            member.writing.push_back(ready);
            if !member.is_slow {
                let sent = Self::write_one(member);
                self.in_transit.extend(sent);
            }
        }
    }

    fn write_one(member: &mut Member) -> Vec<Message> {
        let Some(ready) = member.writing.pop_front() else {
            return Vec::new();
        };
        member.disk.write(&ready);
        member.node.persisted(ready.number);
        ready.messages_after_persist
    }

    /// Finishes the oldest write of a slow disk; what waited for it is in transit then.
    pub(crate) fn finish_write(&mut self, id: u64) {
        let sent = Self::write_one(self.member(id));
        self.in_transit.extend(sent);
        self.turn(id);
    }

    /// Ends the life of a peer with its unfinished writes, and starts it from its disk.
    pub(crate) fn crash(&mut self, id: u64) {
        let oversight = self.oversight;
        let member = self.member(id);
        let restored = Restored {
            hard_state: HardState {
                commit: member
                    .disk
                    .hard_state
                    .commit
                    .min(index(member.disk.entries.len() as u64)),
                ..member.disk.hard_state
            },
            entries: member.disk.entries.clone(),
            ..Restored::default()
        };
        member.writing.clear();
        member.applied.clear();
        member.node = start_with(member.config.clone(), restored, oversight);
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
        panic!(
            "the group does not fall silent; next is {:?}",
            self.in_transit[0]
        );
    }

    /// Delivers one message, unless a cut or a filter is in its way.
    pub(crate) fn deliver(&mut self, message: Message) {
        let (from, to) = (message.from.get(), message.to.get());
        let is_lost =
            self.cuts.contains(&(from, to)) || self.ignored.contains(&message.body.kind());
        if let (false, Some(member)) = (is_lost, self.members.get_mut(&to)) {
            member.node.step(message).expect("an honest message");
            self.turn(to);
        }
    }

    pub(crate) fn campaign(&mut self, id: u64) {
        self.member(id).node.campaign();
        self.settle();
    }

    pub(crate) fn propose(&mut self, id: u64, data: &'static str) {
        self.member(id)
            .node
            .propose(Bytes::from_static(data.as_bytes()))
            .expect("a leader");
        self.settle();
    }

    /// Lets a leader send its heartbeats.
    pub(crate) fn beat(&mut self, id: u64) {
        let ticks = self.member(id).config.heartbeat_ticks;
        self.member(id).node.advance_ticks(ticks);
        self.settle();
    }

    pub(crate) fn roles(&self) -> Vec<Role> {
        self.members.values().map(|m| m.node.role()).collect()
    }

    pub(crate) fn terms(&self) -> Vec<u64> {
        self.members.values().map(|m| m.node.term().get()).collect()
    }

    pub(crate) fn commits(&self) -> Vec<u64> {
        self.members
            .values()
            .map(|m| m.node.commit().get())
            .collect()
    }

    /// The terms of a peer's log.
    pub(crate) fn log_terms(&self, id: u64) -> Vec<u64> {
        log_terms(self.node(id))
    }

    /// The commands that a peer applied, without no-ops.
    pub(crate) fn applied(&self, id: u64) -> Vec<Bytes> {
        let applied = self.members[&id].applied.iter();
        applied
            .filter(|entry| entry.kind == EntryKind::Normal)
            .map(|entry| entry.data.clone())
            .collect()
    }

    /// State machine safety: no two peers applied different entries at one index.
    fn check_agreement(&self) {
        for a in self.members.values() {
            for b in self.members.values() {
                for (left, right) in a.applied.iter().zip(&b.applied) {
                    assert_eq!(left, right, "two peers applied different entries");
                }
            }
        }
    }
}

pub(crate) fn log_terms(node: &RawNode) -> Vec<u64> {
    node.log()
        .entries(node.log().first_index(), node.log().last_index())
        .map(|entry| entry.term.get())
        .collect()
}
