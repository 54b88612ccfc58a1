//! System tests: the real binary, real sockets, real files, one module a subject. One program for all of them, so that it
//! is linked once. `PENSTOCK_IO=epoll` runs them without io_uring.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests look at the world from outside"
)]

mod bad_input;
mod command_line;
mod control;
mod durable;
mod examples;
mod files;
mod generators;
mod harness;
mod log;
mod netcat;
mod quiet;
mod routing;
mod simulated;
mod stop;
