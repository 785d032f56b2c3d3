//! All of the page's state.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use protocol::{AskId, DiskKind, Notice, OpenError};
use types::{
    action::Misuse,
    frame::{Frame, Life, StoreFrame},
    id::StoreId,
    raft::{LogIndex, Role},
    settings::Settings,
    verdict::Violation,
};

use super::{
    client::Draft,
    feed::Feed,
    geometry::{Geometry, Room},
    inspect::Inspector,
    look::{Lang, Theme},
    setup::Setup,
    ui::{Card, Knobs, Overlay, Panel, Tool},
};

/// How the page and the conductor stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The worker starts.
    Booting,
    /// The conductor opens the cluster.
    Opening,
    /// The cluster is open.
    Open,
    /// Another tab holds the cluster.
    Elsewhere,
    /// Another tab took the cluster.
    TakenOver,
    /// Page and conductor are different builds.
    WrongBuild,
    /// The conductor ended, with its last words.
    Died(String),
    /// The cluster could not be opened.
    CannotOpen(OpenError),
    /// The address asks for something impossible.
    BadUrl,
    /// No worker can be started here.
    NoWorker(String),
}

impl Phase {
    /// The name in attributes and locale keys.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Booting => "booting",
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Elsewhere => "elsewhere",
            Self::TakenOver => "taken-over",
            Self::WrongBuild => "wrong-build",
            Self::Died(_) => "died",
            Self::CannotOpen(_) => "cannot-open",
            Self::BadUrl => "bad-url",
            Self::NoWorker(_) => "no-worker",
        }
    }
}

/// What a question to the conductor was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A command of the client's form.
    Submit,
    /// Any other action.
    Act,
    /// The inspector.
    Inspect,
    /// The recording, to save it.
    Recording,
    /// The disks, to save them.
    Disks,
}

/// Something that a person should know, until it is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// A stable name for it.
    pub number: u64,
    /// What it is.
    pub what: Tell,
}

/// What a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tell {
    /// The conductor's notice.
    Notice(Notice),
    /// An action made no sense.
    Misuse(Misuse),
    /// A message could not be read.
    Unreadable(String),
    /// A file could not be made.
    NoFile(protocol::QueryError),
}

/// All of the page's state.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// What the address asks for.
    pub setup: Setup,
    /// How the page and the conductor stand.
    pub phase: Phase,
    /// Where the disks are.
    pub disks: Option<DiskKind>,
    /// The newest frame.
    pub frame: Option<Rc<Frame>>,
    /// The newest things that happened.
    pub feed: Feed,
    /// The invariant that was broken first, and how.
    pub violation: Option<Rc<Violation>>,
    /// What is broken and being looked at.
    pub card: Option<Card>,
    /// The colours.
    pub theme: Theme,
    /// The language.
    pub lang: Lang,
    /// Whether the layout is the small one.
    pub small: bool,
    /// The stage's width and height.
    pub stage: (f64, f64),
    /// The store that the panels follow.
    pub selected: Option<StoreId>,
    /// The tool in hand.
    pub tool: Tool,
    /// The far side of the wall that is being built.
    pub far: BTreeSet<StoreId>,
    /// What lies over the page.
    pub overlay: Option<Overlay>,
    /// The panel of the small layout.
    pub panel: Panel,
    /// The client's form.
    pub draft: Draft,
    /// Why the client's last command was not taken.
    pub draft_error: Option<Misuse>,
    /// The inspector.
    pub inspector: Inspector,
    /// The settings form.
    pub knobs: Knobs,
    /// The key of a split, as typed.
    pub split_key: String,
    /// The name of another cluster, as typed.
    pub other_cluster: String,
    /// What a person should know.
    pub told: Vec<Told>,
    /// Questions that wait for their answers.
    pub asked: BTreeMap<AskId, Asked>,
    /// Whether a reset is being asked for a second time.
    pub confirm_renew: bool,
    pub(super) next_ask: AskId,
    pub(super) next_told: u64,
}

impl State {
    /// The state of a page that has just been loaded.
    #[must_use]
    pub fn new(setup: Setup, theme: Theme, lang: Lang) -> Self {
        let phase = if setup.errors.is_empty() {
            Phase::Booting
        } else {
            Phase::BadUrl
        };
        Self {
            phase,
            setup,
            disks: None,
            frame: None,
            feed: Feed::default(),
            violation: None,
            card: None,
            theme,
            lang,
            small: false,
            stage: (1084.0, 582.0),
            selected: None,
            tool: Tool::Select,
            far: BTreeSet::new(),
            overlay: None,
            panel: Panel::default(),
            draft: Draft::default(),
            draft_error: None,
            inspector: Inspector::default(),
            knobs: Knobs::default(),
            split_key: String::new(),
            other_cluster: String::new(),
            told: Vec::new(),
            asked: BTreeMap::new(),
            confirm_renew: false,
            next_ask: 1,
            next_told: 1,
        }
    }

    /// The settings in force, or those that the cluster will start with.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.frame
            .as_ref()
            .map_or(self.setup.settings, |frame| frame.settings)
    }

    /// The ids of all stores, also before the first frame.
    #[must_use]
    pub fn stores(&self) -> Vec<StoreId> {
        match &self.frame {
            Some(frame) => frame.stores.iter().map(|store| store.id).collect(),
            None => (1..=self.setup.settings.stores).map(StoreId::new).collect(),
        }
    }

    /// What the newest frame tells of a store.
    #[must_use]
    pub fn store(&self, id: StoreId) -> Option<&StoreFrame> {
        let frame = self.frame.as_ref()?;
        frame.stores.iter().find(|store| store.id == id)
    }

    /// Whether time passes.
    #[must_use]
    pub fn running(&self) -> bool {
        self.phase == Phase::Open && self.frame.as_ref().is_some_and(|frame| frame.pace.running)
    }

    /// The groups of the cut; fewer than two while the network is whole.
    #[must_use]
    pub fn cut(&self) -> &[Vec<StoreId>] {
        self.frame.as_ref().map_or(&[], |frame| &frame.cut)
    }

    /// The stage's geometry.
    #[must_use]
    pub fn geometry(&self) -> Geometry {
        let room = Room {
            width: self.stage.0,
            height: self.stage.1,
            small: self.small,
        };
        Geometry::new(room, &self.stores(), self.cut())
    }

    /// The groups that the wall in hand would make; none when one side is empty.
    #[must_use]
    pub fn wall_groups(&self) -> Option<[Vec<StoreId>; 2]> {
        let (far, near): (Vec<_>, Vec<_>) = self
            .stores()
            .into_iter()
            .partition(|store| self.far.contains(store));
        (!far.is_empty() && !near.is_empty()).then_some([near, far])
    }

    /// The leader of the highest term among the stores that live.
    #[must_use]
    pub fn leader(&self) -> Option<&StoreFrame> {
        let frame = self.frame.as_ref()?;
        frame
            .stores
            .iter()
            .filter(|store| store.peer.is_some())
            .filter(|store| store.role == Role::Leader && is_alive(&store.life))
            .max_by_key(|store| store.term)
    }

    /// The highest commit index that any store knows.
    #[must_use]
    pub fn commit(&self) -> LogIndex {
        let stores = self.frame.iter().flat_map(|frame| &frame.stores);
        stores.map(|store| store.commit).max().unwrap_or_default()
    }

    /// How many of `stores` vote in the region that is shown.
    #[must_use]
    pub fn votes_of(&self, stores: &[StoreId]) -> usize {
        let Some(region) = self.region() else {
            return stores.len();
        };
        let votes = |store: &&StoreId| region.peer_on(**store).is_some();
        stores.iter().filter(votes).count()
    }

    /// How many votes win.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.voters() / 2 + 1
    }

    /// How many voters the region has.
    #[must_use]
    pub fn voters(&self) -> usize {
        self.frame
            .as_ref()
            .map_or(self.stores().len(), |frame| frame.region.peers.len())
    }
}

/// Whether a store runs.
#[must_use]
pub fn is_alive(life: &Life) -> bool {
    match life {
        Life::Up | Life::Late | Life::Paused => true,
        Life::Starting | Life::Killed | Life::Stopped(_) => false,
    }
}

/// Frames for tests.
#[cfg(test)]
pub(crate) mod tests {
    use bytes::Bytes;
    use types::{
        event::{EventId, MadeBy},
        frame::{MessageDetail, MessageFrame, Pace},
        id::{Incarnation, PeerId, RegionId},
        raft::{LogPosition, MessageKind, Term},
        store::{Peer, Region, RegionEpoch},
        time::{ClockRate, VirtualTime},
    };

    use super::*;

    pub(crate) fn message(nth: u32, sent: u64, due: u64) -> MessageFrame {
        let event = EventId { segment: 1, seq: 1 };
        MessageFrame {
            id: MadeBy { event, nth },
            from: StoreId::new(1),
            to: StoreId::new(2),
            region: types::id::RegionId::new(1),
            kind: MessageKind::Heartbeat,
            term: Term::new(6),
            detail: MessageDetail::Plain,
            sent: VirtualTime::new(sent),
            due: VirtualTime::new(due),
            duplicate: false,
            held: None,
        }
    }

    pub(crate) fn store(id: u64) -> StoreFrame {
        StoreFrame {
            id: StoreId::new(id),
            life: Life::Up,
            disk_full: false,
            clock_rate: ClockRate::TRUE,
            incarnation: Incarnation::new(1),
            rules: None,
            rules_in_force: None,
            peer: Some(PeerId::new(id)),
            regions: 1,
            leads: u64::from(id == 1),
            role: if id == 1 {
                Role::Leader
            } else {
                Role::Follower
            },
            term: Term::new(6),
            vote: Some(StoreId::new(1)),
            leader: Some(StoreId::new(1)),
            truncated: LogPosition::default(),
            last: LogPosition::default(),
            durable: LogIndex::new(6),
            commit: LogIndex::new(6),
            applied: LogIndex::new(6),
            flushed: LogIndex::new(6),
            entries: Vec::new(),
            timer: None,
            votes: Vec::new(),
            progress: Vec::new(),
            writing: None,
            writes_per_second: 0,
        }
    }

    pub(crate) fn frame(now: u64) -> Frame {
        let peers = (1..=5)
            .map(|id| Peer {
                id: PeerId::new(id + 10),
                store: StoreId::new(id),
            })
            .collect();
        Frame {
            event: EventId {
                segment: 1,
                seq: now,
            },
            now: VirtualTime::new(now),
            run_hash: 7,
            pace: Pace {
                running: true,
                asked_permille: 1_000,
                ..Pace::default()
            },
            settings: Settings::default(),
            regions: Vec::new(),
            scheduler: None,
            region: Region {
                id: RegionId::new(1),
                start: Bytes::new(),
                end: Bytes::new(),
                epoch: RegionEpoch::default(),
                peers,
            },
            stores: (1..=5).map(store).collect(),
            messages: Vec::new(),
            lost: Vec::new(),
            cut: Vec::new(),
            operations: Vec::new(),
            facts: Vec::new(),
            facts_skipped: 0,
            checks: types::verdict::Checks::default(),
        }
    }
}
