//! The scheduler, TinyKV's placement driver: it knows which stores there are and which region is
//! where, hands out ids, tells clients the way, and moves replicas and leaderships about.
//!
//! * [`Scheduler`] is the one door: an envelope goes in, an output comes out, as with a store.
//! * [`cluster`] is what was reported: [`cluster_map`] and [`stores`]; [`heartbeat`] says what a
//!   report must be to be looked at.
//! * [`operator`] and [`operators`] carry changes out step by step; [`steps`] makes the steps for
//!   [`repair`], [`balance_region`], [`balance_leader`] and for what people ask [`by_hand`].
//! * [`ids`] hands out ids, none before it is durably reserved.
//! * [`rules`] holds the decisions that a bug lab replaces.
//!
//! Nothing that it says is believed blindly: each step names the epoch that it was made for, and
//! the region's own log decides. So a scheduler that is cut off, killed or started anew does no
//! harm; it learns everything again from heartbeats, and only its ids must never come twice.
//!
//! ```
//! use raftstore::image::MemoryDisk;
//! use scheduler::Scheduler;
//! use types::{
//!     disk::DiskImage,
//!     event::EventId,
//!     id::{ClientId, Incarnation, PeerId, RegionId, StoreId},
//!     io::{BootConfig, Delivered, Envelope, Input, Output},
//!     scheduler::{RouteRequest, SchedulerOptions},
//!     settings::Settings,
//!     store::{Peer, Region, RegionEpoch, RequestId},
//!     time::StoreTime,
//! };
//!
//! let (now, event) = (StoreTime::ZERO, EventId { segment: 1, seq: 1 });
//! let config = BootConfig {
//!     store: StoreId::SCHEDULER,
//!     incarnation: Incarnation::new(1),
//!     seed: 7,
//!     first_region: Region {
//!         id: RegionId::new(1),
//!         start: Default::default(),
//!         end: Default::default(),
//!         epoch: RegionEpoch { conf_ver: 1, version: 1 },
//!         peers: vec![Peer { id: PeerId::new(1), store: StoreId::new(1) }],
//!     },
//!     options: Settings::default().store_options(),
//!     scheduler: SchedulerOptions::default(),
//!     rules: None,
//! };
//! let (mut disk, mut output) = (MemoryDisk::new(), Output::default());
//! let image = DiskImage::default();
//! let mut scheduler = Scheduler::boot(&config, &image, now, event, &mut output)?;
//! let write = output.write.take().expect("an empty disk is written at once");
//! disk.apply(&write);
//!
//! let question = RouteRequest {
//!     id: RequestId { client: ClientId::new(1), seq: 1 },
//!     key: b"k".to_vec().into(),
//! };
//! let inputs = vec![
//!     Delivered { event, input: Input::Durable(write.cycle) },
//!     Delivered { event, input: Input::FindRoute(question) },
//! ];
//! scheduler.handle(&Envelope { now, inputs }, &mut output);
//! let route = output.routes[0].route.as_ref().expect("the first region holds every key");
//! assert_eq!(route.region, config.first_region);
//! # Ok::<(), types::io::Stop>(())
//! ```
//!
//! Deliberately absent: clocks, networks, I/O, and what is inside a store.

#![deny(missing_docs)]
#![deny(clippy::float_arithmetic)]

pub mod balance_leader;
pub mod balance_region;
mod boot;
pub mod by_hand;
pub mod cluster;
pub mod cluster_map;
pub mod dice;
pub mod heartbeat;
pub mod ids;
pub mod operator;
pub mod operators;
pub mod patrol;
mod refused;
pub mod region;
pub mod repair;
mod rows;
pub mod rules;
mod scheduler;
pub mod steps;
pub mod stores;
mod view;

pub use crate::refused::Refused;
pub use crate::scheduler::{PATROL_MIN_US, Scheduler};
