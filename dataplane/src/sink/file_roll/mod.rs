//! The `file_roll` sink: events to files in a directory.

mod kind;

pub use kind::KIND;
