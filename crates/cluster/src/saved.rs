//! What survives the conductor: enough to go on with the same cluster.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use types::{
    codec,
    frame::{OPERATIONS_SHOWN, OperationFrame, OperationState},
    id::{Incarnation, StoreId},
    io::Stop,
    link::LinkPlan,
    settings::{SettingError, Settings},
    store::{Command, CommandResult},
    time::{StoreClock, VirtualTime},
};

use crate::{recording::INSTANT_MAX, workload::WorkloadPlan};

/// A cluster at rest: everything that the next start of the conductor takes over. Messages on
/// their way are not in it; they are lost with the conductor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedCluster {
    /// The segment that was running.
    pub segment: u32,
    /// The settings in force.
    pub settings: Settings,
    /// The clients that run by themselves.
    pub workload: Option<WorkloadPlan>,
    /// Where the clock stood.
    pub now: VirtualTime,
    /// The hash of the run so far.
    pub run_hash: u64,
    /// The groups of the cut; empty when the network is whole.
    pub cut: Vec<Vec<StoreId>>,
    /// The ways that lose everything, from sender to receiver, in ascending order.
    pub blocked: Vec<(StoreId, StoreId)>,
    /// The links with a plan of their own, in ascending order.
    pub links: Vec<SavedLink>,
    /// The stores, by id.
    pub stores: Vec<SavedStore>,
    /// The next id of a store that was never there.
    pub next_store: StoreId,
    /// The newest operations of the page's client, oldest first.
    pub operations: Vec<OperationFrame>,
    /// The number of the operation that was taken on last.
    pub last_operation: u64,
}

/// A link with a plan of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedLink {
    /// The sender.
    pub from: StoreId,
    /// The receiver.
    pub to: StoreId,
    /// What it does.
    pub plan: LinkPlan,
}

/// A store at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStore {
    /// Which store.
    pub id: StoreId,
    /// Its latest life.
    pub incarnation: Incarnation,
    /// The name of the broken rules that it decides by; nothing for the correct ones.
    pub rules: Option<String>,
    /// Whether it shall be started with the conductor.
    pub state: SavedLife,
    /// Whether its disk has no room.
    pub is_full: bool,
    /// Its clock.
    pub clock: StoreClock,
}

/// Whether a store at rest shall be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SavedLife {
    /// It ran, or was starting.
    Up,
    /// A person had killed it.
    Killed,
    /// It had ended itself.
    Stopped(Stop),
}

/// Saved bytes that are no cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// The bytes do not start as a saved cluster does.
    #[error("this is not a saved cluster")]
    NotACluster,
    /// It was saved by another version.
    #[error("saved with layout {found}, this version knows {known} only")]
    OtherVersion {
        /// The layout found.
        found: u32,
        /// The one that is known.
        known: u32,
    },
    /// The bytes cannot be read.
    #[error("the saved cluster cannot be read: {reason}")]
    Malformed {
        /// What the decoder said.
        reason: String,
    },
    /// The settings are not usable.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The parts do not fit together.
    #[error("the saved cluster contradicts itself: {reason}")]
    Inconsistent {
        /// What does not fit.
        reason: String,
    },
}

/// The version of the saved form.
pub const SAVED_VERSION: u32 = 4;
/// The most bytes of commands and results that a saved cluster keeps of its operations.
const OPERATION_BYTES_MAX: usize = 4 << 20;
/// The most starts of a conductor; request names carry the segment in their upper bits.
const SEGMENT_MAX: u32 = 1 << 20;
/// No honest count of lives or operations comes near this.
const COUNT_MAX: u64 = 1 << 40;

/// The largest id of a store.
pub(crate) const STORE_ID_MAX: u64 = COUNT_MAX;

const MAGIC: [u8; 4] = *b"RPsv";

impl SavedCluster {
    /// A cluster that has never run: segment 0, no store has lived yet.
    #[must_use]
    pub fn fresh(settings: Settings, workload: Option<WorkloadPlan>) -> Self {
        let store = |id| SavedStore {
            id: StoreId::new(id),
            incarnation: Incarnation::ZERO,
            rules: None,
            state: SavedLife::Up,
            is_full: false,
            clock: StoreClock::default(),
        };
        Self {
            segment: 0,
            settings,
            workload,
            now: VirtualTime::ZERO,
            run_hash: 0,
            cut: Vec::new(),
            blocked: Vec::new(),
            links: Vec::new(),
            stores: (1 - settings.scheduler..=settings.stores)
                .map(store)
                .collect(),
            next_store: StoreId::new(settings.stores + 1),
            operations: Vec::new(),
            last_operation: 0,
        }
    }

    /// Versioned bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&SAVED_VERSION.to_le_bytes());
        bytes.extend_from_slice(&codec::encode(self));
        bytes
    }

    /// Reads [`SavedCluster::encode`]d bytes.
    ///
    /// # Errors
    ///
    /// [`SavedError`] when the bytes are not a usable cluster.
    pub fn decode(bytes: &[u8]) -> Result<Self, SavedError> {
        let (head, rest) = bytes.split_at_checked(8).ok_or(SavedError::NotACluster)?;
        if head[..4] != MAGIC {
            return Err(SavedError::NotACluster);
        }
        let found = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if found != SAVED_VERSION {
            let known = SAVED_VERSION;
            return Err(SavedError::OtherVersion { found, known });
        }
        let malformed = |error: codec::DecodeError| SavedError::Malformed {
            reason: error.to_string(),
        };
        let saved: Self = codec::decode(rest).map_err(malformed)?;
        saved.check()?;
        Ok(saved)
    }

    /// Whether there are as many stores as the settings say, and the scheduler if they say so, with
    /// ids that were given out.
    fn are_ids_sound(&self) -> bool {
        let ids: Vec<StoreId> = self.stores.iter().map(|store| store.id).collect();
        let count = self.settings.stores + self.settings.scheduler;
        u64::try_from(ids.len()) == Ok(count)
            && ids.is_sorted_by(|a, b| a < b)
            && ids.contains(&StoreId::SCHEDULER) == (self.settings.scheduler == 1)
            && ids.iter().all(|id| *id < self.next_store)
            && self.next_store.get() <= STORE_ID_MAX
    }

    /// Whether the parts fit together, so that a conductor can start from them.
    ///
    /// # Errors
    ///
    /// [`SavedError`] names the part that does not.
    pub fn check(&self) -> Result<(), SavedError> {
        self.settings.validate()?;
        let clocks = self.stores.iter().map(|store| store.clock);
        let operation_ids: Vec<u64> = self.operations.iter().map(|op| op.id.get()).collect();
        let ascending = operation_ids.is_sorted_by(|a, b| a < b);
        let known = operation_ids
            .last()
            .is_none_or(|last| *last <= self.last_operation);
        let lives = self.stores.iter().map(|store| store.incarnation.get());
        let all: Vec<StoreId> = self.stores.iter().map(|store| store.id).collect();
        let mut servers = all.clone();
        servers.retain(|store| *store != StoreId::SCHEDULER);
        let links = self.links.iter().map(|link| (link.from, link.to));
        let links: Vec<(StoreId, StoreId)> = links.collect();
        let to_others = links.iter().all(|(from, to)| from != to);
        for link in &self.links {
            link.plan.validate()?;
        }
        let rules = [
            (self.segment < SEGMENT_MAX, "too many segments"),
            (self.now <= INSTANT_MAX, "the clock is beyond all measure"),
            (
                self.are_ids_sound(),
                "the stores are not as many as the settings say, or have no such ids",
            ),
            (
                clocks.into_iter().all(|clock| {
                    clock.rate().is_valid() && clock.latest() <= 2 * INSTANT_MAX.get()
                }),
                "a store's clock cannot run like this",
            ),
            (
                lives.into_iter().all(|lives| lives < COUNT_MAX),
                "a store has too many lives",
            ),
            (
                self.cut.is_empty() || is_partition(&self.cut, &servers),
                "the cut has no such groups",
            ),
            (
                are_ways(&self.blocked, &all),
                "the blocked ways are between other stores, or not in order",
            ),
            (
                are_ways(&links, &all) && to_others,
                "links have plans that are not there, or are not in order",
            ),
            (
                self.workload.is_none_or(|plan| plan.is_valid()),
                "the workload is out of range",
            ),
            (
                self.operations.len() <= OPERATIONS_SHOWN,
                "too many operations",
            ),
            (ascending && known, "the operations are not in order"),
            (self.last_operation < COUNT_MAX, "too many operations ever"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, reason)) => Err(SavedError::Inconsistent {
                reason: (*reason).to_owned(),
            }),
        }
    }
}

/// Whether each of `ways` is between two of `stores`, in ascending order.
fn are_ways(ways: &[(StoreId, StoreId)], stores: &[StoreId]) -> bool {
    let is_known = |(from, to): &(StoreId, StoreId)| stores.contains(from) && stores.contains(to);
    ways.iter().all(is_known) && ways.is_sorted_by(|a, b| a < b)
}

/// Whether `groups` are two or more and hold each of `stores` exactly once.
pub(crate) fn is_partition(groups: &[Vec<StoreId>], stores: &[StoreId]) -> bool {
    let mut members: Vec<StoreId> = groups.iter().flatten().copied().collect();
    members.sort_unstable();
    groups.len() >= 2 && groups.iter().all(|group| !group.is_empty()) && members == stores
}

/// The newest of `operations`, as many as fit into a saved cluster.
pub(crate) fn newest_operations<'a>(
    operations: impl DoubleEndedIterator<Item = &'a OperationFrame>,
) -> Vec<OperationFrame> {
    let mut bytes = 0;
    let mut newest: Vec<OperationFrame> = operations
        .rev()
        .take(OPERATIONS_SHOWN)
        .take_while(|operation| {
            bytes += operation_bytes(operation);
            bytes <= OPERATION_BYTES_MAX
        })
        .cloned()
        .collect();
    newest.reverse();
    newest
}

fn operation_bytes(operation: &OperationFrame) -> usize {
    let command = match &operation.command {
        Command::Put { key, value } => key.len() + value.len(),
        Command::Delete { key } | Command::Get { key } => key.len(),
        Command::Scan { start, end, .. } => start.len() + end.len(),
        Command::Append { key, value } => key.len() + value.len(),
        Command::CompareAndSet { key, expected, new } => {
            key.len() + expected.as_ref().map_or(0, Bytes::len) + new.len()
        }
    };
    let result = match &operation.state {
        OperationState::Done { result, .. } => match result {
            CommandResult::Put | CommandResult::Delete | CommandResult::Append => 0,
            CommandResult::Get { value: found } | CommandResult::CompareAndSet { found, .. } => {
                found.as_ref().map_or(0, Bytes::len)
            }
            CommandResult::Scan { pairs } => pairs
                .iter()
                .map(|(key, value)| key.len() + value.len())
                .sum(),
        },
        _ => 0,
    };
    command + result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_cluster_comes_back_as_it_was() {
        let saved = SavedCluster::fresh(Settings::default(), None);
        assert_eq!(SavedCluster::decode(&saved.encode()), Ok(saved));
    }

    #[test]
    fn saved_bytes_of_others_are_refused() {
        assert_eq!(SavedCluster::decode(b"{}"), Err(SavedError::NotACluster));
        let mut bytes = SavedCluster::fresh(Settings::default(), None).encode();
        bytes[4] = 1;
        let other = SavedError::OtherVersion { found: 1, known: 4 };
        assert_eq!(SavedCluster::decode(&bytes), Err(other));
        bytes[4] = 4;
        bytes.truncate(20);
        assert!(matches!(
            SavedCluster::decode(&bytes),
            Err(SavedError::Malformed { .. })
        ));
    }

    #[test]
    fn a_cluster_whose_parts_do_not_fit_is_refused() {
        let link = |from: u64, to: u64| SavedLink {
            from: StoreId::new(from),
            to: StoreId::new(to),
            plan: LinkPlan::of(&Settings::default()),
        };
        let mut saved = SavedCluster::fresh(Settings::default(), None);
        saved.links = vec![link(1, 2), link(2, 1)];
        assert_eq!(SavedCluster::decode(&saved.encode()), Ok(saved.clone()));
        let mut endless = link(1, 2);
        endless.plan.latency_ms_max = u64::MAX;
        for links in [
            vec![link(2, 1), link(1, 2)],
            vec![link(1, 2), link(1, 2)],
            vec![link(1, 1)],
            vec![link(1, 6)],
            vec![endless],
        ] {
            saved.links = links;
            assert!(SavedCluster::decode(&saved.encode()).is_err(), "{saved:?}");
        }
        let spoil: [fn(&mut SavedCluster); 4] = [
            |saved| saved.stores.clear(),
            |saved| saved.settings.stores = 10_000,
            |saved| saved.cut = vec![vec![StoreId::new(1)]],
            |saved| saved.now = VirtualTime::new(1 << 52),
        ];
        for spoil in spoil {
            let mut saved = SavedCluster::fresh(Settings::default(), None);
            spoil(&mut saved);
            assert!(SavedCluster::decode(&saved.encode()).is_err(), "{saved:?}");
        }
    }
}
