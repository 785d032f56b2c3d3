//! One peer: its raft node, its disk side, its data, and the clients that wait.
//!
//! * [`ready`]: taking out what raft wants done, and what waits for the disk.
//! * [`propose`], [`read`]: commands on their way in; [`apply`]: on their way out of the log.
//! * [`change`], [`split`], [`snapshot`]: what changes the region itself. These are barriers: the
//!   rows that they make are durable before anything of the region goes on.
//! * [`housekeeping`]: what a leader does by the clock.

mod apply;
mod change;
mod housekeeping;
mod propose;
mod read;
mod ready;
mod snapshot;
mod split;

use std::collections::{BTreeMap, VecDeque};

use raft::{Overseen, RawNode};
use serde::Serialize;
use types::{
    codec,
    event::EventId,
    id::{PeerId, RegionId},
    io::{Output, StoreOptions},
    raft::{ConfState, Entry, EntryKind, HardState, LogIndex, LogPosition, Term},
    store::{Peer as PeerName, Proposal, Region, Reply, ReplyError, Request, RequestId},
    view::{Fact, FactBody},
};

use crate::{
    data::Data,
    rows::{PeerState, RegionState},
    sessions::Sessions,
    storage::{InFlight, PeerStorage},
};

use self::{housekeeping::Duties, read::Reads, snapshot::Installing};
pub(crate) use self::{housekeeping::needs_lease, ready::can_create};

/// Where a peer's doings go, and what caused them.
pub(crate) struct Turn<'a> {
    pub(crate) output: &'a mut Output,
    /// The event that triggered what happens now.
    pub(crate) cause: EventId,
    /// The completed write that it had waited for.
    pub(crate) waited_for: Option<EventId>,
    /// The store's clock in whole ticks.
    pub(crate) ticks: u64,
    pub(crate) options: StoreOptions,
    /// What the store has to do about it.
    pub(crate) effects: Vec<Effect>,
}

impl Turn<'_> {
    pub(crate) fn fact(&mut self, region: RegionId, body: FactBody) {
        self.output.facts.push(Fact {
            cause: self.cause,
            waited_for: self.waited_for,
            region,
            body,
        });
    }

    fn refuse(&mut self, id: RequestId, error: ReplyError) {
        let result = Err(error);
        self.output.replies.push(Reply { id, result });
    }
}

/// What a peer did that concerns the store.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Its region has another shape.
    Reshaped {
        /// The shape before; that of an uninitialised peer holds no key.
        before: Region,
        /// The shape now.
        after: Region,
    },
    /// Its region lost a part, which is a region now.
    Split(Box<Child>),
    /// It left its group, whose shape without it is this.
    Removed { region: Region },
}

/// A region that a split made.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) region: Region,
    pub(crate) conf_state: ConfState,
    pub(crate) data: Data,
    pub(crate) sessions: Sessions,
    /// Whether its peer here campaigns at once (TinyKV: the parent's leader does).
    pub(crate) campaigns: bool,
}

/// What was last told about the election timer: when it was reset, and its length, in ticks.
/// Nothing for a leader, which has none.
type TimerTold = Option<(u64, u32)>;

/// The replica of a region on this store.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Peer {
    /// The region as applied here; without peers while the peer is uninitialised.
    pub(crate) region: Region,
    pub(crate) name: PeerName,
    pub(crate) raft: RawNode<Overseen>,
    pub(crate) storage: PeerStorage,
    pub(crate) data: Data,
    pub(crate) sessions: Sessions,
    pub(crate) applied: LogIndex,
    /// The applied index that is known to be on the disk.
    pub(crate) flushed: LogIndex,
    /// Committed entries behind a barrier.
    waiting: VecDeque<Entry>,
    /// Requests in the log that have no answer yet. They stay when leadership is lost: only what
    /// is committed at their index tells what became of them.
    pending: BTreeMap<LogPosition, RequestId>,
    /// The last term of an entry that was applied: no request of an earlier one waits.
    answered_term: Term,
    reads: Reads,
    in_flight: Option<InFlight>,
    /// Whether a barrier is not durable yet.
    is_blocked: bool,
    /// Where the peers live that are known from their messages alone.
    known: BTreeMap<PeerId, PeerName>,
    /// Followers that need a snapshot, and when each was sent its last one, in ticks.
    snapshots_wanted: Vec<PeerId>,
    snapshots_sent: BTreeMap<PeerId, u64>,
    installing: Option<Box<Installing>>,
    duties: Duties,
    timer: Option<TimerTold>,
    /// Up to which tick of the store's clock raft has been told that time passes.
    pub(crate) ticked: u64,
}

/// What a peer starts with.
pub(crate) struct State {
    pub(crate) region: Region,
    pub(crate) storage: PeerStorage,
    pub(crate) data: Data,
    pub(crate) sessions: Sessions,
}

impl Peer {
    pub(crate) fn new(name: PeerName, raft: RawNode<Overseen>, state: State, ticks: u64) -> Self {
        let applied = state.storage.apply_state().applied;
        Self {
            region: state.region,
            name,
            raft,
            storage: state.storage,
            data: state.data,
            sessions: state.sessions,
            applied,
            flushed: applied,
            waiting: VecDeque::new(),
            pending: BTreeMap::new(),
            answered_term: Term::ZERO,
            reads: Reads::default(),
            in_flight: None,
            is_blocked: false,
            known: BTreeMap::new(),
            snapshots_wanted: Vec::new(),
            snapshots_sent: BTreeMap::new(),
            installing: None,
            duties: Duties::default(),
            timer: None,
            ticked: ticks,
        }
    }

    /// Everything waits for the write that creates the peer.
    pub(crate) fn wait_for_bootstrap(&mut self, event: EventId) {
        self.in_flight = Some(InFlight {
            creates: true,
            number: 0,
            messages: Vec::new(),
            flushes: None,
            cause: event,
            is_barrier: false,
        });
    }

    /// Whether it holds a range of keys. One that a message made does not, before its snapshot.
    pub(crate) fn is_initialised(&self) -> bool {
        !self.region.peers.is_empty()
    }

    /// Whether it may neither apply nor say anything before a barrier is durable.
    pub(crate) const fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// What it has promised.
    pub(crate) fn promised(&self) -> HardState {
        self.raft.hard_state()
    }

    /// Remembers where a peer lives that sent something.
    pub(crate) fn hear_of(&mut self, peer: PeerName) {
        if self.region.peer(peer.id).is_none() {
            self.known.insert(peer.id, peer);
        }
    }

    /// Where a peer lives.
    fn address(&self, peer: PeerId) -> Option<PeerName> {
        let known = || self.known.get(&peer).copied();
        self.region.peer(peer).or_else(known)
    }

    /// The state row of the region as it stands.
    pub(crate) fn region_state(&self, state: PeerState) -> RegionState {
        RegionState {
            state,
            region: self.region.clone(),
            peer: self.name.id,
            conf_state: self.raft.conf_state().clone(),
        }
    }

    /// Hands over rows that must be durable before anything of the region goes on.
    pub(crate) fn stage(&mut self, ops: Vec<types::disk::RowOp>, turn: &Turn<'_>) {
        self.storage.stage(self.applied, ops, turn.cause);
        self.is_blocked = true;
    }

    /// The rows that bring everything that is applied to the disk.
    fn flush_all(&mut self) -> Vec<types::disk::RowOp> {
        let mut ops = self.data.flush();
        ops.extend(self.sessions.flush(self.region.id));
        self.storage.flush_ops(self.applied, ops)
    }

    /// Nobody will learn from this peer any more what became of its requests up to `to`.
    pub(crate) fn give_up_requests(&mut self, to: LogIndex, turn: &mut Turn<'_>) {
        let region = self.region.id;
        while let Some(first) = self.pending.first_entry() {
            if first.key().index > to {
                break;
            }
            turn.refuse(first.remove(), ReplyError::Undetermined { region });
        }
    }

    /// The peer leaves the store: what waits for an answer gets one, as far as there is one.
    pub(crate) fn leave(&mut self, turn: &mut Turn<'_>) {
        let region = self.region.id;
        self.give_up_requests(self.raft.log().last_index(), turn);
        for id in self.reads.give_up() {
            turn.refuse(id, ReplyError::RegionNotFound { region });
        }
    }
}

/// What a normal entry holds; nothing when that is no command.
pub(crate) fn read_proposal(entry: &Entry) -> Option<Proposal> {
    match entry.kind {
        EntryKind::Normal => codec::decode(&entry.data).ok(),
        EntryKind::NoOp | EntryKind::ConfChange => None,
    }
}

/// The client's command of an entry; nothing when it holds none.
pub(crate) fn read_request(entry: &Entry) -> Option<Request> {
    match read_proposal(entry) {
        Some(Proposal::Request(request)) => Some(request),
        _ => None,
    }
}
