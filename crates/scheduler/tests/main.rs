//! The scheduler's tests: TinyKV's course tests of project 3C, and what else it promises.

mod broken;
mod crash;
mod hostile;
mod operators;
mod routes;
mod support;
mod tinykv;
mod watch;
mod whole;
