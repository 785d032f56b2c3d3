//! Who does something beside the script, or waits for something in it.

use std::fmt;

use bytes::Bytes;

use crate::rig::{Count, Failure, Outcome, Rig};

/// For how long a command is tried.
const TRY_MS: u64 = 10_000;
/// For how long a command that a leader took may stay uncommitted before it is tried again.
const COMMIT_MS: u64 = 2_000;

/// When a task wants to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// In so many milliseconds.
    Again(u64),
    /// Never.
    Done,
}

/// Something that goes on by itself.
pub(crate) trait Task: fmt::Debug {
    /// Goes on.
    fn poll(&mut self, rig: &mut Rig) -> Outcome<Next>;
}

/// The course's `one`: has a command committed and applied by `expected` servers, whoever leads.
#[derive(Debug)]
pub(crate) struct Asking {
    command: Bytes,
    expected: usize,
    /// Whether it may be tried again where it was taken and not committed.
    retries: bool,
    /// Since when, once it has begun.
    began: Option<u64>,
    /// The server that was asked last.
    asked: usize,
    /// The index at which a leader took it, and when.
    taken: Option<(u64, u64)>,
    /// The index at which it is committed.
    pub(crate) index: Option<u64>,
}

impl Asking {
    pub(crate) fn new(command: Bytes, expected: usize, retries: bool) -> Self {
        Self {
            command,
            expected,
            retries,
            began: None,
            asked: 0,
            taken: None,
            index: None,
        }
    }

    fn ask(&mut self, rig: &mut Rig) {
        for _ in 0..rig.len() {
            self.asked = (self.asked + 1) % rig.len();
            if !rig.servers[self.asked].is_connected {
                continue;
            }
            if let Some((index, _)) = rig.start(self.asked, self.command.clone()) {
                self.taken = Some((index, rig.now));
                return;
            }
        }
    }

    fn none(&self, rig: &Rig) -> Failure {
        let expected = self.expected;
        rig.failure(format!("no agreement of {expected} servers on a command"))
    }
}

impl Task for Asking {
    fn poll(&mut self, rig: &mut Rig) -> Outcome<Next> {
        let began = *self.began.get_or_insert(rig.now);
        if let Some((index, since)) = self.taken {
            let (count, command) = rig.committed_at(index);
            if count >= self.expected && command.as_ref() == Some(&self.command) {
                self.index = Some(index);
                return Ok(Next::Done);
            }
            if rig.now - since < COMMIT_MS {
                return Ok(Next::Again(20));
            }
            if !self.retries {
                return Err(self.none(rig));
            }
            self.taken = None;
        }
        if rig.now - began >= TRY_MS {
            return Err(self.none(rig));
        }
        self.ask(rig);
        Ok(Next::Again(if self.taken.is_some() { 20 } else { 50 }))
    }
}

/// A client of the churn: gives every server a command, looks for a while whether it is committed,
/// and remembers it if so.
#[derive(Debug)]
pub(crate) struct Churning {
    pub(crate) pause_ms: u64,
    /// What it waits for: command, index, and how often it has looked.
    waits: Option<(Bytes, u64, usize)>,
}

impl Churning {
    /// After how long it looks, and looks again.
    const LOOKS_MS: [u64; 5] = [10, 20, 50, 100, 200];

    pub(crate) fn new(client: u64) -> Self {
        Self {
            pause_ms: 79 + client * 17,
            waits: None,
        }
    }

    fn begin(&mut self, rig: &mut Rig) -> Next {
        let command = rig.fresh();
        let taken: Vec<u64> = (0..rig.len())
            .filter_map(|server| rig.start(server, command.clone()))
            .map(|(index, _)| index)
            .collect();
        let Some(&index) = taken.last() else {
            return Next::Again(self.pause_ms);
        };
        self.waits = Some((command, index, 0));
        Next::Again(0)
    }
}

impl Task for Churning {
    fn poll(&mut self, rig: &mut Rig) -> Outcome<Next> {
        let Some((command, index, looks)) = self.waits.take() else {
            if rig.clients_stop {
                return Ok(Next::Done);
            }
            return Ok(self.begin(rig));
        };
        let (count, found) = rig.committed_at(index);
        if count > 0 {
            if found.as_ref() == Some(&command) {
                rig.remembered.push(command);
                rig.count(Count::Remembered);
            }
            return Ok(Next::Again(0));
        }
        let Some(&ms) = Self::LOOKS_MS.get(looks) else {
            return Ok(Next::Again(0));
        };
        self.waits = Some((command, index, looks + 1));
        Ok(Next::Again(ms))
    }
}
