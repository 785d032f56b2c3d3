//! Clients that run by themselves, and the history of what they did.

use serde::{Deserialize, Serialize};

/// Closed-loop clients: each has one operation open at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadPlan {
    /// How many clients, 1 to 64.
    pub clients: u32,
    /// How many keys they share, from 1.
    pub keys: u32,
    /// The longest pause between two operations of a client, in milliseconds.
    pub think_ms_max: u32,
    /// Puts, in thousandths of all operations.
    pub put_permille: u32,
    /// Deletes, in thousandths; the rest are gets.
    pub delete_permille: u32,
}
