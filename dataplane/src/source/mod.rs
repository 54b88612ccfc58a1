//! Sources: what brings events in, one file or folder each.

pub mod exec;
pub mod netcat;
pub mod seq;
pub mod stress;
pub mod taildir;
