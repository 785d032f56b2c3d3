//! What a peer does by the clock: compacting, checking its size, reporting to the scheduler.

use serde::Serialize;
use types::{
    id::PeerId,
    raft::{LogPosition, Role},
    scheduler::{RegionHeartbeat, ToScheduler},
    store::{Proposal, ReadMode},
};

use super::{Peer, Turn};
use crate::apply::RAW;

/// When the next of each duty is due, in ticks of the store's clock.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Duties {
    compact: u64,
    check_size: u64,
    report: u64,
    /// Whether it led when it looked last.
    led: bool,
}

impl Duties {
    /// The scheduler shall hear of the region at once.
    pub(super) const fn report_now(&mut self) {
        self.report = 0;
    }
}

impl Peer {
    pub(super) fn do_duties(&mut self, turn: &mut Turn<'_>) {
        self.compact_own(turn);
        let leads = self.raft.role() == Role::Leader;
        if leads && !self.duties.led {
            self.duties.report_now();
        }
        self.duties.led = leads;
        if !leads {
            return;
        }
        self.give_up_snapshots(turn);
        if turn.ticks >= self.duties.compact {
            self.duties.compact = turn.ticks + 1;
            self.ask_to_compact(turn);
        }
        if turn.ticks >= self.duties.check_size {
            self.duties.check_size = turn.ticks + u64::from(turn.options.split_check_ticks);
            self.check_size(turn);
        }
        if turn.ticks >= self.duties.report {
            self.duties.report = turn.ticks + u64::from(turn.options.region_heartbeat_ticks);
            self.report(turn);
        }
    }

    /// MIT 6.824: each server compacts its own log once that has grown too long.
    fn compact_own(&mut self, turn: &Turn<'_>) {
        let limit = turn.options.max_raft_state_bytes;
        let log = self.raft.log();
        if limit == 0 || self.applied <= log.truncated().index {
            return;
        }
        let entries = log.entries(log.first_index(), log.last_index());
        let bytes: u64 = entries.map(|entry| entry.data.len() as u64).sum();
        if bytes >= limit
            && let Some(term) = log.term(self.applied)
        {
            let index = self.applied;
            self.compact_to(LogPosition { index, term });
        }
    }

    /// TinyKV: a leader asks its group to drop what it has applied, however far the others are.
    fn ask_to_compact(&mut self, turn: &Turn<'_>) {
        let limit = turn.options.log_gc_entries;
        let first = self.raft.log().first_index();
        if limit > 0 && self.applied.since(first) >= limit {
            self.propose_compaction(1);
        }
    }

    /// Asks the group to drop its log but for `keep` applied entries.
    pub(crate) fn propose_compaction(&mut self, keep: u64) -> bool {
        let index = types::raft::LogIndex::new(self.applied.get().saturating_sub(keep));
        let log = self.raft.log();
        if index <= log.truncated().index {
            return false;
        }
        let Some(term) = log.term(index) else {
            return false;
        };
        let to = LogPosition { index, term };
        self.propose_own(&Proposal::CompactLog { to })
    }

    fn check_size(&self, turn: &mut Turn<'_>) {
        let limit = turn.options.region_max_bytes;
        if limit > 0 && self.data.bytes() > limit {
            self.ask_split(turn.options.region_split_bytes, turn);
        }
    }

    /// Asks for the ids of a split in halves.
    pub(crate) fn ask_split_in_halves(&self, turn: &mut Turn<'_>) {
        self.ask_split(self.data.bytes() / 2, turn);
    }

    fn ask_split(&self, bytes: u64, turn: &mut Turn<'_>) {
        if let Some(key) = self.data.key_beyond(RAW, bytes) {
            self.ask_split_at(key, turn);
        }
    }

    /// Asks for the ids of a split.
    pub(crate) fn ask_split_at(&self, key: bytes::Bytes, turn: &mut Turn<'_>) {
        if key > self.region.start && self.region.contains(&key) {
            let region = self.region.clone();
            let word = ToScheduler::AskSplit { region, key };
            turn.output.to_scheduler.push(word);
        }
    }

    fn report(&self, turn: &mut Turn<'_>) {
        let truncated = self.raft.log().truncated().index;
        let is_pending = |follower: &&raft::progress::Progress| follower.matched() < truncated;
        let pending = self.raft.progress().filter(is_pending);
        let pending: Vec<PeerId> = pending.map(raft::progress::Progress::id).collect();
        let heartbeat = RegionHeartbeat {
            region: self.region.clone(),
            leader: self.name,
            pending,
            learners: self.raft.conf_state().learners.clone(),
            approximate_size: Some(self.data.bytes()),
        };
        turn.output
            .to_scheduler
            .push(ToScheduler::Region(heartbeat));
    }
}

/// Whether a read of this mode needs a lease.
pub(crate) const fn needs_lease(mode: ReadMode) -> bool {
    matches!(mode, ReadMode::Lease)
}
