//! One directed link: how long its messages take, and what waits on it.

use serde::Serialize;
use types::{
    frame::{Held, Holder},
    link::{LatencyShape, LinkPlan},
    raft::MessageBody,
    store::PeerMessage,
    time::{US_PER_MS, VirtualTime},
};

use crate::{
    dice::Dice,
    queue::{Flight, whole_ms},
};

/// How long a message is held back to be overtaken, in longest latencies.
const HELD_BACK: (u64, u64) = (2, 5);
/// How long messages may queue up for a link with a limit, in milliseconds. Those that would wait
/// longer are lost, as where a buffer overflows.
const BACKLOG_MS_MAX: u64 = 10_000;
/// How many messages a clogged link keeps. Those beyond are lost.
pub(super) const WAITING_MAX: usize = 1_024;
/// What a message takes on a link besides its entries and snapshot, in bytes.
const MESSAGE_BYTES: u64 = 64;
/// What an entry takes besides its data, in bytes.
const ENTRY_BYTES: u64 = 32;

/// What the long tail has at each twentieth of all messages, in thousandths of the range. Between
/// two of them it is a straight line.
const LONG_TAIL: [u64; 21] = [
    0, 5, 10, 15, 20, 25, 31, 37, 44, 52, 60, 70, 82, 96, 114, 138, 170, 217, 300, 500, 1_000,
];
/// Into how many parts a draw from a shape falls.
const DRAW: u64 = 1_000_000;

/// The state of one directed link.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Link {
    /// When the last message that keeps its place is due.
    last_due: VirtualTime,
    /// When it has taken in all that it was given, as far as it has a limit.
    free_at: VirtualTime,
    /// What it keeps while it is clogged.
    pub(super) waiting: Vec<Flight>,
}

impl Link {
    /// The instant at which a message of `bytes` that comes at `now` has left; nothing where too
    /// much waits before it.
    pub(super) fn take_in(
        &mut self,
        bytes: u64,
        plan: &LinkPlan,
        now: VirtualTime,
    ) -> Option<VirtualTime> {
        if plan.bytes_per_ms == 0 {
            return Some(now);
        }
        let begins = self.free_at.max(now);
        if begins.since(now) > BACKLOG_MS_MAX * US_PER_MS {
            return None;
        }
        self.free_at = begins.plus(time_of(bytes, plan));
        Some(self.free_at)
    }

    /// The instant of a message that would be due at `due` and keeps its place.
    pub(super) fn in_place(&mut self, due: VirtualTime) -> VirtualTime {
        self.last_due = self.last_due.max(due);
        self.last_due
    }

    /// Keeps a message. One that stood still already stands where it stood.
    pub(super) fn keep(&mut self, mut flight: Flight, now: VirtualTime) {
        let since = flight.frame.held.map_or(now, |held| held.since);
        let by = Holder::Link;
        flight.frame.held = Some(Held { since, by });
        self.waiting.push(flight);
    }

    /// Lets everything go that it kept, in the order in which it would have arrived, each after
    /// the one before as far as the link has a limit.
    pub(super) fn let_go(&mut self, plan: &LinkPlan, now: VirtualTime) -> Vec<Flight> {
        let mut freed = std::mem::take(&mut self.waiting);
        freed.sort_by_key(|flight| (flight.frame.due, flight.name()));
        let mut before = None;
        for flight in &mut freed {
            let bytes = bytes_of(&flight.message.body);
            let after = |before: VirtualTime| before.plus(time_of(bytes, plan));
            let soonest = before.map_or(whole_ms(now), after);
            flight.frame.due = flight.frame.due.max(soonest);
            before = Some(flight.frame.due);
        }
        let last = before.unwrap_or(now);
        self.last_due = self.last_due.max(last);
        self.free_at = self.free_at.max(last);
        freed
    }
}

/// How long a link is busy with so many bytes, in microseconds: whole milliseconds, or nothing
/// where it has no limit.
fn time_of(bytes: u64, plan: &LinkPlan) -> u64 {
    match plan.bytes_per_ms {
        0 => 0,
        limit => bytes.div_ceil(limit) * US_PER_MS,
    }
}

/// What a message takes on a link, in bytes: an estimate, so that nothing is encoded for it.
pub(super) fn bytes_of(body: &PeerMessage) -> u64 {
    let content = match body.raft().map(|message| &message.body) {
        Some(MessageBody::Append { entries, .. }) => {
            let bytes = |data: usize| ENTRY_BYTES + data as u64;
            entries.iter().map(|entry| bytes(entry.data.len())).sum()
        }
        Some(MessageBody::Snapshot { snapshot }) => snapshot.data.len() as u64,
        _ => 0,
    };
    MESSAGE_BYTES + content
}

/// A latency in milliseconds. Draws once, whatever the shape.
pub(super) fn draw_latency(min: u64, max: u64, shape: LatencyShape, dice: &mut Dice) -> u64 {
    match shape {
        LatencyShape::Uniform => dice.between(min, max),
        LatencyShape::LongTail => {
            let share = u128::from(long_tail(dice.below(DRAW)));
            let range = u128::from(max - min + 1);
            let more = range * share / u128::from(DRAW);
            min + u64::try_from(more).expect("a share of a range lies in it")
        }
    }
}

/// The place in the range, below [`DRAW`], of a draw below [`DRAW`].
fn long_tail(draw: u64) -> u64 {
    let parts = LONG_TAIL.len() as u64 - 1;
    let (part, rest) = (draw / (DRAW / parts), draw % (DRAW / parts));
    let at = |part: u64| LONG_TAIL[usize::try_from(part).expect("few parts")];
    let (below, above) = (at(part), at(part + 1));
    below * (DRAW / 1_000) + (above - below) * rest * parts / 1_000
}

/// The way of one copy in milliseconds, and whether it may be overtaken.
pub(super) fn draw_way(plan: &LinkPlan, dice: &mut Dice) -> (u64, bool) {
    let longest = plan.latency_ms_max;
    let latency = draw_latency(plan.latency_ms_min, longest, plan.latency_shape, dice);
    let held_back = dice.happens(plan.reorder_permille);
    let (least, most) = HELD_BACK;
    let extra = dice.between(least * longest, most * longest);
    if held_back {
        (latency + extra, true)
    } else {
        (latency, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_tail_is_mostly_short_and_sometimes_very_long() {
        let mut dice = Dice::new(&5_u64);
        let mut draw = || draw_latency(10, 1_009, LatencyShape::LongTail, &mut dice);
        let mut drawn: Vec<u64> = (0..10_000).map(|_| draw()).collect();
        drawn.sort_unstable();
        let at = |permille: usize| drawn[permille * 10];
        assert!((65..76).contains(&at(500)), "median {}", at(500));
        assert!((285..340).contains(&at(900)), "{} of ten", at(900));
        assert!((470..560).contains(&at(950)), "{} of twenty", at(950));
        assert!(drawn[0] >= 10 && drawn[9_999] <= 1_009 && drawn[9_999] > 990);
    }

    #[test]
    fn a_long_tail_stays_in_its_range_at_both_ends_of_a_draw() {
        assert_eq!(long_tail(0), 0);
        assert!(long_tail(DRAW - 1) < DRAW);
        let mut dice = Dice::new(&5_u64);
        for _ in 0..100 {
            assert_eq!(draw_latency(7, 7, LatencyShape::LongTail, &mut dice), 7);
        }
    }
}
