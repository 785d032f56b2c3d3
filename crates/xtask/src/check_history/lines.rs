//! Histories as JSON lines. The format is described in `docs/histories.md`.
//!
//! The file comes from outside: its lines, its operations and its size are limited, and whatever
//! is wrong is told with its line.

use std::io::{self, BufRead, Read};

use checker::history::{Action, History, HistoryError, OPERATIONS_MAX, Operation};
use serde::{Deserialize, Deserializer};

/// The most bytes of a line, without its end.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;
/// The most bytes of a file.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 28;

/// Why a file holds no history.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinesError {
    /// It cannot be read.
    #[error("cannot read: {0}")]
    Unreadable(#[from] io::Error),
    /// A line is not an operation, or cannot stand where it stands.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

/// A history and the line of each of its operations.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) history: History,
    /// Line numbers, from 1.
    pub(super) numbers: Vec<usize>,
}

impl Lines {
    /// Reads a history to its end. Blank lines are skipped.
    pub(super) fn read(mut input: impl BufRead) -> Result<Self, LinesError> {
        let mut operations = Vec::new();
        let mut numbers = Vec::new();
        let mut bytes_read = 0;
        let mut bytes = Vec::new();
        for line in 1.. {
            let wrong = |reason: String| LinesError::Line { line, reason };
            bytes.clear();
            // One byte for the end of the line, and one more tells that it is too long.
            let limit = LINE_BYTES_MAX as u64 + 2;
            let read = input.by_ref().take(limit).read_until(b'\n', &mut bytes)?;
            if read == 0 {
                break;
            }
            bytes_read += read as u64;
            if bytes_read > FILE_BYTES_MAX {
                return Err(wrong(format!(
                    "more than {FILE_BYTES_MAX} bytes up to here"
                )));
            }
            if bytes.last() == Some(&b'\n') {
                bytes.pop();
            }
            if bytes.len() > LINE_BYTES_MAX {
                return Err(wrong(format!("longer than {LINE_BYTES_MAX} bytes")));
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            if operations.len() == OPERATIONS_MAX {
                return Err(wrong(format!("more than {OPERATIONS_MAX} operations")));
            }
            operations.push(operation(&bytes).map_err(wrong)?);
            numbers.push(line);
        }
        match History::new(operations) {
            Ok(history) => Ok(Self { history, numbers }),
            Err(error) => Err(at_line(&error, &numbers)),
        }
    }
}

fn at_line(error: &HistoryError, numbers: &[usize]) -> LinesError {
    let line = error.operation().map_or(0, |position| numbers[position]);
    let reason = match error {
        HistoryError::Overlap { earlier, .. } => {
            format!("{error} (line {})", numbers[*earlier])
        }
        _ => error.to_string(),
    };
    LinesError::Line { line, reason }
}

/// One line as it is written. A field of two options tells `null` from a field that is not there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    client: u64,
    op: Kind,
    key: String,
    invoke: u64,
    #[serde(rename = "return", default, deserialize_with = "present")]
    returned: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    value: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    expected: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    ok: Option<Option<bool>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Get,
    Put,
    Append,
    Delete,
    Cas,
}

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn operation(bytes: &[u8]) -> Result<Operation, String> {
    let line: Line = serde_json::from_slice(bytes).map_err(|error| {
        // A line is a text of its own for the parser, which counts lines from 1.
        error.to_string().replace(" at line 1 column", ", column")
    })?;
    let returned = line.returned.ok_or("it has no `return`; null is unknown")?;
    Ok(Operation {
        client: line.client,
        invoked: line.invoke,
        returned,
        action: action(&line, returned.is_some())?,
        key: line.key.into_bytes(),
    })
}

fn action(line: &Line, known: bool) -> Result<Action, String> {
    let Line {
        op,
        value,
        expected,
        ok,
        ..
    } = line;
    if *op != Kind::Cas && (expected.is_some() || ok.is_some()) {
        return Err("only `cas` has `expected` and `ok`".to_owned());
    }
    let bytes = |text: &String| text.clone().into_bytes();
    let written = || {
        let text = value.as_ref().and_then(Option::as_ref);
        text.map(bytes).ok_or("its `value` must be a string")
    };
    Ok(match op {
        Kind::Get => Action::Get {
            value: match (known, value) {
                (true, Some(value)) => value.as_ref().map(bytes),
                (true, None) => return Err("it has no `value`; null is absent".to_owned()),
                (false, None | Some(None)) => None,
                (false, Some(Some(_))) => return Err(NOT_ANSWERED.to_owned()),
            },
        },
        Kind::Put => Action::Put { value: written()? },
        Kind::Append => Action::Append { value: written()? },
        Kind::Delete if value.is_some() => return Err("`delete` has no `value`".to_owned()),
        Kind::Delete => Action::Delete,
        Kind::Cas => Action::CompareAndSet {
            expected: match expected {
                Some(expected) => expected.as_ref().map(bytes),
                None => return Err("it has no `expected`; null is absent".to_owned()),
            },
            value: written()?,
            ok: match (known, ok) {
                (true, Some(Some(ok))) => *ok,
                (true, _) => return Err("its `ok` must be true or false".to_owned()),
                (false, None | Some(None)) => false,
                (false, Some(Some(_))) => return Err(NOT_ANSWERED.to_owned()),
            },
        },
    })
}

const NOT_ANSWERED: &str = "it did not return, so it has no answer";
