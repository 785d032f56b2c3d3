//! How the peers of a raw group are set up.

use raft::{CORRECT, Config, Lease, Limits, Overseen, Rules};
use serde::Serialize;
use types::{
    id::PeerId,
    io::BootConfig,
    raft::{ConfState, HardState, LogIndex, LogPosition, Term},
    time::StoreTime,
};

use super::state::State;

/// What every peer of a raw group is told when it starts. The dialect comes with the settings of
/// the cluster.
#[derive(Debug, Clone)]
pub struct GroupSetup {
    /// How many stores belong to the group at first: those with the lowest ids. The others hold
    /// peers that wait to be added. Nothing for all of them.
    pub first_voters: Option<u64>,
    /// Where the log of a fresh member begins: (5, 5) as in TinyKV makes a peer that is added
    /// later need a snapshot, which tells it who the others are. It must lie behind (0, 0) when
    /// the membership shall ever change.
    pub beginning: LogPosition,
    /// Reads by lease, where wanted.
    pub lease: Option<Lease>,
    /// How much a peer holds or sends at once.
    pub limits: Limits,
    /// How the host goes about its work.
    pub habits: Habits,
    /// The rules to decide by.
    pub rules: &'static Rules,
}

/// How a host goes about its work. Every habit is a correct one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Habits {
    /// Whether gets are answered by [`raft::RawNode::read_index`], on followers too, and not
    /// through the log.
    pub reads_by_index: bool,
    /// How many entries are applied at most each time the peer is looked after; nothing for all
    /// that there are.
    pub apply_at_once: Option<u64>,
    /// Writes that take the whole state machine along, in thousandths.
    pub flush_permille: u64,
    /// Snapshots that are not ready when they are asked for, in thousandths.
    pub not_ready_permille: u64,
}

impl Default for GroupSetup {
    fn default() -> Self {
        Self {
            first_voters: None,
            beginning: LogPosition::default(),
            lease: None,
            limits: Limits::default(),
            habits: Habits {
                reads_by_index: false,
                apply_at_once: None,
                flush_permille: 0,
                not_ready_permille: 0,
            },
            rules: &CORRECT,
        }
    }
}

impl GroupSetup {
    /// Where the log of a fresh region begins in TinyKV.
    pub const TINYKV_BEGINNING: LogPosition = LogPosition {
        index: LogIndex::new(5),
        term: Term::new(5),
    };

    /// The membership that the group starts with, of the peers that a cluster has.
    #[must_use]
    pub fn first_members(&self, peers: impl Iterator<Item = PeerId>) -> ConfState {
        let most = self
            .first_voters
            .and_then(|most| usize::try_from(most).ok());
        ConfState::of_voters(peers.take(most.unwrap_or(usize::MAX)).collect())
    }

    /// What a disk that holds nothing stands for.
    pub(super) fn fresh(&self, config: &BootConfig, own: PeerId) -> (HardState, State) {
        let peers = config.first_region.peers.iter();
        let members = self.first_members(peers.map(|peer| peer.id));
        if !members.contains(own) {
            return (HardState::default(), State::default());
        }
        let hard_state = HardState {
            term: self.beginning.term,
            vote: None,
            commit: self.beginning.index,
        };
        let state = State {
            applied: self.beginning,
            conf_state: members,
            ..State::default()
        };
        (hard_state, state)
    }

    pub(super) fn raft_config(&self, config: &BootConfig, own: PeerId, now: StoreTime) -> Config {
        let options = &config.options;
        // Whom a group starts with, its restored membership says.
        Config {
            election_ticks: options.election_ticks,
            heartbeat_ticks: options.heartbeat_ticks,
            lease: self.lease,
            limits: self.limits,
            seed: config.seed,
            clock_us: now.get(),
            ..Config::preset(options.preset, own, Vec::new())
        }
    }

    /// Everything is told: a run is judged by it.
    pub(super) const fn oversight(&self) -> Overseen {
        Overseen {
            rules: self.rules,
            trace: true,
        }
    }
}
