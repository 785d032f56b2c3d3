//! What the inspector shows of one store, and when it asks again.

use protocol::{Answer, AskId, Hashes, Query, QueryError};
use types::{
    event::EventId,
    id::StoreId,
    view::{RowsView, StoreView},
};

/// Real milliseconds between two rounds of questions while time passes.
const EVERY_MS: f64 = 250.0;
/// Real milliseconds between two rounds while nothing happens: a disk may still finish its work.
const IDLE_MS: f64 = 1_000.0;
/// Real milliseconds after which a question without answer is asked again.
const GIVE_UP_MS: f64 = 2_000.0;

/// A page of the inspector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// Life, clock, cycles, hash.
    Store,
    /// Consensus state.
    #[default]
    Raft,
    /// The log.
    Log,
    /// The rows on the disk.
    Storage,
    /// Keys and values.
    Data,
}

impl Tab {
    /// Every tab, from left to right.
    pub const ALL: [Self; 5] = [
        Self::Store,
        Self::Raft,
        Self::Log,
        Self::Storage,
        Self::Data,
    ];

    /// The name in attributes and locale keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Raft => "raft",
            Self::Log => "log",
            Self::Storage => "storage",
            Self::Data => "data",
        }
    }
}

/// What is known of the inspected store.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Inspector {
    /// Which page is open.
    pub tab: Tab,
    /// The store's own view of itself, as last told.
    pub view: Option<Box<StoreView>>,
    /// The rows on its disk, as last told.
    pub rows: Option<RowsView>,
    /// The hashes, as last told.
    pub hashes: Option<Hashes>,
    /// Why the last question had no answer.
    pub silent: Option<QueryError>,
    /// How far the list of the open tab is scrolled, in pixels.
    pub scroll: f64,
    open: Vec<AskId>,
    asked_ms: f64,
    asked_at: Option<(EventId, u64)>,
}

impl Inspector {
    /// Starts anew with another store; the tab stays.
    pub fn forget(&mut self) {
        *self = Self {
            tab: self.tab,
            ..Self::default()
        };
    }

    /// Turns to another page.
    pub fn turn(&mut self, tab: Tab) {
        self.tab = tab;
        self.scroll = 0.0;
        self.asked_at = None;
        self.asked_ms = f64::NEG_INFINITY;
        self.open.clear();
    }

    /// What to ask now about `store`, where anything is due. `seen` is the moment of the newest
    /// frame, and a number that changes when the store's life does.
    pub fn due(&mut self, store: StoreId, seen: (EventId, u64), real_ms: f64) -> Vec<Query> {
        let waited = real_ms - self.asked_ms;
        let waiting = !self.open.is_empty() && waited < GIVE_UP_MS;
        let idle = self.asked_at == Some(seen) && waited < IDLE_MS;
        if waiting || waited < EVERY_MS || idle {
            return Vec::new();
        }
        self.asked_ms = real_ms;
        self.asked_at = Some(seen);
        self.open.clear();
        match self.tab {
            Tab::Store => vec![Query::Store(store), Query::Hashes],
            Tab::Raft | Tab::Log | Tab::Data => vec![Query::Store(store)],
            Tab::Storage => vec![Query::Store(store), Query::Rows(store)],
        }
    }

    /// A question left with this name.
    pub fn asked(&mut self, ask: AskId) {
        self.open.push(ask);
    }

    /// Takes an answer; false when it is to an older question.
    pub fn answer(&mut self, ask: AskId, result: Result<Answer, QueryError>) -> bool {
        let Some(at) = self.open.iter().position(|open| *open == ask) else {
            return false;
        };
        self.open.remove(at);
        match result {
            Ok(Answer::Store(view)) => {
                self.view = Some(view);
                self.silent = None;
            }
            Ok(Answer::Rows(rows)) => self.rows = Some(rows),
            Ok(Answer::Hashes(hashes)) => self.hashes = Some(hashes),
            Ok(Answer::Recording(_) | Answer::Disks(_)) => return false,
            Err(error) => self.silent = Some(error),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: StoreId = StoreId::new(1);

    fn seen(seq: u64) -> (EventId, u64) {
        (EventId { segment: 1, seq }, 0)
    }

    #[test]
    fn it_asks_at_most_four_times_a_second() {
        let mut inspector = Inspector::default();
        inspector.turn(Tab::Raft);
        let mut asked = 0;
        for at in 0..100 {
            asked += inspector.due(STORE, seen(at), 10.0 * at as f64).len();
        }
        assert_eq!(asked, 4);
    }

    #[test]
    fn it_asks_less_often_while_nothing_happens() {
        let mut inspector = Inspector::default();
        inspector.turn(Tab::Storage);
        assert_eq!(inspector.due(STORE, seen(1), 0.0).len(), 2);
        assert!(inspector.due(STORE, seen(1), 900.0).is_empty());
        assert_eq!(inspector.due(STORE, seen(2), 901.0).len(), 2);
        assert_eq!(inspector.due(STORE, seen(2), 1_950.0).len(), 2);
    }

    #[test]
    fn an_answer_to_an_older_question_is_ignored() {
        let mut inspector = Inspector::default();
        inspector.asked(7);
        let error = Err(QueryError::Silent { store: STORE });
        assert!(!inspector.answer(6, error.clone()));
        assert!(inspector.answer(7, error.clone()));
        assert!(!inspector.answer(7, error));
    }
}
