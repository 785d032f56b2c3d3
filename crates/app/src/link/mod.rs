//! The page's ways out: the conductor's worker, files, storage, and the hooks for tests.

pub mod browser;
pub mod hooks;
pub mod worker;
