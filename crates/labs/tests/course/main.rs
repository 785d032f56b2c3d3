//! Tests of two courses as our own code, in virtual time: lab 2 of MIT 6.824 (2021) on raw raft
//! peers of [`raft::RawNode`] with the course's preset, lab 3 of it and the cluster tests of
//! TinyKV on the project's own simulator (`kv`).
//!
//! Each test keeps the course's name and is one row of a table that says what it does, what must
//! have happened, and what turns it red. `COURSE_SEEDS=n` runs other than ten seeds;
//! `cargo xtask course` sets it. The harness is in `rig` (time, network, faults), `host` (what a
//! host does with a Ready), `server`, `disk`, `checks` and `tasks`.
//!
//! Deliberately absent: lives that go on after they were ended. The course cannot kill a server's
//! goroutines; here nothing of an earlier life acts any more.

// A test may ask its environment; the crate itself may not.
#![allow(clippy::disallowed_methods)]

mod checks;
mod dice;
mod disk;
mod host;
mod kv;
mod mit6824;
mod rig;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod tasks;
mod tinykv;
