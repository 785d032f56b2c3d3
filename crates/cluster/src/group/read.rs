//! Gets that do not go through the log (thesis, section 6.4). A leader or a follower asks for an
//! index, waits until it has applied so far, and answers from its map.

use raft::{ReadError, ReadState};
use serde::Serialize;
use types::{
    io::Output,
    raft::{LogIndex, ReadId},
    store::{Command, Reply, Request},
};

use super::GroupNode;

/// A get that waits.
#[derive(Debug, Clone, Serialize)]
pub(super) struct PendingRead {
    request: Request,
    /// The tick at which it was asked last.
    asked: u64,
    /// How often it was asked.
    times: u32,
    /// The index to wait for, once that is known.
    index: Option<LogIndex>,
}

/// How often a read is asked before it is left to its client's patience.
const TIMES_MAX: u32 = 4;

impl GroupNode {
    pub(super) fn read(&mut self, request: &Request, output: &mut Output) {
        let id = ReadId(self.next_read);
        match self.raft.read_index(id) {
            Ok(()) => {
                self.next_read += 1;
                let read = PendingRead {
                    request: request.clone(),
                    asked: self.ticks,
                    times: 1,
                    index: None,
                };
                self.reads.insert(id, read);
            }
            Err(ReadError::NoLeader | ReadError::TooMany { .. }) => {
                self.redirect(request.id, None, output);
            }
        }
    }

    pub(super) fn note_reads(&mut self, reads: &[ReadState]) {
        for read in reads {
            if let Some(pending) = self.reads.get_mut(&read.id) {
                pending.index.get_or_insert(read.index);
            }
        }
    }

    /// Asks again, under the same name, for what should have been answered by now. A get has no
    /// effect, so it may be refused at any time.
    pub(super) fn ask_reads_again(&mut self, output: &mut Output) {
        let due = self.ticks.saturating_sub(self.election_ticks);
        let is_due = |read: &PendingRead| read.index.is_none() && read.asked <= due;
        let late = self.reads.iter().filter(|(_, read)| is_due(read));
        let late: Vec<ReadId> = late.map(|(id, _)| *id).collect();
        for id in late {
            let Some(mut read) = self.reads.remove(&id) else {
                continue;
            };
            if read.times < TIMES_MAX && self.raft.read_index(id).is_ok() {
                (read.asked, read.times) = (self.ticks, read.times + 1);
                self.reads.insert(id, read);
            } else {
                self.redirect(read.request.id, self.raft.leader(), output);
            }
        }
    }

    pub(super) fn read_deadline(&self) -> Option<u64> {
        let open = self.reads.values().filter(|read| read.index.is_none());
        open.map(|read| read.asked + self.election_ticks).min()
    }

    /// Answers the gets whose index is applied.
    pub(super) fn serve_reads(&mut self, output: &mut Output) {
        let applied = self.state.index();
        let is_ready = |read: &PendingRead| read.index.is_some_and(|index| index <= applied);
        let ready = self.reads.extract_if(.., |_, read| is_ready(read));
        for (_, read) in ready {
            if let Command::Get { key } = &read.request.command {
                let (id, result) = (read.request.id, Ok(self.state.get(key)));
                output.replies.push(Reply { id, result });
            }
        }
    }
}
