//! `exec`: what a command prints, line by line.

mod kind;

pub use kind::KIND;
