//! The words of the playground: plain values that every other crate agrees on.
//!
//! Nothing here behaves. A type carries its invariants (an id is below 2^53, a region's range is
//! ordered) and refuses to be built or decoded without them, so that code behind an edge need not
//! check again.
//!
//! * [`id`], [`time`], [`event`]: names of things, instants, and moments of a run.
//! * [`raft`]: what one consensus group says, keeps and reports.
//! * [`store`]: regions, epochs, commands, and messages between stores; [`scheduler`]: what they
//!   and the scheduler say to each other.
//! * [`disk`]: rows, and the one atomic write of a cycle; [`export`]: disks as a file.
//! * [`io`]: the one door of a store: [`io::Envelope`] in, [`io::Output`] out.
//! * [`settings`]: every knob, in one table; [`link`]: those of one link.
//! * [`view`]: what checkers and the inspector look at; [`frame`]: what the page draws;
//!   [`verdict`]: what checkers say.
//! * [`action`]: what a person can do to a running cluster.
//! * [`codec`]: the one byte form and the one hash.
//!
//! Deliberately absent: clocks, randomness, I/O, floats, unordered maps.

#![deny(missing_docs)]
#![deny(clippy::float_arithmetic)]

pub mod action;
pub mod codec;
pub mod disk;
pub mod event;
pub mod export;
pub mod frame;
pub mod id;
pub mod io;
pub mod link;
pub mod raft;
pub mod scheduler;
pub mod settings;
pub mod store;
pub mod time;
pub mod verdict;
pub mod view;
