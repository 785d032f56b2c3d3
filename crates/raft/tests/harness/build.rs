//! Short names for the values that tests are written in.

use bytes::Bytes;
use raft::{Config, Oversight, RawNode, ReadState, Ready, Restored};
use types::id::PeerId;
use types::raft::{
    AppendResult, ConfChange, ConfState, Entry, EntryKind, HardState, LogIndex, LogPosition,
    Message, MessageBody, Preset, RaftFact, ReadId, Role, SingleChange, Snapshot, Term, Transition,
};

use super::apply;

pub(crate) fn peer(id: u64) -> PeerId {
    PeerId::new(id)
}

pub(crate) fn peers(ids: &[u64]) -> Vec<PeerId> {
    ids.iter().copied().map(peer).collect()
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

/// A hard state; vote 0 is none.
pub(crate) fn hard_state(of: u64, vote: u64, commit: u64) -> HardState {
    HardState {
        term: term(of),
        vote: (vote != 0).then(|| peer(vote)),
        commit: index(commit),
    }
}

/// The entry that a fresh log of [`entries`] has there.
pub(crate) fn entry(at: u64, of: u64) -> Entry {
    command(at, of, &format!("{of}.{at}"))
}

pub(crate) fn command(at: u64, of: u64, data: &str) -> Entry {
    Entry {
        term: term(of),
        index: index(at),
        kind: EntryKind::Normal,
        data: Bytes::from(data.to_owned()),
    }
}

pub(crate) fn no_op(at: u64, of: u64) -> Entry {
    Entry {
        term: term(of),
        index: index(at),
        kind: EntryKind::NoOp,
        data: Bytes::new(),
    }
}

/// Entries of these terms from index 1 on.
pub(crate) fn entries(terms: &[u64]) -> Vec<Entry> {
    (1..).zip(terms).map(|(at, &of)| entry(at, of)).collect()
}

/// A disk that holds entries of these terms and the last of them as the current term.
pub(crate) fn restored(terms: &[u64]) -> Restored {
    let last = terms.last().copied().unwrap_or(0);
    restored_with(hard_state(last, 0, 0), terms)
}

pub(crate) fn restored_with(hard_state: HardState, terms: &[u64]) -> Restored {
    Restored {
        hard_state,
        entries: entries(terms),
        ..Restored::default()
    }
}

/// A disk that holds a snapshot, applied, and nothing else.
pub(crate) fn restored_snapshot(last: LogPosition, voters: &[u64]) -> Restored {
    Restored {
        hard_state: HardState {
            term: last.term,
            vote: None,
            commit: last.index,
        },
        truncated: last,
        applied: last.index,
        conf_state: Some(ConfState::of_voters(peers(voters))),
        ..Restored::default()
    }
}

/// Peer `id` of a group of peers 1 to `count`, in the dialect of TinyKV: 10 ticks to an election,
/// 1 between heartbeats.
pub(crate) fn config(id: u64, count: u64) -> Config {
    config_as(Preset::TinyKv, id, count)
}

pub(crate) fn config_as(preset: Preset, id: u64, count: u64) -> Config {
    Config {
        seed: id,
        ..Config::preset(preset, peer(id), (1..=count).map(peer).collect())
    }
}

/// Peer `id` of 1 to `count` without any other around it.
pub(crate) fn lone(id: u64, count: u64, restored: Restored) -> RawNode {
    start(config(id, count), restored)
}

pub(crate) fn start(config: Config, restored: Restored) -> RawNode {
    RawNode::new(config, restored).expect("a valid start")
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

pub(crate) fn rejected(refused: u64, hint: LogPosition) -> MessageBody {
    MessageBody::AppendResponse {
        result: AppendResult::Rejected {
            refused: index(refused),
            hint,
        },
    }
}

pub(crate) fn request_vote(last: LogPosition) -> MessageBody {
    MessageBody::RequestVote {
        last,
        transfer: false,
        commit: position(0, 0),
    }
}

pub(crate) fn vote(granted: bool) -> MessageBody {
    MessageBody::RequestVoteResponse {
        granted,
        commit: position(0, 0),
    }
}

pub(crate) fn pre_vote(granted: bool) -> MessageBody {
    MessageBody::PreVoteResponse {
        granted,
        commit: position(0, 0),
    }
}

/// A heartbeat of no round, as leaders send it while no read and no lease needs to know.
pub(crate) fn heartbeat(commit: u64) -> MessageBody {
    heartbeat_of(commit, 0)
}

pub(crate) fn heartbeat_of(commit: u64, round: u64) -> MessageBody {
    MessageBody::Heartbeat {
        commit: index(commit),
        round,
    }
}

pub(crate) fn heard(commit: u64, last: u64, round: u64) -> MessageBody {
    MessageBody::HeartbeatResponse {
        commit: index(commit),
        last: index(last),
        round,
    }
}

pub(crate) fn snapshot(last: LogPosition, voters: &[u64]) -> Snapshot {
    Snapshot {
        last,
        conf_state: ConfState::of_voters(peers(voters)),
        ..Snapshot::default()
    }
}

pub(crate) fn snapshot_body(last: LogPosition, voters: &[u64]) -> MessageBody {
    MessageBody::Snapshot {
        snapshot: Box::new(snapshot(last, voters)),
    }
}

pub(crate) fn read(id: u64, at: u64) -> ReadState {
    ReadState {
        id: ReadId(id),
        index: index(at),
    }
}

pub(crate) fn add(id: u64) -> ConfChange {
    ConfChange::single(SingleChange::AddVoter(peer(id)))
}

pub(crate) fn add_learner(id: u64) -> ConfChange {
    ConfChange::single(SingleChange::AddLearner(peer(id)))
}

pub(crate) fn remove(id: u64) -> ConfChange {
    ConfChange::single(SingleChange::Remove(peer(id)))
}

pub(crate) fn change(transition: Transition, changes: &[SingleChange]) -> ConfChange {
    ConfChange {
        transition,
        changes: changes.to_vec(),
        context: Bytes::new(),
    }
}

/// What all Readys of a peer held together.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) messages: Vec<Message>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) committed: Vec<Entry>,
    pub(crate) snapshots_wanted: Vec<PeerId>,
    pub(crate) reads: Vec<ReadState>,
    pub(crate) facts: Vec<RaftFact>,
}

/// Takes all Readys of a lone peer, whose disk writes at once and whose host applies at once.
pub(crate) fn take<O: Oversight>(node: &mut RawNode<O>) -> Taken {
    let mut taken = Taken::default();
    while let Some(ready) = node.ready() {
        node.persisted(ready.number);
        if let Some(snapshot) = &ready.snapshot {
            node.applied(snapshot.last.index);
        }
        apply(node, &ready.committed);
        taken.messages.extend(ready.messages);
        taken.messages.extend(ready.messages_after_persist);
        taken.entries.extend(ready.entries);
        taken.committed.extend(ready.committed);
        taken.snapshots_wanted.extend(ready.snapshots_wanted);
        taken.reads.extend(ready.reads);
        taken.facts.extend(ready.facts);
    }
    taken
}

/// As [`take`], for the messages alone.
pub(crate) fn drain<O: Oversight>(node: &mut RawNode<O>) -> Vec<Message> {
    take(node).messages
}

/// Delivers an honest message.
pub(crate) fn step<O: Oversight>(node: &mut RawNode<O>, from: u64, of: u64, body: MessageBody) {
    let to = node.id().get();
    node.step(message(from, to, of, body))
        .expect("an honest message");
}

/// Makes a lone peer the leader of its next term with the votes of `voters`; what it says to its
/// followers then is not taken out yet.
pub(crate) fn elect<O: Oversight>(node: &mut RawNode<O>, voters: &[u64]) {
    node.campaign();
    drain(node);
    let of = node.term().get();
    for &voter in voters {
        step(node, voter, of, vote(true));
    }
    assert_eq!(node.role(), Role::Leader);
}

/// As [`elect`], and the first entries of its term are acknowledged by `voters` and committed.
pub(crate) fn settle_in<O: Oversight>(node: &mut RawNode<O>, voters: &[u64]) {
    elect(node, voters);
    drain(node);
    acknowledge(node, voters);
    drain(node);
}

/// Has `followers` acknowledge the whole log of a leader.
pub(crate) fn acknowledge<O: Oversight>(node: &mut RawNode<O>, followers: &[u64]) {
    let (of, last) = (node.term().get(), node.log().last_index().get());
    for &follower in followers {
        step(node, follower, of, matched(last));
    }
}

/// The terms of a peer's log.
pub(crate) fn log_terms<O: Oversight>(node: &RawNode<O>) -> Vec<u64> {
    let log = node.log();
    log.entries(log.first_index(), log.last_index())
        .map(|entry| entry.term.get())
        .collect()
}

/// The entries of a peer's log.
pub(crate) fn log_of<O: Oversight>(node: &RawNode<O>) -> Vec<Entry> {
    let log = node.log();
    log.entries(log.first_index(), log.last_index())
        .cloned()
        .collect()
}

/// A first Ready that holds entries to apply and nothing else.
pub(crate) fn only_to_apply(committed: Vec<Entry>) -> Ready {
    let mut ready = Ready::default();
    ready.number = 1;
    ready.committed = committed.into();
    ready
}
