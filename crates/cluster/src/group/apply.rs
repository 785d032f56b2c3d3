//! Applying: in order, once in a life, as far as the disk has the log, at the host's own pace.

use types::{
    codec,
    event::EventId,
    io::Output,
    raft::{Entry, EntryKind},
    store::{Reply, ReplyError, Request},
    view::FactBody,
};

use super::GroupNode;

impl GroupNode {
    /// Applies what `budget` allows. Returns whether there was anything.
    pub(super) fn apply_queue(
        &mut self,
        budget: &mut u64,
        cause: EventId,
        output: &mut Output,
    ) -> bool {
        let before = self.state.index();
        while *budget > 0 {
            let Some(entry) = self.queue.pop_front() else {
                break;
            };
            *budget -= 1;
            self.apply(&entry, output);
        }
        let is_further = self.state.index() > before;
        if is_further {
            self.raft.applied(self.state.index());
            let body = FactBody::Applied {
                to: self.state.index(),
                data_hash: self.state.data_hash(),
            };
            self.tell(cause, body, output);
        }
        is_further
    }

    fn apply(&mut self, entry: &Entry, output: &mut Output) {
        self.state.pass(entry);
        let result = match entry.kind {
            EntryKind::Normal => codec::decode::<Request>(&entry.data).ok(),
            EntryKind::NoOp => None,
            EntryKind::ConfChange => {
                self.apply_change(entry);
                None
            }
        }
        .map(|request| self.state.carry_out(request.command));
        let Some((term, id)) = self.waiting.remove(&entry.index) else {
            return;
        };
        let result = match result {
            Some(result) if term == entry.term => result,
            _ => Err(ReplyError::StaleCommand { term: entry.term }),
        };
        output.replies.push(Reply { id, result });
    }

    /// A change that cannot follow the membership in force has no effect, on any peer.
    fn apply_change(&mut self, entry: &Entry) {
        let Some(change) = raft::conf_change_of(entry) else {
            return;
        };
        if let Ok(conf_state) = self.raft.apply_conf_change(&change) {
            self.state.conf_state = conf_state;
        }
    }
}
