//! Consensus for one raft group, as a state machine without clock, disk or network.
//!
//! The host owns a [`RawNode`], tells it what happens ([`RawNode::advance_ticks`],
//! [`RawNode::step`], [`RawNode::propose`]) and takes out a [`Ready`]: what to write, what to send
//! now, what to send once that write is durable, and what to apply. Readys are numbered, several
//! may be on their way to the disk, and [`RawNode::persisted`] says how far the disk has come.
//! Nothing that this crate says rests on something that a crash could still take back.
//!
//! Read it beside the paper ("In Search of an Understandable Consensus Algorithm", extended
//! version): [`rules`] holds Figure 2 and its relatives as pure functions, [`log`] the log,
//! [`quorum`] the counting, [`progress`] what a leader knows of each follower; the modules
//! `election`, `replication`, `snapshot`, `read`, `transfer` and `change` hold the conversations,
//! `membership` who takes part in them, `peer` the state that all share, `check` what a message
//! must be, and `writes` what is on its way to the disk.
//!
//! Who wants to hear what a peer does, or to break one of its rules, says so by a type: see
//! [`oversight`]. Everybody else takes [`RawNode::new`] and pays nothing for it.
//!
//! ```
//! use bytes::Bytes;
//! use raft::{Config, RawNode, Restored};
//! use types::id::PeerId;
//! use types::raft::Role;
//!
//! let voters: Vec<PeerId> = (1..=3).map(PeerId::new).collect();
//! let mut nodes: Vec<RawNode> = voters
//!     .iter()
//!     .map(|&id| {
//!         let config = Config { seed: id.get(), ..Config::new(id, voters.clone()) };
//!         RawNode::new(config, Restored::default())
//!     })
//!     .collect::<Result<_, _>>()?;
//!
//! // One turn of a host: write, say that it is durable, send, apply. Until all is quiet.
//! fn run(nodes: &mut [RawNode]) -> Vec<Bytes> {
//!     let mut applied = Vec::new();
//!     while let Some(at) = nodes.iter().position(RawNode::has_ready) {
//!         let Some(ready) = nodes[at].ready() else { break };
//!         // A real host writes `ready.hard_state` and `ready.entries` here.
//!         nodes[at].persisted(ready.number);
//!         for message in ready.messages.into_iter().chain(ready.messages_after_persist) {
//!             let to = nodes.iter_mut().find(|node| node.id() == message.to);
//!             to.expect("all peers live here").step(message).expect("an honest message");
//!         }
//!         if let Some(last) = ready.committed.last() {
//!             nodes[at].applied(last.index);
//!         }
//!         applied.extend(ready.committed.iter().map(|entry| entry.data.clone()));
//!     }
//!     applied
//! }
//!
//! nodes[0].campaign();
//! run(&mut nodes);
//! assert_eq!(nodes[0].role(), Role::Leader);
//!
//! nodes[0].propose(Bytes::from_static(b"put k v"))?;
//! let applied = run(&mut nodes);
//! assert_eq!(applied, vec![Bytes::from_static(b"put k v"); 3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Deliberately absent: regions and stores, disks, clocks, threads, unseeded chance, and the
//! forwarding of proposals, which is the clients' task.

#![deny(missing_docs)]
#![deny(clippy::float_arithmetic)]

#[macro_use]
pub mod rules;

mod change;
mod check;
mod config;
mod election;
mod error;
pub mod log;
mod membership;
mod node;
pub mod oversight;
mod peer;
pub mod progress;
pub mod quorum;
mod read;
mod replication;
mod snapshot;
mod timer;
mod transfer;
mod writes;

pub use crate::change::conf_change_of;
pub use crate::config::{Config, Lease, Limits, OUTSIDE_MAX, Restored};
pub use crate::error::{
    CompactError, ConfChangeError, ConfigError, ProposeError, ReadError, SnapshotError, StepError,
    TransferError,
};
pub use crate::node::{RawNode, Ready};
pub use crate::oversight::{Overseen, Oversight, Unwatched};
pub use crate::read::ReadState;
pub use crate::rules::{CORRECT, Rules};
pub use crate::timer::Timer;
