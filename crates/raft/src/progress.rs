//! What a leader knows of one follower, and how fast it may send to it.

use std::collections::VecDeque;

use serde::Serialize;
use types::id::PeerId;
use types::raft::LogIndex;

/// How many appends may be on their way to one follower.
pub const APPENDS_IN_FLIGHT_MAX: usize = 64;

/// How a leader sends to a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ProgressState {
    /// Where the logs agree is not known: one append at a time; the next leaves after an answer
    /// or a heartbeat response.
    Probe {
        /// Whether that one is on its way.
        waiting: bool,
    },
    /// The logs agree: appends follow each other without waiting for answers, up to
    /// [`APPENDS_IN_FLIGHT_MAX`].
    Replicate,
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
    /// The last index of each append on its way, oldest first. Empty while probing.
    in_flight: VecDeque<LogIndex>,
    /// There is something to tell, if only a commit index.
    wanted: bool,
}

impl Progress {
    pub(crate) fn new(id: PeerId, next: LogIndex) -> Self {
        Self {
            id,
            matched: LogIndex::ZERO,
            next,
            state: ProgressState::Probe { waiting: false },
            in_flight: VecDeque::new(),
            wanted: true,
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

    /// How many appends are on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Asks for an append in the next Ready, an empty one if need be.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether an append is asked for and may leave.
    pub(crate) fn is_due(&self) -> bool {
        self.wanted && self.may_send()
    }

    /// Whether an append may leave.
    pub(crate) fn may_send(&self) -> bool {
        match self.state {
            ProgressState::Probe { waiting } => !waiting,
            ProgressState::Replicate => self.in_flight.len() < APPENDS_IN_FLIGHT_MAX,
        }
    }

    /// Nothing can be told now.
    pub(crate) fn skip(&mut self) {
        self.wanted = false;
    }

    /// An append left that ends at `end`, or carried no entries.
    pub(crate) fn sent(&mut self, end: Option<LogIndex>) {
        self.wanted = false;
        match (&mut self.state, end) {
            (ProgressState::Probe { waiting }, _) => *waiting = true,
            (ProgressState::Replicate, Some(end)) => {
                self.in_flight.push_back(end);
                self.next = end.next();
            }
            (ProgressState::Replicate, None) => {}
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
        while self.in_flight.front().is_some_and(|&end| end <= index) {
            self.in_flight.pop_front();
        }
        if matches!(self.state, ProgressState::Probe { .. }) {
            self.state = ProgressState::Replicate;
            self.next = index.next();
        }
        is_news
    }

    /// Whether a refusal of `refused` answers something that still matters.
    pub(crate) fn is_refusal_current(&self, refused: LogIndex) -> bool {
        match self.state {
            ProgressState::Probe { .. } => refused.next() == self.next,
            ProgressState::Replicate => refused > self.matched,
        }
    }

    /// Goes back to `next` and probes from there. Says whether there was room to go back; where
    /// not, the probe waits for a heartbeat response instead of asking the same at once.
    pub(crate) fn back_up(&mut self, refused: LogIndex, next: LogIndex) -> bool {
        let has_moved = next <= refused;
        self.next = next;
        self.in_flight.clear();
        self.state = ProgressState::Probe {
            waiting: !has_moved,
        };
        self.wanted = true;
        has_moved
    }

    /// The follower answered a heartbeat: a probe may be repeated, and one place in a full window
    /// is free, since what fills it may be lost.
    pub(crate) fn heard(&mut self) {
        match &mut self.state {
            ProgressState::Probe { waiting } => *waiting = false,
            ProgressState::Replicate => {
                if self.in_flight.len() >= APPENDS_IN_FLIGHT_MAX {
                    self.in_flight.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(next: u64) -> Progress {
        Progress::new(PeerId::new(2), LogIndex::new(next))
    }

    fn at(index: u64) -> LogIndex {
        LogIndex::new(index)
    }

    #[test]
    fn a_probe_sends_one_append_until_it_is_answered() {
        let mut progress = progress(5);
        assert!(progress.is_due());
        progress.sent(Some(at(7)));
        progress.want();
        assert!(!progress.is_due());
        assert_eq!(progress.next(), at(5), "a probe does not run ahead");
        progress.heard();
        assert!(progress.is_due());
    }

    #[test]
    fn an_acknowledged_follower_is_sent_to_without_waiting_until_the_window_is_full() {
        let mut progress = progress(1);
        assert!(progress.acknowledge(at(1)));
        for index in 2..2 + APPENDS_IN_FLIGHT_MAX as u64 {
            assert!(progress.may_send());
            progress.sent(Some(at(index)));
            assert_eq!(progress.next(), at(index + 1));
        }
        assert!(!progress.may_send());
        progress.acknowledge(at(2));
        assert!(progress.may_send());
    }

    #[test]
    fn a_heartbeat_response_frees_one_place_in_a_full_window() {
        let mut progress = progress(1);
        progress.acknowledge(at(1));
        for index in 2..2 + APPENDS_IN_FLIGHT_MAX as u64 {
            progress.sent(Some(at(index)));
        }
        progress.heard();
        assert_eq!(progress.in_flight(), APPENDS_IN_FLIGHT_MAX - 1);
        progress.heard();
        assert_eq!(progress.in_flight(), APPENDS_IN_FLIGHT_MAX - 1);
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
        progress.sent(Some(at(2)));
        progress.sent(Some(at(3)));
        assert!(progress.back_up(at(2), at(2)));
        assert_eq!((progress.in_flight(), progress.next()), (0, at(2)));
        assert!(progress.is_due());
    }

    #[test]
    fn a_refusal_that_leaves_no_way_back_is_not_repeated_at_once() {
        let mut progress = progress(6);
        progress.sent(None);
        assert!(!progress.back_up(at(5), at(6)));
        assert!(!progress.is_due());
        progress.heard();
        assert!(progress.is_due());
    }
}
