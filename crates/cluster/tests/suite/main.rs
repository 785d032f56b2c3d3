//! The cluster in virtual time, over many seeds.

mod clients;
mod elections;
mod faults;
mod frames;
mod golden;
mod group;
mod lateness;
mod links;
mod lookout;
mod machines;
mod many_regions;
mod many_seeds;
mod operations;
mod replay;
mod rules;
mod seek;
mod soak;
mod steps;
mod support;
mod timeline;
