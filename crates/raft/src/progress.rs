//! What a leader knows of one follower, and how fast it may send to it.

use std::collections::VecDeque;

use serde::Serialize;
use types::id::PeerId;
use types::raft::{LogIndex, ProgressKind};

use crate::config::Limits;
use crate::membership::Counts;

/// How a leader sends to a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ProgressState {
    /// Where the logs agree is not known: one append at a time; the next leaves after an answer
    /// or a heartbeat response.
    Probe {
        /// Whether that one is on its way.
        waiting: bool,
    },
    /// The logs agree: appends follow each other without waiting for answers, within
    /// [`Limits::in_flight_appends`] and [`Limits::in_flight_bytes`].
    Replicate,
    /// What the follower needs is no longer in the log: only a snapshot helps.
    Snapshot {
        /// Where the snapshot on its way ends; nothing while the host has not given one.
        last: Option<LogIndex>,
    },
}

/// A leader's view of one follower (paper, figure 2: nextIndex and matchIndex).
///
/// `matched < next` always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    id: PeerId,
    matched: LogIndex,
    next: LogIndex,
    state: ProgressState,
    /// The last index and the bytes of each append on its way, oldest first. Empty while probing.
    in_flight: VecDeque<(LogIndex, usize)>,
    in_flight_bytes: usize,
    /// There is something to tell, if only a commit index.
    wanted: bool,
    /// An empty append may pass a full window: what fills it may be lost, and the answer tells.
    ping: bool,
    /// It said anything since the leader last looked at its quorum.
    recently_active: bool,
    /// The newest round of heartbeats that it answered.
    pub(crate) answered_round: u64,
    /// In which halves of the quorum it counts.
    pub(crate) counts: Counts,
}

impl Progress {
    pub(crate) fn new(id: PeerId, next: LogIndex, counts: Counts) -> Self {
        Self {
            id,
            matched: LogIndex::ZERO,
            next,
            state: ProgressState::Probe { waiting: false },
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            wanted: true,
            ping: false,
            recently_active: true,
            answered_round: 0,
            counts,
        }
    }

    /// The follower.
    #[must_use]
    pub fn id(&self) -> PeerId {
        self.id
    }

    /// The highest index up to which its durable log is known to equal the leader's.
    #[must_use]
    pub fn matched(&self) -> LogIndex {
        self.matched
    }

    /// The next index to send.
    #[must_use]
    pub fn next(&self) -> LogIndex {
        self.next
    }

    /// How it is sent to.
    #[must_use]
    pub fn state(&self) -> ProgressState {
        self.state
    }

    /// How it is sent to, in a word.
    #[must_use]
    pub fn kind(&self) -> ProgressKind {
        match self.state {
            ProgressState::Probe { .. } => ProgressKind::Probe,
            ProgressState::Replicate => ProgressKind::Replicate,
            ProgressState::Snapshot { .. } => ProgressKind::Snapshot,
        }
    }

    /// How many appends with entries are on their way; a probe on its way is one.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        match self.state {
            ProgressState::Probe { waiting } => usize::from(waiting),
            ProgressState::Replicate | ProgressState::Snapshot { .. } => self.in_flight.len(),
        }
    }

    /// How many bytes of payload are on their way beyond a probe.
    #[must_use]
    pub fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    /// Whether it votes, in either half of the membership.
    #[must_use]
    pub fn is_voter(&self) -> bool {
        self.counts.incoming || self.counts.outgoing
    }

    /// Whether it said anything since the leader last looked at its quorum.
    #[must_use]
    pub fn is_recently_active(&self) -> bool {
        self.recently_active
    }

    /// It said something.
    pub(crate) fn active(&mut self) {
        self.recently_active = true;
    }

    /// Whether it was active; from now on it must speak again.
    pub(crate) fn look(&mut self) -> bool {
        std::mem::take(&mut self.recently_active)
    }

    /// Asks for an append in the next Ready, an empty one if need be.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether an append is asked for and may leave.
    pub(crate) fn is_due(&self, limits: &Limits) -> bool {
        self.wanted && (self.ping || self.may_send(limits))
    }

    /// Whether an append with entries may leave.
    pub(crate) fn may_send(&self, limits: &Limits) -> bool {
        match self.state {
            ProgressState::Probe { waiting } => !waiting,
            ProgressState::Replicate => !self.is_full(limits),
            ProgressState::Snapshot { .. } => false,
        }
    }

    fn is_full(&self, limits: &Limits) -> bool {
        self.in_flight.len() >= limits.in_flight_appends
            || (!self.in_flight.is_empty() && self.in_flight_bytes >= limits.in_flight_bytes)
    }

    /// An append left that ends at `end` with `bytes` of payload, or carried no entries.
    pub(crate) fn sent(&mut self, end: Option<LogIndex>, bytes: usize) {
        self.wanted = false;
        self.ping = false;
        match (&mut self.state, end) {
            (ProgressState::Probe { waiting }, _) => *waiting = true,
            (ProgressState::Replicate, Some(end)) => {
                self.in_flight.push_back((end, bytes));
                self.in_flight_bytes += bytes;
                self.next = end.next();
            }
            (ProgressState::Replicate | ProgressState::Snapshot { .. }, _) => {}
        }
    }

    /// The follower matches up to `index`. Says whether that is news.
    pub(crate) fn acknowledge(&mut self, index: LogIndex) -> bool {
        if index < self.matched {
            return false;
        }
        let is_news = index > self.matched;
        self.matched = index;
        self.next = self.next.max(index.next());
        while let Some((_, bytes)) = self.in_flight.pop_front_if(|(end, _)| *end <= index) {
            self.in_flight_bytes -= bytes;
        }
        match self.state {
            ProgressState::Probe { .. } => self.replicate_from(index),
            // A snapshot that arrived, or a follower that got the entries from elsewhere.
            ProgressState::Snapshot { last } if last.is_none_or(|last| index >= last) => {
                self.replicate_from(index);
            }
            ProgressState::Snapshot { .. } | ProgressState::Replicate => {}
        }
        is_news
    }

    fn replicate_from(&mut self, index: LogIndex) {
        self.state = ProgressState::Replicate;
        self.next = index.next();
    }

    /// Whether a refusal of `refused` answers something that still matters.
    pub(crate) fn is_refusal_current(&self, refused: LogIndex) -> bool {
        match self.state {
            ProgressState::Probe { .. } => refused.next() == self.next,
            ProgressState::Replicate => refused > self.matched,
            ProgressState::Snapshot { .. } => false,
        }
    }

    /// Goes back to `next` and probes from there. Says whether there was room to go back; where
    /// not, the probe waits for a heartbeat response instead of asking the same at once.
    pub(crate) fn back_up(&mut self, refused: LogIndex, next: LogIndex) -> bool {
        let has_moved = next <= refused;
        self.probe(next, !has_moved);
        has_moved
    }

    fn probe(&mut self, next: LogIndex, waiting: bool) {
        self.next = next;
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.state = ProgressState::Probe { waiting };
        self.wanted = true;
        self.ping = false;
    }

    /// What it needs is no longer in the log.
    pub(crate) fn needs_snapshot(&mut self) {
        self.probe(self.next, false);
        self.wanted = false;
        self.state = ProgressState::Snapshot { last: None };
    }

    /// A snapshot that ends at `last` left. Nothing else is sent until its fate is known (X12).
    pub(crate) fn snapshot_sent(&mut self, last: LogIndex) {
        self.state = ProgressState::Snapshot { last: Some(last) };
        self.next = last.max(self.matched).next();
    }

    /// The snapshot reached the follower, or did not, or there is none. Either way the follower is
    /// probed, not before it was heard again: an arrived snapshot is answered by then, and a
    /// failed one is not tried at once.
    pub(crate) fn snapshot_over(&mut self, arrived: bool) {
        if let ProgressState::Snapshot { last } = self.state {
            let behind = last
                .filter(|_| arrived)
                .map_or(LogIndex::ZERO, LogIndex::next);
            self.probe(behind.max(self.matched.next()), true);
        }
    }

    /// The follower answered a heartbeat: a probe may be repeated, and a full window may be passed
    /// by one empty append.
    pub(crate) fn heard(&mut self, limits: &Limits) {
        match &mut self.state {
            ProgressState::Probe { waiting } => *waiting = false,
            ProgressState::Replicate => self.ping = self.is_full(limits),
            ProgressState::Snapshot { .. } => {}
        }
    }

    /// Whether a full window is why the next append must be empty.
    pub(crate) fn is_ping(&self, limits: &Limits) -> bool {
        self.ping && !self.may_send(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(next: u64) -> Progress {
        let counts = Counts {
            incoming: true,
            outgoing: false,
        };
        Progress::new(PeerId::new(2), LogIndex::new(next), counts)
    }

    fn limits() -> Limits {
        Limits {
            in_flight_bytes: 1_000,
            ..Limits::default()
        }
    }

    fn at(index: u64) -> LogIndex {
        LogIndex::new(index)
    }

    #[test]
    fn a_probe_sends_one_append_until_it_is_answered() {
        let mut progress = progress(5);
        assert!(progress.is_due(&limits()));
        progress.sent(Some(at(7)), 1);
        progress.want();
        assert!(!progress.is_due(&limits()));
        assert_eq!(progress.next(), at(5), "a probe does not run ahead");
        progress.heard(&limits());
        assert!(progress.is_due(&limits()));
    }

    #[test]
    fn an_acknowledged_follower_is_sent_to_without_waiting_until_the_window_is_full() {
        let mut progress = progress(1);
        assert!(progress.acknowledge(at(1)));
        for index in 2..2 + limits().in_flight_appends as u64 {
            assert!(progress.may_send(&limits()));
            progress.sent(Some(at(index)), 1);
            assert_eq!(progress.next(), at(index + 1));
        }
        assert!(!progress.may_send(&limits()));
        progress.acknowledge(at(2));
        assert!(progress.may_send(&limits()));
    }

    #[test]
    fn a_heartbeat_response_lets_one_empty_append_pass_a_full_window() {
        let mut progress = progress(1);
        progress.acknowledge(at(1));
        for index in 2..2 + limits().in_flight_appends as u64 {
            progress.sent(Some(at(index)), 1);
        }
        progress.want();
        assert!(!progress.is_due(&limits()));
        progress.heard(&limits());
        assert!(progress.is_due(&limits()) && progress.is_ping(&limits()));
        progress.sent(None, 0);
        progress.want();
        assert!(!progress.is_due(&limits()), "one for each response");
        assert_eq!(progress.in_flight(), limits().in_flight_appends);
    }

    #[test]
    fn a_window_is_full_by_bytes_as_well() {
        let mut progress = progress(1);
        progress.acknowledge(at(1));
        progress.sent(Some(at(2)), 999);
        assert!(progress.may_send(&limits()));
        progress.sent(Some(at(3)), 1);
        assert!(!progress.may_send(&limits()));
        progress.acknowledge(at(2));
        assert_eq!(progress.in_flight_bytes(), 1);
        assert!(progress.may_send(&limits()));
    }

    #[test]
    fn nothing_is_sent_while_a_snapshot_is_on_its_way() {
        let mut progress = progress(3);
        progress.needs_snapshot();
        progress.snapshot_sent(at(9));
        progress.want();
        progress.heard(&limits());
        assert!(!progress.is_due(&limits()));
        progress.acknowledge(at(8));
        assert_eq!(
            progress.kind(),
            ProgressKind::Snapshot,
            "it has not arrived"
        );
        progress.acknowledge(at(9));
        assert_eq!(progress.kind(), ProgressKind::Replicate);
        assert_eq!(progress.next(), at(10));
    }

    #[test]
    fn after_a_failed_snapshot_the_follower_is_probed_once_it_is_heard() {
        let mut progress = progress(3);
        progress.needs_snapshot();
        progress.snapshot_over(false);
        assert!(!progress.is_due(&limits()));
        progress.heard(&limits());
        assert!(progress.is_due(&limits()));
        assert_eq!(progress.next(), at(1));
    }

    #[test]
    fn a_late_acknowledgement_takes_nothing_back() {
        let mut progress = progress(1);
        assert!(progress.acknowledge(at(9)));
        assert!(!progress.acknowledge(at(4)));
        assert_eq!((progress.matched(), progress.next()), (at(9), at(10)));
    }

    #[test]
    fn a_late_refusal_is_told_from_one_that_matters() {
        let mut progress = progress(10);
        assert!(progress.is_refusal_current(at(9)));
        assert!(!progress.is_refusal_current(at(8)));
        progress.acknowledge(at(9));
        assert!(!progress.is_refusal_current(at(9)));
        assert!(progress.is_refusal_current(at(10)));
    }

    #[test]
    fn a_refusal_empties_the_window() {
        let mut progress = progress(1);
        progress.acknowledge(at(1));
        progress.sent(Some(at(2)), 1);
        progress.sent(Some(at(3)), 1);
        assert!(progress.back_up(at(2), at(2)));
        assert_eq!((progress.in_flight(), progress.next()), (0, at(2)));
        assert!(progress.is_due(&limits()));
    }

    #[test]
    fn a_refusal_that_leaves_no_way_back_is_not_repeated_at_once() {
        let mut progress = progress(6);
        progress.sent(None, 0);
        assert!(!progress.back_up(at(5), at(6)));
        assert!(!progress.is_due(&limits()));
        progress.heard(&limits());
        assert!(progress.is_due(&limits()));
    }
}
