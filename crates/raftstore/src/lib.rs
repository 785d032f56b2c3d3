//! One store: its peers, what they keep on disk, and how they apply commands.
//!
//! * [`Store`] is the one door: an envelope goes in, an output comes out. Everything in an output
//!   may leave at once; what rests on the disk is held back until its write is durable.
//! * [`rows`] makes keys, values and checksums of disk rows, and reads them again.
//! * [`image`] is the in-memory disk of every host.
//! * [`audit`] checks exported disks offline, each by itself and against each other.
//!
//! A host in short: it carries out a write, says that it is durable, and hands on the rest.
//!
//! ```
//! use raftstore::{Store, image::MemoryDisk};
//! use types::{
//!     disk::DiskImage,
//!     event::EventId,
//!     id::{Incarnation, PeerId, RegionId, StoreId},
//!     io::{BootConfig, Delivered, Envelope, Input, Output},
//!     raft::Role,
//!     settings::Settings,
//!     store::{Peer, Region, RegionEpoch},
//!     time::StoreTime,
//! };
//!
//! let (id, store) = (PeerId::new(1), StoreId::new(1));
//! let first_region = Region {
//!     id: RegionId::new(1),
//!     start: Default::default(),
//!     end: Default::default(),
//!     epoch: RegionEpoch { conf_ver: 1, version: 1 },
//!     peers: vec![Peer { id, store }],
//! };
//! let options = Settings::default().store_options();
//! let incarnation = Incarnation::new(1);
//! let rules = None;
//! let scheduler = Settings::default().scheduler_options();
//! let seed = 7;
//! let config = BootConfig { store, incarnation, seed, first_region, options, scheduler, rules };
//! let (now, mut event) = (StoreTime::ZERO, EventId { segment: 1, seq: 1 });
//! let mut output = Output::default();
//! let mut disk = MemoryDisk::new();
//! let mut store = Store::boot(&config, &DiskImage::default(), now, event, &mut output)?;
//! while let Some(write) = output.write.take() {
//!     disk.apply(&write);
//!     event = event.next();
//!     let input = Input::Durable(write.cycle);
//!     let inputs = vec![Delivered { event, input }];
//!     store.handle(&Envelope { now, inputs }, &mut output);
//! }
//! // Alone in its region, it leads as soon as its vote for itself is durable.
//! assert_eq!(store.view().peers[0].role, Role::Leader);
//! assert_eq!(disk.cycle(), store.view().durable);
//! # Ok::<(), types::io::Stop>(())
//! ```
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
mod ranges;
mod refused;
pub mod rows;
mod rulebook;
mod sessions;
mod snapshot;
mod storage;
mod store;
mod view;

pub use crate::apply::appended;
pub use crate::refused::Refused;
pub use crate::rulebook::RuleBook;
pub use crate::store::{FLUSH_BYTES, FLUSH_KEYS, Store};
