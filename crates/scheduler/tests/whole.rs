//! The scheduler with real stores: every message arrives at once and every write is durable at
//! once. What the stores do under faults is the simulator's matter.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raftstore::{Store, image::MemoryDisk};
use scheduler::{region::RegionInfo, rules::CORRECT};
use types::{
    disk::DiskImage,
    id::{ClientId, StoreId},
    io::{BootConfig, Delivered, Envelope, Input, Output},
    scheduler::{OperatorRequest, SchedulerOptions},
    store::{Command, CommandResult, ReplyError, Request, RequestId},
    time::StoreTime,
};

use crate::support::{EVENT, Rig, SECOND, config, passive, store};

/// Stores, the scheduler, and what is on its way between them.
struct World {
    rig: Rig,
    stores: BTreeMap<StoreId, (Store, MemoryDisk)>,
    queue: VecDeque<(StoreId, Input)>,
    replies: BTreeMap<u64, Result<CommandResult, ReplyError>>,
    asked: u64,
}

impl World {
    /// Stores 1 to `count`, of which the first three hold the first region.
    fn new(count: u64, options: SchedulerOptions) -> Self {
        let mut config = config(options);
        config.options.region_max_bytes = 300;
        config.options.region_split_bytes = 200;
        let mut world = Self {
            rig: Rig::by(config, &CORRECT),
            stores: BTreeMap::new(),
            queue: VecDeque::new(),
            replies: BTreeMap::new(),
            asked: 0,
        };
        for id in 1..=count {
            world.start_store(store(id));
        }
        world.live(3);
        world
    }

    fn start_store(&mut self, id: StoreId) {
        let config = BootConfig {
            store: id,
            seed: id.get(),
            ..self.rig.config.clone()
        };
        let (image, now, mut output) = (DiskImage::default(), self.rig.now, Output::default());
        let booted = Store::boot(&config, &image, now, EVENT, &mut output);
        let booted = booted.expect("an empty disk is sound");
        self.stores.insert(id, (booted, MemoryDisk::new()));
        self.carry(id, output);
    }

    /// Carries out what a store wants done.
    fn carry(&mut self, id: StoreId, output: Output) {
        assert_eq!(output.stop, None, "{id}");
        if let Some(write) = output.write {
            let (_, disk) = self.stores.get_mut(&id).expect("it is there");
            disk.apply(&write);
            self.queue.push_back((id, Input::Durable(write.cycle)));
        }
        for message in output.messages {
            self.queue
                .push_back((message.to.store, Input::Message(message)));
        }
        for word in output.to_scheduler {
            let input = Input::ToScheduler { from: id, word };
            self.queue.push_back((StoreId::SCHEDULER, input));
        }
        for reply in output.replies {
            self.replies.insert(reply.id.seq, reply.result);
        }
    }

    fn give(&mut self, to: StoreId, input: Input) {
        if to == StoreId::SCHEDULER {
            let told = self.rig.give(vec![input]).from_scheduler;
            let told = told.into_iter();
            self.queue
                .extend(told.map(|(to, word)| (to, Input::FromScheduler(word))));
            return;
        }
        let Some((known, _)) = self.stores.get_mut(&to) else {
            return;
        };
        let (now, mut output) = (self.rig.now, Output::default());
        let inputs = vec![Delivered {
            event: EVENT,
            input,
        }];
        known.handle(&Envelope { now, inputs }, &mut output);
        self.carry(to, output);
    }

    fn live(&mut self, seconds: u64) {
        let tick_us = self.rig.config.options.tick_us;
        let end = self.rig.now.plus(seconds * SECOND);
        while self.rig.now < end {
            self.rig.now = StoreTime::new(self.rig.now.get() + tick_us);
            self.queue.push_back((StoreId::SCHEDULER, Input::Wake));
            let ids: Vec<StoreId> = self.stores.keys().copied().collect();
            self.queue
                .extend(ids.into_iter().map(|id| (id, Input::Wake)));
            while let Some((to, input)) = self.queue.pop_front() {
                self.give(to, input);
            }
        }
    }

    /// Asks whom the scheduler names, again and again until the command is carried out.
    fn ask(&mut self, command: &Command) -> CommandResult {
        for _ in 0..60 {
            let key = String::from_utf8(command.key().to_vec()).expect("keys are text");
            let route = self.rig.route(&key);
            if let Some((region, leader)) = route.and_then(|it| Some((it.region, it.leader?))) {
                self.asked += 1;
                let id = RequestId {
                    client: ClientId::new(1),
                    seq: self.asked,
                };
                let request = Request {
                    id,
                    region: region.id,
                    epoch: region.epoch,
                    command: command.clone(),
                    session: None,
                };
                self.queue
                    .push_back((leader.store, Input::Request(request)));
            }
            self.live(1);
            if let Some(Ok(result)) = self.replies.remove(&self.asked) {
                return result;
            }
        }
        panic!("nobody carries {command:?} out");
    }

    fn fill(&mut self, count: u64) {
        for at in 0..count {
            let (key, value) = pair(at);
            assert_eq!(self.ask(&Command::Put { key, value }), CommandResult::Put);
        }
    }

    fn check_data(&mut self, count: u64) {
        for at in 0..count {
            let (key, value) = pair(at);
            let value = Some(value);
            assert_eq!(
                self.ask(&Command::Get { key }),
                CommandResult::Get { value }
            );
        }
    }

    /// On which stores each region is; the regions cover all keys, and no id is there twice.
    fn places(&self) -> Vec<BTreeSet<u64>> {
        let map = self.rig.scheduler.cluster().map();
        let regions: Vec<&RegionInfo> = map.in_key_order().collect();
        assert!(regions.first().is_some_and(|it| it.region.start.is_empty()));
        assert!(regions.last().is_some_and(|it| it.region.end.is_empty()));
        for pair in regions.windows(2) {
            assert_eq!(pair[0].region.end, pair[1].region.start);
        }
        let peers = regions.iter().flat_map(|it| &it.region.peers);
        let ids: Vec<u64> = peers.map(|it| it.id.get()).collect();
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            ids.len(),
            "{ids:?}"
        );
        let places = regions.iter().map(|it| it.region.peers.iter());
        places
            .map(|it| it.map(|peer| peer.store.get()).collect())
            .collect()
    }
}

fn pair(at: u64) -> (bytes::Bytes, bytes::Bytes) {
    (format!("k{at:03}").into(), format!("value {at:014}").into())
}

#[test]
fn regions_that_grow_are_split_with_ids_of_the_scheduler() {
    let mut world = World::new(3, passive());
    world.fill(60);
    world.live(3);
    let places = world.places();
    assert!(places.len() >= 5, "{} regions", places.len());
    assert!(places.iter().all(|it| it.iter().eq(&[1, 2, 3])));
    world.check_data(60);
}

#[test]
fn a_replica_moves_by_hand_with_its_data() {
    for via_learner in [false, true] {
        let mut world = World::new(
            4,
            SchedulerOptions {
                via_learner,
                ..passive()
            },
        );
        world.fill(30);
        let route = world.rig.route("k020").expect("it is known");
        let from = route.leader.expect("it is led").store;
        let (region, to) = (route.region.id, store(4));
        world
            .rig
            .by_hand(OperatorRequest::MovePeer { region, from, to });
        world.live(10);
        let moved = world
            .rig
            .scheduler
            .cluster()
            .map()
            .get(region)
            .expect("it is known");
        let stores: Vec<StoreId> = moved.region.peers.iter().map(|it| it.store).collect();
        assert!(stores.len() == 3 && stores.contains(&to), "{stores:?}");
        assert!(
            !stores.contains(&from) && moved.learners.is_empty(),
            "{stores:?}"
        );
        let others = world.places().iter().filter(|it| it.contains(&4)).count();
        assert_eq!(others, 1);
        world.check_data(30);
    }
}

#[test]
fn what_a_dead_store_held_is_held_elsewhere_and_nothing_is_lost() {
    let mut world = World::new(
        4,
        SchedulerOptions {
            repair: true,
            disconnected_us: 2 * SECOND,
            store_down_us: 5 * SECOND,
            ..passive()
        },
    );
    world.fill(40);
    world.stores.remove(&store(2));
    world.live(2);
    // The scheduler dies as well, and comes back while the store is silent.
    world.rig.restart().expect("its disk is sound");
    world.live(40);
    let places = world.places();
    assert!(places.len() >= 3, "{} regions", places.len());
    assert!(
        places.iter().all(|it| it.iter().eq(&[1, 3, 4])),
        "{places:?}"
    );
    world.check_data(40);
}

#[test]
fn a_new_store_takes_its_share() {
    let mut world = World::new(
        3,
        SchedulerOptions {
            balance_region: true,
            ..passive()
        },
    );
    world.fill(80);
    world.start_store(store(4));
    world.live(60);
    let places = world.places();
    let share = places.iter().filter(|it| it.contains(&4)).count();
    assert!(share * 4 >= places.len() * 2, "{share} of {}", places.len());
    assert!(places.iter().all(|it| it.len() == 3), "{places:?}");
    let moved = world.rig.scheduler.operators().running().count();
    assert_eq!(moved, 0, "moves go on");
    world.check_data(80);
}
