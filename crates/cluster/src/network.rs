//! The network between stores: per directed link a plan (latency, loss, duplication, messages held
//! back, bandwidth, clogging); cuts between groups of stores; ways that are blocked in one
//! direction; and single messages that a person holds.
//!
//! A link keeps the order of what it carries, as a TCP connection does, except for messages that
//! are held back and for second copies. It delivers to a store, not to one of its lives. Clients
//! sit beside the stores: their traffic takes the latency of the settings and is never cut, lost,
//! doubled or limited.

mod link;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use types::{
    event::MadeBy,
    frame::{Held, Holder, LossReason, MessageDetail, MessageFrame},
    id::StoreId,
    link::LinkPlan,
    raft::{AppendResult, MessageBody},
    settings::Settings,
    store::{PeerMessage, StoreMessage},
    time::VirtualTime,
};

use crate::{
    dice::Dice,
    queue::{Flight, MessageName, after_ms},
    saved::SavedLink,
};
use link::{Link, WAITING_MAX, bytes_of, draw_latency, draw_way};

/// A directed link: sender and receiver.
type Way = (StoreId, StoreId);

/// The state of all links.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Network {
    cut: Vec<Vec<StoreId>>,
    /// Ways that lose everything.
    blocked: BTreeSet<Way>,
    /// What single links do instead of what the settings say.
    plans: BTreeMap<Way, LinkPlan>,
    links: BTreeMap<Way, Link>,
    /// Messages that a person holds.
    held: BTreeMap<MessageName, Flight>,
    /// What it did. Nothing that happens depends on it.
    #[serde(skip)]
    pub(crate) counts: NetworkCounts,
}

/// What the network did to messages between stores, in this segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkCounts {
    /// Lost at a cut or a blocked way.
    pub lost_cut: u64,
    /// Lost by chance.
    pub lost_chance: u64,
    /// Lost because the receiver was down.
    pub lost_down: u64,
    /// Lost because too much waited for the link.
    pub lost_full: u64,
    /// Dropped by hand.
    pub lost_hand: u64,
    /// Sent twice by chance.
    pub doubled: u64,
    /// Held back to be overtaken.
    pub held_back: u64,
    /// Sent on a link with a plan of its own.
    pub own_plan: u64,
    /// Sent where latencies have a long tail.
    pub long_tail: u64,
    /// Delayed because others went before it on a link with a limit.
    pub queued: u64,
    /// Kept by a clogged link.
    pub clogged: u64,
    /// Held, released, dropped, delayed or doubled by hand.
    pub by_hand: u64,
}

/// What the network does with one message.
pub(crate) enum Sent {
    /// It will arrive: once, or twice.
    Flying(Box<Flight>, Option<Box<Flight>>),
    /// Its link keeps it.
    Waiting,
    /// It is lost already.
    Lost(Box<MessageFrame>, LossReason),
}

impl Network {
    pub(crate) fn new(cut: Vec<Vec<StoreId>>, blocked: &[Way], links: &[SavedLink]) -> Self {
        let plan = |link: &SavedLink| ((link.from, link.to), link.plan);
        Self {
            cut,
            blocked: blocked.iter().copied().collect(),
            plans: links.iter().map(plan).collect(),
            ..Self::default()
        }
    }

    /// The groups of the cut; empty when the network is whole.
    pub(crate) fn groups(&self) -> &[Vec<StoreId>] {
        &self.cut
    }

    pub(crate) fn cut(&mut self, groups: Vec<Vec<StoreId>>) {
        self.cut = groups;
    }

    /// The ways that lose everything.
    pub(crate) fn blocked(&self) -> Vec<Way> {
        self.blocked.iter().copied().collect()
    }

    pub(crate) fn block(&mut self, ways: Vec<Way>) {
        self.blocked = ways.into_iter().collect();
    }

    /// The links with a plan of their own, in ascending order.
    pub(crate) fn own_plans(&self) -> Vec<SavedLink> {
        let saved = |(&(from, to), &plan): (&Way, &LinkPlan)| SavedLink { from, to, plan };
        self.plans.iter().map(saved).collect()
    }

    /// Gives a link a plan of its own, or takes it away. What the link carries must be given to
    /// [`Network::keep`] where it is clogged from now on, and [`Network::freed`] flies again where
    /// it is not.
    pub(crate) fn set_plan(&mut self, way: Way, plan: Option<LinkPlan>) {
        match plan {
            Some(plan) => self.plans.insert(way, plan),
            None => self.plans.remove(&way),
        };
    }

    /// What a link does.
    fn plan(&self, way: Way, settings: &Settings) -> LinkPlan {
        let own = self.plans.get(&way).copied();
        own.unwrap_or_else(|| LinkPlan::of(settings))
    }

    /// Whether a link keeps what it carries.
    pub(crate) fn is_clogged(&self, from: StoreId, to: StoreId) -> bool {
        let plan = self.plans.get(&(from, to));
        plan.is_some_and(|plan| plan.clogged)
    }

    /// Opens every way. [`Network::freed`] flies again.
    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.blocked.clear();
        for plan in self.plans.values_mut() {
            plan.clogged = false;
        }
    }

    /// The machine of `old` goes on as `new`, in the same place. [`Network::freed`] flies again:
    /// nothing waits on a link that is no more.
    pub(crate) fn rename(&mut self, old: StoreId, new: StoreId) {
        let renamed = |store| if store == old { new } else { store };
        for store in self.cut.iter_mut().flatten() {
            *store = renamed(*store);
        }
        let way = |(from, to)| (renamed(from), renamed(to));
        let blocked = std::mem::take(&mut self.blocked);
        self.blocked = blocked.into_iter().map(way).collect();
        let plans = std::mem::take(&mut self.plans);
        self.plans = plans
            .into_iter()
            .map(|(old, plan)| (way(old), plan))
            .collect();
    }

    /// Whether `a` and `b` are in different groups of the cut.
    pub(crate) fn is_parted(&self, a: StoreId, b: StoreId) -> bool {
        let group = |store| self.cut.iter().position(|group| group.contains(&store));
        !self.cut.is_empty() && group(a) != group(b)
    }

    /// Whether the way from `a` to `b` is cut now.
    pub(crate) fn is_cut(&self, a: StoreId, b: StoreId) -> bool {
        self.is_parted(a, b) || self.blocked.contains(&(a, b))
    }

    /// Whether the way from `a` to `b` loses everything, whatever islands there are.
    pub(crate) fn is_blocked(&self, a: StoreId, b: StoreId) -> bool {
        self.blocked.contains(&(a, b))
    }

    /// Takes a message from its sender. Draws the same number of times for every message.
    pub(crate) fn send(
        &mut self,
        message: StoreMessage,
        id: MadeBy,
        now: VirtualTime,
        settings: &Settings,
        dice: &mut Dice,
    ) -> Sent {
        let way = (message.from.store, message.to.store);
        let plan = self.plan(way, settings);
        let lost = dice.happens(plan.loss_permille);
        let doubled = dice.happens(plan.duplicate_permille);
        let (first_ms, held_back) = draw_way(&plan, dice);
        let (second_ms, _) = draw_way(&plan, dice);
        let mut frame = frame_of(&message, id, now, after_ms(now, first_ms));
        let loss = if self.is_cut(way.0, way.1) {
            Some(LossReason::Cut)
        } else {
            lost.then_some(LossReason::Chance)
        };
        if let Some(reason) = loss {
            return Sent::Lost(Box::new(frame), reason);
        }
        let link = self.links.entry(way).or_default();
        let bytes = bytes_of(&message.body);
        let left = link.take_in(bytes, &plan, now);
        let left = left.filter(|_| !plan.clogged || link.waiting.len() < WAITING_MAX);
        let Some(left) = left else {
            return Sent::Lost(Box::new(frame), LossReason::Full);
        };
        frame.due = after_ms(left, first_ms);
        if !held_back {
            frame.due = link.in_place(frame.due);
        }
        let copy = doubled.then(|| {
            let frame = MessageFrame {
                due: after_ms(left, second_ms),
                duplicate: true,
                ..frame.clone()
            };
            let message = message.clone();
            Box::new(Flight { frame, message })
        });
        self.count(way, &plan, left > now, doubled, held_back);
        let first = Box::new(Flight { frame, message });
        if plan.clogged {
            for flight in std::iter::once(first).chain(copy) {
                self.keep(*flight, now);
            }
            return Sent::Waiting;
        }
        Sent::Flying(first, copy)
    }

    fn count(&mut self, way: Way, plan: &LinkPlan, queued: bool, doubled: bool, held_back: bool) {
        let is_own = self.plans.contains_key(&way);
        let has_tail = plan.latency_shape == types::link::LatencyShape::LongTail;
        let counts = &mut self.counts;
        for (count, happened) in [
            (&mut counts.queued, queued),
            (&mut counts.doubled, doubled),
            (&mut counts.held_back, held_back),
            (&mut counts.own_plan, is_own),
            (&mut counts.long_tail, has_tail),
        ] {
            *count += u64::from(happened);
        }
    }

    /// Counts a loss.
    pub(crate) fn lost(&mut self, reason: LossReason) {
        let counts = &mut self.counts;
        *match reason {
            LossReason::Cut => &mut counts.lost_cut,
            LossReason::Chance => &mut counts.lost_chance,
            LossReason::Down => &mut counts.lost_down,
            LossReason::Full => &mut counts.lost_full,
            LossReason::Hand => &mut counts.lost_hand,
        } += 1;
    }

    /// Lets a clogged link keep a message.
    pub(crate) fn keep(&mut self, flight: Flight, now: VirtualTime) {
        self.counts.clogged += u64::from(flight.frame.held.is_none());
        let way = (flight.frame.from, flight.frame.to);
        self.links.entry(way).or_default().keep(flight, now);
    }

    /// Takes out what links keep that are not clogged, as it arrives from now on.
    pub(crate) fn freed(&mut self, now: VirtualTime, settings: &Settings) -> Vec<Flight> {
        let waiting = self
            .links
            .iter()
            .filter(|(_, link)| !link.waiting.is_empty());
        let ways: Vec<Way> = waiting.map(|(way, _)| *way).collect();
        let mut freed = Vec::new();
        for way in ways {
            if self.is_clogged(way.0, way.1) {
                continue;
            }
            let plan = self.plan(way, settings);
            if let Some(link) = self.links.get_mut(&way) {
                freed.append(&mut link.let_go(&plan, now));
            }
        }
        freed
    }

    /// A message that stands still.
    pub(crate) fn find(&self, name: MessageName) -> Option<&Flight> {
        let mut waiting = self.links.values().flat_map(|link| &link.waiting);
        let kept = || waiting.find(|flight| flight.name() == name);
        self.held.get(&name).or_else(kept)
    }

    /// Takes out a message that stands still.
    pub(crate) fn take(&mut self, name: MessageName) -> Option<Flight> {
        if let Some(flight) = self.held.remove(&name) {
            return Some(flight);
        }
        self.links.values_mut().find_map(|link| {
            let mut waiting = link.waiting.iter();
            let place = waiting.position(|flight| flight.name() == name)?;
            Some(link.waiting.remove(place))
        })
    }

    /// Holds a message until a person lets it go.
    pub(crate) fn hold(&mut self, mut flight: Flight, now: VirtualTime) {
        let since = flight.frame.held.map_or(now, |held| held.since);
        let by = Holder::Hand;
        flight.frame.held = Some(Held { since, by });
        self.held.insert(flight.name(), flight);
    }

    /// The messages that stand still.
    pub(crate) fn standing(&self) -> impl Iterator<Item = &Flight> {
        let waiting = self.links.values().flat_map(|link| &link.waiting);
        self.held.values().chain(waiting)
    }
}

/// A client's way to a store or back, in milliseconds.
pub(crate) fn draw_client_way(settings: &Settings, dice: &mut Dice) -> u64 {
    let (min, max) = (settings.latency_ms_min, settings.latency_ms_max);
    draw_latency(min, max, settings.latency_shape(), dice)
}

fn frame_of(
    message: &StoreMessage,
    id: MadeBy,
    sent: VirtualTime,
    due: VirtualTime,
) -> MessageFrame {
    MessageFrame {
        id,
        from: message.from.store,
        to: message.to.store,
        region: message.region,
        kind: message.body.kind(),
        term: message.body.term(),
        detail: detail_of(&message.body),
        sent,
        due,
        duplicate: false,
        held: None,
    }
}

fn detail_of(body: &PeerMessage) -> MessageDetail {
    let Some(message) = body.raft() else {
        return MessageDetail::Plain;
    };
    match &message.body {
        MessageBody::RequestVoteResponse { granted, .. }
        | MessageBody::PreVoteResponse { granted, .. } => MessageDetail::Vote(*granted),
        MessageBody::Append {
            entries, commit, ..
        } => match (entries.first(), entries.last()) {
            (Some(first), Some(last)) => MessageDetail::Entries(first.index, last.index),
            _ => MessageDetail::Commit(*commit),
        },
        MessageBody::AppendResponse { result } => match result {
            AppendResult::Matched { index } => MessageDetail::Matched(*index),
            AppendResult::Rejected { .. } => MessageDetail::Rejected,
            AppendResult::Stale => MessageDetail::Plain,
        },
        MessageBody::Heartbeat { commit, .. } | MessageBody::HeartbeatResponse { commit, .. } => {
            MessageDetail::Commit(*commit)
        }
        MessageBody::Snapshot { snapshot } => MessageDetail::Commit(snapshot.last.index),
        MessageBody::ReadIndexResponse { index, .. } => MessageDetail::Commit(*index),
        MessageBody::RequestVote { .. }
        | MessageBody::PreVote { .. }
        | MessageBody::TimeoutNow
        | MessageBody::TransferLeader { .. }
        | MessageBody::ReadIndex { .. } => MessageDetail::Plain,
    }
}

#[cfg(test)]
mod tests;
