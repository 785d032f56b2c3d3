//! What a person is about to ask of the key-value store.

use bytes::Bytes;
use types::{action::Action, id::StoreId, store::Command};

/// Which of the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Write.
    Put,
    /// Read.
    Get,
    /// Remove.
    Delete,
    /// Read in order.
    Scan,
    /// Write at the end.
    Append,
    /// Write if the key holds what is expected.
    CompareAndSet,
}

impl Verb {
    /// Every verb, as the buttons stand.
    pub const ALL: [Self; 6] = [
        Self::Put,
        Self::CompareAndSet,
        Self::Append,
        Self::Get,
        Self::Delete,
        Self::Scan,
    ];

    /// The name in attributes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::Scan => "scan",
            Self::Append => "append",
            Self::CompareAndSet => "compare-and-set",
        }
    }

    /// The verb of a command.
    #[must_use]
    pub const fn of(command: &Command) -> Self {
        match command {
            Command::Put { .. } => Self::Put,
            Command::Get { .. } => Self::Get,
            Command::Delete { .. } => Self::Delete,
            Command::Scan { .. } => Self::Scan,
            Command::Append { .. } => Self::Append,
            Command::CompareAndSet { .. } => Self::CompareAndSet,
        }
    }
}

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The key, or the first key of a scan.
    Key,
    /// The value of a put, an append or a compare-and-set.
    Value,
    /// What a compare-and-set expects.
    Expected,
    /// The end of a scan.
    End,
    /// How many pairs a scan may bring.
    Limit,
    /// The store to ask.
    Via,
}

/// The form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The key, or the first key of a scan.
    pub key: String,
    /// The value of a put, an append or a compare-and-set.
    pub value: String,
    /// What a compare-and-set expects; empty for an absent key.
    pub expected: String,
    /// The end of a scan; empty for none.
    pub end: String,
    /// How many pairs a scan may bring.
    pub limit: String,
    /// The only store that may be asked; absent: the client looks for the leader.
    pub via: Option<StoreId>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            key: String::new(),
            value: String::new(),
            expected: String::new(),
            end: String::new(),
            limit: "20".to_owned(),
            via: None,
        }
    }
}

impl Draft {
    /// Takes what was typed.
    pub fn edit(&mut self, field: Field, text: String) {
        match field {
            Field::Key => self.key = text,
            Field::Value => self.value = text,
            Field::Expected => self.expected = text,
            Field::End => self.end = text,
            Field::Limit => self.limit = text,
            Field::Via => self.via = text.parse().ok().map(StoreId::new),
        }
    }

    /// The action that `verb` makes of the form.
    #[must_use]
    pub fn action(&self, verb: Verb) -> Action {
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let key = bytes(&self.key);
        let command = match verb {
            Verb::Put => Command::Put {
                key,
                value: bytes(&self.value),
            },
            Verb::Get => Command::Get { key },
            Verb::Delete => Command::Delete { key },
            Verb::Scan => Command::Scan {
                start: key,
                end: bytes(&self.end),
                limit: self.limit.trim().parse().unwrap_or(20),
            },
            Verb::Append => Command::Append {
                key,
                value: bytes(&self.value),
            },
            Verb::CompareAndSet => Command::CompareAndSet {
                key,
                expected: (!self.expected.is_empty()).then(|| bytes(&self.expected)),
                new: bytes(&self.value),
            },
        };
        Action::Submit {
            command,
            via: self.via,
        }
    }
}
