//! Judges invariants of raft groups from what can be seen of them. It knows nothing of how a run
//! came about: no core, no host, no clock.
//!
//! A harness tells a [`Checker`] everything in the order in which it happened: the facts of the
//! stores, what their disks durably hold, what left their outboxes, and what leaders believe of
//! their followers. The first [`Violation`] ends the run: it names the invariant, where and when,
//! and carries the last things that the group did.
//!
//! # What to tell, and in which order
//!
//! 1. [`Checker::bootstrap`] once for each group that starts with a membership of its own.
//! 2. For each output of a store: its facts in their order, then [`Observation::Sent`] for each
//!    message that it let go, then, for a leader, [`Observation::Progress`].
//! 3. [`Observation::Disk`] when a transaction completed, before the store that hears of it says
//!    anything more. A transaction that was open when its process died and reached the disk all
//!    the same is told before the store's next `Started`.
//! 4. [`Observation::Down`] when a process ended.
//! 5. [`Checker::lose_sight`] right before the `Started` of a store whose disk holds more than was
//!    told.
//!
//! Between stores the order must respect cause and effect: what a store says because of a message
//! comes after the sending of that message. A store is judged from its first `Started` on.
//!
//! # What is judged on what
//!
//! Facts are a core's own words. Two invariants do not take its word: R6 (committed on quorum) and
//! R12 (persist before promise) are judged on the disks and outboxes that the host tells of.
//!
//! R1 to R15 are judged with each observation; R17 by [`Checker::converged`]. R16 is about the
//! histories of clients and is judged elsewhere.

#![deny(missing_docs)]
#![deny(clippy::float_arithmetic)]

mod checker;
mod checks;
mod counts;
mod group;
pub mod history;
mod ledger;
mod mirror;
mod observation;
mod quorum;
mod replica;
mod shapes;
#[cfg(test)]
mod stage;
mod trace;
mod violation;

pub use checker::{Checker, ConvergenceInput};
pub use counts::Counts;
pub use observation::{
    DiskChange, LogChange, Moment, Observation, ProgressLimits, ProgressSeen, ProgressTold,
};
pub use trace::{Seen, TraceStep};
pub use violation::{Invariant, Violation};
