//! The built page, driven from outside: what "real" means, in a real browser.
//!
//! `cargo xtask test --only e2e-chromium,e2e-firefox` builds the page and runs this twice.

mod basics;
mod checks;
mod disks;
mod figures;
mod network;
mod recording;
mod regions;
mod reload;
mod time;
mod weather;
mod workers;
mod writer;
