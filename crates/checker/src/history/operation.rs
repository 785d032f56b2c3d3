//! What clients did and were told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The most operations of one history.
pub const OPERATIONS_MAX: usize = 1 << 20;

/// What an operation asks for, together with what it was answered. Of an operation without a
/// return, the answer is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Reads the key.
    Get {
        /// Answer: what the key holds; none for absent.
        value: Option<Vec<u8>>,
    },
    /// Makes the key hold a value.
    Put {
        /// The value.
        value: Vec<u8>,
    },
    /// Adds bytes at the end of what the key holds; puts them if it is absent.
    Append {
        /// The bytes.
        value: Vec<u8>,
    },
    /// Makes the key absent; no matter whether it was.
    Delete,
    /// Puts `value` if the key holds `expected`, else changes nothing.
    CompareAndSet {
        /// What the key must hold; none for absent.
        expected: Option<Vec<u8>>,
        /// The value to put.
        value: Vec<u8>,
        /// Answer: whether the key held `expected`.
        ok: bool,
    },
}

/// One operation of one client on one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Who asked. A client waits for each answer before it asks again, unless it gave up waiting.
    pub client: u64,
    /// The key.
    pub key: Vec<u8>,
    /// What was asked and answered.
    pub action: Action,
    /// The instant of the first send, in whatever unit all of the history uses.
    pub invoked: u64,
    /// The instant of the answer; none if the outcome is unknown.
    pub returned: Option<u64>,
}

impl Operation {
    /// The order of operations of one client. Of those invoked at one instant, all but the last
    /// took no time or were given up, and when they were given up is not known.
    pub(crate) fn rank(&self, position: usize) -> (u64, Option<u64>, usize) {
        (self.invoked, self.returned, position)
    }
}

/// Why a list of operations is no history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// There are more operations than [`OPERATIONS_MAX`].
    #[error("{operations} operations, at most {OPERATIONS_MAX} can be judged")]
    TooMany {
        /// How many there are.
        operations: usize,
    },
    /// An operation returned before it was invoked.
    #[error("it returned at {returned}, before it was invoked at {invoked}")]
    ReturnedFirst {
        /// The position of the operation in the list.
        operation: usize,
        /// When it returned.
        returned: u64,
        /// When it was invoked.
        invoked: u64,
    },
    /// A client invoked an operation while another of its operations had yet to return.
    #[error("client {client} invoked it at {invoked}, while another had yet to return at {busy}")]
    Overlap {
        /// The client.
        client: u64,
        /// The position of the later operation in the list.
        operation: usize,
        /// The position of the operation that had yet to return.
        earlier: usize,
        /// When the later one was invoked.
        invoked: u64,
        /// When the earlier one returned.
        busy: u64,
    },
}

impl HistoryError {
    /// The position of the operation that is wrong, where it is one.
    #[must_use]
    pub const fn operation(&self) -> Option<usize> {
        match self {
            Self::TooMany { .. } => None,
            Self::ReturnedFirst { operation, .. } | Self::Overlap { operation, .. } => {
                Some(*operation)
            }
        }
    }
}

/// Operations that can have happened: each returned after it was invoked, and no client did two
/// things at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    operations: Vec<Operation>,
    /// Positions by key, ordered by `Operation::rank`.
    by_key: BTreeMap<Vec<u8>, Vec<usize>>,
}

impl History {
    /// Takes a list of operations, in any order. Positions in it name operations from now on.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] for what cannot have happened, or is too much.
    pub fn new(operations: Vec<Operation>) -> Result<Self, HistoryError> {
        if operations.len() > OPERATIONS_MAX {
            return Err(HistoryError::TooMany {
                operations: operations.len(),
            });
        }
        let mut order: Vec<usize> = (0..operations.len()).collect();
        order.sort_by_key(|&position| operations[position].rank(position));
        check_times(&operations)?;
        check_clients(&operations, &order)?;
        let mut by_key: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for position in order {
            let key = &operations[position].key;
            match by_key.get_mut(key) {
                Some(positions) => positions.push(position),
                None => {
                    by_key.insert(key.clone(), vec![position]);
                }
            }
        }
        Ok(Self { operations, by_key })
    }

    /// The operations, in the order in which they were given.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Each key with the positions of its operations, those invoked first first.
    pub fn keys(&self) -> impl Iterator<Item = (&[u8], &[usize])> {
        self.by_key
            .iter()
            .map(|(key, positions)| (key.as_slice(), positions.as_slice()))
    }
}

fn check_times(operations: &[Operation]) -> Result<(), HistoryError> {
    for (position, operation) in operations.iter().enumerate() {
        if let Some(returned) = operation.returned
            && returned < operation.invoked
        {
            return Err(HistoryError::ReturnedFirst {
                operation: position,
                returned,
                invoked: operation.invoked,
            });
        }
    }
    Ok(())
}

fn check_clients(operations: &[Operation], order: &[usize]) -> Result<(), HistoryError> {
    let mut busy_until: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
    for &position in order {
        let operation = &operations[position];
        if let Some(&(busy, earlier)) = busy_until.get(&operation.client)
            && operation.invoked < busy
        {
            return Err(HistoryError::Overlap {
                client: operation.client,
                operation: position,
                earlier,
                invoked: operation.invoked,
                busy,
            });
        }
        if let Some(returned) = operation.returned {
            busy_until.insert(operation.client, (returned, position));
        }
    }
    Ok(())
}
