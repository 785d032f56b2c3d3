//! What a host does with a Ready, and what it does besides: disk, state machine, snapshots.

use raft::RawNode;
use types::raft::{Entry, LogPosition, Snapshot};

use crate::rig::{Count, Event, Host, Rig};
use crate::server::{ELECTION_TICKS, TICK_MS};

/// After how long without an answer a snapshot counts as lost.
const PATIENCE_MS: u64 = ELECTION_TICKS as u64 * TICK_MS;
/// Every how many commands a server takes a snapshot, in the tests that have them.
const SNAPSHOT_EVERY: u64 = 10;

impl Rig {
    /// Takes everything out of a peer that it has to give.
    pub(crate) fn turn(&mut self, at: usize) {
        while let Some(mut ready) = self.servers[at].node.as_mut().and_then(RawNode::ready) {
            self.note_election(at);
            self.send(std::mem::take(&mut ready.messages));
            for entry in &std::mem::take(&mut ready.committed) {
                self.apply(at, entry);
            }
            for to in std::mem::take(&mut ready.snapshots_wanted) {
                self.send_snapshot(at, to);
            }
            let delay = self.write_delay(at, ready.must_persist());
            self.servers[at].writing.push_back(ready);
            self.schedule(delay, at, Event::Written);
        }
    }

    /// A turn at this instant, once whoever acts now is done: what is proposed together is sent
    /// together.
    pub(crate) fn turn_soon(&mut self, at: usize) {
        if !std::mem::replace(&mut self.servers[at].has_turn, true) {
            self.schedule(0, at, Event::Turn);
        }
    }

    fn note_election(&mut self, at: usize) {
        if let Some((term, true)) = self.servers[at].state()
            && self.terms_led.insert(term)
        {
            self.count(Count::Elections);
        }
    }

    /// The oldest write is durable.
    pub(crate) fn written(&mut self, at: usize) {
        let server = &mut self.servers[at];
        let (Some(ready), Some(node)) = (server.writing.pop_front(), server.node.as_mut()) else {
            return;
        };
        let overwrites = server.disk.write(&ready);
        node.persisted(ready.number);
        if overwrites {
            self.count(Count::Overwrites);
        }
        if let Some(snapshot) = &ready.snapshot {
            self.install(at, snapshot);
        }
        self.send(ready.messages_after_persist);
    }

    /// Lets a tick pass, and gives up snapshots that nobody answered.
    pub(crate) fn tick(&mut self, at: usize) {
        let now = self.now;
        let server = &mut self.servers[at];
        let node = server.node.as_mut().expect("it is up");
        node.advance_ticks(1);
        server.snapshots_sent.retain(|&to, &mut since| {
            let is_lost = now - since >= PATIENCE_MS;
            if is_lost {
                node.report_snapshot(to, false);
            }
            !is_lost
        });
        self.schedule(TICK_MS, at, Event::Tick);
    }

    // The state machine.

    fn apply(&mut self, at: usize, entry: &Entry) {
        let index = entry.index.get();
        let before = self.servers[at].applied_to;
        if index != before + 1 {
            return self.fail(format!("server {at} applies {index} right after {before}"));
        }
        self.agree(at, entry.position(), &entry.data);
        let server = &mut self.servers[at];
        let node = server.node.as_mut().expect("it is up");
        node.applied(entry.index);
        if self.setup.has_snapshots && (index + 1).is_multiple_of(SNAPSHOT_EVERY) {
            self.take_snapshot(at, entry);
        }
    }

    /// Checks that nobody applied anything else at that index.
    fn agree(&mut self, at: usize, position: LogPosition, command: &bytes::Bytes) {
        let index = position.index.get();
        match self.chosen.get(&index) {
            Some(chosen) if chosen != command => {
                self.fail(format!("server {at} applies another command at {index}"));
            }
            Some(_) => {}
            None => {
                self.chosen.insert(index, command.clone());
                self.count(Count::Applied);
            }
        }
        let server = &mut self.servers[at];
        server.applied.insert(index, command.clone());
        server.applied_to = index;
    }

    // Snapshots. The whole state machine is its last command.

    fn take_snapshot(&mut self, at: usize, entry: &Entry) {
        self.count(Count::SnapshotsTaken);
        if self.setup.host == Host::KeepsItsLog {
            return;
        }
        let server = &mut self.servers[at];
        let node = server.node.as_mut().expect("it is up");
        match node.compact(entry.index) {
            Ok(()) => server.disk.compact(entry.position(), entry.data.clone()),
            Err(error) => self.fail(format!("server {at} cannot drop its log: {error}")),
        }
    }

    fn send_snapshot(&mut self, at: usize, to: types::id::PeerId) {
        let now = self.now;
        let server = &mut self.servers[at];
        let Some(mut node) = server.node.take() else {
            return;
        };
        let sent = node.send_snapshot(to, server.snapshot(&node));
        server.snapshots_sent.insert(to, now);
        server.node = Some(node);
        if let Err(error) = sent {
            self.fail(format!("server {at} cannot send its snapshot: {error}"));
        }
    }

    /// A leader's snapshot is durable: the state machine is the snapshot's.
    fn install(&mut self, at: usize, snapshot: &Snapshot) {
        let (to, from) = (snapshot.last.index.get(), self.servers[at].applied_to);
        if to <= from {
            return self.fail(format!(
                "a snapshot takes server {at} from {from} back to {to}"
            ));
        }
        self.agree(at, snapshot.last, &snapshot.data);
        let node = self.servers[at].node.as_mut().expect("it is up");
        node.applied(snapshot.last.index);
        self.count(Count::SnapshotsInstalled);
    }

    /// The largest raft state on any disk, in bytes.
    pub(crate) fn raft_state_bytes(&self) -> usize {
        let sizes = self.servers.iter().map(|s| s.disk.raft_state_bytes());
        sizes.max().unwrap_or_default()
    }
}
