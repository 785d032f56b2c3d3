//! Snapshots: made from the state machine in memory, installed in the write that has the hard
//! state, and given up when nobody says that they arrived.

use raft::progress::ProgressState;
use types::{event::EventId, id::PeerId, io::Output, raft::Snapshot, view::FactBody};

use super::{GroupNode, disk::Batch, state::State};

/// After how many shortest election timeouts a snapshot counts as lost.
const LOST_AFTER: u64 = 2;

// The leader.

impl GroupNode {
    /// Provides the snapshots that raft asks for. One that is not ready is refused or passed over;
    /// raft asks again in both cases.
    pub(super) fn provide_snapshots(&mut self, wanted: &[PeerId]) {
        for &to in wanted {
            if self.dice.happens(self.habits.not_ready_permille) {
                if self.dice.happens(500) {
                    self.raft.report_snapshot(to, false);
                }
            } else if self.raft.send_snapshot(to, self.state.snapshot()).is_ok() {
                self.snapshots_sent.insert(to, self.ticks);
            }
        }
    }

    /// Reports the snapshots that nobody acknowledged in time.
    pub(super) fn give_up_snapshots(&mut self) {
        let is_sent = |state| matches!(state, ProgressState::Snapshot { last: Some(_) });
        let sent = self
            .raft
            .progress()
            .filter(|follower| is_sent(follower.state()));
        let open: Vec<PeerId> = sent.map(raft::progress::Progress::id).collect();
        self.snapshots_sent.retain(|to, _| open.contains(to));
        let (now, patience) = (self.ticks, LOST_AFTER * self.election_ticks);
        let is_lost = |since: &u64| now.saturating_sub(*since) >= patience;
        for to in open {
            if self.snapshots_sent.get(&to).is_some_and(is_lost) {
                self.snapshots_sent.remove(&to);
                self.raft.report_snapshot(to, false);
            }
        }
    }

    pub(super) fn snapshot_deadline(&self) -> Option<u64> {
        let since = self.snapshots_sent.values().min()?;
        Some(since + LOST_AFTER * self.election_ticks)
    }

    /// Whether the state machine goes along with the next write for no special reason.
    pub(super) fn maybe_flush(&mut self, batch: &mut Batch) {
        let by_chance = self.dice.happens(self.habits.flush_permille);
        batch.flush |= by_chance && batch.snapshot.is_none();
    }
}

// The follower.

impl GroupNode {
    /// A leader's snapshot goes to the disk. It takes the place of everything that is on its way
    /// there or waits to be applied.
    pub(super) fn take_snapshot(&mut self, snapshot: &Snapshot) {
        let Some(state) = State::of_snapshot(snapshot) else {
            self.impossible = Some("a snapshot holds no map".to_owned());
            return;
        };
        self.queue.clear();
        self.next.entries.clear();
        self.next.flush = false;
        self.next.snapshot = Some(state);
    }

    /// Whether a snapshot is on its way to the disk, so that the state machine in memory is not
    /// what the log continues.
    pub(super) fn is_replaced(&self) -> bool {
        let has_one = |batch: &Batch| batch.snapshot.is_some();
        has_one(&self.next) || self.open.as_ref().is_some_and(has_one)
    }

    /// A snapshot is durable: the state machine is the snapshot's.
    pub(super) fn install(&mut self, state: State, cause: EventId, output: &mut Output) {
        let to = state.index();
        self.waiting.retain(|index, _| *index > to);
        self.state = state;
        self.raft.applied(to);
        let body = FactBody::Applied {
            to,
            data_hash: self.state.data_hash(),
        };
        self.tell(cause, body, output);
    }
}
