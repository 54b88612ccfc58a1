//! The durable log: frames of bytes with event counts; never events, sources or sinks.
//!
//! This crate is sans-I/O: it emits disk operations through [`disk::Disk`] and is told their completions, so the same
//! code runs on a real ring and on a simulated disk. Time is passed in as a [`Tick`].

pub mod disk;
pub mod format;

/// Monotonic time in nanoseconds since an arbitrary start; always passed in, never read.
pub type Tick = u64;
