//! R11, current-term commit: a leader counts replicas only for entries of its own term; earlier
//! ones commit with them (paper, section 5.4.2 and figure 8).

use types::raft::{LogIndex, Term};

use crate::replica::Replica;
use crate::violation::{Invariant, Judgement};

/// A leader committed up to `to` by counting, and says that the entry has `claimed`.
pub(crate) fn counted(leader: &Replica, to: LogIndex, claimed: Term) -> Judgement {
    let found = leader.log.term(to);
    if claimed == leader.term && found == Some(claimed) {
        return Ok(());
    }
    let found = found.map_or("none".to_owned(), |term| term.to_string());
    let message = format!(
        "{} leads {} and counted for {to}, whose term is {found}; it says {claimed}",
        leader.peer, leader.term
    );
    Err(leader.fault(Invariant::CurrentTermCommit, to, message))
}
