//! One server: raft, its disk, and what its state machine was given. It lives several times; what
//! was meant for an earlier life never reaches a later one.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use raft::{Config, ConfigError, Overseen, RawNode, Ready, Rules};
use types::id::PeerId;
use types::raft::{Preset, Role, Snapshot};

use crate::disk::Disk;

/// Ticks of the shortest election timeout: 400 ms of 10 ms each. The longest is below 800 ms, since
/// the course gives a group 5 s to elect somebody and takes 1 s for what an election needs.
pub(crate) const ELECTION_TICKS: u32 = 40;
/// Ticks between heartbeats: 100 ms, since the course allows ten in a second.
const HEARTBEAT_TICKS: u32 = 10;
/// Milliseconds of a tick.
pub(crate) const TICK_MS: u64 = 10;

/// One server of a group.
#[derive(Debug, Default)]
pub(crate) struct Server {
    /// Nothing while it is down.
    pub(crate) node: Option<RawNode<Overseen>>,
    /// Counts its lives.
    pub(crate) life: u64,
    pub(crate) is_connected: bool,
    pub(crate) disk: Disk,
    /// Readys on their way to the disk, oldest first.
    pub(crate) writing: VecDeque<Ready>,
    /// When the disk is done with all of them.
    pub(crate) disk_free_at: u64,
    /// Whether a turn is due at this instant already.
    pub(crate) has_turn: bool,
    /// What this life applied, by index; of a snapshot only its last command.
    pub(crate) applied: BTreeMap<u64, Bytes>,
    pub(crate) applied_to: u64,
    /// When each follower's snapshot left.
    pub(crate) snapshots_sent: BTreeMap<PeerId, u64>,
}

/// The name of a server in raft.
pub(crate) fn peer(server: usize) -> PeerId {
    PeerId::new(server as u64 + 1)
}

/// The server of that name.
pub(crate) fn server_of(peer: PeerId) -> usize {
    usize::try_from(peer.get() - 1).expect("a small number")
}

impl Server {
    /// Begins a life from what the disk holds.
    pub(crate) fn boot(
        &mut self,
        own: usize,
        count: usize,
        seed: u64,
        rules: &'static Rules,
    ) -> Result<(), ConfigError> {
        self.life += 1;
        let config = Config {
            election_ticks: ELECTION_TICKS,
            heartbeat_ticks: HEARTBEAT_TICKS,
            seed,
            ..Config::preset(Preset::Mit6824, peer(own), (0..count).map(peer).collect())
        };
        let oversight = Overseen {
            rules,
            trace: false,
        };
        let restored = self.disk.restored();
        let (last, command) = self.disk.snapshot();
        self.applied_to = last.index.get();
        if self.applied_to > 0 {
            self.applied.insert(self.applied_to, command);
        }
        self.node = Some(RawNode::with_oversight(config, restored, oversight)?);
        Ok(())
    }

    /// Ends a life with everything that is not on the disk.
    pub(crate) fn crash(&mut self) {
        *self = Self {
            life: self.life,
            disk: std::mem::take(&mut self.disk),
            ..Self::default()
        };
    }

    /// Its term, and whether it believes that it leads; nothing while it is down.
    pub(crate) fn state(&self) -> Option<(u64, bool)> {
        let node = self.node.as_ref()?;
        Some((node.term().get(), node.role() == Role::Leader))
    }

    /// The snapshot on the disk, for a follower.
    pub(crate) fn snapshot(&self, node: &RawNode<Overseen>) -> Snapshot {
        let (last, data) = self.disk.snapshot();
        Snapshot {
            last,
            conf_state: node.conf_state().clone(),
            prefix_hash: 0,
            data,
        }
    }
}
