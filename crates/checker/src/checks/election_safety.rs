//! R1, election safety: at most one leader per term, over the whole history (paper, section 5.2).

use std::collections::BTreeMap;

use types::id::StoreId;
use types::raft::{LogIndex, Term};

use crate::violation::{Fault, Invariant, fault};

/// Who led in which term.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaders {
    by_term: BTreeMap<Term, StoreId>,
    last_elected: Option<StoreId>,
}

impl Leaders {
    /// A store won `term`. It wins a term once: who lost its office needs a new term to lead again.
    /// Says whether another store had won the election before.
    pub(crate) fn elect(&mut self, store: StoreId, term: Term) -> Result<bool, Fault> {
        if let Some(first) = self.by_term.insert(term, store) {
            return Err(fault(
                Invariant::ElectionSafety,
                term,
                LogIndex::ZERO,
                format!("{store} became leader of {term}, which {first} had won before"),
            ));
        }
        let before = self.last_elected.replace(store);
        Ok(before.is_some_and(|before| before != store))
    }

    /// Who won `term`.
    pub(crate) fn of(&self, term: Term) -> Option<StoreId> {
        self.by_term.get(&term).copied()
    }

    /// The latest term that was won, and by whom.
    pub(crate) fn newest(&self) -> Option<(Term, StoreId)> {
        let (term, store) = self.by_term.last_key_value()?;
        Some((*term, *store))
    }
}
