//! What the clients did, with what the operator read in the end, for R16.

use std::collections::{BTreeMap, BTreeSet};

use checker::history::{Action, Operation};
use types::{
    action::OperationId,
    frame::{OperationFrame, OperationState},
    id::ClientId,
    store::{Command, CommandResult},
};

use crate::workload::{History, HistoryEvent, HistoryFault, OperationKind};

/// Names of clients that read one key and do nothing else begin here.
const READERS: u64 = 1 << 40;

/// The story of all clients of a run.
#[derive(Debug, Default)]
pub(super) struct Story {
    history: History,
    reads: Vec<Operation>,
}

/// How operations ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Endings {
    /// Operations that were carried out, by kind.
    pub(super) acknowledged: BTreeMap<OperationKind, u64>,
    /// Operations that their client gave up without an answer.
    pub(super) unknown: u64,
    /// Of these, how many were settled later.
    pub(super) late: u64,
}

impl Story {
    /// Adds what the clients of the workload did since the last call.
    pub(super) fn add(&mut self, history: History) {
        self.history.extend(history);
    }

    /// Adds a read of the operator that was answered; anything else says nothing.
    pub(super) fn add_read(&mut self, operation: OperationFrame) {
        let (
            Command::Get { key },
            OperationState::Done {
                at,
                result: CommandResult::Get { value },
            },
        ) = (operation.command, operation.state)
        else {
            return;
        };
        let nth = u64::try_from(self.reads.len()).expect("few reads");
        self.reads.push(Operation {
            client: READERS + nth,
            key: key.to_vec(),
            action: Action::Get {
                value: value.map(|value| value.to_vec()),
            },
            invoked: operation.submitted.get(),
            returned: Some(at.get()),
        });
    }

    /// Everything, as the checker takes it.
    ///
    /// # Errors
    ///
    /// [`HistoryFault`] when a verdict would mean nothing.
    pub(super) fn operations(&self) -> Result<Vec<Operation>, HistoryFault> {
        let mut operations = self.history.convert()?.operations;
        operations.extend(self.reads.iter().cloned());
        Ok(operations)
    }

    /// How the operations of the workload ended.
    pub(super) fn endings(&self) -> Endings {
        let mut endings = Endings::default();
        let mut kinds: BTreeMap<(ClientId, OperationId), OperationKind> = BTreeMap::new();
        let mut given_up: BTreeSet<(ClientId, OperationId)> = BTreeSet::new();
        for event in &self.history.events {
            match event {
                HistoryEvent::Invoked {
                    client,
                    operation,
                    command,
                    ..
                } => {
                    kinds.insert((*client, *operation), OperationKind::of(command));
                }
                HistoryEvent::Returned {
                    client,
                    operation,
                    state,
                    ..
                } => {
                    let name = (*client, *operation);
                    endings.late += u64::from(given_up.remove(&name));
                    match state {
                        OperationState::Done { .. } => {
                            if let Some(kind) = kinds.get(&name) {
                                *endings.acknowledged.entry(*kind).or_default() += 1;
                            }
                        }
                        OperationState::Unknown { .. } => {
                            endings.unknown += 1;
                            given_up.insert(name);
                        }
                        OperationState::Open
                        | OperationState::Failed { .. }
                        | OperationState::NeverSent { .. } => {}
                    }
                }
            }
        }
        endings
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use checker::history::{Budget, Verdict, check};
    use types::time::VirtualTime;

    use super::*;

    const fn at(ms: u64) -> VirtualTime {
        VirtualTime::new(ms * 1_000)
    }

    /// Client 2 writes "a", gives up at 20 ms, and is answered at `late` after all.
    fn story(late: Option<u64>) -> Story {
        let (client, operation) = (ClientId::new(2), OperationId::new(1));
        let key = Bytes::from_static(b"k");
        let value = Bytes::from_static(b"a");
        let returned = |ms: u64, state| HistoryEvent::Returned {
            client,
            operation,
            at: at(ms),
            state,
        };
        let mut events = vec![
            HistoryEvent::Invoked {
                client,
                operation,
                at: at(10),
                command: Command::Put { key, value },
            },
            returned(20, OperationState::Unknown { since: at(20) }),
        ];
        events.extend(late.map(|ms| {
            let result = CommandResult::Put;
            returned(ms, OperationState::Done { at: at(ms), result })
        }));
        let mut story = Story::default();
        story.add(History {
            events,
            ..History::default()
        });
        story
    }

    fn read(value: Option<&'static str>) -> OperationFrame {
        let value = value.map(|value| Bytes::from_static(value.as_bytes()));
        let result = CommandResult::Get { value };
        OperationFrame {
            id: OperationId::new(1),
            command: Command::Get {
                key: Bytes::from_static(b"k"),
            },
            via: None,
            asked: None,
            sendings: 1,
            submitted: at(50),
            state: OperationState::Done { at: at(60), result },
        }
    }

    fn is_linearizable(story: &Story) -> bool {
        let history = checker::history::History::new(story.operations().expect("whole"));
        let report = check(&history.expect("a history"), Budget::default());
        matches!(report.verdict, Verdict::Linearizable { .. })
    }

    #[test]
    fn the_last_reads_are_judged_with_what_the_clients_did() {
        for (late, value, is_good) in [
            (None, None, true),
            (None, Some("a"), true),
            (None, Some("b"), false),
            (Some(30), Some("a"), true),
            (Some(30), None, false),
        ] {
            let mut story = story(late);
            story.add_read(read(value));
            assert_eq!(is_linearizable(&story), is_good, "{late:?} {value:?}");
        }
    }

    #[test]
    fn an_operation_that_is_settled_late_was_unknown_before() {
        let endings = story(Some(30)).endings();
        let acknowledged = [(OperationKind::Put, 1)].into();
        let (unknown, late) = (1, 1);
        let wanted = Endings {
            acknowledged,
            unknown,
            late,
        };
        assert_eq!(endings, wanted);
        assert_eq!(story(None).endings().late, 0);
    }
}
