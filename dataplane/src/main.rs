//! The agent's binary.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "the program itself reads files and speaks to its terminal"
)]

fn main() {}
