//! Formats: bytes to events and back, patterns, encodings. Pure and bounded: no I/O, no clock.

pub mod charset;
pub mod java_line;
pub mod java_regex;
pub mod line;
