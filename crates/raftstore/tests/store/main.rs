//! Stores through their one door: elections, commands, restarts, refusals, audits.

mod audit;
mod chaos;
mod cluster;
mod commands;
mod crashes;
mod damage;
mod durability;
mod harness;
mod regions;
