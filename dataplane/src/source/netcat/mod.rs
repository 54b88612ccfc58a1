//! `netcat`: lines of text from TCP connections.

mod kind;

pub use kind::KIND;
