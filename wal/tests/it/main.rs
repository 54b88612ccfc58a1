//! The log against its promises, on a disk that exists only in memory. Every failure names a seed that replays it.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests read files and print figures"
)]

mod canaries;
mod crash;
mod faults;
mod flips;
mod golden;
mod model;
mod order;
mod world;
