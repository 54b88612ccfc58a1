//! The durable log: frames of bytes with event counts.
