//! Sinks: what carries events out, one file or folder each.

pub mod file_roll;
pub mod logger;
pub mod null;
