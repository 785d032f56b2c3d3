//! What the tests share: makers of regions, and a scheduler with its disk and its clock.

use raftstore::image::MemoryDisk;
use scheduler::{
    Scheduler,
    rules::{CORRECT, Rules},
};
use types::{
    disk::{DiskImage, DiskWrite},
    event::EventId,
    id::{ClientId, Incarnation, PeerId, RegionId, StoreId},
    io::{BootConfig, Delivered, Envelope, Input, Output, Stop},
    scheduler::{
        FromScheduler, OperatorRequest, OperatorStep, RegionHeartbeat, Route, RouteRequest,
        SchedulerOptions, StoreHeartbeat, ToScheduler,
    },
    settings::Settings,
    store::{Peer, Region, RegionEpoch, RequestId},
    time::StoreTime,
};

pub(crate) const SECOND: u64 = 1_000_000;

pub(crate) const fn store(id: u64) -> StoreId {
    StoreId::new(id)
}

pub(crate) const fn peer(id: u64, on: u64) -> Peer {
    Peer {
        id: PeerId::new(id),
        store: store(on),
    }
}

pub(crate) const fn epoch(conf_ver: u64, version: u64) -> RegionEpoch {
    RegionEpoch { conf_ver, version }
}

pub(crate) fn region(id: u64, range: (&str, &str), at: RegionEpoch, peers: &[Peer]) -> Region {
    Region {
        id: RegionId::new(id),
        start: range.0.as_bytes().to_vec().into(),
        end: range.1.as_bytes().to_vec().into(),
        epoch: at,
        peers: peers.to_vec(),
    }
}

/// A heartbeat whose leader is the region's first peer.
pub(crate) fn heartbeat(region: &Region) -> RegionHeartbeat {
    RegionHeartbeat {
        region: region.clone(),
        leader: region.peers[0],
        pending: Vec::new(),
        learners: Vec::new(),
        approximate_size: Some(10),
    }
}

pub(crate) fn options() -> SchedulerOptions {
    SchedulerOptions::default()
}

/// Options with which the scheduler does nothing by itself.
pub(crate) fn passive() -> SchedulerOptions {
    SchedulerOptions {
        balance_region: false,
        balance_leader: false,
        repair: false,
        ..options()
    }
}

/// The region that a test's cluster starts with: every key, peers 1 to 3 on stores 1 to 3.
pub(crate) fn first_region() -> Region {
    region(
        1,
        ("", ""),
        epoch(1, 1),
        &[peer(1, 1), peer(2, 2), peer(3, 3)],
    )
}

pub(crate) fn config(scheduler: SchedulerOptions) -> BootConfig {
    BootConfig {
        store: StoreId::SCHEDULER,
        incarnation: Incarnation::new(1),
        seed: 7,
        first_region: first_region(),
        options: Settings::default().store_options(),
        scheduler,
        rules: None,
    }
}

/// A scheduler, its disk, and the time.
pub(crate) struct Rig {
    pub(crate) config: BootConfig,
    pub(crate) rules: &'static Rules,
    pub(crate) scheduler: Scheduler,
    pub(crate) disk: MemoryDisk,
    pub(crate) now: StoreTime,
    /// The write that is open, if the disk is held up.
    pub(crate) open: Option<DiskWrite>,
    /// Whether writes stay open until the test closes them.
    pub(crate) holds_disk: bool,
    pub(crate) wake_at: Option<StoreTime>,
}

impl Rig {
    /// A scheduler on an empty disk whose first write is durable.
    pub(crate) fn new(options: SchedulerOptions) -> Self {
        Self::by(config(options), &CORRECT)
    }

    pub(crate) fn by(config: BootConfig, rules: &'static Rules) -> Self {
        let mut rig = Self::held(config, rules);
        rig.holds_disk = false;
        rig.close_write();
        rig
    }

    /// A scheduler on an empty disk whose writes stay open until the test closes them.
    pub(crate) fn held(config: BootConfig, rules: &'static Rules) -> Self {
        let mut output = Output::default();
        let (now, disk) = (StoreTime::ZERO, MemoryDisk::new());
        let image = DiskImage::default();
        let scheduler = Scheduler::boot_by(&config, rules, &image, now, EVENT, &mut output);
        Self {
            config,
            rules,
            scheduler: scheduler.expect("an empty disk is sound"),
            disk,
            now,
            open: output.write.take(),
            holds_disk: true,
            wake_at: output.wake_at,
        }
    }

    /// Delivers inputs at once, and closes the writes that come of it unless the disk is held up.
    pub(crate) fn give(&mut self, inputs: Vec<Input>) -> Output {
        let inputs = inputs.into_iter();
        let inputs = inputs.map(|input| Delivered {
            event: EVENT,
            input,
        });
        let envelope = Envelope {
            now: self.now,
            inputs: inputs.collect(),
        };
        let mut output = Output::default();
        self.scheduler.handle(&envelope, &mut output);
        self.wake_at = output.wake_at;
        if let Some(write) = output.write.take() {
            assert!(self.open.is_none(), "two writes are open");
            self.open = Some(write);
        }
        if !self.holds_disk && self.open.is_some() {
            let more = self.close_write();
            output.from_scheduler.extend(more.from_scheduler);
        }
        output
    }

    /// Makes the open write durable, and says so.
    pub(crate) fn close_write(&mut self) -> Output {
        let Some(write) = self.open.take() else {
            return Output::default();
        };
        self.disk.apply(&write);
        self.give(vec![Input::Durable(write.cycle)])
    }

    /// Kills the scheduler and starts it from its disk; an open write is lost.
    pub(crate) fn restart(&mut self) -> Result<(), Stop> {
        self.open = None;
        let image = self.disk.image();
        let mut output = Output::default();
        self.scheduler = Scheduler::boot_by(
            &self.config,
            self.rules,
            &image,
            self.now,
            EVENT,
            &mut output,
        )?;
        self.wake_at = output.wake_at;
        self.open = output.write.take();
        if !self.holds_disk {
            self.close_write();
        }
        Ok(())
    }

    pub(crate) fn pass(&mut self, us: u64) -> Vec<(StoreId, FromScheduler)> {
        self.now = self.now.plus(us);
        self.give(vec![Input::Wake]).from_scheduler
    }

    pub(crate) fn hears(&mut self, word: &RegionHeartbeat) -> Vec<(StoreId, FromScheduler)> {
        self.give(vec![says(word)]).from_scheduler
    }

    pub(crate) fn stores_report(&mut self, stores: &[u64]) -> Vec<(StoreId, FromScheduler)> {
        let words = stores.iter().map(|id| Input::ToScheduler {
            from: store(*id),
            word: ToScheduler::Store(StoreHeartbeat {
                regions: 0,
                leaders: 0,
                size: 0,
            }),
        });
        self.give(words.collect()).from_scheduler
    }

    pub(crate) fn by_hand(&mut self, request: OperatorRequest) -> Vec<(StoreId, FromScheduler)> {
        self.give(vec![Input::Operator(request)]).from_scheduler
    }

    pub(crate) fn asks_split(&mut self, region: &Region, key: &str) -> Option<FromScheduler> {
        let output = self.give(vec![asks_split(region, key)]);
        output
            .from_scheduler
            .into_iter()
            .next()
            .map(|(_, word)| word)
    }

    pub(crate) fn route(&mut self, key: &str) -> Option<Route> {
        let id = RequestId {
            client: ClientId::new(1),
            seq: 1,
        };
        let key = key.as_bytes().to_vec().into();
        let output = self.give(vec![Input::FindRoute(RouteRequest { id, key })]);
        let reply = output.routes.into_iter().next();
        reply.expect("every question is answered").route
    }
}

pub(crate) const EVENT: EventId = EventId { segment: 1, seq: 1 };

pub(crate) fn says(word: &RegionHeartbeat) -> Input {
    Input::ToScheduler {
        from: word.leader.store,
        word: ToScheduler::Region(word.clone()),
    }
}

pub(crate) fn asks_split(region: &Region, key: &str) -> Input {
    Input::ToScheduler {
        from: region.peers[0].store,
        word: ToScheduler::AskSplit {
            region: region.clone(),
            key: key.as_bytes().to_vec().into(),
        },
    }
}

/// The one step among `words`, and the store that is told.
pub(crate) fn only_step(words: &[(StoreId, FromScheduler)]) -> (StoreId, OperatorStep) {
    match words {
        [(store, FromScheduler::Step { step, .. })] => (*store, step.clone()),
        other => panic!("not one step: {other:?}"),
    }
}
