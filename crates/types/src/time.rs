//! Instants in whole microseconds. Virtual time is the conductor's; store time is what one store
//! believes, which may drift.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::number;

number! {
    /// An instant of the run, in microseconds since the cluster was created. Only the conductor
    /// moves it.
    VirtualTime, ""
}
number! {
    /// An instant on one store's own clock, in microseconds. Equal to virtual time unless the
    /// clock drifts.
    StoreTime, ""
}

/// Microseconds in a millisecond.
pub const US_PER_MS: u64 = 1_000;
