//! The agent itself: from a configuration file to running components and back to an orderly end.

pub mod log;
