//! The bench that a test stands on: a server with the built page, browsers, and what is kept of
//! a failure.
//!
//! A test waits for conditions with a deadline, never for a duration, unless a duration is what
//! it tests.

mod bench;
mod browser;
mod database;
mod page;
mod server;
mod user;
mod wait;

pub use bench::{Bench, ONE_REGION, alone, beside, say};
pub use browser::{Kind, Options, Profile, Session};
pub use database::{Database, StoredRow};
pub use page::Page;
pub use server::{Hosting, REPORTS, Request, SUB_PATH, Server};
pub use user::{Dot, Selector, by};
pub use wait::{PATIENCE, until};

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The root of the source tree.
///
/// # Panics
///
/// When this package was moved away from the root, which is where it belongs.
#[must_use]
pub fn root() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("the package `tests` lies in the root")
        .to_owned()
}

/// A folder below `target/`, made if it is missing. `E2E_TARGET` names another place, for two
/// suites that run at once.
///
/// # Errors
///
/// When it cannot be made.
pub fn target(name: &str) -> Result<PathBuf> {
    let parent =
        std::env::var_os("E2E_TARGET").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = parent.join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}
