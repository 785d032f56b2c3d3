//! The one door of the scheduler.

use std::collections::{BTreeMap, BTreeSet};

use raftstore::rows::Content;
use serde::Serialize;
use types::{
    codec,
    disk::{DiskWrite, RowKey, RowOp},
    id::{Cycle, Incarnation, PeerId, RegionId, StoreId},
    io::{Envelope, Input, Output},
    scheduler::{
        FromScheduler, OperatorEnd, OperatorReason, OperatorRequest, OperatorStep, RegionHeartbeat,
        Route, RouteReply, RouteRequest, SchedulerOptions, StoreState, ToScheduler,
    },
    store::Region,
    time::StoreTime,
};

use crate::{
    by_hand,
    cluster::Cluster,
    dice::Dice,
    heartbeat,
    ids::Ids,
    operator::Operator,
    operators::Operators,
    patrol::Paces,
    refused::Refused,
    region::RegionInfo,
    rows::{self, StoreRow},
    rules::{RuleBook, Rules},
    steps::Look,
};

/// The shortest time between two patrols.
pub const PATROL_MIN_US: u64 = 1_000;

/// The scheduler. See the crate's documentation.
#[derive(Debug, Clone, Serialize)]
pub struct Scheduler {
    pub(crate) id: StoreId,
    pub(crate) incarnation: Incarnation,
    pub(crate) options: SchedulerOptions,
    /// The name of the rules that it decides by.
    pub(crate) rules: Option<String>,
    #[serde(skip)]
    pub(crate) table: &'static Rules,
    #[serde(skip)]
    pub(crate) book: RuleBook,
    pub(crate) now: StoreTime,
    pub(crate) started: StoreTime,
    /// When it heard any store last.
    pub(crate) heard_at: StoreTime,
    pub(crate) cluster: Cluster,
    pub(crate) ids: Ids,
    pub(crate) operators: Operators,
    pub(crate) dice: Dice,
    pub(crate) paces: Paces,
    /// Whether enough regions have reported, or enough time has passed.
    pub(crate) is_prepared: bool,
    /// Regions whose rows are not as they are known, those that are gone among them.
    pub(crate) changed_regions: BTreeSet<RegionId>,
    /// Stores whose rows are not as they are known.
    pub(crate) changed_stores: BTreeSet<StoreId>,
    /// The last write that was given out.
    pub(crate) written: Cycle,
    /// The last write known to be durable: at most one below `written`.
    pub(crate) durable: Cycle,
    pub(crate) refused: BTreeMap<Refused, u64>,
}

/// Options with which the scheduler can work: what is out of range counts as the nearest value
/// that is not.
pub(crate) fn sound(options: SchedulerOptions) -> SchedulerOptions {
    SchedulerOptions {
        max_replicas: options.max_replicas.max(1),
        patrol_us: options.patrol_us.max(PATROL_MIN_US),
        ..options
    }
}

impl Scheduler {
    /// The only door. Empties `output` and fills it with what the scheduler wants done; everything
    /// in it may leave at once.
    pub fn handle(&mut self, envelope: &Envelope, output: &mut Output) {
        output.clear();
        // A clock that runs backwards stands still.
        self.now = self.now.max(envelope.now);
        for delivered in &envelope.inputs {
            if let Err(refused) = self.take_in(&delivered.input, output) {
                *self.refused.entry(refused).or_default() += 1;
            }
        }
        self.patrol(output);
        self.finish(Vec::new(), output);
    }

    /// A hash of everything that the scheduler knows.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        codec::hash_of(self)
    }

    /// How often which kind of bad input was refused.
    #[must_use]
    pub const fn refused(&self) -> &BTreeMap<Refused, u64> {
        &self.refused
    }

    /// Regions and stores as they are known.
    #[must_use]
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What is being done.
    #[must_use]
    pub const fn operators(&self) -> &Operators {
        &self.operators
    }

    fn take_in(&mut self, input: &Input, output: &mut Output) -> Result<(), Refused> {
        match input {
            Input::Wake => Ok(()),
            Input::Durable(cycle) => self.make_durable(*cycle),
            Input::ToScheduler { from, word } => self.hear(*from, word, output),
            Input::FindRoute(request) => {
                output.routes.push(self.find_route(request));
                Ok(())
            }
            Input::Operator(request) => self.by_hand(request, output),
            Input::SchedulerOptions(options) => {
                self.options = sound(*options);
                self.paces = Paces::starting_at(self.now);
                Ok(())
            }
            Input::Rules(name) => self.choose(name.as_deref()),
            Input::Message(_)
            | Input::Request(_)
            | Input::Admin(_)
            | Input::Options(_)
            | Input::FromScheduler(_) => Err(Refused::NotForMe),
        }
    }

    /// Takes the rules of a name for its own, as far as its book knows them.
    pub(crate) fn choose(&mut self, name: Option<&str>) -> Result<(), Refused> {
        self.table = self.book.rules(name).ok_or(Refused::UnknownRules)?;
        self.rules = name.map(str::to_owned);
        Ok(())
    }

    fn make_durable(&mut self, cycle: Cycle) -> Result<(), Refused> {
        if cycle != self.written || self.written == self.durable {
            return Err(Refused::UnknownCycle);
        }
        self.durable = cycle;
        self.ids.durable();
        Ok(())
    }

    fn hear(
        &mut self,
        from: StoreId,
        word: &ToScheduler,
        output: &mut Output,
    ) -> Result<(), Refused> {
        if from == StoreId::SCHEDULER || from.get() > self.ids.id_max() {
            return Err(Refused::OutOfRange);
        }
        self.ids.saw(from.get());
        let deaf_us = self.now.since(self.heard_at);
        self.heard_at = self.now;
        if deaf_us >= self.options.disconnected_us {
            // It was cut off itself: that is held against nobody.
            self.cluster.stores_mut().excuse(deaf_us);
        }
        let (store, is_known) = self.cluster.stores_mut().learn(from, self.now);
        store.heard_at = self.now;
        if !is_known {
            self.changed_stores.insert(from);
        }
        match word {
            ToScheduler::Store(heartbeat) => {
                store.reported = Some(*heartbeat);
                Ok(())
            }
            ToScheduler::Region(heartbeat) => self.region_heartbeat(from, heartbeat, output),
            ToScheduler::AskSplit { region, key } => {
                let answer = self.ask_split(region, key)?;
                output.from_scheduler.push((from, answer));
                Ok(())
            }
        }
    }

    fn region_heartbeat(
        &mut self,
        from: StoreId,
        word: &RegionHeartbeat,
        output: &mut Output,
    ) -> Result<(), Refused> {
        heartbeat::check(word, from, self.ids.id_max())?;
        self.saw_ids_of(&word.region);
        let info = RegionInfo::from(word);
        let (rules, now) = (self.table, self.now);
        let displaced = self
            .cluster
            .process_region_heartbeat(rules, info.clone(), now)
            .map_err(|_| Refused::StaleHeartbeat)?;
        if !displaced.before.is_some_and(|it| it.is_kept_like(&info)) {
            self.changed_regions.insert(info.id());
        }
        for gone in displaced.evicted {
            self.changed_regions.insert(gone.id());
        }
        output
            .from_scheduler
            .extend(self.operators.dispatch(&info, rules, now));
        Ok(())
    }

    pub(crate) fn saw_ids_of(&mut self, region: &Region) {
        self.ids.saw(region.id.get());
        for peer in &region.peers {
            self.ids.saw(peer.id.get());
            self.ids.saw(peer.store.get());
        }
    }

    fn ask_split(&mut self, region: &Region, key: &bytes::Bytes) -> Result<FromScheduler, Refused> {
        heartbeat::check_shape(region, self.ids.id_max())?;
        let known = self.cluster.map().get(region.id);
        let known = known.ok_or(Refused::UnknownRegion)?.epoch();
        let epoch = region.epoch;
        if epoch.version < known.version || epoch.conf_ver < known.conf_ver {
            return Err(Refused::StaleEpoch);
        }
        if !region.contains(key) || *key == region.start {
            return Err(Refused::BadSplitKey);
        }
        self.saw_ids_of(region);
        let peers = region.peers.len() as u64;
        let first = self.ids.take(self.table, 1 + peers);
        let first = first.ok_or(Refused::NoIds)?;
        let new_peers = (first + 1..=first + peers).map(PeerId::new);
        Ok(FromScheduler::SplitIds {
            region: region.id,
            epoch,
            key: key.clone(),
            new_region: RegionId::new(first),
            new_peers: new_peers.collect(),
        })
    }

    fn find_route(&self, request: &RouteRequest) -> RouteReply {
        let info = self.cluster.map().find(&request.key);
        let route = info.map(|info| Route {
            region: info.region.clone(),
            leader: info.leader,
        });
        RouteReply {
            id: request.id,
            route,
        }
    }

    fn by_hand(&mut self, request: &OperatorRequest, output: &mut Output) -> Result<(), Refused> {
        match request {
            OperatorRequest::TakeOffline { store } => self.set_state(*store, StoreState::Offline),
            OperatorRequest::BringOnline { store } => self.set_state(*store, StoreState::Up),
            OperatorRequest::Cancel { region } => {
                let called_off = self.operators.end(*region, OperatorEnd::CalledOff);
                called_off.then_some(()).ok_or(Refused::Impossible)
            }
            _ => self.start_by_hand(request, output),
        }
    }

    fn start_by_hand(
        &mut self,
        request: &OperatorRequest,
        output: &mut Output,
    ) -> Result<(), Refused> {
        let region = by_hand::region_of(request).ok_or(Refused::Impossible)?;
        let info = self.cluster.map().get(region).cloned();
        let info = info.ok_or(Refused::UnknownRegion)?;
        let needs_id = by_hand::needs_id(request);
        let new = needs_id.then(|| self.new_peer_id()).flatten();
        if needs_id && new.is_none() {
            return Err(Refused::NoIds);
        }
        let steps = by_hand::steps(&self.look(), &info, request, new);
        let steps = steps.ok_or(Refused::Impossible)?;
        self.start_operator(&info, OperatorReason::ByHand, steps, output);
        Ok(())
    }

    fn set_state(&mut self, store: StoreId, state: StoreState) -> Result<(), Refused> {
        let known = self.cluster.stores_mut().get_mut(store);
        known.ok_or(Refused::Impossible)?.state = state;
        self.changed_stores.insert(store);
        Ok(())
    }

    /// Starts an operator and tells its first step, which comes again with each heartbeat of its
    /// region until it is done.
    pub(crate) fn start_operator(
        &mut self,
        info: &RegionInfo,
        reason: OperatorReason,
        steps: Vec<OperatorStep>,
        output: &mut Output,
    ) {
        let operator = Operator::new(info, reason, steps, &self.options, self.now);
        self.operators.start(operator);
        let word = self.operators.dispatch(info, self.table, self.now);
        output.from_scheduler.extend(word);
    }

    pub(crate) const fn look(&self) -> Look<'_> {
        Look {
            cluster: &self.cluster,
            options: &self.options,
            now: self.now,
        }
    }

    /// Closes an output: the next write, which begins with `first`, and the next alarm.
    pub(crate) fn finish(&mut self, first: Vec<RowOp>, output: &mut Output) {
        output.write = self.next_write(first);
        output.wake_at = self.wake_at();
    }

    /// The next write, when none is open and there is something to write. Each holds all that has
    /// changed, so that the rows are always what was known at one moment.
    fn next_write(&mut self, first: Vec<RowOp>) -> Option<DiskWrite> {
        if self.written != self.durable {
            return None;
        }
        let mut ops = first;
        ops.extend(self.ids.to_write().map(rows::put_ids));
        for id in std::mem::take(&mut self.changed_regions) {
            let info = self.cluster.map().get(id);
            ops.push(info.map_or_else(|| rows::delete_region(id), rows::put_region));
        }
        for id in std::mem::take(&mut self.changed_stores) {
            let store = self.cluster.stores().get(id);
            ops.extend(store.map(|it| {
                rows::put_store(StoreRow {
                    store: id,
                    state: it.state,
                })
            }));
        }
        if ops.is_empty() {
            return None;
        }
        self.written = self.written.next();
        let cycle = self.written;
        ops.push(rows::put_meta(
            RowKey::LastCycle,
            &Content::LastCycle(cycle),
        ));
        Some(DiskWrite { cycle, ops })
    }
}
