//! The network between stores: per directed link a latency, a chance of loss, of duplication and
//! of being held back; cuts between groups of stores; and ways that are blocked in one direction.
//!
//! A link keeps the order of what it carries, as a TCP connection does, except for messages that
//! are held back and for second copies. It delivers to a store, not to one of its lives. Clients
//! sit beside the stores: their traffic takes the same latency and is never cut, lost or doubled.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use types::{
    event::MadeBy,
    frame::{LossReason, MessageDetail, MessageFrame},
    id::StoreId,
    raft::{AppendResult, MessageBody},
    settings::Settings,
    store::StoreMessage,
    time::VirtualTime,
};

use crate::{
    dice::Dice,
    queue::{Flight, after_ms},
};

/// How long a message is held back to be overtaken, in longest latencies.
const HELD_BACK: (u64, u64) = (2, 5);

/// The state of all links.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Network {
    cut: Vec<Vec<StoreId>>,
    /// Ways that lose everything, from sender to receiver.
    blocked: BTreeSet<(StoreId, StoreId)>,
    /// When the last message of each directed link is due.
    busy_until: BTreeMap<(StoreId, StoreId), VirtualTime>,
}

/// What the network does with one message.
pub(crate) enum Sent {
    /// It will arrive: once, or twice.
    Flying(Box<Flight>, Option<Box<Flight>>),
    /// It is lost already.
    Lost(MessageFrame, LossReason),
}

impl Network {
    pub(crate) fn new(cut: Vec<Vec<StoreId>>, blocked: &[(StoreId, StoreId)]) -> Self {
        Self {
            cut,
            blocked: blocked.iter().copied().collect(),
            busy_until: BTreeMap::new(),
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
    pub(crate) fn blocked(&self) -> Vec<(StoreId, StoreId)> {
        self.blocked.iter().copied().collect()
    }

    pub(crate) fn block(&mut self, ways: Vec<(StoreId, StoreId)>) {
        self.blocked = ways.into_iter().collect();
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.blocked.clear();
    }

    /// The machine of `old` goes on as `new`, in the same place.
    pub(crate) fn rename(&mut self, old: StoreId, new: StoreId) {
        let renamed = |store| if store == old { new } else { store };
        for store in self.cut.iter_mut().flatten() {
            *store = renamed(*store);
        }
        let blocked = std::mem::take(&mut self.blocked);
        let way = |(from, to)| (renamed(from), renamed(to));
        self.blocked = blocked.into_iter().map(way).collect();
    }

    /// Whether the way from `a` to `b` is cut now.
    pub(crate) fn is_cut(&self, a: StoreId, b: StoreId) -> bool {
        let group = |store| self.cut.iter().position(|group| group.contains(&store));
        let is_parted = !self.cut.is_empty() && group(a) != group(b);
        is_parted || self.blocked.contains(&(a, b))
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
        let lost = dice.happens(settings.loss_permille);
        let doubled = dice.happens(settings.duplicate_permille);
        let (first_ms, held_back) = draw_way(settings, dice);
        let (second_ms, _) = draw_way(settings, dice);
        let (from, to) = (message.from.store, message.to.store);
        let mut due = after_ms(now, first_ms);
        let loss = if self.is_cut(from, to) {
            Some(LossReason::Cut)
        } else {
            lost.then_some(LossReason::Chance)
        };
        if loss.is_none() && !held_back {
            let busy = self.busy_until.entry((from, to)).or_default();
            due = due.max(*busy);
            *busy = due;
        }
        let frame = frame_of(&message, id, now, due);
        if let Some(reason) = loss {
            return Sent::Lost(frame, reason);
        }
        let copy = doubled.then(|| {
            let frame = MessageFrame {
                due: after_ms(now, second_ms),
                duplicate: true,
                ..frame.clone()
            };
            let message = message.clone();
            Box::new(Flight { frame, message })
        });
        Sent::Flying(Box::new(Flight { frame, message }), copy)
    }
}

/// A client's way to a store or back, in milliseconds.
pub(crate) fn draw_client_way(settings: &Settings, dice: &mut Dice) -> u64 {
    dice.between(settings.latency_ms_min, settings.latency_ms_max)
}

/// The way of one copy in milliseconds, and whether it may be overtaken.
fn draw_way(settings: &Settings, dice: &mut Dice) -> (u64, bool) {
    let latency = dice.between(settings.latency_ms_min, settings.latency_ms_max);
    let held_back = dice.happens(settings.reorder_permille);
    let (least, most) = HELD_BACK;
    let longest = settings.latency_ms_max;
    let extra = dice.between(least * longest, most * longest);
    if held_back {
        (latency + extra, true)
    } else {
        (latency, false)
    }
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
        kind: message.message.body.kind(),
        term: message.message.term,
        detail: detail_of(&message.message.body),
        sent,
        due,
        duplicate: false,
    }
}

fn detail_of(body: &MessageBody) -> MessageDetail {
    match body {
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
