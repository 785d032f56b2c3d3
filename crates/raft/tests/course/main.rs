//! The raft tests of the TinyKV course, projects 2AA, 2AB, 2AC, 2C and 3A, as behaviours of ours.
//!
//! Each test is named after the course test that it stands for (its name in snake case without
//! `Test` and the project), then says what holds; docs/course-tests.md lists all 75 of them beside
//! ours. Every peer runs `Config::preset(Preset::TinyKv, ..)` with 10 ticks to an election and 1
//! between heartbeats. Where the course compares whole messages, so do these.
//!
//! What the door of our core asks to be done differently, everywhere:
//!
//! - The course steps a hup or a beat; here [`raft::RawNode::campaign`] is the first, and as many
//!   ticks as lie between heartbeats are the second. Neither can leave as a message, so there is
//!   nothing to reject.
//! - The course reaches roles by calling `becomeLeader` and its like. Here a peer is elected with
//!   votes that come as messages, or starts from a crafted disk.
//! - The course never writes anything: entries stay unstable, and still count for the leader's own
//!   vote and match. Here nothing counts before the own disk has it, so disks write at once and
//!   say so. Where a course test leans on more than that, a comment beside it says what.
//! - The course may have one Ready at a time; here several may be on their way.

#[path = "../harness/mod.rs"]
mod harness;

mod tinykv_2aa;
mod tinykv_2ab;
mod tinykv_2ab_network;
mod tinykv_2ac;
mod tinykv_2c;
mod tinykv_3a;
