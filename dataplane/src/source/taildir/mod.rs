//! The `taildir` source: follows growing files.

mod kind;

pub use kind::KIND;
