//! Stores through their one door: elections, commands, restarts, refusals, audits.

#![allow(missing_docs, clippy::expect_used)]

mod audit;
mod chaos;
mod cluster;
mod commands;
mod damage;
mod durability;
mod harness;
