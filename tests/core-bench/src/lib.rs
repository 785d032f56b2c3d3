//! Our core and raft-rs (the crate `raft` of crates.io) do the same work through one trait and one
//! loop, and what each took is printed.
//!
//! `cargo xtask bench core` builds this natively and for Node, runs every case in both, and makes
//! the table. What is the same for both cores: the cases and their counts, the loop and the order
//! of its turns ([`cluster`]), messages that are moved and never encoded, a disk in memory that is
//! written before anything is promised, when logs are compacted, how applied entries are hashed,
//! the settings ([`core`]), no log output, the allocator and the profile. Both see the same bytes,
//! so both must end with the same hash.
//!
//! raft-rs is the reference as its documentation shows it ([`raft_rs::documented`]): its own
//! `MemStorage`, its loop, and one `propose` for each command. `--lean-reference` takes the
//! strongest setup that we found for it instead ([`raft_rs::lean`]). Both use `prost` as the codec,
//! whose messages are plain structs.
//!
//! Deliberately absent: clocks of its own (the caller brings one), ratios and tables (`xtask`).

pub mod cases;
pub mod cluster;
pub mod core;
pub mod ours;
pub mod raft_rs;
pub mod sample;

#[cfg(target_arch = "wasm32")]
pub mod node;

#[cfg(feature = "count")]
mod count {
    /// Counts for both cores; see [`crate::sample`].
    #[global_allocator]
    static COUNTING: &stats_alloc::StatsAlloc<std::alloc::System> =
        &stats_alloc::INSTRUMENTED_SYSTEM;
}
