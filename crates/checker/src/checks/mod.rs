//! The invariants, one module each. A check is a small function over what is known before an
//! observation takes effect; where an invariant needs a memory of its own, the memory lives in
//! the same module.

pub(crate) mod append_only;
pub(crate) mod committed_immutable;
pub(crate) mod current_term;
pub(crate) mod election_safety;
pub(crate) mod leader_completeness;
pub(crate) mod liveness;
pub(crate) mod log_matching;
pub(crate) mod membership;
pub(crate) mod monotonic;
pub(crate) mod one_vote;
pub(crate) mod order;
pub(crate) mod persist_first;
pub(crate) mod progress;
pub(crate) mod quorum_commit;
pub(crate) mod reads;
pub(crate) mod state_machine;
