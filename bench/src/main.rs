//! The load generator.

#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "measuring is reading clocks")]

fn main() {}
