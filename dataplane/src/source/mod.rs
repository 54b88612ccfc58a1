//! Sources: what brings events in, one file or folder each.

pub mod taildir;
