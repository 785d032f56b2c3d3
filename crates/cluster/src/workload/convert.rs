//! From what clients did to what the linearizability checker judges.

use std::collections::BTreeMap;

use bytes::Bytes;
use checker::history::{Action, Operation};
use types::{
    action::OperationId,
    frame::OperationState,
    id::ClientId,
    store::{Command, CommandResult},
    time::VirtualTime,
};

use super::{History, HistoryEvent};

/// A history as the checker takes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Converted {
    /// The operations, in the order of their first sends. Instants are microseconds.
    pub operations: Vec<Operation>,
    /// Those of them whose outcome is unknown.
    pub unknown: u64,
    /// Operations that are left out because they certainly had no effect.
    pub without_effect: u64,
    /// Scans, which are left out because the checker judges one key at a time.
    pub scans: u64,
}

/// Why a history cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryFault {
    /// Events are missing; an operation among them may explain what was read.
    #[error("{events} events did not fit into the history")]
    Incomplete {
        /// How many.
        events: u64,
    },
    /// An operation was invoked twice.
    #[error("{operation} of {client} was invoked twice")]
    Twice {
        /// Whose operation.
        client: ClientId,
        /// Which of the client's.
        operation: OperationId,
    },
    /// An outcome without an operation.
    #[error("{operation} of {client} returned and was never invoked")]
    Stray {
        /// Whose operation.
        client: ClientId,
        /// Which of the client's.
        operation: OperationId,
    },
    /// The answer is one to another kind of command.
    #[error("{operation} of {client} was answered as another kind of command")]
    Mismatch {
        /// Whose operation.
        client: ClientId,
        /// Which of the client's.
        operation: OperationId,
    },
}

/// An operation and the last that became known of it.
struct Known<'a> {
    client: ClientId,
    operation: OperationId,
    invoked: VirtualTime,
    command: &'a Command,
    state: Option<&'a OperationState>,
}

impl History {
    /// What the checker judges of this history. An operation is invoked at its first send and
    /// returns with its answer, also where that came after the client had given up; one without
    /// an answer stays open to the end.
    ///
    /// A client that goes on without an answer, or does not wait for one at all, would do two
    /// things at once, which no client of the checker does. Each client here is therefore as many
    /// clients there as it had operations at once.
    ///
    /// # Errors
    ///
    /// [`HistoryFault`] when a verdict would mean nothing.
    pub fn convert(&self) -> Result<Converted, HistoryFault> {
        if self.skipped > 0 {
            let events = self.skipped;
            return Err(HistoryFault::Incomplete { events });
        }
        let mut converted = Converted::default();
        let mut lanes = Lanes::default();
        for known in self.known()? {
            let done = match known.state {
                Some(OperationState::Failed { .. } | OperationState::NeverSent { .. }) => {
                    converted.without_effect += 1;
                    continue;
                }
                Some(OperationState::Done { at, result }) => Some((*at, result)),
                Some(OperationState::Open | OperationState::Unknown { .. }) | None => None,
            };
            let answer = done.map(|(_, result)| result);
            let Some(action) = known.action(answer)? else {
                converted.scans += 1;
                continue;
            };
            converted.unknown += u64::from(done.is_none());
            let returned = done.map(|(at, _)| at.get());
            converted.operations.push(Operation {
                client: lanes.take(known.client, known.invoked.get(), returned),
                key: known.command.key().to_vec(),
                action,
                invoked: known.invoked.get(),
                returned,
            });
        }
        Ok(converted)
    }

    /// The operations by their first sends, each with the last that became known of it.
    fn known(&self) -> Result<Vec<Known<'_>>, HistoryFault> {
        let mut places: BTreeMap<(ClientId, OperationId), usize> = BTreeMap::new();
        let mut all: Vec<Known<'_>> = Vec::new();
        for event in &self.events {
            match event {
                HistoryEvent::Invoked {
                    client,
                    operation,
                    at,
                    command,
                } => {
                    let (client, operation) = (*client, *operation);
                    if places.insert((client, operation), all.len()).is_some() {
                        return Err(HistoryFault::Twice { client, operation });
                    }
                    all.push(Known {
                        client,
                        operation,
                        invoked: *at,
                        command,
                        state: None,
                    });
                }
                HistoryEvent::Returned {
                    client,
                    operation,
                    state,
                    ..
                } => {
                    let (client, operation) = (*client, *operation);
                    let stray = HistoryFault::Stray { client, operation };
                    let place = places.get(&(client, operation)).ok_or(stray)?;
                    all[*place].state = Some(state);
                }
            }
        }
        Ok(all)
    }
}

impl Known<'_> {
    /// What was asked and answered; nothing for a scan.
    fn action(&self, answer: Option<&CommandResult>) -> Result<Option<Action>, HistoryFault> {
        action(self.command, answer).map_err(|Mismatch| HistoryFault::Mismatch {
            client: self.client,
            operation: self.operation,
        })
    }
}

/// The answer is one to another kind of command.
#[derive(Debug)]
pub(super) struct Mismatch;

/// What was asked and answered, in the checker's words; nothing for a scan.
pub(super) fn action(
    command: &Command,
    answer: Option<&CommandResult>,
) -> Result<Option<Action>, Mismatch> {
    let bytes = |value: &Option<Bytes>| value.as_ref().map(|value| value.to_vec());
    let action = match (command, answer) {
        (Command::Scan { .. }, None | Some(CommandResult::Scan { .. })) => return Ok(None),
        (Command::Put { value, .. }, None | Some(CommandResult::Put)) => Action::Put {
            value: value.to_vec(),
        },
        (Command::Append { value, .. }, None | Some(CommandResult::Append)) => Action::Append {
            value: value.to_vec(),
        },
        (Command::Delete { .. }, None | Some(CommandResult::Delete)) => Action::Delete,
        (Command::Get { .. }, None) => Action::Get { value: None },
        (Command::Get { .. }, Some(CommandResult::Get { value })) => Action::Get {
            value: bytes(value),
        },
        // One that changed nothing and says what it found is a get of that, which demands
        // more than that something else than the expected was there.
        (
            Command::CompareAndSet { expected, .. },
            Some(CommandResult::CompareAndSet {
                swapped: false,
                found,
            }),
        ) if found != expected => Action::Get {
            value: bytes(found),
        },
        (Command::CompareAndSet { expected, new, .. }, None) => Action::CompareAndSet {
            expected: bytes(expected),
            value: new.to_vec(),
            ok: true,
        },
        (
            Command::CompareAndSet { expected, new, .. },
            Some(CommandResult::CompareAndSet { swapped, .. }),
        ) => Action::CompareAndSet {
            expected: bytes(expected),
            value: new.to_vec(),
            ok: *swapped,
        },
        _ => return Err(Mismatch),
    };
    Ok(Some(action))
}

/// Clients of the checker, each doing one thing at a time.
#[derive(Default)]
struct Lanes {
    /// Of each client here: its clients there, and when each is free again.
    of: BTreeMap<ClientId, Vec<(u64, u64)>>,
    count: u64,
}

impl Lanes {
    /// A client that was free before `invoked`. At equal instants nothing is known of the order in
    /// which a client heard and asked, so it counts as not free.
    fn take(&mut self, client: ClientId, invoked: u64, returned: Option<u64>) -> u64 {
        let lanes = self.of.entry(client).or_default();
        // One whose outcome is unknown is open to the end.
        let until = returned.unwrap_or(u64::MAX);
        match lanes.iter_mut().find(|(_, free)| *free < invoked) {
            Some((lane, free)) => {
                *free = until;
                *lane
            }
            None => {
                self.count += 1;
                lanes.push((self.count, until));
                self.count
            }
        }
    }
}

#[cfg(test)]
mod tests;
