//! What the page knows and how that changes, without a browser.

pub mod bytes;
pub mod client;
pub mod feed;
pub mod geometry;
pub mod inspect;
pub mod keys;
pub mod look;
pub mod motion;
pub mod reduce;
#[cfg(test)]
mod reduce_tests;
pub mod region;
#[cfg(test)]
mod region_tests;
pub mod setup;
pub mod state;
pub mod ui;
