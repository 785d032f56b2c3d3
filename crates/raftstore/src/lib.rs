//! One store: its peers, what they keep on disk, and how they apply commands.
//!
//! * [`Store`] is the one door: an envelope goes in, an output comes out. Everything in an output
//!   may leave at once; what rests on the disk is held back until its write is durable.
//! * [`rows`] makes keys, values and checksums of disk rows, and reads them again.
//! * [`image`] is the in-memory disk of every host.
//! * [`audit`] checks exported disks offline, each by itself and against each other.
//!
//! Deliberately absent: clocks, networks, browsers, I/O. Time comes with each envelope; a write is
//! a value that the host carries out and reports.

#![deny(missing_docs)]
#![deny(clippy::float_arithmetic)]

mod apply;
pub mod audit;
mod boot;
mod contents;
mod data;
pub mod image;
mod peer;
mod refused;
pub mod rows;
mod storage;
mod store;
mod view;

pub use crate::refused::Refused;
pub use crate::store::{FLUSH_BYTES, FLUSH_KEYS, Store};
