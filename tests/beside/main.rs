//! Goal: what our agent does is what real Flume does. Method: both run beside each other on the same configuration,
//! `both.conf`, each with folders and ports of its own; they are asked the same things, and what comes back is compared
//! byte for byte. A difference that is meant is named in the test where it shows.
//!
//! Runs when `FLUME_COMMAND` names the command that starts an agent of Flume 1.11; `../flume/setup agent` prints it.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests look at the world from outside"
)]

mod encodings;
mod exec;
mod flume;
mod full;
#[path = "../it/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the tests that need no Java")]
mod harness;
mod headers;
mod lines;
mod live;
mod pair;
mod routes;
mod seq;
mod taildir;
