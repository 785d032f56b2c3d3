//! The workers: one wasm module that runs a role, chosen by the worker's name.
//!
//! * `conductor`, started by the page, owns time and the network ([`conductor`]). It drives a
//!   [`cluster::Conductor`] in real time, starts a worker for each store, and saves what it needs
//!   to go on after a reload.
//! * `store`, started by the conductor, is one store with its disk: [`raftstore::Store`] behind
//!   the messages of [`wire`], rows in IndexedDB by way of [`disk`], under its Web Lock
//!   ([`locks`]).
//! * `lab`, started by the conductor when there is something to do for it, replays, seeks and forks
//!   recordings and judges what clients saw, all in memory.
//! * [`cost`] measures what judging the invariants costs a conductor.
//! * [`golden`] holds the run hashes that every platform must come to.
//!
//! A name is a role, and after a bar the absolute URL of the loader script for workers that run
//! from a blob (sandboxed frames): `conductor|https://host/path/engine_loader.js`.
//!
//! Deliberately absent: how stores, networks and clients behave, which is `raftstore` and
//! `cluster`; anything of the page.

#![deny(missing_docs)]

pub mod conductor;
pub mod cost;
pub mod disk;
pub mod fresh;
pub mod golden;
pub mod js;
mod lab;
pub mod locks;
pub mod port;
mod store;
pub mod wire;

/// Runs the role that the worker's name asks for.
pub fn start() {
    let name = port::scope().name();
    let (role, loader) = match name.split_once('|') {
        Some((role, loader)) => (role, Some(loader.to_owned())),
        None => (name.as_str(), None),
    };
    match role.split(' ').next() {
        Some("conductor") => conductor::run(loader),
        Some("store") => store::run(),
        Some("lab") => lab::run(),
        _ => port::log(&format!(
            "{name:?} is no role of the engine; use conductor, store or lab"
        )),
    }
}
