//! Clients that know what they must see.

use bytes::Bytes;
use types::{
    action::OperationId,
    frame::OperationState,
    id::ClientId,
    store::{Command, CommandResult},
};

use super::{Kv, Outcome};

/// How many pairs a scan wants at most; more than there ever are.
const PAIRS: u32 = 100_000;

/// What a client does, as the courses' generic tests have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mix {
    /// TinyKV: a new key of its own, or a scan of all of them.
    PutAndScan,
    /// MIT 6.824: a bit more behind its own value, or a look at that.
    AppendAndGet,
    /// MIT 6.824: keys that all clients share; only the history can be judged.
    SharedKeys {
        /// How many keys.
        keys: u64,
    },
}

/// A client and what it expects.
#[derive(Debug)]
pub(crate) struct Prophet {
    id: ClientId,
    nth: u64,
    mix: Mix,
    /// How many pieces it has written in this round.
    written: u64,
    /// All of them in order.
    expected: Vec<u8>,
    job: Option<Job>,
    /// Operations acknowledged in this round.
    pub(crate) acknowledged: u64,
}

/// What a client is at.
#[derive(Debug)]
struct Job {
    command: Command,
    operation: OperationId,
    /// What a scan has brought so far.
    found: Vec<u8>,
}

impl Prophet {
    pub(crate) fn new(nth: u64, mix: Mix) -> Self {
        Self {
            id: ClientId::new(100 + nth),
            nth,
            mix,
            written: 0,
            expected: Vec::new(),
            job: None,
            acknowledged: 0,
        }
    }

    /// Whether it waits for nothing.
    pub(crate) const fn is_idle(&self) -> bool {
        self.job.is_none()
    }

    fn key(&self, piece: u64) -> Bytes {
        Bytes::from(format!("{} {piece:08}", self.nth))
    }

    fn piece(&self) -> Bytes {
        Bytes::from(format!("x {} {} y", self.nth, self.written))
    }

    /// Everything that it wrote, as the course looks at it.
    pub(crate) fn look_at_all(&self) -> Command {
        match self.mix {
            Mix::PutAndScan => Command::Scan {
                start: self.key(0),
                end: self.key(self.written),
                limit: PAIRS,
            },
            Mix::AppendAndGet | Mix::SharedKeys { .. } => Command::Get {
                key: Bytes::from(self.nth.to_string()),
            },
        }
    }

    /// What it does first in a round.
    pub(crate) fn begin(&mut self, kv: &mut Kv) -> Outcome {
        self.acknowledged = 0;
        if self.mix == Mix::AppendAndGet {
            let key = Bytes::from(self.nth.to_string());
            let value = Bytes::new();
            self.expected.clear();
            self.written = 0;
            kv.carry_out(self.id, &Command::Put { key, value })?;
        }
        Ok(())
    }

    /// The next thing to do, half of the time a write.
    fn choose(&mut self, kv: &mut Kv) -> Command {
        let writes = kv.dice.happens(500);
        match self.mix {
            Mix::PutAndScan if writes => Command::Put {
                key: self.key(self.written),
                value: self.piece(),
            },
            Mix::AppendAndGet if writes => Command::Append {
                key: Bytes::from(self.nth.to_string()),
                value: self.piece(),
            },
            Mix::PutAndScan | Mix::AppendAndGet => self.look_at_all(),
            Mix::SharedKeys { keys } => {
                let key = Bytes::from(kv.dice.below(keys).to_string());
                let value = self.piece();
                self.written += 1;
                if writes {
                    Command::Append { key, value }
                } else if kv.dice.happens(100) {
                    Command::Put { key, value }
                } else {
                    Command::Get { key }
                }
            }
        }
    }

    /// Goes on as far as it can; begins nothing new unless `more`.
    pub(crate) fn go_on(&mut self, kv: &mut Kv, more: bool) -> Outcome {
        if let Some(job) = self.job.take() {
            let Some(state) = kv.outcome_of(self.id, job.operation) else {
                self.job = Some(job);
                return Ok(());
            };
            match state {
                OperationState::Done { result, .. } => self.answered(job, result, kv)?,
                // As the course's client: the same again, until it is acknowledged.
                _ => self.give(job.command, job.found, kv),
            }
        }
        if self.job.is_none() && more {
            let command = self.choose(kv);
            self.give(command, Vec::new(), kv);
        }
        Ok(())
    }

    fn give(&mut self, command: Command, found: Vec<u8>, kv: &mut Kv) {
        let operation = kv.sim.conductor_mut().drive(self.id, command.clone());
        self.job = Some(Job {
            command,
            operation,
            found,
        });
    }

    fn answered(&mut self, job: Job, result: CommandResult, kv: &mut Kv) -> Outcome {
        self.acknowledged += 1;
        match (job.command, result) {
            (Command::Delete { .. }, CommandResult::Delete) => Ok(()),
            (Command::Put { value, .. } | Command::Append { value, .. }, _) => {
                if !matches!(self.mix, Mix::SharedKeys { .. }) {
                    self.expected.extend_from_slice(&value);
                    self.written += 1;
                }
                Ok(())
            }
            (Command::Scan { start, end, limit }, CommandResult::Scan { pairs }) => {
                let mut found = job.found;
                found.extend(pairs.iter().flat_map(|(_, value)| value.iter()));
                match rest_of_scan(kv, (self.id, job.operation), &start, &end) {
                    Some(start) => {
                        self.give(Command::Scan { start, end, limit }, found, kv);
                        Ok(())
                    }
                    None => self.compare(&found),
                }
            }
            (Command::Get { .. }, CommandResult::Get { value }) => match self.mix {
                Mix::SharedKeys { .. } => Ok(()),
                Mix::PutAndScan | Mix::AppendAndGet => self.compare(&value.unwrap_or_default()),
            },
            (command, result) => Err(format!("{command:?} brought {result:?}")),
        }
    }

    fn compare(&self, found: &[u8]) -> Outcome {
        if found == self.expected {
            return Ok(());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (found, wanted) = (text(found), text(&self.expected));
        Err(format!(
            "client {} found {found:?} instead of {wanted:?}",
            self.nth
        ))
    }

    /// Looks at all that it wrote once more. There is nothing to look at where keys are shared.
    pub(crate) fn look_again(&mut self, kv: &mut Kv) {
        if !matches!(self.mix, Mix::SharedKeys { .. }) {
            let command = self.look_at_all();
            self.give(command, Vec::new(), kv);
        }
    }

    /// Deletes the next of its keys, where it has keys of its own. Returns whether all are gone.
    pub(crate) fn clear_next(&mut self, kv: &mut Kv) -> bool {
        if self.mix != Mix::PutAndScan || !self.is_idle() {
            return self.is_idle();
        }
        let Some(last) = self.written.checked_sub(1) else {
            self.expected.clear();
            return true;
        };
        let key = self.key(last);
        self.written = last;
        self.give(Command::Delete { key }, Vec::new(), kv);
        false
    }
}

/// Where a scan goes on, behind the region that answered it.
fn rest_of_scan(
    kv: &Kv,
    (client, operation): (ClientId, OperationId),
    start: &Bytes,
    end: &Bytes,
) -> Option<Bytes> {
    let to = kv.sim.conductor().scanned_to(client, operation)?;
    (!to.is_empty() && to > *start && to < *end).then_some(to)
}
