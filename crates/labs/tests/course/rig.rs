//! A group of raw raft peers in virtual time, with the network of the 6.824 course.
//!
//! The base is 5 ms for each message and 1 ms for each write of a disk. The course's network
//! carries calls, and raft sends messages, so this is how one stands for the other:
//!
//! - A *call* is a request: a vote request, an append (a heartbeat is one here) or a snapshot.
//!   Calls and their bytes are counted when they leave, lost or not. An answer is no call.
//! - *Unreliable*: a request takes 0 to 26 ms more and is lost in one of ten cases, unseen; so is
//!   an answer, whose request then was carried out.
//! - *Long reordering*: two of three answers come 200 ms to 2.2 s late.
//! - *Disconnected*: what such a server sends or is sent is lost, and so is what is on its way when
//!   that begins and would arrive before it ends; answers held back by the reordering are not. A
//!   call that fails is silence: the course's delay before it fails only holds a caller up.
//! - *Crashed*: the server's life ends with all writes that the disk had not finished. The next
//!   life begins from the disk. What was sent to the earlier life is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use raft::Rules;
use types::codec;
use types::raft::Message;

use crate::dice::Dice;
use crate::server::{Server, TICK_MS, server_of};
use crate::tasks::{Next, Task};

/// How long a message is on its way at least.
const LATENCY_MS: u64 = 5;
/// How long a disk writes.
const WRITE_MS: u64 = 1;

/// Something that the course's test would not accept, and when it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    at_ms: u64,
    what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.at_ms / 1_000, self.at_ms % 1_000);
        write!(out, "{} ({seconds}.{rest:03} s)", self.what)
    }
}

/// What a check says.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// What happened in a run, for the floors of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Count {
    /// Terms that had a leader.
    Elections,
    /// Servers that were disconnected.
    Disconnects,
    /// Lives that were ended.
    Crashes,
    /// Requests that the unreliable network lost.
    LostRequests,
    /// Answers that it lost.
    LostAnswers,
    /// Answers that came late on purpose.
    LateAnswers,
    /// Indexes that some server applied.
    Applied,
    /// Writes that took entries of another leader from a disk.
    Overwrites,
    /// Snapshots that a server took of itself.
    SnapshotsTaken,
    /// Snapshots of a leader that took the place of a log.
    SnapshotsInstalled,
    /// Commands that a client of the churn saw committed.
    Remembered,
    /// Messages that raft refused as no correct peer's, which the course could not know. A host
    /// drops them. There is none of them under the correct rules.
    Refused,
}

impl Count {
    /// What is counted, for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Elections => "elections",
            Self::Disconnects => "disconnects",
            Self::Crashes => "crashes",
            Self::LostRequests => "lost requests",
            Self::LostAnswers => "lost answers",
            Self::LateAnswers => "late answers",
            Self::Applied => "indexes applied",
            Self::Overwrites => "overwrites",
            Self::SnapshotsTaken => "snapshots taken",
            Self::SnapshotsInstalled => "snapshots installed",
            Self::Remembered => "commands seen committed",
            Self::Refused => "messages refused",
        }
    }
}

/// A host that goes about its work wrongly, where no rule of raft can break what a test checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// As it should be.
    Correct,
    /// Sends every request four times.
    Repeats,
    /// Takes snapshots and keeps the log.
    KeepsItsLog,
    /// Has nothing on its disk when it starts again.
    Forgets,
}

impl Host {
    /// What it does, for people.
    pub(crate) const fn does(self) -> &'static str {
        match self {
            Self::Correct => "does its work",
            Self::Repeats => "sends every request four times",
            Self::KeepsItsLog => "never drops its log",
            Self::Forgets => "finds nothing when it starts again",
        }
    }
}

/// How a group is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) servers: usize,
    pub(crate) is_unreliable: bool,
    /// Whether a server takes a snapshot after every tenth command.
    pub(crate) has_snapshots: bool,
    pub(crate) rules: &'static Rules,
    pub(crate) host: Host,
}

/// What happens at an instant.
#[derive(Debug)]
pub(crate) enum Event {
    /// A message arrives, if the way is open still.
    Arrives(Message),
    /// An answer that was held back arrives.
    ArrivesLate(Message),
    Written,
    Tick,
    Turn,
    Task(Box<dyn Task>),
}

/// The group and everything around it.
#[derive(Debug)]
pub(crate) struct Rig {
    /// Virtual time in milliseconds.
    pub(crate) now: u64,
    pub(crate) servers: Vec<Server>,
    pub(crate) setup: Setup,
    /// The chance of the script.
    pub(crate) dice: Dice,
    /// The chance of the network.
    luck: Dice,
    pub(crate) is_unreliable: bool,
    pub(crate) has_long_reordering: bool,
    /// Requests that left.
    pub(crate) calls: u64,
    /// Their bytes.
    pub(crate) call_bytes: u64,
    pub(crate) counts: BTreeMap<Count, u64>,
    /// What was applied at each index, by whomever.
    pub(crate) chosen: BTreeMap<u64, Bytes>,
    pub(crate) terms_led: BTreeSet<u64>,
    /// Commands that clients saw committed.
    pub(crate) remembered: Vec<Bytes>,
    pub(crate) clients_stop: bool,
    /// Tasks that are not done.
    pub(crate) open_tasks: u64,
    failure: Option<Failure>,
    seed: u64,
    order: u64,
    /// By instant and order; each with the server and its life.
    queue: BTreeMap<(u64, u64), (usize, u64, Event)>,
}

impl Rig {
    /// A group that has just started, all servers connected.
    pub(crate) fn new(setup: Setup, seed: u64) -> Self {
        let mut rig = Self {
            now: 0,
            servers: (0..setup.servers).map(|_| Server::default()).collect(),
            setup,
            dice: Dice::new(seed, "script"),
            luck: Dice::new(seed, "network"),
            is_unreliable: setup.is_unreliable,
            has_long_reordering: false,
            calls: 0,
            call_bytes: 0,
            counts: BTreeMap::new(),
            chosen: BTreeMap::new(),
            terms_led: BTreeSet::new(),
            remembered: Vec::new(),
            clients_stop: false,
            open_tasks: 0,
            failure: None,
            seed,
            order: 0,
            queue: BTreeMap::new(),
        };
        for server in 0..setup.servers {
            rig.boot(server);
            rig.servers[server].is_connected = true;
        }
        rig
    }

    /// How many servers there are.
    pub(crate) fn len(&self) -> usize {
        self.servers.len()
    }

    /// Counts something for the floors.
    pub(crate) fn count(&mut self, what: Count) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A failure of this instant.
    pub(crate) fn failure(&self, what: impl Into<String>) -> Failure {
        Failure {
            at_ms: self.now,
            what: what.into(),
        }
    }

    /// Keeps the first failure; the script hears of it when it next lets time pass.
    pub(crate) fn fail(&mut self, what: impl Into<String>) {
        let failure = self.failure(what);
        self.failure.get_or_insert(failure);
    }

    // Time.

    /// Lets `ms` pass.
    pub(crate) fn sleep(&mut self, ms: u64) -> Outcome {
        let until = self.now + ms;
        while self.failure.is_none() {
            let Some(first) = self.queue.first_entry().filter(|e| e.key().0 <= until) else {
                self.now = until;
                return Ok(());
            };
            let ((at, _), (server, life, event)) = first.remove_entry();
            self.now = at;
            self.handle(server, life, event);
        }
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Has something happen to a server in `ms`, if its life lasts that long.
    pub(crate) fn schedule(&mut self, ms: u64, server: usize, event: Event) {
        self.order += 1;
        let life = self.servers[server].life;
        let key = (self.now + ms, self.order);
        self.queue.insert(key, (server, life, event));
    }

    /// Has a task begin now, beside the script.
    pub(crate) fn spawn(&mut self, task: Box<dyn Task>) {
        self.open_tasks += 1;
        self.schedule(0, 0, Event::Task(task));
    }

    fn handle(&mut self, server: usize, life: u64, event: Event) {
        let event = match event {
            Event::Task(task) => return self.poll(task),
            event => event,
        };
        if self.servers[server].life != life || self.servers[server].node.is_none() {
            return;
        }
        match event {
            Event::Arrives(message) => {
                if self.is_open(&message) {
                    self.arrives(server, message);
                }
            }
            Event::ArrivesLate(message) => self.arrives(server, message),
            Event::Written => self.written(server),
            Event::Tick => self.tick(server),
            Event::Turn => self.servers[server].has_turn = false,
            Event::Task(_) => {}
        }
        self.turn(server);
    }

    fn poll(&mut self, mut task: Box<dyn Task>) {
        match task.poll(self) {
            Ok(Next::Done) => self.open_tasks -= 1,
            Ok(Next::Again(ms)) => self.schedule(ms, 0, Event::Task(task)),
            Err(failure) => {
                self.failure.get_or_insert(failure);
            }
        }
    }

    fn arrives(&mut self, server: usize, message: Message) {
        let node = self.servers[server].node.as_mut().expect("it is up");
        if node.step(message).is_err() {
            self.count(Count::Refused);
        }
    }

    // Faults.

    fn boot(&mut self, server: usize) {
        let count = self.len();
        let seed = codec::hash_of(&(self.seed, server, self.servers[server].life));
        let phase = self.luck.below(TICK_MS);
        let booted = self.servers[server].boot(server, count, seed, self.setup.rules);
        match booted {
            Ok(()) => self.schedule(phase, server, Event::Tick),
            Err(error) => self.fail(format!("server {server} cannot start again: {error}")),
        }
    }

    /// Opens the ways between a server and all others that are connected.
    pub(crate) fn connect(&mut self, server: usize) {
        self.servers[server].is_connected = true;
    }

    /// Opens all ways of everybody.
    pub(crate) fn connect_all(&mut self) {
        for server in 0..self.len() {
            self.connect(server);
        }
    }

    /// Closes all ways of a server.
    pub(crate) fn disconnect(&mut self, server: usize) {
        if std::mem::take(&mut self.servers[server].is_connected) {
            self.count(Count::Disconnects);
        }
    }

    /// Ends the life of a server, which is disconnected then.
    pub(crate) fn crash(&mut self, server: usize) {
        if self.is_up(server) {
            self.servers[server].crash();
            self.count(Count::Crashes);
        }
    }

    /// Begins a new life, still disconnected; the one before ends.
    pub(crate) fn restart(&mut self, server: usize) {
        self.crash(server);
        if self.setup.host == Host::Forgets {
            self.servers[server].disk = Default::default();
        }
        self.boot(server);
    }

    /// Begins new lives of all that are down, and opens all ways.
    pub(crate) fn raise_all(&mut self) {
        for server in 0..self.len() {
            if !self.is_up(server) {
                self.restart(server);
            }
            self.connect(server);
        }
    }

    /// Whether a server lives.
    pub(crate) fn is_up(&self, server: usize) -> bool {
        self.servers[server].node.is_some()
    }

    // The network.

    /// Gives messages to the network.
    pub(crate) fn send(&mut self, messages: Vec<Message>) {
        for message in messages {
            let is_call = !message.body.kind().is_response();
            let repeats = is_call && self.setup.host == Host::Repeats;
            for _ in 0..if repeats { 4 } else { 1 } {
                if is_call {
                    self.calls += 1;
                    self.call_bytes += codec::encode(&message).len() as u64;
                }
                self.carry(message.clone(), is_call);
            }
        }
    }

    fn carry(&mut self, message: Message, is_call: bool) {
        if !self.is_open(&message) {
            return;
        }
        let to = server_of(message.to);
        let mut delay = LATENCY_MS;
        if self.is_unreliable {
            if is_call {
                delay += self.luck.below(27);
            }
            if self.luck.happens(100) {
                self.count(if is_call {
                    Count::LostRequests
                } else {
                    Count::LostAnswers
                });
                return;
            }
        }
        if self.has_long_reordering && !is_call && self.luck.below(3) < 2 {
            let most = 1 + self.luck.below(2_000);
            delay += 200 + self.luck.below(most);
            self.count(Count::LateAnswers);
            self.schedule(delay, to, Event::ArrivesLate(message));
        } else {
            self.schedule(delay, to, Event::Arrives(message));
        }
    }

    /// Whether both ends of a message's way are connected.
    fn is_open(&self, message: &Message) -> bool {
        let ends = [server_of(message.from), server_of(message.to)];
        ends.iter().all(|&end| self.servers[end].is_connected)
    }

    /// When a write that is given out now is durable; a disk does one after the other.
    pub(crate) fn write_delay(&mut self, server: usize, is_needed: bool) -> u64 {
        let now = self.now;
        let free_at = &mut self.servers[server].disk_free_at;
        *free_at = (*free_at).max(now) + if is_needed { WRITE_MS } else { 0 };
        *free_at - now
    }
}
