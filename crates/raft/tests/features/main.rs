//! What the core does beyond the paper's basic protocol, feature by feature, seen from outside.
//! docs/features.md lists every feature beside the tests that show it.

#[path = "../harness/mod.rs"]
mod harness;

mod check_quorum;
mod documents;
mod flow_control;
mod joint;
mod learners;
mod lease;
mod paging;
mod pre_vote;
mod presets;
mod read_index;
mod snapshots;
mod storms;
mod transfer;
