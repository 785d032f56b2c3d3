//! The page of the playground: it looks at the cluster and asks things of it, and holds nothing
//! that the cluster needs.
//!
//! * [`model`]: one pure reducer with all of the page's state, and the geometry of the stage.
//! * [`words`]: every text, from locale files, and which words belong to which variant.
//! * [`view`]: components. [`paint`]: what moves on the stage between two frames.
//! * [`link`]: the conductor's worker, downloads, storage and the hooks for tests.
//!
//! Deliberately absent: how stores work. The page knows `types` and `protocol` alone.

#![deny(missing_docs)]

pub mod link;
pub mod model;
pub mod paint;
pub mod view;
pub mod words;
