//! The event loop over virtual time.
//!
//! The conductor decides what happens next and never does it: its host hands out what
//! [`Conductor::next`] returns, brings the answers, and reports what its disks and processes
//! really did. The same calls in the same order make the same run, whoever the host is.

mod actions;
mod hands;
mod lateness;
mod machines;
mod merge;
mod messages;
mod rounds;
mod show;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use checker::{Counts, Moment, Violation};
use serde::Serialize;
use types::{
    codec,
    event::EventId,
    frame::OperationState,
    id::{ClientId, Cycle, Incarnation, PeerId, RegionId, StoreId},
    io::{BootConfig, Output},
    settings::Settings,
    store::{Peer, Region, RegionEpoch},
    time::{StoreTime, VirtualTime},
};

use crate::{
    client::{Client, Desk},
    dice::Dice,
    lookout::Lookout,
    network::{Network, NetworkCounts},
    parts::Part,
    projection::Projection,
    queue::{Event, Queue, whole_ms},
    recording::{AnswerHash, Chance, Position, Recorder, Stand},
    round::HostEffect,
    saved::{SavedCluster, SavedLife, SavedStore, newest_operations},
    slot::{Load, Slot, SlotLife},
    tally::{Counter, Tally},
    workload::{History, HistoryEvent, KeyTable, Worker, WorkloadPlan},
};

/// The client of the page. Those of a workload count on from it.
pub const PAGE_CLIENT: ClientId = ClientId::new(1);

/// A new cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Its settings, already validated.
    pub settings: Settings,
    /// Clients that run by themselves, besides the page's.
    pub workload: Option<WorkloadPlan>,
}

/// The conductor of one cluster. Its serialised form is what [`Conductor::state_hash`] covers:
/// everything that decides what happens next, nothing that is only looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Conductor {
    settings: Settings,
    workload: Option<WorkloadPlan>,
    region: Region,
    event: EventId,
    now: VirtualTime,
    run_hash: u64,
    dice: Dice,
    queue: Queue,
    network: Network,
    slots: BTreeMap<StoreId, Slot>,
    /// The next store that was never there.
    next_store: StoreId,
    clients: BTreeMap<ClientId, Client>,
    round: Option<OpenRound>,
    /// Writes that are really durable and whose modelled instant has not come. What hosts do early
    /// must not show anywhere, so it is not part of the state.
    #[serde(skip)]
    really_durable: BTreeSet<(StoreId, Cycle)>,
    #[serde(skip)]
    effects: Vec<HostEffect>,
    #[serde(skip)]
    recorder: Option<Recorder>,
    #[serde(skip)]
    projection: Projection,
    #[serde(skip)]
    history: History,
    #[serde(skip)]
    lookout: Option<Lookout>,
    #[serde(skip)]
    counter: Counter,
}

/// What a store is to bring.
pub(crate) struct Owes {
    /// Whether it has a process.
    pub(crate) is_alive: bool,
    /// Its disk, with the wish for the image.
    pub(crate) load: Option<bool>,
    /// Whether the clock no longer waits for that.
    pub(crate) is_late: bool,
    /// A write for which the clock no longer waits.
    pub(crate) late_write: Option<Cycle>,
}

/// A round that waits for answers, by store.
#[derive(Debug, Clone, Default, Serialize)]
struct OpenRound {
    owed: BTreeMap<StoreId, OwedAnswer>,
}

/// An answer that a round waits for, or that has come.
#[derive(Debug, Clone, Serialize)]
struct OwedAnswer {
    incarnation: Incarnation,
    /// The event that the answer's products are named after.
    event: EventId,
    output: Option<Output>,
}

impl Conductor {
    /// A new cluster in its first segment.
    ///
    /// # Panics
    ///
    /// When the settings or the workload are not valid.
    #[must_use]
    pub fn create(config: ClusterConfig) -> Self {
        Self::resume(SavedCluster::fresh(config.settings, config.workload))
    }

    /// The next segment of a saved cluster: same clock, cut, crashed stores, settings and
    /// operations. Save it again before anything else runs, because segment and lives have grown.
    ///
    /// # Panics
    ///
    /// When `saved` is not usable. One that was decoded is.
    #[must_use]
    pub fn resume(saved: SavedCluster) -> Self {
        if let Err(error) = saved.check() {
            panic!("a conductor cannot start from this cluster: {error}");
        }
        let segment = saved.segment + 1;
        let settings = saved.settings;
        let region = first_region(&settings);
        let mut conductor = Self {
            settings,
            workload: saved.workload,
            event: EventId { segment, seq: 0 },
            now: saved.now,
            run_hash: codec::hash_of(&saved),
            dice: Dice::new(&("conductor", settings.seed, segment)),
            queue: Queue::default(),
            network: Network::new(saved.cut.clone(), &saved.blocked, &saved.links),
            slots: BTreeMap::new(),
            next_store: saved.next_store,
            clients: BTreeMap::new(),
            round: None,
            really_durable: BTreeSet::new(),
            effects: Vec::new(),
            recorder: Some(Recorder::new(segment, saved.clone())),
            projection: Projection::new(&region),
            history: History::default(),
            lookout: None,
            counter: Counter::new(settings),
            region,
        };
        conductor.restore_stores(&saved.stores);
        conductor.restore_clients(saved);
        conductor
    }

    fn restore_stores(&mut self, stores: &[SavedStore]) {
        for store in stores {
            let (id, incarnation) = (store.id, store.incarnation);
            let life = match &store.state {
                SavedLife::Up => SlotLife::Killed,
                SavedLife::Killed => SlotLife::Killed,
                SavedLife::Stopped(stop) => SlotLife::Stopped(stop.clone()),
            };
            let slot = Slot {
                rules: store.rules.clone(),
                is_full: store.is_full,
                clock: store.clock,
                ..Slot::new(id, incarnation, life)
            };
            self.slots.insert(id, slot);
            if store.is_full {
                let (store, full) = (id, true);
                self.effects.push(HostEffect::Fill { store, full });
            }
            if store.state == SavedLife::Up {
                self.start_at(id, whole_ms(self.now));
            }
        }
    }

    /// Begins a new life of `store`, whose boot is due at `due`.
    fn start_at(&mut self, store: StoreId, due: VirtualTime) {
        let boot = self.queue.push(due, Event::Boot { store });
        let slot = self.slots.get_mut(&store).expect("a store has a slot");
        slot.incarnation = slot.incarnation.next();
        slot.life = SlotLife::Starting(Load::Due {
            boot,
            loaded: false,
        });
        self.effects.push(HostEffect::Load {
            store,
            incarnation: slot.incarnation,
            image: !slot.image_known,
        });
    }

    fn restore_clients(&mut self, saved: SavedCluster) {
        let mut page = Client::new(PAGE_CLIENT, self.region.clone(), None);
        page.restore(saved.operations, saved.last_operation, self.now);
        self.clients.insert(PAGE_CLIENT, page);
        let Some(plan) = self.workload else {
            return;
        };
        let keys = KeyTable::of(&plan);
        for nth in 1..=u64::from(plan.clients) {
            let id = PAGE_CLIENT.plus(nth);
            let (seed, segment) = (self.settings.seed, self.event.segment);
            let worker = Worker::new(plan, keys.clone(), seed, segment, id);
            let mut client = Client::new(id, self.region.clone(), Some(worker));
            // Names of operations are never used again, nor saved for these clients.
            client.restore(Vec::new(), u64::from(segment - 1) << 32, self.now);
            self.clients.insert(id, client);
            self.with_client(id, Client::think_later);
        }
    }

    /// Which stores to load first. Their boots are the first round; until then the clock stands.
    pub fn begin(&mut self) -> Vec<HostEffect> {
        self.take_effects()
    }

    /// What the host must do at once. Ask after every call.
    pub fn take_effects(&mut self) -> Vec<HostEffect> {
        std::mem::take(&mut self.effects)
    }

    /// Everything that the next segment needs; small. Save it after every action and, for the
    /// clock's sake, a few times a second.
    #[must_use]
    pub fn saved(&self) -> SavedCluster {
        let store = |slot: &Slot| SavedStore {
            id: slot.id,
            incarnation: slot.incarnation,
            rules: slot.rules.clone(),
            state: match &slot.life {
                SlotLife::Starting(_) | SlotLife::Up => SavedLife::Up,
                SlotLife::Killed => SavedLife::Killed,
                SlotLife::Stopped(stop) => SavedLife::Stopped(stop.clone()),
            },
            is_full: slot.is_full,
            clock: slot.clock,
        };
        let page = &self.clients[&PAGE_CLIENT];
        SavedCluster {
            segment: self.event.segment,
            settings: self.settings,
            workload: self.workload,
            now: self.now,
            run_hash: self.run_hash,
            cut: self.network.groups().to_vec(),
            blocked: self.network.blocked(),
            links: self.network.own_plans(),
            stores: self.slots.values().map(store).collect(),
            next_store: self.next_store,
            operations: newest_operations(page.operations()),
            last_operation: page.last_operation(),
        }
    }

    /// Where the clock stands.
    #[must_use]
    pub const fn now(&self) -> VirtualTime {
        self.now
    }

    /// The event that was taken last.
    #[must_use]
    pub const fn event(&self) -> EventId {
        self.event
    }

    /// The hash of the run: chained over every event and every answer.
    #[must_use]
    pub const fn run_hash(&self) -> u64 {
        self.run_hash
    }

    /// The hash of everything that decides what happens next, apart from the stores themselves.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        codec::hash_of(self)
    }

    /// What [`Conductor::state_hash`] covers, part by part.
    pub(crate) fn parts(&self) -> Vec<Part> {
        // Every field is named, so that a new one cannot be forgotten.
        let Self {
            settings,
            workload,
            region,
            event,
            now,
            run_hash,
            dice,
            queue,
            network,
            slots,
            next_store,
            clients,
            round,
            really_durable: _,
            effects: _,
            recorder: _,
            projection: _,
            history: _,
            lookout: _,
            counter: _,
        } = self;
        let stand = (settings, workload, region, event, now, run_hash, next_store);
        vec![
            Part::new("stand", &stand),
            Part::new("chance", dice),
            Part::new("queue", queue),
            Part::new("network", network),
            Part::new("machines", slots),
            Part::new("clients", clients),
            Part::new("round", round),
        ]
    }

    /// The settings in force.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The first region, as an empty disk starts with it.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// The stores that answer envelopes now, and which of their lives it is: those whose memory a
    /// replay has too. Late ones are left out.
    #[must_use]
    pub fn running(&self) -> Vec<(StoreId, Incarnation)> {
        let running = |slot: &&Slot| slot.life == SlotLife::Up && slot.late.is_none();
        let slots = self.slots.values().filter(running);
        slots.map(|slot| (slot.id, slot.incarnation)).collect()
    }

    /// From now on the history holds what the page's client does too. Without that, a judge of the
    /// history does not know of its writes. Take the history then, or it grows to its limit.
    pub fn record_page_client(&mut self) {
        let Some(page) = self.clients.get_mut(&PAGE_CLIENT) else {
            return;
        };
        page.record();
        // What was asked for in a segment before may still take effect.
        for operation in page.operations() {
            if matches!(operation.state, OperationState::Unknown { .. }) {
                let (client, id) = (PAGE_CLIENT, operation.id);
                self.history.push(HistoryEvent::Invoked {
                    client,
                    operation: id,
                    at: operation.submitted,
                    command: operation.command.clone(),
                });
                self.history.push(HistoryEvent::Returned {
                    client,
                    operation: id,
                    at: self.now,
                    state: operation.state.clone(),
                });
            }
        }
    }

    /// What the network did in this segment.
    #[must_use]
    pub const fn network_counts(&self) -> NetworkCounts {
        self.network.counts
    }

    /// What the clients of the workload did since the last call; see also
    /// [`Conductor::record_page_client`].
    pub fn take_history(&mut self) -> History {
        std::mem::take(&mut self.history)
    }

    /// How often trouble changed something in this segment.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.counter.tally
    }

    /// The bytes recorded since the last call, empty when there are none or a round is open. In
    /// order, of all segments, they are the recording.
    pub fn take_chunk(&mut self) -> Vec<u8> {
        let stand = Stand {
            seq: self.event.seq,
            now: self.now,
            run_hash: self.run_hash,
        };
        match &mut self.recorder {
            Some(recorder) if self.round.is_none() => recorder.take_chunk(stand),
            _ => Vec::new(),
        }
    }

    /// Judges the invariants of raft from here on, which is the beginning of the segment: call it
    /// before anything else. It changes nothing of the run.
    pub fn watch(&mut self) {
        let is_fresh = self.event.segment == 1;
        self.lookout = Some(Lookout::new(is_fresh.then_some(&self.region)));
    }

    /// The first violation of an invariant in this segment, where somebody watches. Nothing is
    /// judged after it.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        self.lookout.as_ref().and_then(Lookout::violation)
    }

    /// What was judged in this segment, where somebody watches.
    #[must_use]
    pub fn watched(&self) -> Counts {
        self.lookout
            .as_ref()
            .map(Lookout::counts)
            .unwrap_or_default()
    }

    /// Tells the lookout, where there is one.
    fn look(&mut self, tell: impl FnOnce(&mut Lookout, Moment)) {
        let moment = Moment {
            at: self.now,
            event: self.event,
        };
        if let Some(lookout) = &mut self.lookout {
            tell(lookout, moment);
        }
    }

    /// Ends the recording, which otherwise grows until it is taken.
    pub fn stop_recording(&mut self) {
        self.recorder = None;
    }

    /// For a replay: the hashes of the answers merged since the last call.
    pub(crate) fn take_answers(&mut self) -> Vec<AnswerHash> {
        let recorder = self.recorder.as_mut();
        recorder.map(Recorder::take_answers).unwrap_or_default()
    }

    /// For a replay: lets the clock stand at `now`, where the recorded one stood.
    pub(crate) fn stand_at(&mut self, now: VirtualTime) {
        self.now = self.now.max(now);
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_at(&self) -> Option<VirtualTime> {
        self.queue.first().map(|(key, _)| key.due)
    }

    fn record(&mut self, chance: Chance) {
        let at = Position {
            seq: self.event.seq,
            closed: self.round.is_none(),
            now: self.now,
        };
        if let Some(recorder) = &mut self.recorder {
            recorder.strike(at, chance);
        }
    }

    fn boot_config(&self, store: StoreId, incarnation: Incarnation) -> BootConfig {
        BootConfig {
            store,
            incarnation,
            seed: codec::hash_of(&("store", self.settings.seed, store, incarnation)),
            first_region: self.region.clone(),
            options: self.settings.store_options(),
            scheduler: self.settings.scheduler_options(),
            rules: self.slots[&store].rules.clone(),
        }
    }

    /// The stores that there are, dead or alive.
    pub fn stores(&self) -> impl Iterator<Item = StoreId> {
        self.slots.keys().copied()
    }

    /// Whether the disk of a store has no room.
    #[must_use]
    pub fn is_disk_full(&self, store: StoreId) -> bool {
        self.slots.get(&store).is_some_and(|slot| slot.is_full)
    }

    /// For a host that takes over: what each store is to bring.
    pub(crate) fn owes(&self) -> Vec<(StoreId, Owes)> {
        let owes = |slot: &Slot| {
            let (load, is_late) = match slot.life {
                SlotLife::Starting(Load::Due { loaded: false, .. }) => (true, false),
                SlotLife::Starting(Load::Late) => (true, true),
                _ => (false, false),
            };
            let write = slot.write.filter(|write| write.due.is_none());
            let owes = Owes {
                is_alive: slot.is_alive(),
                load: load.then_some(!slot.image_known),
                is_late,
                late_write: write.map(|write| write.cycle),
            };
            (slot.id, owes)
        };
        self.slots.values().map(owes).collect()
    }

    /// Whether a store's process is frozen.
    #[must_use]
    pub fn is_paused(&self, store: StoreId) -> bool {
        let slot = self.slots.get(&store);
        slot.is_some_and(|slot| slot.pause.is_some())
    }

    /// What the own clock of a store shows.
    fn store_time(&self, store: StoreId) -> StoreTime {
        self.slots[&store].clock.at(self.now)
    }

    /// Calls a client with its surroundings.
    fn with_client<T>(
        &mut self,
        client: ClientId,
        call: impl FnOnce(&mut Client, &mut Desk<'_>) -> T,
    ) -> Option<T> {
        let client = self.clients.get_mut(&client)?;
        let mut desk = Desk {
            now: self.now,
            segment: self.event.segment,
            settings: &self.settings,
            queue: &mut self.queue,
            dice: &mut self.dice,
            history: &mut self.history,
        };
        Some(call(client, &mut desk))
    }
}

/// The region that covers all keys, with one peer on each of the first stores: peer n lives on
/// store n.
fn first_region(settings: &Settings) -> Region {
    let peer = |id| Peer {
        id: PeerId::new(id),
        store: StoreId::new(id),
    };
    Region {
        id: RegionId::new(1),
        start: Bytes::new(),
        end: Bytes::new(),
        epoch: RegionEpoch {
            conf_ver: 1,
            version: 1,
        },
        peers: (1..=settings.replicas.min(settings.stores))
            .map(peer)
            .collect(),
    }
}
