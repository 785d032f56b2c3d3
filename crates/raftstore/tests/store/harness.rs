//! A loop that runs stores in memory: one queue, disks that complete when told, and a judge that
//! looks at every output.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use raftstore::{
    Store,
    image::MemoryDisk,
    rows::{self, Content, RaftState, RegionState},
};
use types::{
    disk::{DiskImage, DiskWrite, Row, RowKey},
    event::EventId,
    id::{ClientId, Cycle, Incarnation, PeerId, RegionId, StoreId},
    io::{BootConfig, Delivered, Envelope, Input, Output, Stop, StoreOptions},
    raft::{AppendResult, MessageBody, Role},
    scheduler::ToScheduler,
    settings::Settings,
    store::{
        Command, Peer, PeerMessage, Region, RegionEpoch, Reply, Request, RequestId, StoreMessage,
    },
    time::StoreTime,
    view::{Fact, PeerView},
};

pub(crate) const R1: RegionId = RegionId::new(1);
pub(crate) const TICK_US: u64 = 50_000;

pub(crate) fn b(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub(crate) fn peer(n: u64) -> Peer {
    Peer {
        id: PeerId::new(n),
        store: StoreId::new(n),
    }
}

pub(crate) fn region(stores: u64) -> Region {
    Region {
        id: R1,
        start: Bytes::new(),
        end: Bytes::new(),
        epoch: RegionEpoch {
            conf_ver: 1,
            version: 1,
        },
        peers: (1..=stores).map(peer).collect(),
    }
}

pub(crate) fn config(store: u64, stores: u64, incarnation: u64) -> BootConfig {
    BootConfig {
        store: StoreId::new(store),
        incarnation: Incarnation::new(incarnation),
        seed: store * 1_000 + incarnation,
        first_region: region(stores),
        rules: None,
        options: StoreOptions {
            tick_us: TICK_US,
            heartbeat_ticks: 2,
            election_ticks: 10,
            preset: types::raft::Preset::TinyKv,
            ..Settings::default().store_options()
        },
        scheduler: Settings::default().scheduler_options(),
    }
}

pub(crate) fn put(key: &str, value: &str) -> Command {
    Command::Put {
        key: b(key),
        value: b(value),
    }
}

pub(crate) fn get(key: &str) -> Command {
    Command::Get { key: b(key) }
}

pub(crate) fn request(seq: u64, command: Command) -> Request {
    Request {
        id: RequestId {
            client: ClientId::new(1),
            seq,
        },
        region: R1,
        epoch: region(1).epoch,
        command,
        session: None,
    }
}

/// One node: a store that may be down, and its disk.
pub(crate) struct Node {
    pub(crate) id: StoreId,
    pub(crate) store: Option<Store>,
    pub(crate) disk: MemoryDisk,
    /// Every write that reached the disk.
    pub(crate) writes: Vec<DiskWrite>,
    open: Option<DiskWrite>,
    /// Whether writes stay open.
    pub(crate) disk_stalls: bool,
    wake_at: StoreTime,
    incarnation: u64,
}

impl Node {
    pub(crate) fn view(&self) -> PeerView {
        let view = self.store.as_ref().expect("the store is up").view();
        view.peers.into_iter().next().expect("it holds the region")
    }

    /// Lets the open write reach the disk without telling the store.
    pub(crate) fn store_disk(&mut self) {
        if let Some(write) = self.open.take() {
            self.disk.apply(&write);
            self.writes.push(write);
        }
    }

    pub(crate) fn has_open_write(&self) -> bool {
        self.open.is_some()
    }

    pub(crate) const fn wake_at(&self) -> StoreTime {
        self.wake_at
    }

    pub(crate) fn raft_state(&self) -> Option<RaftState> {
        self.raft_state_of(R1)
    }

    pub(crate) fn raft_state_of(&self, region: RegionId) -> Option<RaftState> {
        match self.row(RowKey::RaftState { region })? {
            Content::RaftState(state) => Some(state),
            other => panic!("{other:?}"),
        }
    }

    /// The region state on the disk.
    pub(crate) fn region_state(&self, region: RegionId) -> Option<RegionState> {
        match self.row(RowKey::RegionState { region })? {
            Content::RegionState(state) => Some(*state),
            other => panic!("{other:?}"),
        }
    }

    /// What a row of the disk holds.
    pub(crate) fn row(&self, key: RowKey) -> Option<Content> {
        let value = self.disk.rows().get(&key)?.clone();
        Some(rows::decode(&Row { key, value }).expect("a sound row"))
    }

    /// The peer of a region, where there is one.
    pub(crate) fn peer(&self, region: RegionId) -> Option<PeerView> {
        let view = self.store.as_ref()?.view();
        view.peers.into_iter().find(|peer| peer.region.id == region)
    }
}

pub(crate) struct Loop {
    pub(crate) nodes: Vec<Node>,
    queue: VecDeque<(StoreId, Input)>,
    pub(crate) now: u64,
    event: EventId,
    /// Stores whose messages are lost, both ways.
    pub(crate) cut: BTreeSet<StoreId>,
    pub(crate) replies: Vec<(StoreId, Reply)>,
    pub(crate) facts: Vec<(StoreId, Fact)>,
    /// Every output, as bytes.
    pub(crate) trace: Vec<Vec<u8>>,
    next_request: u64,
    /// On how many stores the first region begins.
    replicas: u64,
    /// What stores said to the scheduler, newest last.
    pub(crate) to_scheduler: Vec<(StoreId, ToScheduler)>,
    pub(crate) options: StoreOptions,
    /// How many writes came to an end.
    pub(crate) writes_seen: u64,
    /// Where a store is to die.
    pub(crate) crash: Option<CrashPlan>,
}

/// A store dies at one of the writes of a run, counted over all stores, and starts again at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrashPlan {
    pub(crate) nth: u64,
    /// Whether the write reaches the disk.
    pub(crate) write_lands: bool,
    /// Whether the store hears of that, and what it says then is lost; else it dies before.
    pub(crate) is_silent: bool,
}

impl Loop {
    pub(crate) fn new(stores: u64) -> Self {
        Self::with(stores, stores, config(1, 1, 1).options)
    }

    pub(crate) fn with(stores: u64, replicas: u64, options: StoreOptions) -> Self {
        let node = |n| Node {
            id: StoreId::new(n),
            store: None,
            disk: MemoryDisk::new(),
            writes: Vec::new(),
            open: None,
            disk_stalls: false,
            wake_at: StoreTime::ZERO,
            incarnation: 0,
        };
        let mut all = Self {
            nodes: (1..=stores).map(node).collect(),
            queue: VecDeque::new(),
            now: 1,
            event: EventId { segment: 1, seq: 0 },
            cut: BTreeSet::new(),
            replies: Vec::new(),
            facts: Vec::new(),
            trace: Vec::new(),
            next_request: 1,
            replicas,
            to_scheduler: Vec::new(),
            options,
            writes_seen: 0,
            crash: None,
        };
        for n in 1..=stores {
            all.start(n);
        }
        all
    }

    pub(crate) fn node(&mut self, n: u64) -> &mut Node {
        &mut self.nodes[n as usize - 1]
    }

    fn next_event(&mut self) -> EventId {
        self.event = self.event.next();
        self.event
    }

    /// Boots a store from its disk.
    pub(crate) fn start(&mut self, n: u64) {
        let (event, now) = (self.next_event(), StoreTime::new(self.now));
        let (replicas, options) = (self.replicas, self.options);
        let node = self.node(n);
        node.incarnation += 1;
        let config = BootConfig {
            options,
            ..config(n, replicas, node.incarnation)
        };
        let image = node.disk.image();
        let mut output = Output::default();
        let store = Store::boot(&config, &image, now, event, &mut output);
        node.store = Some(store.expect("a sound disk boots"));
        self.take(n, output);
    }

    /// Ends a store; what it had not on the disk is gone, what is on its way to it as well.
    pub(crate) fn kill(&mut self, n: u64, write_lands: bool) {
        let node = self.node(n);
        node.store = None;
        if write_lands {
            node.store_disk();
        }
        node.open = None;
        let id = node.id;
        self.queue
            .retain(|(to, input)| *to != id || !matches!(input, Input::Durable(_)));
    }

    /// Gives a store one input now.
    pub(crate) fn deliver(&mut self, n: u64, input: Input) {
        self.deliver_all(n, vec![input]);
    }

    pub(crate) fn deliver_all(&mut self, n: u64, inputs: Vec<Input>) {
        let inputs = inputs.into_iter().map(|input| Delivered {
            event: self.next_event(),
            input,
        });
        let inputs = inputs.collect();
        let now = StoreTime::new(self.now);
        let Some(store) = &mut self.node(n).store else {
            return;
        };
        let mut output = Output::default();
        store.handle(&Envelope { now, inputs }, &mut output);
        assert_eq!(output.stop, None::<Stop>);
        self.take(n, output);
    }

    fn take(&mut self, n: u64, output: Output) {
        self.judge(n, &output);
        self.trace.push(types::codec::encode(&output));
        let node = self.node(n);
        let id = node.id;
        node.wake_at = output.wake_at.expect("a store with a peer has a deadline");
        if let Some(write) = output.write {
            assert!(node.open.is_none(), "a second write while one is open");
            assert_eq!(write.cycle, node.disk.cycle().next());
            node.open = Some(write);
            self.queue.push_back((id, Input::Durable(Cycle::ZERO)));
        }
        for message in output.messages {
            let lost = self.cut.contains(&id) || self.cut.contains(&message.to.store);
            if !lost {
                let to = message.to.store;
                self.queue.push_back((to, Input::Message(message)));
            }
        }
        let words = output.to_scheduler.into_iter().map(|word| (id, word));
        self.to_scheduler.extend(words);
        let replies = output.replies.into_iter().map(|reply| (id, reply));
        self.replies.extend(replies);
        self.facts
            .extend(output.facts.into_iter().map(|fact| (id, fact)));
    }

    /// Whether what is said rests on the disk, and what is applied is durable.
    fn judge(&mut self, n: u64, output: &Output) {
        let node = self.node(n);
        for message in &output.messages {
            let PeerMessage::Raft(inner) = &message.body else {
                continue;
            };
            let disk = node.raft_state_of(message.region);
            let disk = disk.expect("nothing is said before the disk holds the peer");
            let durable = disk.hard_state;
            let (term, to) = (inner.term, inner.to);
            let is_kept = match &inner.body {
                MessageBody::RequestVote { last, .. } => {
                    durable.term == term
                        && durable.vote == Some(inner.from)
                        && (disk.last.term, disk.last.index) >= (last.term, last.index)
                }
                MessageBody::RequestVoteResponse { granted: true, .. } => {
                    durable.term == term && durable.vote == Some(to)
                }
                MessageBody::AppendResponse {
                    result: AppendResult::Matched { index },
                } => durable.term >= term && disk.last.index >= *index,
                // Heartbeats, appends and refusals promise nothing.
                _ => true,
            };
            assert!(is_kept, "{message:?} with {disk:?} on the disk");
        }
        if let Some(store) = &node.store {
            for peer in store.view().peers {
                assert!(peer.applied <= peer.persisted, "{peer:?}");
            }
        }
    }

    /// Lets the open write of a store reach its disk.
    pub(crate) fn complete(&mut self, n: u64) {
        if self.node(n).has_open_write() {
            self.writes_seen += 1;
            if let Some(plan) = self.crash.filter(|plan| plan.nth == self.writes_seen) {
                self.crash = None;
                self.die(n, plan);
                return;
            }
            let node = self.node(n);
            node.store_disk();
            let cycle = node.disk.cycle();
            self.deliver(n, Input::Durable(cycle));
        }
    }

    /// A store dies at its open write.
    fn die(&mut self, n: u64, plan: CrashPlan) {
        if plan.is_silent {
            let (before, lost) = (self.queue.len(), self.replies.len());
            let node = self.node(n);
            node.store_disk();
            let cycle = node.disk.cycle();
            self.deliver(n, Input::Durable(cycle));
            self.queue.truncate(before);
            self.replies.truncate(lost);
            self.kill(n, false);
        } else {
            self.kill(n, plan.write_lands);
        }
        self.start(n);
    }

    /// Carries out what is queued until nothing is left.
    pub(crate) fn settle(&mut self) {
        let mut stalled = VecDeque::new();
        while let Some((to, input)) = self.queue.pop_front() {
            let n = to.get();
            match input {
                Input::Durable(_) if self.node(n).disk_stalls => stalled.push_back((to, input)),
                Input::Durable(_) => self.complete(n),
                _ if self.cut.contains(&to) => {}
                input => self.deliver(n, input),
            }
        }
        self.queue = stalled;
    }

    /// Lets virtual time pass, in wake-ups, settling after each.
    pub(crate) fn run_ms(&mut self, ms: u64) {
        let end = self.now + ms * 1_000;
        loop {
            self.settle();
            let up = self.nodes.iter().filter(|node| node.store.is_some());
            let Some((at, id)) = up.map(|node| (node.wake_at, node.id)).min() else {
                break;
            };
            if at.get() > end {
                break;
            }
            self.now = self.now.max(at.get());
            self.deliver(id.get(), Input::Wake);
        }
        self.now = end;
    }

    /// The store that leads in the highest term.
    pub(crate) fn leader(&self) -> Option<u64> {
        let views = self.nodes.iter().filter(|node| node.store.is_some());
        let views = views.map(|node| (node.id, node.view()));
        let leaders = views.filter(|(_, view)| view.role == Role::Leader);
        let newest = leaders.max_by_key(|(_, view)| view.hard_state.term);
        newest.map(|(id, _)| id.get())
    }

    /// Runs until some store leads.
    pub(crate) fn elect(&mut self) -> u64 {
        for _ in 0..100 {
            self.run_ms(100);
            if let Some(leader) = self.leader() {
                return leader;
            }
        }
        panic!("no leader within ten seconds");
    }

    /// Gives a store a command; its request id.
    pub(crate) fn submit(&mut self, n: u64, command: Command) -> RequestId {
        let request = request(self.next_request, command);
        self.next_request += 1;
        let id = request.id;
        self.deliver(n, Input::Request(request));
        id
    }

    /// The answers to a request.
    pub(crate) fn answers(&self, id: RequestId) -> Vec<&Reply> {
        let replies = self.replies.iter().map(|(_, reply)| reply);
        replies.filter(|reply| reply.id == id).collect()
    }

    /// Submits, settles, and gives the only answer.
    pub(crate) fn ask(&mut self, n: u64, command: Command) -> Reply {
        let id = self.submit(n, command);
        self.settle();
        let answers = self.answers(id);
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers[0].clone()
    }

    pub(crate) fn images(&self) -> Vec<(StoreId, DiskImage)> {
        let images = self.nodes.iter();
        images.map(|node| (node.id, node.disk.image())).collect()
    }

    pub(crate) fn message(from: u64, to: u64, term: u64, body: MessageBody) -> StoreMessage {
        StoreMessage {
            region: R1,
            epoch: region(1).epoch,
            from: peer(from),
            to: peer(to),
            range: None,
            body: PeerMessage::Raft(types::raft::Message {
                from: PeerId::new(from),
                to: PeerId::new(to),
                term: types::raft::Term::new(term),
                body,
            }),
        }
    }
}

/// What the group says in a message.
pub(crate) fn raft(message: &StoreMessage) -> &types::raft::Message {
    message.body.raft().expect("a message of raft")
}

/// The same, to be changed.
pub(crate) fn raft_mut(message: &mut StoreMessage) -> &mut types::raft::Message {
    match &mut message.body {
        PeerMessage::Raft(inner) => inner,
        PeerMessage::Tombstone => panic!("a tombstone"),
    }
}
