//! The operator's tool.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "an operator's tool reads files and speaks to its terminal"
)]

fn main() {}
