//! raft-rs behind the trait, in two setups that differ in what its host does, not in its core.
//!
//! - [`documented`] is the reference of the comparison: the storage that raft-rs brings, the loop
//!   of its documentation and one `propose` for each command. That is what its users are shown, so
//!   it is what choosing one core or the other means.
//! - [`lean`] is the strongest setup that we found. It takes a storage of one's own and a message
//!   that is put together by hand. Our own host has no lock and moves entries too, so this is the
//!   narrower comparison of the cores alone.
//!
//! Here is what both share: the settings, no log output, how entries are applied.

pub mod documented;
pub mod lean;

mod disk;

use raft_rs::eraftpb::{Entry, EntryType};
use raft_rs::{Config, INVALID_INDEX, RawNode, Storage};

use crate::core::{APPEND_BYTES, APPENDS_IN_FLIGHT, Applied, ELECTION_TICKS, HEARTBEAT_TICKS};

/// A peer on a storage. It draws its election timeouts from the system; there is no seed.
fn node<S: Storage>(id: u64, storage: S) -> RawNode<S> {
    let config = Config {
        id,
        election_tick: ELECTION_TICKS as usize,
        heartbeat_tick: HEARTBEAT_TICKS as usize,
        max_size_per_msg: APPEND_BYTES,
        max_inflight_msgs: APPENDS_IN_FLIGHT,
        ..Config::default()
    };
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    RawNode::new(&config, storage, &logger).expect("a good configuration")
}

/// Applies what is a command: a leader's first entry is empty.
fn apply(entries: &[Entry], applied: &mut Applied) {
    for entry in entries {
        assert!(entry.index > INVALID_INDEX, "entries are numbered from 1");
        if entry.get_entry_type() == EntryType::EntryNormal && !entry.data.is_empty() {
            applied.apply(entry.index, &entry.data);
        }
    }
}
