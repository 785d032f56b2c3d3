//! What a peer does, seen from outside: the behaviours of the paper and of TinyKV's raft tests, as
//! far as they apply to a group of fixed membership.
//!
//! Where TinyKV's tests rest on a disk that is durable at once or on one Ready in flight, the
//! group's disks here are fast by default ([`group::Group::settle`] writes at once), and the tests
//! about slow disks are in [`persistence`].

mod commit;
mod election;
mod facts;
mod group;
mod hostile;
mod interleaving;
mod persistence;
mod replication;
mod restart;
mod votes;
