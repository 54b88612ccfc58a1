//! Sink processors: which sink of a group works, one file each.

pub mod default;
