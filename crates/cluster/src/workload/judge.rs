//! A judge of what clients do, while they do it.

use std::collections::BTreeMap;

use bytes::Bytes;
use checker::history::{LiveHistory, LiveVerdict, Unexplained};
use types::{
    action::OperationId,
    frame::OperationState,
    id::ClientId,
    store::{Command, CommandResult},
    verdict::{HistoryCheck, HistoryVerdict, Placed, Unplaced},
};

use super::{HistoryEvent, convert};

/// How many operations are remembered to be shown, besides open ones.
const REMEMBERED: u64 = 1_024;

/// Judges moments of a history as they come. Scans are left out, because one key is judged at a
/// time.
#[derive(Debug, Clone)]
pub struct HistoryJudge {
    live: LiveHistory,
    open: BTreeMap<(ClientId, OperationId), u64>,
    known: BTreeMap<u64, Placed>,
    last: u64,
}

impl HistoryJudge {
    /// A judge of clients whose keys are all absent, where the cluster `is_fresh`; else they hold
    /// something that nobody told.
    #[must_use]
    pub fn new(is_fresh: bool) -> Self {
        Self {
            live: LiveHistory::new(is_fresh),
            open: BTreeMap::new(),
            known: BTreeMap::new(),
            last: 0,
        }
    }

    /// Judges what happened next.
    pub fn take(&mut self, event: &HistoryEvent) {
        match event {
            HistoryEvent::Invoked {
                client,
                operation,
                command,
                ..
            } => self.invoked(*client, *operation, command),
            HistoryEvent::Returned {
                client,
                operation,
                state,
                ..
            } => self.returned((*client, *operation), state),
        }
    }

    fn invoked(&mut self, client: ClientId, operation: OperationId, command: &Command) {
        let Ok(Some(ask)) = convert::action(command, None) else {
            return;
        };
        self.last += 1;
        let name = self.last;
        self.live.invoke(name, command.key(), ask);
        self.open.insert((client, operation), name);
        let placed = Placed {
            client,
            operation,
            command: command.clone(),
            result: None,
        };
        self.known.insert(name, placed);
        let oldest = name.saturating_sub(REMEMBERED);
        while let Some(first) = self.known.first_entry()
            && *first.key() < oldest
        {
            first.remove();
        }
    }

    fn returned(&mut self, who: (ClientId, OperationId), state: &OperationState) {
        let Some(&name) = self.open.get(&who) else {
            return;
        };
        match state {
            OperationState::Open => {}
            OperationState::Unknown { .. } => self.live.give_up(name),
            OperationState::Failed { .. } | OperationState::NeverSent { .. } => {
                self.open.remove(&who);
                self.live.call_off(name);
            }
            OperationState::Done { result, .. } => {
                self.open.remove(&who);
                self.answered(name, result);
            }
        }
    }

    fn answered(&mut self, name: u64, result: &CommandResult) {
        let Some(placed) = self.known.get_mut(&name) else {
            return;
        };
        placed.result = Some(result.clone());
        if let Ok(Some(answered)) = convert::action(&placed.command, Some(result)) {
            self.live.answer(name, &answered);
        }
    }

    /// How the history stands.
    #[must_use]
    pub fn check(&self) -> HistoryCheck {
        let verdict = match self.live.verdict() {
            LiveVerdict::Linearizable => HistoryVerdict::Linearizable,
            LiveVerdict::Undecided { key } => HistoryVerdict::Undecided {
                key: Bytes::from(key.clone()),
            },
            LiveVerdict::Broken(unexplained) => self.broken(unexplained),
        };
        HistoryCheck {
            judged: self.live.judged(),
            behind: 0,
            verdict,
        }
    }

    fn broken(&self, unexplained: &Unexplained) -> HistoryVerdict {
        let known = |name: &u64| self.known.get(name).cloned();
        let prefix: Vec<Placed> = unexplained.order.iter().filter_map(known).collect();
        let forgotten = unexplained.order.len() - prefix.len();
        match known(&unexplained.operation) {
            Some(operation) => HistoryVerdict::Broken(Box::new(Unplaced {
                key: Bytes::from(unexplained.key.clone()),
                operation,
                prefix,
                earlier: unexplained.earlier + forgotten as u64,
            })),
            None => HistoryVerdict::Unwatched,
        }
    }
}
